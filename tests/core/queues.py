"""Random queues for the sequencer, what an order of their jobs costs, and the exact optimum."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import inf
from random import Random  # noqa: TID251 - seeded

from cellctl.core.cell import Cell, OrderEntry, empty
from cellctl.core.sequencing import Choice, Opening, Problem, Task
from cellctl.core.sequencing import Sequence as Turns
from cellctl.core.setups import Matrix, Setup
from cellctl.core.station import StationStatus
from cellctl.domain.machine import MachineState
from cellctl.domain.work import (
    Changeovers,
    ChangeRule,
    Directive,
    Job,
    Order,
    Plan,
    Program,
    Station,
    Step,
    Way,
)

MINUTE_S = 60.0
MATERIALS, PLATES, JOBS = 4, 3, 10
# The queues of the handbook: a material takes 12 minutes, a plate 6.
CHANGEOVERS = Changeovers((ChangeRule(12 * MINUTE_S, "material"), ChangeRule(6 * MINUTE_S, "plate")), default_s=None)
TIMES = Matrix(CHANGEOVERS, {})


def queue(seed: int, *, due: bool = False) -> Problem:
    """Ten jobs for one station, which is set up for the first that has come."""
    rng = Random(seed)
    setups = [{"material": f"m{rng.randrange(MATERIALS)}", "plate": f"p{rng.randrange(PLATES)}"} for _ in range(JOBS)]
    takes_s = [rng.choice((10, 20, 30, 60)) * MINUTE_S for _ in setups]
    latest_s = sum(takes_s) + JOBS * 13 * MINUTE_S
    tasks = tuple(
        Task(f"job-{number}", (Choice(("m",), takes_s[number], setup),), 0, _due_s(rng, latest_s, due), since_s=number)
        for number, setup in enumerate(setups)
    )
    return Problem(tasks, (Opening("m", 0.0, setups[0]),), TIMES, 0.0)


def _due_s(rng: Random, latest_s: float, due: bool) -> float:
    return rng.uniform(0.4, 1.6) * latest_s if due else inf


def shop(seed: int, jobs: int, stations: int) -> Problem:
    """Many jobs for three kinds of stations: 8 materials x 3 plates, half of the jobs with a due date."""
    rng = Random(seed)
    names = [f"m{number}" for number in range(stations)]
    kinds = (names[: stations * 2 // 5], names[stations * 2 // 5 : stations * 7 // 10], names[stations * 7 // 10 :])
    setups = [{"material": f"m{material}", "plate": f"p{plate}"} for material in range(8) for plate in range(3)]
    tasks = []
    for number in range(jobs):
        takes_s = rng.uniform(10, 120) * MINUTE_S
        due_s = rng.uniform(0.1, 1.5) * jobs / stations * 3600 if rng.random() < 0.5 else inf
        choice = Choice(tuple(rng.choice(kinds)), takes_s, rng.choice(setups))
        tasks.append(Task(f"job-{number}", (choice,), due_s=due_s, since_s=number - jobs))
    openings = tuple(Opening(name, rng.uniform(0, 3600), rng.choice(setups)) for name in names)
    return Problem(tuple(tasks), openings, TIMES, 0.0)


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of change-over and of lateness, all jobs together, and when the last one is over."""

    change_s: float
    late_s: float
    over_s: float


def cost(problem: Problem, plan: Turns) -> Cost:
    """What a plan costs, counted without the help of the sequencer."""
    change_s = late_s = over_s = 0.0
    tasks = {task.id: task for task in problem.tasks}
    for opening in problem.openings:
        now_s, setup = opening.free_s, opening.setup
        for job in sorted((job for job in plan if plan[job].station in ("", opening.station)), key=_rank_in(plan)):
            (choice,) = tasks[job].choices
            took_s = _change_s(setup, choice.setup)
            setup = {**setup, **choice.setup}
            change_s += took_s
            now_s += took_s + choice.takes_s
            late_s += max(now_s - tasks[job].due_s, 0.0)
        over_s = max(over_s, now_s)
    return Cost(change_s, late_s, over_s)


def _rank_in(plan: Turns) -> Callable[[str], tuple[int, int]]:
    return lambda job: (-plan[job].urgency, plan[job].rank)


def least_change_s(problem: Problem) -> float:
    """The exact optimum for one station (Held and Karp): by set of jobs done and the last of them."""
    (opening,) = problem.openings
    setups = [task.choices[0].setup for task in problem.tasks]
    between = [[_change_s(have, need) for need in setups] for have in setups]
    jobs = range(len(setups))
    best = {(1 << job, job): _change_s(opening.setup, setups[job]) for job in jobs}
    for done in range(1, 1 << len(setups)):
        for last in jobs:
            so_far_s = best.get((done, last))
            if so_far_s is None:
                continue
            for job in jobs:
                if not done >> job & 1:
                    key = (done | 1 << job, job)
                    best[key] = min(best.get(key, inf), so_far_s + between[last][job])
    return min(best[(1 << len(setups)) - 1, last] for last in jobs)


def _change_s(have: Setup, need: Setup) -> float:
    change = TIMES.change("m", have, need)
    assert change is not None
    return change.takes_s


def totals(costs: Sequence[Cost]) -> tuple[float, float]:
    """Change-over and lateness of all, in seconds."""
    return sum(each.change_s for each in costs), sum(each.late_s for each in costs)


# Monday, 5 January 2026, 06:00 UTC.
NOW_S = 1767592800.0


def full_cell(seed: int, jobs: int, stations: int) -> Cell:
    """A cell with the stations and jobs of `shop`, each job an order of its own; every station is idle."""
    problem = shop(seed, jobs, stations)
    names: dict[tuple[str, ...], str] = {}
    for task in problem.tasks:
        names.setdefault(task.choices[0].stations, f"can-{len(names)}")
    plan = {
        opening.station: Station(
            opening.station,
            "marlin",
            tuple(name for group, name in names.items() if opening.station in group),
            ("bed",),
            setup=opening.setup,
        )
        for opening in problem.openings
    }
    idle = {
        name: StationStatus(MachineState.IDLE, contact="found", setup=station.setup) for name, station in plan.items()
    }
    cell = replace(empty(Plan("full", plan, changeovers=CHANGEOVERS)), stations=idle)
    orders, waiting = {}, {}
    for number, task in enumerate(problem.tasks):
        (choice,) = task.choices
        way = Way(names[choice.stations], Program("aa", "base", 9, choice.takes_s), setup=dict(choice.setup))
        due_at = "" if task.due_s == inf else datetime.fromtimestamp(NOW_S + task.due_s, UTC).isoformat()
        order = Order(task.id, "plate", "A", {}, due_at=due_at, accepted_at="2026-01-05T05:00:00.000Z")
        orders[order.id] = OrderEntry(order, Directive("plate", "A", {}, (Step("print", (way,)),)))
        waiting[task.id] = Job(task.id, order.id, f"plate-A-{number:05d}")
    return replace(cell, orders=orders, jobs=waiting)
