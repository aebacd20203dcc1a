"""The hand-over, model-checked over loss, delay and doubling of every signal, and a crash in each phase.

The functions are the daemon's (`cellctl/core/custody.py`); the explorer is `tests/core/handover_model.py`.
"""

from collections.abc import Iterator

from tests.core.handover_model import Bounds, explore
from tests.core.test_handover_model import PLANTED, SMALL
from tests.prove.claims import Claim

WIDE = (
    *SMALL,
    Bounds(crashes=0, gives_up=1, drops=0, runs=1),
    Bounds(crashes=1, gives_up=0, drops=1, runs=0),
    Bounds(crashes=1, gives_up=0, drops=0, runs=1),
    Bounds(crashes=1, gives_up=0, drops=1, runs=0, loading=True),
    Bounds(crashes=1, gives_up=0, drops=0, runs=0, stale=True, who="daemon"),
)
MOST_STATES = 1_000_000


def claims() -> Iterator[Claim]:
    """One exploration after the other."""
    states = steps = 0
    broken = []
    for bounds in WIDE:
        explored = explore(bounds=bounds, most=MOST_STATES)
        states, steps = states + explored.states, steps + explored.steps
        broken += [explored.broken] if explored.broken else []
    figure = f"{states} states, {steps} steps, {len(broken)} broken"
    yield Claim("never both: robot may enter, machine may start", figure, "0 broken", not broken)
    found = sum(bool(explore(protocol, bounds, MOST_STATES).broken) for protocol, bounds in PLANTED.values())
    yield Claim("planted defects of the hand-over found", f"{found} of {len(PLANTED)}", "all", found == len(PLANTED))
