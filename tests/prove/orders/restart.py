"""Restart to READY with ten thousand orders in the journal: the benchmark's figure, as a claim."""

from collections.abc import Iterator

from benchmarks.orders_restart import GOAL_S, ORDERS, STARTS, measure
from tests.prove.claims import Claim


def claims() -> Iterator[Claim]:
    """One; writing the journal and folding it once take minutes."""
    found = measure(ORDERS, STARTS)
    name = f"restart to READY, p99 of {STARTS} starts, {found.orders} orders"
    figure = f"{found.p99_s:.2f} s; {found.cpu_s:.2f} s of CPU"
    yield Claim(name, figure, f"{GOAL_S:.0f} s", found.p99_s <= GOAL_S)
