"""A virtual month of a cell with eight stations, on one core, with failures, mishaps and nights without people."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from time import process_time

import structlog

from cellctl.app.attendance import DAY_S, Attendance, unmanned
from cellctl.app.config import load
from cellctl.app.shift import Call, Shift
from cellctl.domain.commands import SubmitOrder
from cellctl.domain.mishaps import Mishap, draw
from cellctl_sim.cell import simulate as twin_of
from tests.prove.claims import Claim
from tests.prove.orders.judge import Judge, lived_through
from tests.prove.orders.shops import write_shop

DAYS = 30
WITHIN_S = 60.0
PRINTS = {"block": 90, "plate": 150, "tower": 300, "badge": 60}
ORDERS_A_DAY = 5
_HOUR_S = 3600.0
_MAKERS = ("printer-1", "printer-2", "printer-3", "router-1", "arm-1")
# Printer, printer, printer, router, arm, bench, and two racks.
MISHAPS = {Mishap.MACHINE_FAILS: 12, Mishap.DROPS_PART: 4, Mishap.BAD_PART: 8, Mishap.LINK_CUT: 8, Mishap.KILLED: 3}


def live(seed: int, days: int = DAYS) -> tuple[list[str], float, int, int]:
    """What was broken, the CPU seconds that it took, how many orders were done and how many events were written."""
    with tempfile.TemporaryDirectory() as folder:
        cell = write_shop(Path(folder), printers=3, routers=1, arms=1, benches=1, prints=PRINTS)
        config, twin, rng = load(cell), twin_of(cell, {}, seed), Random(seed)
        targets = {
            Mishap.MACHINE_FAILS: _MAKERS,
            Mishap.DROPS_PART: ("arm-1",),
            Mishap.BAD_PART: _MAKERS[:4],
            Mishap.LINK_CUT: _MAKERS,
        }
        twin.mishaps = draw(rng, MISHAPS, targets, days * DAY_S)
        calls = [
            Call(
                rng.uniform(0, days * DAY_S),
                SubmitOrder(rng.choice(list(PRINTS)), {}, quantity=rng.choice((1, 1, 2))),
                f"o-{n}",
            )
            for n in range(ORDERS_A_DAY * days)
        ]
        judge = Judge(twin)
        attendance = Attendance(unmanned([(22 * _HOUR_S, 6 * _HOUR_S)]), midnight_s=-6 * _HOUR_S)
        shift = Shift(config, twin, calls, attendance, watch=[judge.watch])
        judge.admit(shift)
        began_s = process_time()
        done = lived_through(shift, (days + 10) * DAY_S)
        took_s = process_time() - began_s
    broken = [*([] if done else ["what was ordered did not come to its end"]), *judge.verdict(shift)]
    return broken, took_s, len(shift.replies), sum(1 for _ in shift.store.read())


def claims() -> Iterator[Claim]:
    """One month."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    broken, took_s, orders, events = live(1)
    name = f"a month of eight stations, {orders} orders, {events} events"
    yield Claim(name, f"{took_s:.1f} s of one core", f"< {WITHIN_S:.0f} s", took_s < WITHIN_S)
    yield Claim("broken rules in that month", f"{len(broken)}", "0", not broken)
    print(*broken[:5], sep="\n", end="\n" if broken else "")


if __name__ == "__main__":
    for claim in claims():
        print(claim.line())
