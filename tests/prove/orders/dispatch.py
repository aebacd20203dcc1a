"""Dispatch: change-over saved, how near to the exact optimum, how quickly, and a reason for every job that waits."""

from collections.abc import Iterator
from random import Random
from statistics import median
from time import process_time

from cellctl.core import agenda, dispatch
from cellctl.core.invariants import broken
from cellctl.core.sequencing import first_come
from cellctl.core.set_up_aware import by_set_up
from cellctl.domain.work import Operation
from tests.core.queues import NOW_S, cost, full_cell, least_change_s, queue, totals
from tests.core.shop import Shop
from tests.core.test_changeover import BLACK, WHITE, do, plan
from tests.prove.claims import Claim

QUEUES, REPLANS, DAYS, DOINGS = 300, 15, 60, 80


def claims(queues: int = QUEUES, days: int = DAYS) -> Iterator[Claim]:
    """Each as it is measured."""
    yield from _plain_queues(list(range(queues)))
    yield from _due_queues(list(range(queues)))
    yield _replanned()
    yield _reasons(days)


def _plain_queues(seeds: list[int]) -> Iterator[Claim]:
    problems = [queue(seed) for seed in seeds]
    ours, _ = totals([cost(problem, by_set_up(problem)) for problem in problems])
    theirs, _ = totals([cost(problem, first_come(problem)) for problem in problems])
    least = sum(map(least_change_s, problems))
    saved, above = 1 - ours / theirs, ours / least - 1
    figure = f"{saved:.1%} of {theirs / 60 / len(seeds):.1f} min a queue"
    yield Claim("dispatch: set-up saved against arrival order", figure, ">= 40 %", saved >= 0.4)
    figure = f"{above:.1%} above, {len(seeds)} queues"
    yield Claim("dispatch: above the exact optimum (Held-Karp)", figure, "<= 3 %", above <= 0.03)


def _due_queues(seeds: list[int]) -> Iterator[Claim]:
    problems = [queue(seed, due=True) for seed in seeds]
    ours = [cost(problem, by_set_up(problem)) for problem in problems]
    theirs = [cost(problem, first_come(problem)) for problem in problems]
    (change_s, late_s), (before_s, later_s) = totals(ours), totals(theirs)
    saved = 1 - change_s / before_s
    yield Claim("dispatch: set-up saved with due dates", f"{saved:.1%}", ">= 40 %", saved >= 0.4)
    worse = sum(mine.late_s > other.late_s + 1e-6 for mine, other in zip(ours, theirs, strict=True))
    minutes = f"{late_s / 60 / len(seeds):.1f} against {later_s / 60 / len(seeds):.1f} min"
    figure = f"{minutes}, {worse} queues worse"
    yield Claim("dispatch: lateness, against arrival order", figure, "no more", late_s <= later_s)


def replanned_ms(rounds: int = REPLANS) -> list[float]:
    """CPU milliseconds in which 1,000 open jobs on 20 stations are thought out anew, from the cell to its schedule."""
    found = []
    for seed in range(rounds):
        cell = full_cell(seed, 1000, 20)
        jobs = dispatch.waiting(cell)
        began_s = process_time()
        agenda.thought_out(cell, jobs, NOW_S)
        found.append((process_time() - began_s) * 1000)
    return found


def _replanned() -> Claim:
    value = median(replanned_ms())
    figure = f"{value:.0f} ms CPU, median"
    return Claim("dispatch: 1,000 jobs on 20 machines re-planned", figure, "<= 50 ms", value <= 50)


def _reasons(days: int) -> Claim:
    """Random days of a shop that changes over: jobs that wait, and those of them that no reason was given for."""
    waited = mute = 0
    for seed in range(days):
        rng = Random(seed)
        floor = Shop(plan(BLACK, {**WHITE, "plate": "smooth"}, {}, sequencer=rng.choice(("set-up", "first-come"))))
        floor.wake()
        for _ in range(DOINGS):
            what = rng.choice(("order", "work", "work", "answer", "answer", "lose", "find"))
            value = (
                rng.choice((BLACK, WHITE, {"plate": "rough"}, {"nozzle": "1"}))
                if what == "order"
                else rng.random() < 0.9
            )
            do(floor, what, value, rng.randrange(3))
            mute += len(broken(floor.cell))
            for job in dispatch.waiting(floor.cell):
                answer = dispatch.next_operation(floor.cell, job)
                waited += 1
                mute += isinstance(answer, Operation) or not answer or not all(each.sentence for each in answer)
    return Claim("dispatch: waiting jobs without a reason", f"{mute} of {waited}", "0", mute == 0)
