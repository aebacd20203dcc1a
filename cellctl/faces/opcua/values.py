"""The values of all variables of a machine, from the CellView. Pure: two views, and what differs is what is written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cellctl.core.view import CellView, MachineView
from cellctl.domain.machine import MachineState
from cellctl.faces.opcua import states
from cellctl.faces.opcua.states import Machine, Shown


@dataclass(frozen=True, slots=True)
class Datum:
    """A value in the words of OPC UA: its built-in type by name, arrays as tuples; a NodeId is "prefix:number".

    `status` is not Good where the value is not known, or is only the last that was.
    """

    type: str
    value: Any
    status: str = "Good"


Values = Mapping[str, Datum]

_INACTIVE: Final = "BadStateNotActive"
_LAST_KNOWN: Final = "UncertainLastUsableValue"
# A number that does not fit is shown as the largest that does.
_UINT32: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Nameplate:
    """Who made a machine, as far as the cell file says it. What the standard makes mandatory is never empty."""

    manufacturer: str
    serial_number: str
    product_instance_uri: str
    model: str = ""
    software_revision: str = ""
    device_class: str = ""


def identification(name: str, plate: Nameplate, software: str) -> Iterator[tuple[str, Datum]]:
    """The properties of Identification; `software` is what the machine itself has said of its firmware."""
    for part, kind, value in (
        ("Manufacturer", "LocalizedText", plate.manufacturer),
        ("SerialNumber", "String", plate.serial_number),
        ("ProductInstanceUri", "String", plate.product_instance_uri),
        ("Model", "LocalizedText", plate.model),
        ("SoftwareRevision", "String", plate.software_revision or software),
        ("DeviceClass", "String", plate.device_class),
        ("ComponentName", "LocalizedText", name),
    ):
        yield f"Identification.{part}", Datum(kind, value)


def machine_values(view: MachineView, plate: Nameplate) -> Values:
    """Every variable of one machine by its part, but for job lists and last transitions."""
    values = dict(identification(view.name, plate, view.identity))
    values.update(_state("MachineryItemState", states.ITEM_STATE, states.item_state(view)))
    values.update(_state("MachineryOperationMode", states.OPERATION_MODE, states.operation_mode(view)))
    values.update(_packml(view))
    values.update(_own(view))
    return values


def cell_values(view: CellView, plate: Nameplate) -> Values:
    """The same of the cell itself."""
    values = dict(identification(view.cell, plate, ""))
    values.update(_state("MachineryItemState", states.ITEM_STATE, states.cell_item_state(view)))
    values.update(_state("MachineryOperationMode", states.OPERATION_MODE, states.cell_operation_mode(view)))
    values["OpenOrders"] = _count(sum(order.state in ("open", "running") for order in view.orders))
    values["OpenQuestions"] = _count(len(view.prompts))
    values["Alarms"] = Datum("String", tuple(view.alarms))
    return values


def last_transition(part: str, kind: Machine, before: int, after: int, at: str) -> Iterator[tuple[str, Datum]]:
    """What is written beside a change from one state to another."""
    shown = kind.transitions.get((before, after))
    if shown is None:
        return
    yield from _shown(f"{part}.LastTransition", shown, "Good")
    yield f"{part}.LastTransition.TransitionTime", Datum("DateTime", at)


def _state(part: str, kind: Machine, number: int | None, status: str = "Good") -> Iterator[tuple[str, Datum]]:
    if number is None:
        for name, each in (("", "LocalizedText"), (".Id", "NodeId"), (".Number", "UInt32")):
            yield f"{part}.CurrentState{name}", Datum(each, None, _INACTIVE)
        return
    yield from _shown(f"{part}.CurrentState", kind.states[number], status)


def _shown(where: str, shown: Shown, status: str) -> Iterator[tuple[str, Datum]]:
    yield where, Datum("LocalizedText", shown.name, status)
    yield f"{where}.Id", Datum("NodeId", shown.id, status)
    yield f"{where}.Number", Datum("UInt32", max(shown.number, 0), status)


def _packml(view: MachineView) -> Iterator[tuple[str, Datum]]:
    status = "Good" if view.contact == "found" else _LAST_KNOWN
    names = ("BaseStateMachine", "MachineState", "ExecuteState")
    for part, kind, number in zip(names, states.PACKML, states.packml_states(view), strict=True):
        yield from _state(part, kind, number, status)
        yield f"{part}.AvailableStates", Datum("NodeId", tuple(shown.id for shown in kind.states.values()))
        yield f"{part}.AvailableTransitions", Datum("NodeId", tuple(shown.id for shown in kind.transitions.values()))
    known = bool(view.state)
    yield (
        "PackML.StateCurrent",
        Datum("Int32", int(MachineState[view.state]) if known else None, status if known else "BadNoDataAvailable"),
    )
    yield "PackML.UnitModeCurrent", Datum("Int32", int(states.unit_mode(view)), status)


def _own(view: MachineView) -> Iterator[tuple[str, Datum]]:
    for part, text in (
        ("Driver", view.driver),
        ("Contact", view.contact),
        ("Identity", view.identity),
        ("Reason", view.reason),
        ("Locked", view.locked),
        ("ByHand", view.by_hand),
        ("OperationId", view.operation_id),
        ("JobId", view.job_id),
        ("Step", view.step),
        ("Link.Warning", view.link_warning),
    ):
        yield part, Datum("String", text)
    yield "EstimatedSeconds", Datum("Double", float(view.estimated_s))
    yield "Progress.Sent", _count(view.progress.sent)
    yield "Progress.Acknowledged", _count(view.progress.acknowledged)
    yield "Progress.Executed", _count(view.progress.executed)
    yield "Progress.Total", _count(view.progress.total)
    yield from _link(view)


def _link(view: MachineView) -> Iterator[tuple[str, Datum]]:
    link = view.link
    counted = {
        "Lines": link.lines if link else None,
        "Resends": link.resends if link else None,
        "LostAcknowledgements": link.lost_acknowledgements if link else None,
        "GarbageBytes": link.garbage_bytes if link else None,
    }
    for part, number in counted.items():
        yield f"Link.{part}", _count(number) if number is not None else Datum("UInt32", None, "BadNoDataAvailable")
    yield (
        "Link.AckP95Seconds",
        Datum("Double", link.ack_p95_s) if link else Datum("Double", None, "BadNoDataAvailable"),
    )


def _count(number: int) -> Datum:
    return Datum("UInt32", min(number, _UINT32))
