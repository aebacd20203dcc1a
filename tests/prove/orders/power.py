"""Ten thousand power cuts of the journal, and the control runs that must lose something."""

from collections.abc import Iterator

from tests.prove.claims import Claim
from tests.stores.power_cuts import Outcome, battery

CUTS = 10_000
CONTROL = 500


def claims() -> Iterator[Claim]:
    """Four, in about two minutes."""
    found = battery(CUTS)
    goal = f"0 of {found.cuts} cuts"
    figure = f"{found.lost} of {found.acknowledged}"
    yield Claim("power cuts: acknowledged records lost", figure, goal, found.lost == 0 and found.cuts >= CUTS)
    yield Claim("power cuts: unsound files", _told(found), goal, found.unsound == 0)
    normal, off = battery(CONTROL, "NORMAL"), battery(CONTROL, "OFF")
    yield Claim("control, synchronous=NORMAL: records lost", f"{normal.lost}", "some", normal.lost > 0)
    yield Claim("control, synchronous=OFF: unsound files", f"{off.unsound}", "some", off.unsound > 0)


def _told(found: Outcome) -> str:
    return f"{found.unsound}" + (f", {found.told.most_common(1)[0][0]}" if found.told else "")
