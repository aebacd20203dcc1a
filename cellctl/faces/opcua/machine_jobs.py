"""The job list of one machine: the operation that it works at, or the last one until the next begins. Pure."""

from typing import Final

from cellctl.core.history import Run
from cellctl.core.view import MachineView
from cellctl.domain.job import JobCommand, JobState, JobSubstate
from cellctl.domain.machine import MachineCommand
from cellctl.domain.work import OperationState
from cellctl.faces.opcua.jobs_port import JobEntry, JobOrder, JobParameter, JobResponse, JobsView, WorkMaster

# What a job method means for the machine itself.
TELLS: Final = {
    JobCommand.PAUSE: MachineCommand.HOLD,
    JobCommand.RESUME: MachineCommand.UNHOLD,
    JobCommand.STOP: MachineCommand.STOP,
    JobCommand.ABORT: MachineCommand.ABORT,
}
_HELD: Final = frozenset({"HOLDING", "HELD"})
_SUSPENDED: Final = frozenset({"SUSPENDING", "SUSPENDED"})
_RESULTS: Final = {OperationState.DONE: 1, OperationState.FAILED: 2, OperationState.NOT_BEGUN: 2}

State = tuple[JobState, JobSubstate]


def state_of(machine: MachineView, run: Run) -> State:
    """The state of an operation as a job of its machine."""
    if machine.operation_id != run.operation.id:
        done = run.state is OperationState.DONE
        return (JobState.ENDED, JobSubstate.COMPLETED) if done else (JobState.ABORTED, JobSubstate.NONE)
    if run.state is OperationState.UNKNOWN:
        return JobState.INTERRUPTED, JobSubstate.NEEDS_CONFIRMATION
    if machine.state in _HELD:
        return JobState.INTERRUPTED, JobSubstate.HELD
    if machine.state in _SUSPENDED:
        return JobState.INTERRUPTED, JobSubstate.SUSPENDED
    if machine.state == "IDLE":
        return JobState.ALLOWED_TO_START, JobSubstate.LOADED
    return JobState.RUNNING, JobSubstate.NONE


def view(machine: MachineView, run: Run | None) -> JobsView:
    """The lists of a machine; it takes no orders of its own."""
    if run is None:
        return JobsView()
    operation, state = run.operation, state_of(machine, run)
    parameters = (JobParameter("SerialNumber", operation.serial), JobParameter("JobName", (operation.step,), text=True))
    master = WorkMaster(operation.program.name if operation.program else operation.step)
    order = JobOrder(operation.id, work_masters=(master,), parameters=parameters)
    over = state[0] in (JobState.ENDED, JobState.ABORTED)
    data = (
        JobParameter("JobResult", _RESULTS.get(run.state, 0) if over else 0),
        JobParameter("Progress", 100 if state[0] is JobState.ENDED else _percent(machine) if not over else 0),
        JobParameter("SerialNumbers", operation.serials),
    )
    end_at = run.span.end_at if over else ""
    response = JobResponse(operation.id, operation.id, *state, run.span.start_at, end_at, data)
    begun = state[0] is not JobState.ALLOWED_TO_START
    return JobsView((JobEntry(order, *state),), (response,) if begun else ())


def _percent(machine: MachineView) -> int:
    """How much of the program is acknowledged, in whole percents: a client need not hear of every line."""
    return 100 * machine.progress.acknowledged // machine.progress.total if machine.progress.total else 0
