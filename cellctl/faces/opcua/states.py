"""What a machine is, in the words of OPC 40001-1 and OPC 30050. Pure; from the CellView alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from cellctl.core.view import CellView, MachineView
from cellctl.domain.machine import CLEARED, MachineState
from cellctl.domain.machine import RUNNING as RUNNING_STATES
from cellctl.faces.opcua.types import machinery, packml
from cellctl.faces.opcua.types.table import Model, ObjectType, State, Transition


class ItemState(IntEnum):
    """MachineryItemState; the value is the StateNumber."""

    NOT_AVAILABLE = 0
    OUT_OF_SERVICE = 1
    NOT_EXECUTING = 2
    EXECUTING = 3


class OperationMode(IntEnum):
    """MachineryOperationMode; the value is the StateNumber. Set-up is part of programs, so there is none here."""

    NONE = 0
    MAINTENANCE = 1
    SETUP = 2
    PROCESSING = 3


class UnitMode(IntEnum):
    """PackML's UnitModeCurrent, as ProductionMaintenanceModeEnum has it."""

    INVALID = 0
    PRODUCE = 1
    MAINTENANCE = 2
    MANUAL = 3


@dataclass(frozen=True, slots=True)
class Shown:
    """A state or a transition as a type has it: its node, its name and its number (-1: it has none)."""

    id: str
    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Machine:
    """A state machine type: its states by number, and its transitions by the states between which they lead."""

    states: Mapping[int, Shown]
    transitions: Mapping[tuple[int, int], Shown]


# Faults and stops by a person's hand; a stop by command only waits for its reset.
_OUT: Final = frozenset({"ABORTING", "ABORTED", "CLEARING"})
_EXECUTING: Final = frozenset({"STARTING", "EXECUTE", "COMPLETING"})


def item_state(machine: MachineView) -> ItemState:
    """What the machine does: executing is work that goes on, not a pause."""
    if _unseen(machine):
        return ItemState.NOT_AVAILABLE
    if machine.state in _OUT:
        return ItemState.OUT_OF_SERVICE
    return ItemState.EXECUTING if machine.state in _EXECUTING else ItemState.NOT_EXECUTING


def _unseen(machine: MachineView) -> bool:
    return machine.contact != "found" or not machine.state


def operation_mode(machine: MachineView) -> OperationMode:
    """What it does that for: an order, or a person who works on it by hand."""
    if _unseen(machine):
        return OperationMode.NONE
    if machine.by_hand:
        return OperationMode.MAINTENANCE
    return OperationMode.PROCESSING if machine.job_id else OperationMode.NONE


def cell_item_state(view: CellView) -> ItemState:
    """The cell is what the best of its machines is: it executes as long as one does."""
    return max(map(item_state, view.machines), default=ItemState.NOT_AVAILABLE)


def cell_operation_mode(view: CellView) -> OperationMode:
    """The cell works for orders as long as one machine does."""
    return max(map(operation_mode, view.machines), default=OperationMode.NONE)


def unit_mode(machine: MachineView) -> UnitMode:
    """By hand it is in manual mode; a machine that was never heard is in none."""
    if machine.contact == "never":
        return UnitMode.INVALID
    return UnitMode.MANUAL if machine.by_hand else UnitMode.PRODUCE


def packml_states(machine: MachineView) -> Sequence[int | None]:
    """State numbers of the base, machine and execute state machines; None where one is not active."""
    if not machine.state:
        return None, None, None
    state = MachineState[machine.state]
    if state in RUNNING_STATES:
        return _CLEARED_NUMBER, _RUNNING_NUMBER, int(state)
    if state in CLEARED:
        return _CLEARED_NUMBER, int(state), None
    return int(state), None, None


def _machine(model: Model, number: int) -> Machine:
    found = next(each for each in model.types if isinstance(each, ObjectType) and each.number == number)
    states = {each.number: each for each in found.members if isinstance(each, State)}
    return Machine(
        {
            each.state_number: Shown(f"{model.prefix}:{each.number}", each.name, each.state_number)
            for each in states.values()
        },
        {
            (states[each.source].state_number, states[each.target].state_number): Shown(
                f"{model.prefix}:{each.number}", each.name, each.transition_number
            )
            for each in found.members
            if isinstance(each, Transition)
        },
    )


ITEM_STATE: Final = _machine(machinery.MODEL, 1002)
OPERATION_MODE: Final = _machine(machinery.MODEL, 1008)
# Outermost first: the base state machine, what is inside Cleared, what is inside Running.
PACKML: Final = tuple(_machine(packml.MODEL, number) for number in (3, 2, 1))
_CLEARED_NUMBER: Final = next(each.number for each in PACKML[0].states.values() if each.name == "Cleared")
_RUNNING_NUMBER: Final = next(each.number for each in PACKML[1].states.values() if each.name == "Running")
