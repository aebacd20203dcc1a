"""Where work waits for material or a tool: seen beside a cell that is simulated, because no log says it."""

import math
from collections.abc import Iterator
from typing import Final

from cellctl.app.cell import RunningCell
from cellctl.core import dispatch, stock
from cellctl.core.cell import Cell
from cellctl.core.readiness import involved
from cellctl.core.reasons import Reason
from cellctl.core.ways import current_step, fitting, options
from cellctl.domain.work import Station
from cellctl.economics.forecast import A_STOP_S, Stop

_SPENT: Final = {"material_short": "too little is left of", "tool_worn": "too little life is left of"}


class Shortages:
    """Of one run. A station is short of something once it could begin work that waits, but for that."""

    def __init__(self) -> None:
        self._since_s: dict[tuple[str, str], float] = {}
        self._over: list[Stop] = []

    @property
    def stops(self) -> tuple[Stop, ...]:
        """Those that lasted, and those that last to the end."""
        last = (Stop(at_s, station, why, math.inf) for (station, why), at_s in self._since_s.items())
        return (*(stop for stop in self._over if stop.lasts_s >= A_STOP_S), *last)

    async def watch(self, cell: RunningCell) -> None:
        """Beside one daemon, until it ends."""
        engine = cell.engine
        while True:
            self._look(engine.cell, cell.outside.clock.now_s())
            await engine.changed(engine.cell.counts.rev)

    def _look(self, cell: Cell, now_s: float) -> None:
        now = set(short(cell))
        for key in [key for key in self._since_s if key not in now]:
            began_s = self._since_s.pop(key)
            self._over.append(Stop(began_s, *key, now_s - began_s))
        for key in now - self._since_s.keys():
            self._since_s[key] = now_s


def short(cell: Cell) -> Iterator[tuple[str, str]]:
    """Stations with nothing to do that cannot begin what waits for want of something, and what that is."""
    if not (cell.stock.lots or cell.stock.tools or cell.stock.fixtures):
        return
    looked: set[str] = set()
    wanted_by = dispatch.unbegun(cell)
    for job in dispatch.waiting(cell):
        wanted = wanted_by(job)
        if wanted in looked:
            continue
        looked |= {wanted} - {""}
        for option in fitting(cell, options(cell, current_step(cell, job))):
            station = option.station
            if involved(cell, station.name) is None:
                wants = stock.against(cell, option.way, station)
                yield from ((station.name, _named(cell, station, reason)) for reason in wants)


def _named(cell: Cell, station: Station, reason: Reason) -> str:
    """The same want has the same words in every run: without amounts."""
    spent = _SPENT.get(reason.code)
    if spent is None:
        return reason.sentence.partition(": cellctl")[0]
    lots = [lot.id for lot in cell.stock.lots.values() if lot.place == station.name]
    tools = [tool.id for tool in cell.stock.tools.values() if tool.station == station.name]
    return f"{spent} {', '.join(lots if reason.code == 'material_short' else tools)}"
