"""The sequencer that avoids change-overs as far as due dates allow.

Built with the ATCS index (Lee, Bhaskaran, Pinedo 1997) from several starts; the best of them is bettered by moving and
swapping jobs and runs of jobs, within a fixed number of steps: the same problem has the same answer on any machine.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import inf
from typing import Final

from cellctl.core.floor import End, Floor, Rows
from cellctl.core.sequencing import Problem, urgency
from cellctl.core.sequencing import Sequence as Plan

# What bettering may cost, in jobs looked at: some milliseconds.
_STEPS: Final = 10_000
# What construction may cost beyond its first start, in jobs times kinds of jobs.
_INDICES: Final = 6_000
# The scaling parameters of the index: how far due dates are looked ahead, and how dear a change-over is.
_SCALES: Final = ((2.0, 0.2), (0.5, 0.2), (2.0, 0.05), (2.0, 1.0), (0.2, 1.0))
# A job without a due date is in as little hurry as one that has so many mean jobs of time.
_NO_HURRY: Final = 6.0
# A second too late counts as much as so many seconds of change-over.
_LATE_COUNTS: Final = 4.0
_LONGEST_BLOCK: Final = 3
# So many jobs are few: the order of arrival is tried, too.
_FEW: Final = 60
# So many starts are bettered.
_BETTERED: Final = 3


def by_set_up(problem: Problem) -> Plan:
    """With as little change-over as the due dates allow; higher priorities first, then parts that are furthest."""
    floor = Floor(problem)
    ends = floor.start()
    rows = floor.kept()
    done = [rows]
    ends = floor.after(ends, rows)
    taken = {number for row in rows for number in row}
    groups: dict[tuple[int, int], list[int]] = {}
    urgent = [urgency(task, problem.now_s) for task in problem.tasks]
    for number, task in enumerate(problem.tasks):
        if number not in taken and floor.work[number]:
            groups.setdefault((urgent[number], task.depth), []).append(number)
    for group in sorted(groups, reverse=True):
        rows = _best(floor, ends, groups[group])
        done.append(rows)
        ends = floor.after(ends, rows)
    return floor.told(done, urgent)


# ---- construction ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Kind:
    """Tasks that are the same to every station but for their times; `queue` is taken from its end."""

    need: dict[int, int]
    queue: list[int]


def _best(floor: Floor, ends: list[End], members: list[int]) -> Rows:
    """The best rows for a group of tasks that can be found in the steps that are allowed."""
    kinds = _kinds(floor, members)
    if not floor.picky(members):
        # Where nothing is set up there is nothing to be saved but lateness, and that the index sees to.
        return _Construction(floor, ends, kinds, members, *_SCALES[0]).rows()
    judge = _Judge(floor, ends, members)
    allowed = max(1, _INDICES // (len(members) * len(kinds)))
    starts = [_Construction(floor, ends, kinds, members, *scales).rows() for scales in _SCALES[:allowed]]
    if len(members) <= _FEW:
        starts.append(_listed(floor, ends, members))
    steps = _STEPS if len(members) <= _FEW else _STEPS // 10
    found = []
    for rows in sorted(starts, key=judge.cost)[:_BETTERED]:
        better, steps = _bettered(judge, rows, steps)
        found.append(better)
    return min(found, key=judge.cost)


def _kinds(floor: Floor, members: list[int]) -> list[_Kind]:
    made: dict[tuple[tuple[int, int], ...], _Kind] = {}
    for number in sorted(members, key=lambda each: _hurry(floor, each), reverse=True):
        need = {station: work[1] for station, work in floor.work[number].items()}
        made.setdefault(tuple(need.items()), _Kind(need, [])).queue.append(number)
    return list(made.values())


def _hurry(floor: Floor, number: int) -> tuple[float, float, int]:
    task = floor.problem.tasks[number]
    return task.due_s, task.since_s, number


def _listed(floor: Floor, ends: Sequence[End], members: list[int]) -> Rows:
    """In order of arrival, each where it is done first: no sequence is worse than this one."""
    ends = [End(end.free_s, end.state) for end in ends]
    rows: Rows = [[] for _ in ends]
    for number in sorted(members, key=lambda each: (floor.problem.tasks[each].since_s, each)):
        station = _soonest(floor, ends, number)
        if station is not None:
            _give(floor, ends, rows, station, number)
    return rows


def _soonest(floor: Floor, ends: Sequence[End], number: int) -> int | None:
    """The station at which a task would be over first; None if no station may be set up for it."""
    best, best_s = None, inf
    for station, (takes_s, need, _) in floor.work[number].items():
        end = ends[station]
        if end.free_s + takes_s >= best_s:
            continue
        change = floor.change(station, end.state, need)
        if change is not None and end.free_s + change[0] + takes_s < best_s - 1e-6:
            best, best_s = station, end.free_s + change[0] + takes_s
    return best


def _give(floor: Floor, ends: Sequence[End], rows: Rows, station: int, number: int) -> None:
    (takes_s, need, _), end = floor.work[number][station], ends[station]
    change_s, end.state = floor.change(station, end.state, need) or (0.0, end.state)
    end.free_s += change_s + takes_s
    rows[station].append(number)


class _Construction:
    """One start: whichever station is free first takes the job with the greatest index, unless another ends it sooner.

    The index is that of ATCS without its weights, which are the same in a group; its logarithm, to be exact.
    """

    def __init__(
        self, floor: Floor, ends: Sequence[End], kinds: Sequence[_Kind], members: list[int], hurry: float, dear: float
    ) -> None:
        self._floor = floor
        self._ends = [End(end.free_s, end.state) for end in ends]
        fresh = [_Kind(kind.need, list(kind.queue)) for kind in kinds]
        self._at = [[kind for kind in fresh if station in kind.need] for station in range(len(ends))]
        times_s = [work[0] for number in members for work in floor.work[number].values()]
        mean_s = max(sum(times_s) / len(times_s), 1.0)
        self._per_hurry = 1.0 / (hurry * mean_s)
        self._per_change = 1.0 / (dear * max(_mean_change_s(floor, ends, kinds), 1.0))
        self._no_hurry_s = _NO_HURRY * mean_s
        self._most = max(work[2] for number in members for work in floor.work[number].values())
        # By station and state: the kinds by their change-over, the shortest first.
        self._by_change: dict[tuple[int, int], list[tuple[float, int, _Kind]]] = {}

    def rows(self) -> Rows:
        """The tasks of every station, in order."""
        made: Rows = [[] for _ in self._ends]
        heap = [(end.free_s, station) for station, end in enumerate(self._ends) if self._at[station]]
        heapify(heap)
        while heap:
            free_s, station = heappop(heap)
            if free_s < self._ends[station].free_s:  # It was given something meanwhile.
                heappush(heap, (self._ends[station].free_s, station))
                continue
            kind, change_s = self._next(station)
            if kind is None:
                continue
            number = kind.queue.pop()
            soonest = _soonest(self._floor, self._ends, number) if change_s else station
            _give(self._floor, self._ends, made, station if soonest is None else soonest, number)
            heappush(heap, (self._ends[station].free_s, station))
        return made

    def _next(self, station: int) -> tuple[_Kind | None, float]:
        """The kind whose most urgent task has the greatest index here, and its change-over."""
        end, work, tasks = self._ends[station], self._floor.work, self._floor.problem.tasks
        best, most, best_s, now_s = None, -inf, 0.0, end.free_s
        for change_s, _, kind in self._kinds(station, end.state):
            dear = change_s * self._per_change
            if self._most - dear <= most:
                break  # No kind with as long a change-over can have a greater index.
            if not kind.queue:
                continue
            number = kind.queue[-1]
            takes_s, _, index = work[number][station]
            slack_s = tasks[number].due_s - takes_s - now_s
            hurry = min(slack_s, self._no_hurry_s) * self._per_hurry if slack_s > 0 else 0.0
            index -= dear + hurry
            if index > most:
                best, most, best_s = kind, index, change_s
        return best, best_s

    def _kinds(self, station: int, state: int) -> list[tuple[float, int, _Kind]]:
        known = self._by_change.get((station, state))
        if known is None:
            changes = [self._floor.change(station, state, kind.need[station]) for kind in self._at[station]]
            kinds = zip(changes, self._at[station], strict=True)
            known = sorted((change[0], number, kind) for number, (change, kind) in enumerate(kinds) if change)
            self._by_change[station, state] = known
        return known


def _mean_change_s(floor: Floor, ends: Sequence[End], kinds: Sequence[_Kind]) -> float:
    """The mean of the change-overs that the stations stand before."""
    found = (floor.change(at, ends[at].state, need) for kind in kinds for at, need in kind.need.items())
    known_s = [change[0] for change in found if change is not None and change[0] > 0]
    return sum(known_s) / len(known_s) if known_s else 0.0


# ---- bettering ---------------------------------------------------------------------------------------------------


class _Judge:
    """What rows cost: seconds of change-over, lateness, and that no station works on long after the others."""

    def __init__(self, floor: Floor, ends: Sequence[End], members: list[int]) -> None:
        self._floor = floor
        self._ends = ends
        self._due_s = [task.due_s for task in floor.problem.tasks]
        least_s = sum(min(floor.work[number].values())[0] for number in members)
        busy_s = sum(end.free_s - floor.problem.now_s for end in ends)
        self._mean_s = max((least_s + busy_s) / max(len(ends), 1), 1.0)

    def cost(self, rows: Rows) -> float:
        """Of all stations."""
        return sum(self.of(station, row) for station, row in enumerate(rows))

    def of(self, station: int, row: Sequence[int]) -> float:
        """Of one station."""
        floor, due_s = self._floor, self._due_s
        known, work = floor.rows[station], floor.work
        now_s, state = self._ends[station].free_s, self._ends[station].state
        changes_s = late_s = 0.0
        for number in row:
            here = work[number].get(station)
            if here is None:
                return inf
            takes_s, need, _ = here
            there = known.get(state)
            change = there[need] if there and need in there else floor.change(station, state, need)
            if change is None:
                return inf
            changes_s += change[0]
            state = change[1]
            now_s += change[0] + takes_s
            if now_s > due_s[number]:
                late_s += now_s - due_s[number]
        busy_s = now_s - floor.problem.now_s
        return changes_s + _LATE_COUNTS * late_s + busy_s * busy_s / self._mean_s


def _bettered(judge: _Judge, rows: Rows, steps: int) -> tuple[Rows, int]:
    """The rows after every move that made them better, and the steps that are left."""
    rows = [list(row) for row in rows]
    costs = [judge.of(station, row) for station, row in enumerate(rows)]
    better = True
    while better and steps > 0:
        better = False
        for changed in _moves(rows):
            steps -= sum(len(row) for row in changed.values())
            new = {station: judge.of(station, row) for station, row in changed.items()}
            better = sum(new.values()) < sum(costs[station] for station in new) - 1e-6
            if better or steps <= 0:
                break
        if better:
            for station, row in changed.items():
                rows[station], costs[station] = row, new[station]
    return rows, steps


def _moves(rows: Rows) -> Iterator[dict[int, list[int]]]:
    """Rows that would change: a block goes elsewhere, or two tasks change places."""
    for station, row in enumerate(rows):
        for length in range(1, _LONGEST_BLOCK + 1):
            for first in range(len(row) - length + 1):
                block, rest = row[first : first + length], row[:first] + row[first + length :]
                yield from _inserted(rows, station, block, rest, first)
        for first in range(len(row)):
            for second in range(first + 1, len(row)):
                swapped = list(row)
                swapped[first], swapped[second] = row[second], row[first]
                yield {station: swapped}


def _inserted(
    rows: Rows, station: int, block: list[int], rest: list[int], first: int
) -> Iterator[dict[int, list[int]]]:
    for place in range(len(rest) + 1):
        if place != first:
            yield {station: rest[:place] + block + rest[place:]}
    for other, row in enumerate(rows):
        if other != station:
            for place in range(len(row) + 1):
                yield {station: rest, other: row[:place] + block + row[place:]}
