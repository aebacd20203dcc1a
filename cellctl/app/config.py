"""cell.toml: parsed once, all mistakes at once, into the types that the rest of the house uses."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from cellctl.app import carriers_config
from cellctl.app.carriers_config import CarrierTable
from cellctl.app.changeover_config import ChangeoverTable
from cellctl.app.opcua_config import OpcuaTable
from cellctl.app.product_file import load_product
from cellctl.app.stock_config import StockTables
from cellctl.app.stops_config import StopTables
from cellctl.app.toml_file import Mistakes, override, read_toml
from cellctl.domain.errors import ConfigError
from cellctl.domain.work import GONE, Plan, Station
from cellctl.ports import DriverFamily
from cellctl.products.mistakes import mistakes_in
from cellctl.products.product import Product
from cellctl.products.route import Dimension, Value

_NAME: Final = r"^[a-z0-9][a-z0-9_-]{0,63}$"

Slot = Annotated[str, Field(pattern=_NAME)]
Model = TypeVar("Model", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _CellTable(_Strict):
    name: str = Field(pattern=_NAME)
    console: bool = False
    products: tuple[Path, ...] = ()
    dispatch: Literal["set-up", "first-come"] = "set-up"
    frozen_minutes: float = Field(default=0.0, ge=0, le=10_080)


class MqttTable(_Strict):
    """[mqtt]: the broker, and where in its tree the cell lives."""

    enabled: bool = False
    host: str = "127.0.0.1"
    port: int = Field(default=1883, ge=1, le=65535)
    base: str = Field(default="cellctl", pattern=r"^[a-z0-9_-]{1,64}(/[a-z0-9_-]{1,64}){0,4}$")
    # A bare 5 means the same; `--set mqtt.protocol=5` cannot say it otherwise.
    protocol: Annotated[Literal["3.1.1", "5"], BeforeValidator(str)] = "5"
    username: str = ""
    password_file: Path | None = None


class JournalTable(_Strict):
    """[journal]: after how many days records are moved into sealed files; 0: never."""

    archive_after_days: int = Field(default=0, ge=0, le=36_500)


class _StationKeys(BaseModel):
    """The keys that every machine has; all others belong to its driver."""

    model_config = ConfigDict(extra="allow", frozen=True)

    driver: str
    capabilities: tuple[str, ...] = ()
    slots: tuple[Slot, ...] = ()
    reach: tuple[str, ...] = ()
    preflight: bool = True
    console: bool | None = None
    type: str = ""
    setup: dict[Dimension, Value] = {}
    sim: dict[str, Any] = {}


class _RackTable(_Strict):
    slots: tuple[Slot, ...] = Field(min_length=1)
    capabilities: tuple[str, ...] = ()
    buffer: bool = False


class _CellFile(_Strict, StopTables, StockTables):
    cell: _CellTable
    mqtt: MqttTable = MqttTable()
    opcua: OpcuaTable = OpcuaTable()
    journal: JournalTable = JournalTable()
    changeover: ChangeoverTable = ChangeoverTable()
    machines: dict[str, dict[str, Any]] = Field(default={}, min_length=1)
    racks: dict[str, _RackTable] = {}
    carriers: dict[Slot, CarrierTable] = {}


@runtime_checkable
class PlanAware(Protocol):
    """Options that name stations or places of the cell."""

    def against(self, machine: str, plan: Plan) -> Iterable[str]:
        """Every mistake that only the whole cell shows; each begins with its key in the machine's table."""
        ...


@runtime_checkable
class NamesFiles(Protocol):
    """Options that name files beside the cell file."""

    def beside(self, machine: str, folder: Path, where: str) -> Any:
        """The options with what the files say; `where` is the machine's table. Raises ConfigError."""
        ...


@dataclass(frozen=True, slots=True)
class MachineConfig:
    """One machine: the family that drives it, and its own keys as that family's options."""

    family: DriverFamily
    options: Any


@dataclass(frozen=True, slots=True)
class CellConfig:
    """Everything that a cell file says."""

    path: Path
    plan: Plan
    machines: Mapping[str, MachineConfig]
    products: Sequence[Product]
    mqtt: MqttTable
    opcua: OpcuaTable = field(default_factory=OpcuaTable)
    journal: JournalTable = field(default_factory=JournalTable)


def load(path: Path, settings: Mapping[str, Any] | None = None) -> CellConfig:
    """Read a cell file and its product files; `settings` override keys ("mqtt.port").

    Raises ConfigError with every mistake in all of them.
    """
    table = read_toml(path)
    override(table, settings or {})
    mistakes = Mistakes()
    with mistakes.collecting():
        _parsed(_CellFile, table, path.name)
    families = {entry.name: entry for entry in entry_points(group="cellctl.drivers")}
    machines: dict[str, MachineConfig] = {}
    stations: dict[str, Station] = {}
    for name, keys in _tables(table, "machines").items():
        with mistakes.collecting():
            stations[name], machines[name] = _machine(path, name, keys, families)
    for name, keys in _tables(table, "racks").items():
        with mistakes.collecting():
            rack = _parsed(_RackTable, keys, path.name, f"racks.{name}")
            stations.setdefault(name, Station(name, "", rack.capabilities, rack.slots, (), rack.buffer))
    carriers = carriers_config.read(path.name, _tables(table, "carriers"), stations, mistakes)
    mistakes += _contradictions(path.name, stations, [*_tables(table, "machines"), *_tables(table, "racks")])
    mistakes += _against_plan(path.name, machines, Plan("", stations, carriers))
    products: list[Product] = []
    for product_path in _product_paths(table):
        with mistakes.collecting():
            products.append(load_product(path.parent / product_path))
    mistakes += _ambiguous(path.name, products)
    mistakes.check()
    file = _parsed(_CellFile, table, path.name)
    mistakes += file.opcua.strangers(path.name, machines, file.cell.name)
    mistakes += file.mistakes(path.name, stations)
    mistakes += file.misplaced(path.name, stations)
    mistakes.check()
    for name, machine in machines.items():
        allowed = file.machines[name].get("console", file.cell.console)
        gated = bool(getattr(machine.family, "gated", False))
        suspends = bool(getattr(machine.family, "suspends", False))
        console = allowed and _by_hand(machine.family)
        stations[name] = replace(stations[name], console=console, gated=gated, suspends=suspends)
    changeovers = file.changeover.changeovers()
    plan = Plan(file.cell.name, stations, carriers, changeovers=changeovers, dispatch=file.cell.dispatch)
    plan = replace(plan, frozen_s=file.cell.frozen_minutes * 60)
    plan = file.stocked(file.added_to(plan))
    return CellConfig(path, plan, machines, products, file.mqtt, file.opcua, file.journal)


def _by_hand(family: DriverFamily) -> bool:
    """Whether people could send lines to machines of this family."""
    return bool(getattr(family, "by_hand", False))


def _parsed(model: type[Model], keys: Any, file: str, where: str = "") -> Model:
    try:
        return model.model_validate(keys)
    except ValidationError as error:
        raise ConfigError(mistakes_in(error, file, where)) from None


def _tables(table: Mapping[str, Any], section: str) -> dict[str, dict[str, Any]]:
    """The tables of a section by name, as far as they are tables."""
    found = table.get(section)
    return {name: keys for name, keys in found.items() if isinstance(keys, dict)} if isinstance(found, dict) else {}


def _product_paths(table: Mapping[str, Any]) -> list[str]:
    cell = table.get("cell")
    found = cell.get("products") if isinstance(cell, dict) else None
    return [path for path in found if isinstance(path, str)] if isinstance(found, list) else []


def _machine(
    path: Path, name: str, keys: Mapping[str, Any], families: Mapping[str, Any]
) -> tuple[Station, MachineConfig]:
    file, where = path.name, f"machines.{name}"
    mistakes = Mistakes()
    with mistakes.collecting():
        common = _parsed(_StationKeys, keys, file, where)
    driver = keys.get("driver")
    if not isinstance(driver, str):
        raise ConfigError(mistakes)
    if driver not in families:
        known = ", ".join(sorted(families))
        raise ConfigError([*mistakes, f"{file}: {where}.driver must be one of: {known}; found {driver!r}"])
    family: DriverFamily = families[driver].load()
    if keys.get("console") is True and not _by_hand(family):
        mistakes.append(f"{file}: {where}.console: machines with driver {driver!r} take no lines by hand")
    own = {key: value for key, value in keys.items() if key not in _StationKeys.model_fields}
    try:
        options = TypeAdapter(family.options).validate_python(own)
    except ValidationError as error:
        mistakes += mistakes_in(error, file, where)
    mistakes.check()
    if isinstance(options, NamesFiles):
        options = options.beside(name, path.parent, f"{file}: {where}")
    said = common.model_dump(include={"driver", "capabilities", "slots", "reach", "preflight", "type", "setup"})
    station = Station(name, **said)
    return station, MachineConfig(family, options)


def _contradictions(file: str, stations: Mapping[str, Station], named: Sequence[str]) -> Iterator[str]:
    for name, count in Counter(named).items():
        if count > 1:
            yield f"{file}: {name} is both a machine and a rack; every station needs a name of its own"
        if not re.fullmatch(_NAME, name) or name == GONE:
            yield f"{file}: a station cannot be called {name!r}; allowed: a-z, 0-9, _ and -, but not {str(GONE)!r}"
    for station in stations.values():
        where = f"{file}: {'machines' if station.driver else 'racks'}.{station.name}"
        for other in station.reach:
            if other not in named:
                yield f"{where}.reach: there is no station {other!r}; there are: {', '.join(named)}"
        if len(set(station.slots)) < len(station.slots):
            yield f"{where}.slots: every slot needs a name of its own; found {list(station.slots)}"
        if station.capabilities and not station.slots:
            yield f"{where}.slots is missing: what is worked on here needs a place"


def _against_plan(file: str, machines: Mapping[str, MachineConfig], plan: Plan) -> Iterator[str]:
    for name, machine in machines.items():
        if isinstance(machine.options, PlanAware):
            yield from (f"{file}: machines.{name}.{mistake}" for mistake in machine.options.against(name, plan))


def _ambiguous(file: str, products: Sequence[Product]) -> Iterator[str]:
    for (name, revision), count in Counter((product.name, product.revision) for product in products).items():
        if count > 1:
            yield f"{file}: cell.products has {name} {revision} {count} times; every revision needs a file of its own"


def credentials_of(cell_file: Path) -> Path:
    """Where password files are: what systemd gives us, else beside the cell file."""
    return Path(os.environ.get("CREDENTIALS_DIRECTORY", cell_file.parent))
