"""The machines of the OPC UA battery: a twin each, its keys in the cell file, and what must be so when it is told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cellctl_sim.opcua.jobs import JobResult
from cellctl_sim.opcua.machine_tool import MachineTool
from cellctl_sim.opcua.twin import NodeTwin
from cellctl_sim.world import World
from tests.sim.opcua_scene import PLACES, handshake, machine_tool, robot

# Of a value as it was heard: whether it allows a start.
Fits = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Yard:
    """A kind of machine. `asks`: the requests that faults wait for; `values`: the beginnings of values' names.

    `commands`: what may be sent once only, and only while every one of `inputs` (ends of paths) was just heard to be
    as it must be; `begins`: the one that starts it.
    """

    twin: Callable[[World], NodeTwin]
    keys: Mapping[str, Any]
    begins: tuple[str, Any]
    commands: Sequence[str]
    asks: Sequence[str]
    values: Sequence[str]
    inputs: Mapping[str, Fits]
    resident: str = ""
    lasts_s: float = 50.0

    def is_done(self, device: NodeTwin, around: World) -> bool:
        """The truth: the part is where it was to be brought, or its program came to its own end."""
        if not isinstance(device, MachineTool):
            return around.part_at(PLACES[1]) is not None
        return any(job.result is JobResult.SUCCESSFUL for job in device._jobs.jobs.values())


def _is(wanted: bool | int) -> Fits:
    return lambda value: type(value) is type(wanted) and value == wanted


def _resting_and_free(word: Any) -> bool:
    """Of the status word: external, stop chain closed; not busy, no fault, no protective stop."""
    return type(word) is int and word & 0b11_1101 == 0b01_1000


YARDS: Final[Mapping[str, Yard]] = {
    "robotics": Yard(
        robot,
        {"profile": "robotics-1.02", "parameters": {"namespace": "urn:cellctl:sim:robot"}},
        ("Start", None),
        ("UnloadProgram", "LoadByName", "Start"),
        ("call LoadByName", "call Start", "read"),
        ("OperationalMode", "EmergencyStop", "ProtectiveStop", "Number", "GripperHoldsPart", "TaskProgram", "Program"),
        {
            "OperationalMode": _is(4),
            "EmergencyStop": _is(False),
            "ProtectiveStop": _is(False),
            "TaskControlStateMachine/CurrentState/Number": lambda value: type(value) is int and value in (1, 2),
        },
    ),
    "handshake": Yard(
        lambda around: handshake(around, style="bits"),
        {
            "profile": "handshake",
            "parameters": {"namespace": "urn:cellctl:sim:plc"},
            "carries": {f"{PLACES[0]}>{PLACES[1]}": 1},
        },
        ("Start", True),
        ("ProgramNumber", "Start"),
        ("write ProgramNumber", "write Start", "write CellLife", "read"),
        ("Busy", "Done", "Fault", "External", "StopChain", "ProtectiveStop", "StartAck", "Program", "MachineLife"),
        {
            "External": _is(True),
            "StopChainClosed": _is(True),
            "ProtectiveStop": _is(False),
            "Fault": _is(False),
            "Busy": _is(False),
        },
    ),
    "words": Yard(
        lambda around: handshake(around, style="array"),
        {
            "profile": "handshake-words",
            "parameters": {"namespace": "urn:cellctl:sim:plc"},
            "carries": {f"{PLACES[0]}>{PLACES[1]}": 1},
        },
        ("i=302[0]", True),
        ("i=304[0]", "i=302[0]"),
        ("write HoldingRegisters", "write Coils", "read"),
        ("Coils", "InputRegisters", "HoldingRegisters", "Status"),
        {"i=306": _resting_and_free},
    ),
    "jobs": Yard(
        machine_tool,
        {"profile": "machinery-jobs", "parameters": {"namespace": "urn:cellctl:sim:cnc"}},
        ("StoreAndStart", None),
        ("StoreAndStart",),
        ("call StoreAndStart", "read"),
        ("Number", "JobOrderList", "JobOrderResponseList", "Mode"),
        {
            "MachineryItemState/CurrentState/Number": lambda value: type(value) is int and value in (2, 3),
            "MachineryOperationMode/CurrentState/Number": _is(3),
        },
        resident="nameplate",
        lasts_s=62.0,
    ),
}
