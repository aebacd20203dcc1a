"""Orders on time under each disturbance, as `benchmarks.orders_disturbances` has measured them last."""

from collections.abc import Iterator

from benchmarks.figures import Figure, at_least
from benchmarks.orders_disturbances import DISTURBANCES, POLICIES, RESULTS


def figures() -> Iterator[Figure]:
    """Ours beside the other two policies; the goal is the better of these. Nothing before there is a table."""
    for line in RESULTS.read_text("utf-8").splitlines() if RESULTS.exists() else ():
        name, *shares = (cell.strip() for cell in line.strip("|").split("|"))
        if name in DISTURBANCES:
            yield _figure(name, [float(share.rstrip("%")) for share in shares])


def _figure(disturbance: str, percent: list[float]) -> Figure:
    ours, *others = percent
    peers = {policy: [share] for policy, share in zip(POLICIES[1:], others, strict=True)}
    name = f"orders.on_time.{disturbance.replace(' ', '_')}"
    return Figure(name, "%", [ours], at_least(max(others)), peers)
