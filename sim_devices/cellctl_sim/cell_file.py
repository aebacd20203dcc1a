"""What the simulators read of a cell file: stations, places, addresses and the `sim` tables."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from cellctl.domain.errors import ConfigError
from cellctl_sim.config import (
    BY_MODEL,
    ArmTwin,
    HandshakeTwin,
    MachineToolTwin,
    PrinterTwin,
    RouterTwin,
    SerialArmTwin,
    Twin,
)
from cellctl_sim.faults import Fault


class Rack(BaseModel):
    """A station that does nothing by itself."""

    model_config = ConfigDict(frozen=True)

    slots: tuple[str, ...] = Field(min_length=1)


class Machine(Rack):
    """A machine with its twin. Keys that only its driver reads are left to the driver."""

    sim: Annotated[Twin, Field(discriminator="model")]
    reach: tuple[str, ...] = ()
    port: str = ""
    url: str = ""
    release_bed_celsius: float | None = None


class Pallet(Rack):
    """A plate that is carried with what lies on it."""

    fits: tuple[str, ...] = ()
    at: str = ""
    movers: tuple[str, ...] = ()

    def met_at(self, stations: Iterable[str]) -> list[str]:
        """The places at these stations where it can stand."""
        return [place for place in self.fits if place.partition(".")[0] in stations]


class CellFile(BaseModel):
    """The stations of a cell, in the order of the file."""

    model_config = ConfigDict(frozen=True)

    machines: dict[str, Machine] = Field(min_length=1)
    racks: dict[str, Rack] = {}
    carriers: dict[str, Pallet] = {}

    @property
    def places(self) -> tuple[str, ...]:
        """Every place of the cell."""
        return (*self.places_of((*self.machines, *self.racks)), *self._slots_on(self.carriers))

    def places_of(self, stations: Iterable[str]) -> tuple[str, ...]:
        """Every place of these stations."""
        all_stations: dict[str, Rack] = {**self.machines, **self.racks}
        return tuple(f"{name}.{slot}" for name in stations for slot in all_stations[name].slots)

    def in_reach(self, arm: str) -> tuple[str, ...]:
        """Every place that an arm can be taught: of a carrier's slots there only, where it meets it at one place."""
        reach = [name for name in self.machines[arm].reach if name in self.machines or name in self.racks]
        stands = {place for each in self.carriers.values() for place in each.fits}
        lifted = {place for each in self.carriers.values() if arm in each.movers for place in each.fits}
        met = [name for name, each in self.carriers.items() if len(each.met_at(reach)) == 1]
        own = (place for place in self.places_of(reach) if place not in stands or place in lifted)
        return (*own, *self._slots_on(met))

    def _slots_on(self, carriers: Iterable[str]) -> tuple[str, ...]:
        return tuple(f"{name}.{slot}" for name in carriers for slot in self.carriers[name].slots)


def read(path: Path, settings: Mapping[str, Any]) -> CellFile:
    """Read a cell file; `settings` override it by dotted key. Raises ConfigError with all mistakes."""
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError([f"{path}: cannot be read: {error}"]) from error
    for key, value in settings.items():
        _set(tables, key, value)
    try:
        file = CellFile.model_validate(tables)
    except ValidationError as error:
        raise ConfigError([_sentence(path, mistake) for mistake in error.errors()]) from error
    if mistakes := [f"{path}: {mistake}" for mistake in _contradictions(file)]:
        raise ConfigError(mistakes)
    return file


def _set(tables: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    table: Any = tables
    for parent in parents:
        table = table.get(parent) if isinstance(table, dict) else None
    if not isinstance(table, dict):
        missing = ".".join(parents)
        raise ConfigError([f"setting {key} = {value!r}: the cell file has no table {missing}"])
    table[last] = value


def _contradictions(file: CellFile) -> Sequence[str]:
    """What no single key shows."""
    mistakes = []
    stations = {**file.machines, **file.racks}
    for name, machine in file.machines.items():
        if isinstance(machine.sim, ArmTwin | HandshakeTwin | SerialArmTwin):
            if strangers := [station for station in machine.reach if station not in stations]:
                mistakes.append(_mistake(name, "reach", f"name stations ({', '.join(stations)})", strangers))
            if machine.slots != ("gripper",):
                mistakes.append(_mistake(name, "slots", 'be ["gripper"] for an arm', list(machine.slots)))
        if isinstance(machine.sim, ArmTwin | HandshakeTwin | MachineToolTwin) and not machine.url.startswith(
            "opc.tcp://"
        ):
            mistakes.append(_mistake(name, "url", "begin with opc.tcp://", machine.url))
        if isinstance(machine.sim, PrinterTwin | RouterTwin | SerialArmTwin) and not _is_below(machine.port):
            mistakes.append(_mistake(name, "port", "be a path below the devices folder", machine.port))
        if isinstance(machine.sim, PrinterTwin) and set(machine.sim.beds) not in (set(), set(machine.slots)):
            mistakes.append(_mistake(name, "sim.beds", f"be {', '.join(machine.slots)}", list(machine.sim.beds)))
        if isinstance(machine.sim, SerialArmTwin):
            reached = file.in_reach(name)
            if set(machine.sim.places) != set(reached):
                mistakes.append(_mistake(name, "sim.places", f"be {', '.join(reached)}", list(machine.sim.places)))
    return mistakes


def _is_below(port: str) -> bool:
    path = Path(port)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def _mistake(machine: str, key: str, allowed: str, found: object) -> str:
    return f"machines.{machine}.{key} must {allowed}, got {found!r}"


def _sentence(path: Path, mistake: ErrorDetails) -> str:
    """One line: file, key, what is allowed, what was found."""
    # The model's name is in the location of a union's member, but not in the file.
    keys = [str(part) for i, part in enumerate(mistake["loc"]) if not (i == 3 and part in BY_MODEL)]
    key = ".".join(keys)
    if mistake["type"] == "missing":
        return f"{path}: {key} is missing"
    if mistake["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        is_fault = "faults" in mistake["loc"]
        known = ", ".join(Fault.__match_args__ if is_fault else BY_MODEL[str(mistake["loc"][3])].model_fields)
        return f"{path}: {key} is not known; known are {known}"
    if mistake["type"].startswith("union_tag"):
        return f"{path}: {key}.model must be one of {', '.join(BY_MODEL)}, got {mistake['input']!r}"
    return f"{path}: {key}: {mistake['msg']}, got {mistake['input']!r}"
