"""What can be asked over MQTT: every verb with its class and its arguments, parsed by pydantic at this edge."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cellctl.domain.commands import (
    AnswerPrompt,
    CancelOrder,
    ClearAlarm,
    Command,
    CommandCell,
    CommandOrder,
    CommandZone,
    ExpediteOrder,
    RaiseAlarm,
    ReportStop,
    Right,
    SubmitOrder,
    UpdateOrder,
)
from cellctl.domain.job import ORDER_COMMANDS, JobCommand
from cellctl.domain.machine import MachineCommand
from cellctl.domain.stops import CellCommand, ZoneCommand
from cellctl.faces.mqtt.arguments import (
    Arguments,
    CommandId,
    Instant,
    Line,
    Name,
    Priority,
    Quantity,
    Reference,
)
from cellctl.faces.mqtt.refusal import Refused
from cellctl.faces.mqtt.stock_verbs import Adjust, Change, Dispose, Inspect, Load, Move, SetUp

MOST_MISTAKES_SHOWN: Final = 5


class Submit(Arguments):
    """Make this. Limits of the parameters are the product's."""

    product: Name
    revision: Annotated[str, Field(max_length=64)] = ""
    parameters: dict[Name, Line | int | float] = Field(default_factory=dict, max_length=64)
    quantity: Quantity = 1
    priority: Priority = 0
    due_at: Instant = ""
    customer_reference: Reference = ""
    order_id: Annotated[Line, Field(max_length=64, description="your own name for it; else it gets a number")] = ""

    def command(self) -> Command:
        """The order."""
        return SubmitOrder(**dict(self))


class Store(Submit):
    """The same, but it waits to be started."""

    def command(self) -> Command:
        """The order."""
        return SubmitOrder(**dict(self), release=False)


class Update(Arguments):
    """Change an order of which nothing has begun; what is absent stays. Parameters are replaced all together."""

    order_id: Name
    product: Annotated[Line, Field(max_length=64)] = ""
    revision: Annotated[str, Field(max_length=64)] = ""
    parameters: Annotated[dict[Name, Line | int | float], Field(max_length=64)] | None = None
    quantity: Quantity | None = None
    priority: Priority | None = None
    due_at: Instant | None = None
    customer_reference: Reference | None = None

    def command(self) -> Command:
        """The change."""
        return UpdateOrder(**dict(self))


class OneOrder(Arguments):
    """Which order."""

    order_id: Name


class Cancel(OneOrder):
    """Begin nothing more of it; what is in work is scrapped, or with `keep` finished for stock."""

    keep: bool = False

    def command(self) -> Command:
        """The end of it."""
        return CancelOrder(self.order_id, self.keep)


class Expedite(OneOrder):
    """Another priority or due date at any stage; what is absent stays."""

    priority: Priority | None = None
    due_at: Instant | None = None

    def command(self) -> Command:
        """The change."""
        return ExpediteOrder(self.order_id, self.priority, self.due_at)


class OneZone(Arguments):
    """Which zone."""

    zone: Name


class RaiseIt(Arguments):
    """A kind of alarm of the cell file, about a station or the whole cell."""

    kind: Name
    station: Annotated[Line, Field(max_length=64)] = ""
    text: Annotated[Line, Field(max_length=200)] = ""

    def command(self) -> Command:
        """The alarm."""
        return RaiseAlarm(self.kind, self.station, self.text)


class ClearIt(Arguments):
    """An alarm that has been seen to."""

    alarm_id: Name

    def command(self) -> Command:
        """The end of it."""
        return ClearAlarm(self.alarm_id)


class Answer(Arguments):
    """A person's answer to an open question."""

    prompt_id: Name
    choice: Annotated[str, Field(min_length=1, max_length=200)]

    def command(self) -> Command:
        """The answer."""
        return AnswerPrompt(self.prompt_id, self.choice)


class Earlier(Arguments):
    """Which command is asked about."""

    id: CommandId


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: the class it belongs to, its arguments, and what it tells a machine, or whatever it is about."""

    right: Right
    arguments: type[Arguments] = Arguments
    machine: MachineCommand | None = None
    about: Callable[[str], Command] | None = None

    def command(self, arguments: Arguments) -> Command | None:
        """What is asked for with these arguments; None for a query and for a verb that needs a machine."""
        if self.about is None:
            return arguments.command()
        match arguments:
            case OneOrder(order_id=name) | OneZone(zone=name):
                return self.about(name)
        return self.about("")


def _tells(command: JobCommand) -> Verb:
    return Verb(Right.JOB, OneOrder, about=partial(CommandOrder, command=command))


def _tells_cell(command: CellCommand) -> Verb:
    return Verb(Right.JOB, about=lambda _: CommandCell(command))


VERBS: Final[Mapping[str, Verb]] = {
    "hold": Verb(Right.STOP, machine=MachineCommand.HOLD),
    "halt": Verb(Right.STOP, machine=MachineCommand.ABORT),
    "zone-stop": Verb(Right.STOP, OneZone, about=partial(CommandZone, command=ZoneCommand.STOP)),
    "stop-pressed": Verb(Right.STOP, OneZone, about=partial(ReportStop, pressed=True)),
    "stop-released": Verb(Right.STOP, OneZone, about=partial(ReportStop, pressed=False)),
    "alarm-raise": Verb(Right.STOP, RaiseIt),
    "ping": Verb(Right.QUERY),
    "status": Verb(Right.QUERY),
    "command": Verb(Right.QUERY, Earlier),
    "submit": Verb(Right.JOB, Submit),
    "store": Verb(Right.JOB, Store),
    "order-update": Verb(Right.JOB, Update),
    "order-expedite": Verb(Right.JOB, Expedite),
    "cancel": Verb(Right.JOB, Cancel),
    **{f"order-{command.value}": _tells(command) for command in ORDER_COMMANDS},
    "answer": Verb(Right.JOB, Answer),
    "material-load": Verb(Right.JOB, Load),
    "material-adjust": Verb(Right.JOB, Adjust),
    "tool-change": Verb(Right.JOB, Change),
    "fixture-move": Verb(Right.JOB, Move),
    "setup": Verb(Right.JOB, SetUp),
    "inspect": Verb(Right.JOB, Inspect),
    "disposition": Verb(Right.JOB, Dispose),
    **{f"cell-{command.value}": _tells_cell(command) for command in CellCommand},
    "zone-clear": Verb(Right.MOTION, OneZone, about=partial(CommandZone, command=ZoneCommand.CLEAR)),
    "zone-reset": Verb(Right.MOTION, OneZone, about=partial(CommandZone, command=ZoneCommand.RESET)),
    "alarm-clear": Verb(Right.MOTION, ClearIt),
    "resume": Verb(Right.MOTION, machine=MachineCommand.UNHOLD),
    "clear": Verb(Right.MOTION, machine=MachineCommand.CLEAR),
    "reset": Verb(Right.MOTION, machine=MachineCommand.RESET),
}


class Asked(BaseModel):
    """What every request may carry. `verb` repeats the topic's; other fields are nobody's business here."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    id: CommandId
    verb: Name | None = None
    target: Name | None = None
    args: dict[str, Any] = {}


class Ordered(Asked):
    """What a request may carry that can start a machine; a field that we do not know could mean a condition."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    session: Annotated[str, Field(max_length=64)] = ""
    tick: Annotated[int, Field(ge=0)] | None = None
    if_state: Name | None = None
    if_rev: Annotated[int, Field(ge=0)] | None = None
    deadline_at: Instant = ""
    client: Line = ""


def parse_body(verb: Verb, content: Mapping[str, Any]) -> Asked:
    """The body of a request for this verb. Raises Refused, naming every mistake."""
    bound = verb.right not in (Right.STOP, Right.QUERY)
    return _parsed(Ordered if bound else Asked, content, "")


def parse_arguments(verb: Verb, asked: Asked) -> Arguments:
    """The arguments of a request. Raises Refused, naming every mistake."""
    if verb.right is Right.STOP and verb.machine is not None:
        return Arguments()
    return _parsed(verb.arguments, asked.args, "args.")


def self_description(served: frozenset[Right]) -> dict[str, dict[str, Any]]:
    """Classes, verbs and the JSON schemas of their arguments, for the retained `info`."""
    described: dict[str, dict[str, Any]] = {}
    for name, verb in ((name, verb) for name, verb in VERBS.items() if verb.right in served):
        schema = {"target": "a machine"} if verb.machine else {"args": verb.arguments.model_json_schema()}
        described.setdefault(verb.right.value, {})[name] = schema
    return described


_Model = TypeVar("_Model", bound=BaseModel)


def _parsed(model: type[_Model], content: Mapping[str, Any], where: str) -> _Model:
    try:
        return model.model_validate(content)
    except ValidationError as wrong:
        mistakes = wrong.errors(include_url=False, include_input=False, include_context=False)
        told = (f"{where}{'.'.join(map(str, each['loc']))}: {each['msg']}"[:120] for each in mistakes)
        raise Refused("invalid", "; ".join(list(told)[:MOST_MISTAKES_SHOWN])) from None
