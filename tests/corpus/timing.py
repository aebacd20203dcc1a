"""How far the estimate of a corpus program is from its time on a simulated machine of the same make."""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from cellctl.gcode.preflight import check
from cellctl.gcode.rules import MachineRules
from cellctl.gcode.verdict import Passed
from cellctl_sim.config import PrinterTwin
from tests.corpus.machines import MACHINES
from tests.corpus.test_good import GOOD, MANIFEST
from tests.gcode.machines import PRINTER, ROUTER, Took, printed, routed

I3: Final = PrinterTwin(
    model="marlin",
    max_feed_mm_per_s=(500, 500, 20, 120),
    max_acceleration_mm_per_s2=(5000, 5000, 500, 10000),
)


@dataclass(frozen=True, slots=True)
class Timed:
    """One program: what was estimated, and what it took."""

    name: str
    estimated_s: float
    took: Took

    @property
    def error_percent(self) -> float:
        """Of the time that it moves and dwells."""
        return 100 * abs(self.estimated_s / self.took.motion_s - 1)


def timed(every: int, longest_lines: int) -> Iterator[Timed]:
    """Every n-th of the programs for an i3 and for a router that are not longer than this."""
    chosen = [e["file"] for e in MANIFEST if e["machine"] in ("i3", "router") and e["lines"] <= longest_lines][::every]
    kinds = {entry["file"]: entry["machine"] for entry in MANIFEST}
    with tarfile.open(GOOD / "programs.tar.xz", "r:xz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name in chosen else None
            if file is not None:
                yield _timed(member.name, kinds[member.name], file.read().decode("latin-1").split("\n"))


def _timed(name: str, kind: str, lines: list[str]) -> Timed:
    verdict = check(lines, _rules(kind))
    if not isinstance(verdict, Passed):
        raise AssertionError(f"{name}: {verdict}")
    return Timed(name, verdict.estimated_s, printed(lines, I3) if kind == "i3" else routed(lines))


def _rules(kind: str) -> MachineRules:
    """Those of the corpus, but for what is other on the twins: how long homing takes, and where work begins."""
    rules = MACHINES[kind]
    if kind == "i3":
        return replace(rules, fixed_s=PRINTER.fixed_s)
    offsets = ROUTER.limits.envelope.work_offsets_mm
    envelope = replace(rules.limits.envelope, least_mm=(-300, -180, -55), work_offsets_mm=offsets)
    return replace(rules, limits=replace(rules.limits, envelope=envelope))
