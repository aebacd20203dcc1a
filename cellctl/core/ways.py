"""Which stations can do a step, and by which of its ways. What is ready at this moment is the dispatch's to say."""

from dataclasses import replace
from typing import Final, NamedTuple

from cellctl.core.cell import Cell
from cellctl.domain.work import Job, Operation, OperationKind, Program, Question, Station, Step, Way

DONE: Final = "done"
SCRAP: Final = "scrap"


class Option(NamedTuple):
    """A station that can do a step, and by which of its ways (`number` is its place in `Step.ways`)."""

    station: Station
    number: int
    way: Way


def current_step(cell: Cell, job: Job) -> Step:
    """The step that a job stands before."""
    return cell.orders[job.order_id].directive.steps[job.step]


def options(cell: Cell, step: Step) -> list[Option]:
    """Every station that can do a step, by each way that it can: better ways first.

    A person who would do what a machine has a program for comes after all that is meant to be done so. Shared builds
    are none by themselves: they are taken in the stead of the way for a single part (core.builds).
    """
    found = [
        Option(station, number, way)
        for number, way in enumerate(step.ways)
        for station in cell.plan.by_capability.get(way.capability, ())
        if way.parts == 1 and able(station, way)
    ]
    return sorted(found, key=lambda each: (each.station.attended and each.way.program is not None, each.number))


def able(station: Station, way: Way) -> bool:
    """Whether a station has what a way asks for, whoever may be there and however it is set up."""
    if way.capability not in station.capabilities:
        return False
    if station.attended:
        return way.by_hand or way.program is None
    return way.machine_type in ("", station.type or station.driver)


def fitting(cell: Cell, able: list[Option]) -> list[Option]:
    """Those that the pre-flight check has nothing against; the best way for each station."""
    best: dict[str, Option] = {}
    for each in able:
        if each.station.name not in best and not unfit(cell, each.station, each.way):
            best[each.station.name] = each
    return list(best.values())


def unfit(cell: Cell, station: Station, way: Way) -> str:
    """Why the pre-flight check keeps a program from a station, before the order or by the machine's own account;
    empty if it does not. No program is kept from a person."""
    if station.attended:
        return ""
    status = cell.stations.get(station.name)
    told = status.unfit.get(way.program.sha256, "") if status and way.program else ""
    return told or way.unfit.get(station.name, "")


def program_at(way: Way, station: Station) -> Program | None:
    """Its program, with how long it takes at this station where the pre-flight check knows that."""
    if way.program is None or station.name not in way.estimates_s:
        return way.program
    return replace(way.program, estimated_s=way.estimates_s[station.name])


def way_of(cell: Cell, operation: Operation) -> Way | None:
    """The way of its step that an operation takes; None for one that is for no job's step."""
    job = cell.jobs.get(operation.job_id)
    if job is None or operation.kind is not OperationKind.PROCESS:
        return None
    step = next((each for each in cell.orders[job.order_id].directive.steps if each.name == operation.step), None)
    return step.ways[operation.way] if step and operation.way < len(step.ways) else None


def can(cell: Cell, station: Station, step: Step) -> bool:
    """Whether a step may be done at a station in one of its ways."""
    return any(able(station, way) and not unfit(cell, station, way) for way in step.ways)


def by_a_person(step: Step, way: Way, serial: str) -> Question | None:
    """What a person is asked who does a step; None: whether it is done, in the words of whoever asks."""
    if way.question is not None or not (way.instruction or way.program):
        return way.question
    what = way.instruction or f"A machine would run {way.program.name if way.program else 'nothing'} for it."
    text = f"Do '{step.name}' on {serial} by hand. {what} '{SCRAP}': it did not become what it should."
    return Question(text, (DONE, SCRAP))
