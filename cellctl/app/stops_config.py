"""[zones], [alarms] and [prompts] of a cell file: who is stopped together, what alarms do, how long questions wait."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from cellctl.core.prompts import KINDS
from cellctl.domain.stops import EXTERNAL_STOP, AlarmClass, Reach, Rung, Zone
from cellctl.domain.work import Plan

_Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class ZoneTable(BaseModel):
    """[zones.NAME]"""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stations: tuple[str, ...] = Field(min_length=1)


class AlarmTable(BaseModel):
    """[alarms.NAME]: a kind of alarm of one's own, or another rung and reach for a built-in one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rung: Rung = Rung.WARN
    reach: Reach = Reach.STATION


class StopTables(BaseModel):
    """What a cell file may say besides its machines; `prompts`: kind of question to seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    zones: dict[_Name, ZoneTable] = {}
    alarms: dict[_Name, AlarmTable] = {}
    prompts: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = {}

    def mistakes(self, file: str, stations: Mapping[str, object]) -> Iterator[str]:
        """What only the whole cell shows."""
        for name, zone in self.zones.items():
            for station in zone.stations:
                if station not in stations:
                    known = ", ".join(stations)
                    yield f"{file}: zones.{name}.stations: there is no station {station!r}; there are: {known}"
        for kind in self.prompts:
            if kind not in KINDS:
                yield f"{file}: prompts.{kind}: there is no such kind of question; allowed: {', '.join(KINDS)}"
        if EXTERNAL_STOP in self.alarms:
            yield f"{file}: alarms.{EXTERNAL_STOP} cannot be changed: a stop from outside aborts its zone"

    def added_to(self, plan: Plan) -> Plan:
        """The plan with these."""
        zones = {name: Zone(name, table.stations) for name, table in self.zones.items()}
        alarms = {name: AlarmClass(name, table.rung, table.reach) for name, table in self.alarms.items()}
        return replace(plan, zones=zones, alarms=alarms, within_s=self.prompts)
