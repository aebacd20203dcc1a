"""Job orders as structures of OPC 10031-4, and back. What a client sends is checked here, before anybody sees it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from asyncua import ua

from cellctl.domain.job import JobState, JobSubstate
from cellctl.faces.opcua.jobs_port import JobEntry, JobOrder, JobParameter, JobResponse, Value, WorkMaster
from cellctl.faces.opcua.space import Space
from cellctl.faces.opcua.structures import CLASSES, Malformed, pack, unpack
from cellctl.faces.opcua.types import isa95
from cellctl.faces.opcua.types.table import ObjectType, State

PARAMETER: Final = "isa95:3003"
STATE: Final = "isa95:3006"
WORK_MASTER: Final = "isa95:3007"
ORDER: Final = "isa95:3008"
RESPONSE: Final = "isa95:3013"
ENTRY: Final = "isa95:3015"

# Fields of a job order that cellctl does nothing with: whoever fills them is told so.
_OTHER: Final = (
    "PersonnelRequirements",
    "EquipmentRequirements",
    "PhysicalAssetRequirements",
    "MaterialRequirements",
)
# The sub state machine of each state that has one: where it hangs, and its type.
_SUBSTATES: Final[Mapping[JobState, tuple[str, int]]] = {
    JobState.NOT_ALLOWED_TO_START: ("NotAllowedToStartSubstates", 1001),
    JobState.ALLOWED_TO_START: ("AllowedToStartSubstates", 1001),
    JobState.INTERRUPTED: ("InterruptedSubstates", 1007),
    JobState.ENDED: ("EndedSubstates", 1005),
}


def _state_numbers(number: int) -> dict[str, int]:
    found = next(each for each in isa95.MODEL.types if isinstance(each, ObjectType) and each.number == number)
    return {each.name: each.state_number for each in found.members if isinstance(each, State)}


_STATE_NAMES: Final = {number: name for name, number in _state_numbers(1002).items()}
_SUBSTATE_NUMBERS: Final = {kind: _state_numbers(kind) for kind in (1001, 1005, 1007)}


class JobStructures:
    """Translates for one server, which has given the structures' namespaces their indexes."""

    def __init__(self, space: Space) -> None:
        self._space = space

    def entry(self, entry: JobEntry) -> ua.ExtensionObject:
        """One line of JobOrderList."""
        whole = CLASSES[ENTRY](JobOrder=_order(entry.order), State=self._states(entry.state, entry.substate))
        return self._packed(ENTRY, whole)

    def order(self, order: JobOrder) -> ua.ExtensionObject:
        """A job order by itself, as events carry it."""
        return self._packed(ORDER, _order(order))

    def states(self, state: JobState, substate: JobSubstate) -> list[ua.ExtensionObject]:
        """A state by itself: the top level state first, then what it is in detail."""
        return [self._packed(STATE, each) for each in self._states(state, substate)]

    def response(self, response: JobResponse | None) -> ua.ExtensionObject:
        """A job response; an empty one where there is none, which its JobOrderID shows."""
        if response is None:
            return self._packed(RESPONSE, CLASSES[RESPONSE](JobResponseID="", JobOrderID=""))
        made = CLASSES[RESPONSE](
            JobResponseID=response.id,
            JobOrderID=response.order_id,
            StartTime=_instant(response.start_at),
            EndTime=_instant(response.end_at),
            JobState=self._states(response.state, response.substate),
            JobResponseData=[_parameter(each) for each in response.data] or None,
        )
        return self._packed(RESPONSE, made)

    def work_master(self, master: WorkMaster) -> ua.ExtensionObject:
        """One line of WorkMaster."""
        return self._packed(WORK_MASTER, _work_master(master))

    def read_order(self, sent: Any) -> JobOrder:
        """The job order that a client has sent. Raises Malformed."""
        found = unpack(ORDER, sent, self._space.encoding(ORDER))
        if not isinstance(found.JobOrderID, str):
            raise Malformed("JobOrderID is missing")
        return JobOrder(
            id=found.JobOrderID,
            description=_first_text(found.Description),
            work_masters=tuple(_read_work_master(each) for each in found.WorkMasterID or ()),
            start_at=_utc(found.StartTime),
            end_at=_utc(found.EndTime),
            priority=found.Priority,
            parameters=tuple(_read_parameter(each) for each in found.JobOrderParameters or ()),
            other=tuple(name for name in _OTHER if getattr(found, name)),
        )

    def read_state(self, sent: Any) -> JobState:
        """The state that a client asks for; of substates only the top level counts. Raises Malformed."""
        found = unpack(STATE, sent, self._space.encoding(STATE))
        try:
            return JobState(found.StateNumber)
        except ValueError:
            raise Malformed(f"there is no job state {found.StateNumber}") from None

    def _states(self, state: JobState, substate: JobSubstate) -> list[Any]:
        made = [CLASSES[STATE](ua.RelativePath(), ua.LocalizedText(_STATE_NAMES[state]), ua.UInt32(int(state)))]
        # Held/NeedsConfirmation is ours; to the standard it is Held.
        name = substate.value.partition("/")[0]
        where, kind = _SUBSTATES.get(state, ("", 0))
        number = _SUBSTATE_NUMBERS[kind].get(name) if kind else None
        if number is not None:
            made.append(CLASSES[STATE](self._path(where), ua.LocalizedText(name), ua.UInt32(number)))
        return made

    def _path(self, name: str) -> ua.RelativePath:
        element = ua.RelativePathElement()
        element.ReferenceTypeId = self._space.id("ua:47")
        element.IncludeSubtypes = True  # type: ignore[assignment]
        element.TargetName = self._space.name(f"isa95:{name}")
        return ua.RelativePath([element])

    def _packed(self, data_type: str, value: Any) -> ua.ExtensionObject:
        return pack(value, self._space.encoding(data_type))


def _order(order: JobOrder) -> Any:
    return CLASSES[ORDER](
        JobOrderID=order.id,
        Description=_texts(order.description),
        WorkMasterID=[_work_master(each) for each in order.work_masters] or None,
        StartTime=_instant(order.start_at),
        EndTime=_instant(order.end_at),
        Priority=order.priority,
        JobOrderParameters=[_parameter(each) for each in order.parameters] or None,
    )


def _work_master(master: WorkMaster) -> Any:
    parameters = [_parameter(each) for each in master.parameters] or None
    return CLASSES[WORK_MASTER](ID=master.id, Description=_text(master.description), Parameters=parameters)


def _parameter(parameter: JobParameter) -> Any:
    return CLASSES[PARAMETER](
        ID=parameter.id, Value=_variant(parameter.value, parameter.text), Description=_texts(parameter.description)
    )


def _variant(value: Value, text: bool) -> ua.Variant:
    if isinstance(value, tuple):
        if text:
            return ua.Variant([ua.LocalizedText(each) for each in value], ua.VariantType.LocalizedText)
        return ua.Variant(list(value), ua.VariantType.String)
    if isinstance(value, str):
        return ua.Variant(ua.LocalizedText(value)) if text else ua.Variant(value, ua.VariantType.String)
    # A bool is an int, too.
    kind = {bool: ua.VariantType.Boolean, int: ua.VariantType.Int64, float: ua.VariantType.Double}[type(value)]
    return ua.Variant(value, kind)


def _read_parameter(found: Any) -> JobParameter:
    if not isinstance(found.ID, str):
        raise Malformed("a parameter has no ID")
    value = found.Value.Value if found.Value is not None else None
    return JobParameter(found.ID, _read_value(found.ID, value), _first_text(found.Description))


def _read_value(name: str, value: Any) -> Value:
    if isinstance(value, list):
        texts = tuple(_read_text(each) for each in value)
        if all(isinstance(each, str) for each in texts):
            return texts
    plain = _read_text(value)
    if isinstance(plain, str | int | float):
        return plain
    raise Malformed(f"parameter {name}: a value of this type is not taken")


def _read_text(value: Any) -> Any:
    return (value.Text or "") if isinstance(value, ua.LocalizedText) else value


def _read_work_master(found: Any) -> WorkMaster:
    if not isinstance(found.ID, str):
        raise Malformed("a work master has no ID")
    description = found.Description.Text if isinstance(found.Description, ua.LocalizedText) else ""
    return WorkMaster(found.ID, description or "", tuple(_read_parameter(each) for each in found.Parameters or ()))


def _text(text: str) -> ua.LocalizedText | None:
    return ua.LocalizedText(text) if text else None


def _texts(text: str) -> list[ua.LocalizedText] | None:
    return [ua.LocalizedText(text)] if text else None


def _first_text(texts: Sequence[ua.LocalizedText] | None) -> str:
    return (texts[0].Text or "") if texts else ""


def _instant(at: str) -> datetime | None:
    return datetime.fromisoformat(at) if at else None


def _utc(at: datetime | None) -> str:
    if at is None:
        return ""
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()
