"""A shop's week of 60 mixed orders on the workshop cell: simulated at both levels, and made in the demo.

All are over in the end, and the world saw nothing wrong. `tests/app/test_workshop_cell.py` has the smaller counts.
"""

import subprocess
import sys
from collections.abc import Iterator
from time import monotonic, process_time
from typing import Final

from cellctl.app.simulate import LINE, PROGRAM
from tests.app.workshop import CELL, FOLDER, late, orders_over, play_week
from tests.prove.claims import Claim

# Processor time of one core.
MOST_S: Final = {PROGRAM: 60.0, LINE: 600.0}
# The week has 106 hours; at this speed that is a little over ten minutes.
SPEED: Final = 600
DEMO_MOST_S: Final = 1800.0


def claims() -> Iterator[Claim]:
    """One for programs as single operations, one for every line over its wire, one for the demo; half an hour."""
    for level, most_s in MOST_S.items():
        began_s = process_time()
        outcome = play_week(level)
        took_s = process_time() - began_s
        over = orders_over(outcome)
        wrong = len(outcome.violations) + len(outcome.open_jobs)
        figure = f"{over['done']} done, {over['cancelled']} cancelled, {len(late(outcome))} late, {wrong} wrong"
        right = over == {"done": 59, "cancelled": 1} and not wrong and took_s <= most_s
        goal = f"59 done, 1 cancelled, 0 wrong, <= {most_s:.0f} s"
        yield Claim(f"a week of 60 orders, {level} level", f"{figure}, {took_s:.0f} s of one core", goal, right)
    yield _in_the_demo()


def _in_the_demo() -> Claim:
    """A broker, simulated machines on real ports, and the daemon, as `README.md` says it."""
    command = [sys.executable, "-m", "cellctl_sim.demo", "--cell", str(CELL), "--book", str(FOLDER / "week.toml")]
    began_s = monotonic()
    try:
        ran = subprocess.run(
            [*command, "--speed", str(SPEED)], capture_output=True, text=True, timeout=DEMO_MOST_S, check=False
        )
    except subprocess.TimeoutExpired:
        found, right = "not over", False
    else:
        lines = ran.stdout.splitlines()
        found = next((line for line in lines if line.startswith("60 orders:")), lines[-1] if lines else "nothing")
        right = ran.returncode == 0 and "59 done" in found and "1 cancelled" in found
    took_s = monotonic() - began_s
    goal = f"60 orders: 59 done, 1 cancelled, <= {DEMO_MOST_S / 60:.0f} min"
    return Claim(f"a week of 60 orders, demo at {SPEED} times", f"{found}, {took_s / 60:.1f} min", goal, right)
