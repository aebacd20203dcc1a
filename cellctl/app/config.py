"""cell.toml: parsed once, all mistakes at once, into the types that the rest of the house uses."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from cellctl.domain.errors import ConfigError
from cellctl.domain.work import Plan, Station
from cellctl.ports import DriverFamily
from cellctl.products.mistakes import mistakes_in
from cellctl.products.product import Product, parse_product

_NAME: Final = r"^[a-z0-9][a-z0-9_-]{0,63}$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _CellTable(_Strict):
    name: str = Field(pattern=_NAME)
    products: tuple[Path, ...] = ()


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


class _StationKeys(BaseModel):
    """The keys that every machine has; all others belong to its driver."""

    model_config = ConfigDict(extra="allow", frozen=True)

    driver: str
    capabilities: tuple[str, ...] = ()
    slots: tuple[str, ...] = ()
    reach: tuple[str, ...] = ()
    sim: dict[str, Any] = {}


class _RackTable(_Strict):
    slots: tuple[str, ...] = Field(min_length=1)
    capabilities: tuple[str, ...] = ()
    buffer: bool = False


class _CellFile(_Strict):
    cell: _CellTable
    mqtt: MqttTable = MqttTable()
    machines: dict[str, dict[str, Any]] = Field(default={}, min_length=1)
    racks: dict[str, _RackTable] = {}


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


def load(path: Path, settings: Mapping[str, Any] | None = None) -> CellConfig:
    """Read a cell file and its product files; `settings` override keys ("mqtt.port"). Raises ConfigError."""
    table = read_toml(path)
    override(table, settings or {})
    try:
        file = _CellFile.model_validate(table)
    except ValidationError as error:
        raise ConfigError(mistakes_in(error, path.name)) from None
    mistakes: list[str] = []
    machines: dict[str, MachineConfig] = {}
    stations: dict[str, Station] = {}
    families = {entry.name: entry for entry in entry_points(group="cellctl.drivers")}
    for name, keys in file.machines.items():
        try:
            stations[name], machines[name] = _machine(path.name, name, keys, families)
        except ConfigError as error:
            mistakes += error.mistakes
    for name, rack in file.racks.items():
        stations[name] = Station(name, "", rack.capabilities, rack.slots, (), rack.buffer)
    products: list[Product] = []
    for product_path in file.cell.products:
        try:
            products.append(_product(path.parent / product_path))
        except ConfigError as error:
            mistakes += error.mistakes
    named = [*file.machines, *file.racks]
    mistakes += _contradictions(path.name, stations, named) if not mistakes else []
    if mistakes:
        raise ConfigError(mistakes)
    return CellConfig(path, Plan(file.cell.name, stations), machines, products, file.mqtt)


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file. Raises ConfigError, saying where."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read ({error.strerror})"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path.name}: is not UTF-8 text"]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path.name}: is not valid TOML: {error}"]) from None


def override(table: dict[str, Any], settings: Mapping[str, Any]) -> None:
    """Put values under dotted keys, making tables on the way."""
    for key, value in settings.items():
        *path, last = key.split(".")
        inner = table
        for part in path:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise ConfigError([f"--set {key}: {part} is not a table"])
        inner[last] = value


def parse_settings(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The values of --set as TOML ("1884" is a number); what is not TOML is taken as text."""
    settings: dict[str, Any] = {}
    for key, value in pairs:
        try:
            settings[key] = tomllib.loads(f"v = {value}")["v"]
        except tomllib.TOMLDecodeError:
            settings[key] = value
    return settings


def _machine(
    file: str, name: str, keys: Mapping[str, Any], families: Mapping[str, Any]
) -> tuple[Station, MachineConfig]:
    where = f"machines.{name}"
    try:
        common = _StationKeys.model_validate(keys)
    except ValidationError as error:
        raise ConfigError(mistakes_in(error, file, where)) from None
    if common.driver not in families:
        known = ", ".join(sorted(families))
        raise ConfigError([f"{file}: {where}.driver must be one of: {known}; found {common.driver!r}"])
    family: DriverFamily = families[common.driver].load()
    try:
        options = TypeAdapter(family.options).validate_python(common.model_extra or {})
    except ValidationError as error:
        raise ConfigError(mistakes_in(error, file, where)) from None
    station = Station(name, common.driver, common.capabilities, common.slots, common.reach)
    return station, MachineConfig(family, options)


def _product(path: Path) -> Product:
    product = parse_product(read_toml(path), path)
    for step in product.route:
        file = getattr(step.program, "file", None)
        if file is not None and not (path.parent / file).is_file():
            raise ConfigError([f"{path.name}: the program of step {step.step} is missing: {file}"])
    return product


def _contradictions(file: str, stations: Mapping[str, Station], named: Sequence[str]) -> Iterator[str]:
    for name in sorted({name for name in named if named.count(name) > 1}):
        yield f"{file}: {name} is both a machine and a rack; every station needs a name of its own"
    for station in stations.values():
        for other in station.reach:
            if other not in stations:
                known = ", ".join(stations)
                yield f"{file}: machines.{station.name}.reach: there is no station {other!r}; there are: {known}"
        if len(set(station.slots)) < len(station.slots):
            yield f"{file}: {station.name}.slots: every slot needs a name of its own; found {list(station.slots)}"


def main_check(args: Any) -> int:
    """`cellctl check CELL_TOML`: say what the file describes. Raises ConfigError with every mistake in it."""
    config = load(args.cell)
    machines = ", ".join(f"{name} ({config.plan.stations[name].driver})" for name in config.machines)
    racks = ", ".join(name for name, station in config.plan.stations.items() if not station.driver)
    products = ", ".join(f"{product.name} {product.revision}" for product in config.products)
    print(f"{args.cell} is in order")  # noqa: T201 - the command's output
    print(f"  machines  {machines}\n  racks     {racks or '-'}\n  products  {products or '-'}")  # noqa: T201
    return 0
