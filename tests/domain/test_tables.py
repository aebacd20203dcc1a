"""The two tables that the standards wrote: every pair is either allowed or refused by name."""

import itertools

import pytest

from cellctl.domain import job, machine
from cellctl.domain.errors import NotAllowed
from cellctl.domain.job import JobCommand, JobState, JobSubstate
from cellctl.domain.machine import CLEARED, RUNNING, MachineCommand, MachineState

# ISA-TR88.00.02 as in the OPC UA node set: state, number, SC goes to, commands accepted.
PACKML = """
Aborted       9  -         clear
Aborting      8  Aborted   -
Clearing      1  Stopped   abort
Stopped       2  -         reset abort
Stopping      7  Stopped   abort
Resetting    15  Idle      stop abort
Idle          4  -         start stop abort
Starting      3  Execute   hold stop abort
Execute       6  Completing complete hold suspend stop abort
Holding      10  Held      stop abort
Held         11  -         unhold stop abort
Unholding    12  Execute   hold stop abort
Suspending   13  Suspended hold stop abort
Suspended     5  -         unsuspend hold stop abort
Unsuspending 14  Execute   hold stop abort
Completing   16  Complete  stop abort
Complete     17  -         reset stop abort
"""

JOBS = """
NOT_ALLOWED_TO_START update>NOT_ALLOWED_TO_START start>ALLOWED_TO_START cancel>- abort>ABORTED
ALLOWED_TO_START update>ALLOWED_TO_START revoke-start>NOT_ALLOWED_TO_START begin>RUNNING cancel>- abort>ABORTED
RUNNING pause>INTERRUPTED stop>ENDED finish>ENDED abort>ABORTED
INTERRUPTED resume>RUNNING stop>ENDED abort>ABORTED
ENDED clear>-
ABORTED clear>-
"""

ROWS = {row.split()[0].upper(): row.split()[1:] for row in PACKML.strip().splitlines()}
JOB_ROWS = {row.split()[0]: dict(cell.split(">") for cell in row.split()[1:]) for row in JOBS.strip().splitlines()}


def test_machine_states_carry_the_numbers_of_the_standard() -> None:
    assert {state.name: state.value for state in MachineState} == {name: int(row[0]) for name, row in ROWS.items()}


@pytest.mark.parametrize(("state", "command"), [*itertools.product(MachineState, MachineCommand)])
def test_every_machine_pair_is_allowed_or_refused_by_name(state: MachineState, command: MachineCommand) -> None:
    _, completes_to, *commands = ROWS[state.name]
    allowed = command.value in commands
    if command is MachineCommand.STATE_COMPLETE:
        allowed = completes_to != "-"
    if not allowed:
        with pytest.raises(NotAllowed, match=f"{state.name} cannot {command.value}"):
            machine.after(state, command)
        return
    reached = machine.after(state, command)
    if command is MachineCommand.STATE_COMPLETE:
        assert reached.name == completes_to.upper()


def test_every_machine_state_can_be_reached_from_stopped() -> None:
    seen, frontier = {MachineState.STOPPED}, {MachineState.STOPPED}
    while frontier:
        frontier = {after for (state, _), after in machine.NEXT.items() if state in frontier} - seen
        seen |= frontier
    assert seen == set(MachineState)


def test_abort_works_from_everywhere_in_cleared_and_stop_from_everywhere_in_running() -> None:
    assert {state for state, command in machine.NEXT if command is MachineCommand.ABORT} == CLEARED
    assert {state for state, command in machine.NEXT if command is MachineCommand.STOP} == RUNNING


@pytest.mark.parametrize(("state", "command"), [*itertools.product(JobState, JobCommand)])
def test_every_job_pair_is_allowed_or_refused_by_name(state: JobState, command: JobCommand) -> None:
    row = JOB_ROWS[state.name]
    if command.value not in row:
        with pytest.raises(NotAllowed, match=f"{state.name} cannot {command.value}"):
            job.after(state, command)
        return
    reached = job.after(state, command)
    assert (reached.name if reached else "-") == row[command.value]


def test_every_substate_belongs_to_some_state() -> None:
    assert set().union(*job.SUBSTATES.values()) == set(JobSubstate)
