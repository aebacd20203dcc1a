"""The pre-flight check: what is good passes, what is bad is refused for its reason, and how long it says it takes."""

import tarfile
import time
from collections.abc import Iterator

from cellctl.gcode.preflight import check
from cellctl.gcode.verdict import Passed
from tests.corpus.machines import MACHINES
from tests.corpus.test_bad import ROWS, judged
from tests.corpus.test_good import BY_HAND, GOOD, MANIFEST
from tests.corpus.timing import timed
from tests.gcode.machines import PRINTER, ROUTER, printed, routed
from tests.gcode.test_estimate import BASE, engraving
from tests.prove.claims import Claim

_WITHIN_PERCENT = 5.0


def claims() -> Iterator[Claim]:
    """Each claim as it is measured; about two minutes in all."""
    yield from _good()
    yield _bad()
    yield from _estimates()


def _good() -> Iterator[Claim]:
    passed, lines = 0, 0
    began_s = time.process_time()
    for machine, program in _programs():
        passed += isinstance(check(program, MACHINES[machine]), Passed)
        lines += len(program)
    took_ms = 1000 * (time.process_time() - began_s)
    count = len(MANIFEST) + len(BY_HAND)
    yield Claim("real programs pass", f"{passed} of {count}", ">= 200, all", passed == count >= 200)
    each_ms = 1000 * took_ms / lines
    yield Claim("the check of 1,000 lines, CPU", f"{each_ms:.1f} ms over {lines} lines", "<= 20 ms", each_ms <= 20)


def _programs() -> Iterator[tuple[str, list[str]]]:
    machines = {entry["file"]: entry["machine"] for entry in MANIFEST}
    with tarfile.open(GOOD / "programs.tar.xz", "r:xz") as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                yield machines[member.name], file.read().decode("latin-1").split("\n")
    for path in BY_HAND:
        yield path.parent.name, path.read_text().split("\n")


def _bad() -> Claim:
    wrong = [row for row in ROWS if judged(*row)]
    right = len(ROWS) - len(wrong)
    shown = f", first {wrong[0]}" if wrong else ""
    name = "bad lines refused, each for its reason and at its line"
    return Claim(name, f"{right} of {len(ROWS)}{shown}", ">= 500, all", not wrong and len(ROWS) >= 500)


def _estimates() -> Iterator[Claim]:
    for name, program, rules, run in (
        ("the example's base on the Marlin twin", BASE, PRINTER, printed),
        ("the example's engraving on the Grbl twin", engraving("Eve & Bob"), ROUTER, routed),
    ):
        verdict, took = check(program, rules), run(program)
        took_s = took.motion_s + took.heating_s
        error = 100 * abs(verdict.takes_s / took_s - 1) if isinstance(verdict, Passed) else float("inf")
        figure = f"{error:.2f} % of {took_s:.0f} s"
        yield Claim(f"estimate: {name}", figure, f"<= {_WITHIN_PERCENT:g} %", error <= _WITHIN_PERCENT)
    errors = sorted((each.error_percent, each.name) for each in timed(every=1, longest_lines=6000))
    worst, name = errors[-1]
    figure = f"median {errors[len(errors) // 2][0]:.2f} %, worst {worst:.2f} %"
    claim = f"estimate: {len(errors)} programs of the corpus, without heating"
    yield Claim(claim, figure, f"<= {_WITHIN_PERCENT:g} %", worst <= _WITHIN_PERCENT)
