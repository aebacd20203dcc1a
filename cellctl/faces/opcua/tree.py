"""The instances: what stands below Objects/Machines for one machine, or for the cell. Pure data.

Node ids are text and never change: "<machine>.<part>", and "Cell.<part>" for the cell (machine names are lower case).
"""

from collections.abc import Iterator
from typing import Final

from cellctl.faces.opcua.space import OWN
from cellctl.faces.opcua.types import isa95
from cellctl.faces.opcua.types.table import Kind, Method, Node, ObjectType, data_type_of

CELL: Final = "Cell"
MACHINES: Final = "machinery:1001"

# Every variable's data type and value rank is said once: here.
IDENTIFICATION: Final = {
    "Manufacturer": "LocalizedText",
    "SerialNumber": "String",
    "ProductInstanceUri": "String",
    "Model": "LocalizedText",
    "SoftwareRevision": "String",
    "DeviceClass": "String",
    "ComponentName": "LocalizedText",
}
# What the standards have no place for, in the cell's own namespace.
OWN_PARTS: Final = {
    "Driver": "String",
    "Contact": "String",
    "Identity": "String",
    "Reason": "String",
    "Locked": "String",
    "ByHand": "String",
    "OperationId": "String",
    "JobId": "String",
    "Step": "String",
    "EstimatedSeconds": "Double",
    "Progress": "",
    "Progress.Sent": "UInt32",
    "Progress.Acknowledged": "UInt32",
    "Progress.Executed": "UInt32",
    "Progress.Total": "UInt32",
    "Link": "",
    "Link.Warning": "String",
    "Link.Lines": "UInt32",
    "Link.Resends": "UInt32",
    "Link.LostAcknowledgements": "UInt32",
    "Link.GarbageBytes": "UInt32",
    "Link.AckP95Seconds": "Double",
}
CELL_PARTS: Final = {"OpenOrders": "UInt32", "OpenQuestions": "UInt32", "Alarms": "String[]"}
JOB_LISTS: Final = {
    "JobOrderList": "isa95:3015", "WorkMaster": "isa95:3007", "EquipmentID": "String", "MaterialClassID": "String",
    "MaterialDefinitionID": "String", "PersonnelID": "String", "PhysicalAssetID": "String",
}  # fmt: skip
CONTROL: Final = "JobOrderControl"
RESULTS: Final = "JobOrderResults"


def methods_of(number: int) -> dict[str, Method]:
    """The methods of a type of OPC 10031-4 by name."""
    found = next(each for each in isa95.MODEL.types if isinstance(each, ObjectType) and each.number == number)
    return {each.name: each for each in found.members if isinstance(each, Method)}


# The methods of each of the two objects, by name.
METHODS: Final = {CONTROL: methods_of(1002), RESULTS: methods_of(1003)}


def machine_nodes(machine: str) -> list[Node]:
    """Everything of one machine, each after its parent."""
    below = _Below(machine)
    return [*below.common(machine), *below.packml(), *below.own(OWN_PARTS)]


def cell_nodes(name: str) -> list[Node]:
    """Everything of the cell itself."""
    below = _Below(CELL)
    return [*below.common(name), *below.own(CELL_PARTS)]


def further_references(machine: str) -> Iterator[tuple[str, str, str]]:
    """References beside those that made the tree, as (source, type, target)."""
    yield f"{OWN}:{machine}.MachineryBuildingBlocks", "HasAddIn", f"{OWN}:{machine}.Identification"
    yield "ua:2253", "HasNotifier", f"{OWN}:{machine}.{CONTROL}"
    yield f"{OWN}:{machine}.{CONTROL}", "GeneratesEvent", "isa95:1006"


class _Below:
    """Makes nodes with ids below one machine."""

    def __init__(self, machine: str) -> None:
        self._machine = machine

    def common(self, name: str) -> Iterator[Node]:
        """What OPC 40001 has for every machine."""
        yield Node(f"{OWN}:{self._machine}", f"{OWN}:{name}", Kind.OBJECT, MACHINES, "Organizes", of="ua:58")
        yield self._object("Identification", "di:Identification", "machinery:1012", by="HasAddIn")
        for part, data_type in IDENTIFICATION.items():
            yield self._property(f"Identification.{part}", f"di:{part}", data_type, "Identification")
        blocks = "MachineryBuildingBlocks"
        yield self._object(blocks, f"machinery:{blocks}", "ua:61")
        for part, kind in (("MachineryItemState", "machinery:1002"), ("MachineryOperationMode", "machinery:1008")):
            yield self._object(part, f"machinery:{part}", kind, blocks, "HasAddIn")
            yield from self._state(part)
            yield from self._transition(part)
        yield self._object("JobManagement", "jobs:JobManagement", "jobs:1003", blocks, "HasAddIn")
        yield from self._jobs()

    def packml(self) -> Iterator[Node]:
        """The state machines of OPC 30050, and its tags."""
        yield self._object("PackML", f"{OWN}:PackML", "ua:61")
        yield self._variable("PackML.StateCurrent", f"{OWN}:StateCurrent", "Int32", "PackML")
        yield self._variable("PackML.UnitModeCurrent", "packml:UnitModeCurrent", "packml:11", "PackML")
        parent = "PackML"
        for part, number in (("BaseStateMachine", 3), ("MachineState", 2), ("ExecuteState", 1)):
            yield self._object(part, f"packml:{part}", f"packml:{number}", parent)
            yield from self._state(part)
            for what in ("AvailableStates", "AvailableTransitions"):
                yield self._variable(f"{part}.{what}", f"ua:{what}", "NodeId[]", part)
            parent = part

    def own(self, parts: dict[str, str]) -> Iterator[Node]:
        """What the standards have no place for."""
        for part, data_type in parts.items():
            parent, _, name = part.rpartition(".")
            if data_type:
                yield self._variable(part, f"{OWN}:{name}", data_type, parent)
            else:
                yield self._object(part, f"{OWN}:{name}", "ua:58", parent)

    def _state(self, part: str) -> Iterator[Node]:
        here = f"{part}.CurrentState"
        yield self._variable(here, "ua:CurrentState", "LocalizedText", part, of="ua:2760")
        yield self._property(f"{here}.Id", "ua:Id", "NodeId", here)
        yield self._property(f"{here}.Number", "ua:Number", "UInt32", here)

    def _transition(self, part: str) -> Iterator[Node]:
        here = f"{part}.LastTransition"
        yield self._variable(here, "ua:LastTransition", "LocalizedText", part, of="ua:2767")
        yield self._property(f"{here}.Id", "ua:Id", "NodeId", here)
        yield self._property(f"{here}.Number", "ua:Number", "UInt32", here)
        yield self._property(f"{here}.TransitionTime", "ua:TransitionTime", "DateTime", here)

    def _jobs(self) -> Iterator[Node]:
        yield self._object(CONTROL, f"jobs:{CONTROL}", "isa95:1008", "JobManagement")
        # The standard gives the receiver's own state no meaning; the types below it describe those in the list.
        yield self._variable(f"{CONTROL}.CurrentState", "ua:CurrentState", "LocalizedText", CONTROL, of="ua:2760")
        yield self._property(f"{CONTROL}.CurrentState.Id", "ua:Id", "NodeId", f"{CONTROL}.CurrentState")
        for part, data_type in JOB_LISTS.items():
            yield self._variable(f"{CONTROL}.{part}", f"isa95:{part}", f"{data_type}[]", CONTROL)
        most = "MaxDownloadableJobOrders"
        yield self._property(f"{CONTROL}.{most}", f"isa95:{most}", "UInt16", CONTROL)
        yield self._object(RESULTS, f"jobs:{RESULTS}", "isa95:1003", "JobManagement")
        responses = "JobOrderResponseList"
        yield self._variable(f"{RESULTS}.{responses}", f"isa95:{responses}", "isa95:3013[]", RESULTS)
        for part, methods in METHODS.items():
            for method in methods.values():
                yield from self._method(part, method)

    def _method(self, part: str, method: Method) -> Iterator[Node]:
        here = f"{part}.{method.name}"
        yield Node(self._id(here), f"isa95:{method.name}", Kind.METHOD, self._id(part), "HasComponent")
        for name, arguments in (("InputArguments", method.inputs), ("OutputArguments", method.outputs)):
            value = tuple((each.name, data_type_of(each.data_type, "isa95"), each.rank) for each in arguments)
            yield self._property(f"{here}.{name}", f"ua:{name}", "Argument[]", here, value)

    def _object(self, part: str, name: str, of: str, parent: str = "", by: str = "HasComponent") -> Node:
        return Node(self._id(part), name, Kind.OBJECT, self._id(parent), by, of)

    def _property(self, part: str, name: str, data_type: str, parent: str, value: object = None) -> Node:
        return self._variable(part, name, data_type, parent, "ua:68", "HasProperty", value)

    def _variable(
        self,
        part: str,
        name: str,
        data_type: str,
        parent: str,
        of: str = "ua:63",
        by: str = "HasComponent",
        value: object = None,
    ) -> Node:
        rank = 1 if data_type.endswith("[]") else -1
        kind = data_type_of(data_type.removesuffix("[]"), "isa95")
        return Node(
            self._id(part), name, Kind.VARIABLE, self._id(parent), by, of, data_type=kind, rank=rank, value=value
        )

    def _id(self, part: str) -> str:
        return f"{OWN}:{self._machine}.{part}" if part else f"{OWN}:{self._machine}"
