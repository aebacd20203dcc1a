"""The tables and keys of a profile file, as a person writes them. What they mean together is checked in `binding`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr, ValidationError

_SHOWN: Final = 60

Plain = StrictBool | StrictInt | StrictFloat | StrictStr
Seconds = Annotated[float, Field(gt=0)]
Way = Annotated[tuple[str, ...], Field(min_length=1)]
# {signal = value}, a list of these of which one must hold, or nothing.
Tests = Any


class Table(BaseModel):
    """A table that knows all of its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Head(Table):
    """[profile]. `reading`: it has states only, and takes no command."""

    about: str
    identity: str
    reading: bool = False


class Parameter(Table):
    """[parameters]: what the machine's table in the cell file says; without a default it must."""

    about: str
    default: Plain | None = None


class SignalTable(Table):
    """[signals.NAME]."""

    node: Way | None = None
    type: str
    index: str = Field(default="", pattern=r"^(\d+(:\d+)?)?$")
    bit: int | None = Field(default=None, ge=0, le=63)
    field: str = ""
    names: dict[str, str] = {}
    absent: Plain | None = None
    written: bool = False
    optional: bool = False


class GuardTable(Table):
    """[[guards]]."""

    must: Tests
    says: str
    halts: bool = False
    outside: bool = False
    before: Literal["start", "any"] = "any"


class RunTable(Table):
    """[run]: by what the machine shows that it runs our program."""

    shown: Tests = None


class ProofTable(Table):
    """[proof]."""

    counter: str = ""
    live: Tests = None
    after_loss: Tests = None
    failed: Tests = None


class CarryTable(Table):
    """[carry]."""

    holding: Tests = None
    empty: Tests = None
    zone: str = ""


class SensorsTable(Table):
    """[sensors]: what hand-overs are judged by."""

    holds: dict[str, Tests] = {}
    door_open: Tests = None
    clamped: Tests = None


class HeartbeatTable(Table):
    """[heartbeat]."""

    hears: str = ""
    within_s: Seconds = 5.0
    writes: str = ""
    every_s: Seconds = 1.0


class TimesTable(Table):
    """[times]."""

    stale_s: Seconds = 15.0
    refresh_s: Seconds = 5.0
    settle_s: Seconds = 3.0


class ControlTable(Table):
    """[control]: by what the machine shows that control is ours."""

    owned: Tests


StateName = Literal["faulted", "paused", "waiting", "executing", "resting"]
CommandName = Literal[
    "start", "hold", "unhold", "stop", "abort", "clear", "reset", "take_control", "give_control", "look"
]


class ProfileFile(Table):
    """A whole profile file."""

    profile: Head
    parameters: dict[str, Parameter] = {}
    namespaces: dict[str, str] = {}
    places: dict[str, Way] = {}
    signals: dict[str, SignalTable] = Field(min_length=1)
    states: dict[StateName, Tests] = Field(min_length=1)
    guards: tuple[GuardTable, ...] = ()
    run: RunTable = RunTable()
    proof: ProofTable = ProofTable()
    carry: CarryTable = CarryTable()
    sensors: SensorsTable = SensorsTable()
    heartbeat: HeartbeatTable = HeartbeatTable()
    control: ControlTable = ControlTable(owned=None)
    times: TimesTable = TimesTable()
    answers: dict[str, str] = {}
    commands: dict[CommandName, tuple[dict[str, Any], ...]] = {}
    same: dict[CommandName, CommandName] = {}


# ---- [[commands.NAME]]: one step each, told apart by `do` --------------------------------------------------------


class StepTable(Table):
    """What every step may say. `within_s`: how soon each of its effects must show."""

    do: str
    unless: Tests = None
    until: Tests = None
    within_s: Seconds | None = None
    moves: bool = False


class ArgumentTable(Table):
    """One argument of a method."""

    value: Any
    type: str


class AcceptedTable(Table):
    """When a method's answer means yes."""

    output: int = Field(default=0, ge=0)
    values: tuple[Plain, ...] = Field(default=(), alias="is")
    bits: int = Field(default=0, ge=0)


class CallStep(StepTable):
    """do = "call"."""

    method: Way
    arguments: tuple[ArgumentTable, ...] = ()
    accepted: AcceptedTable | None = None
    gives: dict[str, str] = {}


class WriteStep(StepTable):
    """do = "write"; `echo`: the signal that must show the same."""

    signal: str
    value: Any
    echo: str = ""


class PulseStep(StepTable):
    """do = "pulse": set, wait until acknowledged, take back, wait until released."""

    signal: str
    acknowledged: Tests
    released: Tests = None


class ChangeStep(StepTable):
    """do = "toggle" or "next": the opposite of what it shows, or one more."""

    signal: str
    echo: str = ""


class WaitStep(StepTable):
    """do = "wait"."""


STEPS: Final[Mapping[str, type[StepTable]]] = {
    "call": CallStep,
    "write": WriteStep,
    "pulse": PulseStep,
    "toggle": ChangeStep,
    "next": ChangeStep,
    "wait": WaitStep,
}


def mistakes_in(error: ValidationError, where: Sequence[str] = ()) -> list[str]:
    """One line for each mistake: key, what was found, what is allowed."""
    lines = []
    for detail in error.errors(include_url=False):
        key = ".".join([*where, *(str(part) for part in detail["loc"] if not _is_branch(str(part)))])
        message = detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "missing":
            lines.append(f"{key} is missing")
        elif detail["type"] == "extra_forbidden":
            lines.append(f"{key} is not a key that is known here")
        else:
            lines.append(f"{key}: {message[0].lower()}{message[1:]}; found {shown(detail['input'])}")
    return lines


def _is_branch(part: str) -> bool:
    """Names that pydantic gives to the kinds of a plain value; a person's file has no such key."""
    return part in ("bool", "int", "float", "str", "[key]")


def shown(value: object) -> str:
    """A value that somebody gave, cut where it is longer than a person wants to read."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
