"""Where programs are kept and checked before an order is accepted, a piece at a time: no machine waits for it."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from cellctl.app.config import CellConfig
from cellctl.core import ways
from cellctl.domain.errors import OrderRefused
from cellctl.domain.material import Used
from cellctl.domain.work import Way
from cellctl.gcode.gate import sendable_lines
from cellctl.gcode.meter import Meter
from cellctl.gcode.preflight import LINES_A_PIECE, Piecewise
from cellctl.gcode.rules import MachineRules
from cellctl.gcode.verdict import Passed, Refused, Verdict
from cellctl.gcode.verdicts import Verdicts
from cellctl.ports import Files
from cellctl.products.workshop import Fit

Answer = TypeVar("Answer")

_COUNTED_KEPT: Final = 512
# So many places of a refused program are told to whoever ordered it.
_SHOWN: Final = 3


class Workbench:
    """Implements `workshop.Workbench`. `verdicts` is what drivers ask, too."""

    def __init__(self, config: CellConfig, files: Files) -> None:
        self.verdicts = Verdicts(files.lines)
        self._plan = config.plan
        self._files = files
        self._rules = rules_of(config)
        self._counted: OrderedDict[str, tuple[int, Used]] = OrderedDict()

    def keep(self, name: str, content: bytes) -> str:
        """Store a small program."""
        return self._files.keep(name, content)

    async def adopt(self, path: Path) -> str:
        """Store the program in a file."""
        return await _patiently(self._files.adopt(path))

    async def fit(self, sha256: str, name: str, way: Way) -> Fit:
        """Check a program for every station that could go this way. Raises OrderRefused if it fits none of them."""
        able = [each.name for each in self._plan.stations.values() if each.driver and ways.able(each, way)]
        verdicts = await self.check(sha256, able)
        passed = {station: verdict for station, verdict in verdicts.items() if not isinstance(verdict, Refused)}
        refused = {station: verdict for station, verdict in verdicts.items() if isinstance(verdict, Refused)}
        if able and set(able) == set(refused):
            raise OrderRefused("invalid", told(name, refused))
        timed = [station for station in passed if self._rules[station].timed]
        lines, used = await self._use(sha256, list(passed.values()))
        return Fit(
            lines=lines,
            unfit={station: told(name, {station: verdict}, shown=1) for station, verdict in refused.items()},
            estimates_s={station: round(passed[station].takes_s, 1) for station in timed},
            used=used,
        )

    async def _use(self, sha256: str, passed: list[Passed]) -> tuple[int, Used]:
        """The lines that are sent, and what they use up. The check has seen all of that, but for cutting."""
        if not passed or passed[0].spindle_rpm > 0:
            return await self._count(sha256)
        return passed[0].lines, Used(extruded_mm=passed[0].extruded_mm)

    async def check(self, sha256: str, stations: list[str]) -> Mapping[str, Verdict]:
        """What the check says of a stored program, for each of these stations where it is on."""
        checked = [station for station in stations if station in self._rules]
        return {each: await _patiently(self.verdicts.asking(sha256, self._rules[each])) for each in checked}

    async def _count(self, sha256: str) -> tuple[int, Used]:
        """The lines that are sent, and what they use up. Raises OrderRefused for a byte that must not be."""
        if sha256 not in self._counted:
            self._counted[sha256] = await _patiently(self._counting(sha256))
            if len(self._counted) > _COUNTED_KEPT:
                self._counted.popitem(last=False)
        return self._counted[sha256]

    def _counting(self, sha256: str) -> Piecewise[tuple[int, Used]]:
        count, meter = 0, Meter()
        lines = sendable_lines(self._files.lines(sha256))
        piece = list(islice(lines, LINES_A_PIECE))
        while piece:
            meter.take(piece)
            count += len(piece)
            piece = list(islice(lines, LINES_A_PIECE))
            if piece:
                yield
        return count, meter.used


def rules_of(config: CellConfig) -> Mapping[str, MachineRules]:
    """By station, what programs are held against where the check is on."""
    rules = {
        name: machine.family.rules(machine.options)
        for name, machine in config.machines.items()
        if config.plan.stations[name].preflight
    }
    return {name: known for name, known in rules.items() if known is not None}


def told(name: str, refused: Mapping[str, Refused], shown: int = _SHOWN) -> str:
    """Why a program must not run, for whoever ordered it; machines with the same reasons are named together."""
    stations: dict[str, list[str]] = {}
    for station, verdict in refused.items():
        places = str(verdict).splitlines()
        more = [f"and {len(places) - shown} more"] if len(places) > shown else []
        stations.setdefault("; ".join([*places[:shown], *more]), []).append(station)
    return " | ".join(f"{', '.join(names)} must not run {name}: {why}" for why, names in stations.items())


async def _patiently(work: Piecewise[Answer]) -> Answer:
    """Do it a piece at a time; whoever waits for a machine comes first."""
    with closing(work):
        while True:
            try:
                next(work)
            except StopIteration as done:
                answer: Answer = done.value
                return answer
            await asyncio.sleep(0)
