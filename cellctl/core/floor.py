"""A sequencing problem in numbers: what the set-up aware sequencer counts with."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log

from cellctl.core.sequencing import Choice, Problem, Setup, Turn
from cellctl.core.sequencing import Sequence as Plan

# For each station the tasks that it does, in order.
Rows = list[list[int]]
# A task at a station: how long it takes, the need by its index, and the logarithm of one over its time.
_Work = tuple[float, int, float]
# What is to be done for a need: seconds, and the state after it; None where it is not done.
_Change = tuple[float, int] | None


@dataclass(slots=True)
class End:
    """A station after all that it has been given: when that is over, and how it is set up then."""

    free_s: float
    state: int


class Floor:
    """A problem in numbers: stations, needs and states of set-up by index; every change-over is looked up once."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._names = {opening.station: number for number, opening in enumerate(problem.openings)}
        self._needs = _Numbered()
        self._states = _Numbered()
        self._next: dict[tuple[int, int], int] = {}
        self._one_s: list[dict[tuple[str, str, str], float | None]] = [{} for _ in problem.openings]
        # By station and state: by need. Stations that are alike have the same.
        shared: dict[object, dict[int, dict[int, _Change]]] = {}
        alike = [problem.times.alike(opening.station) for opening in problem.openings]
        self.rows = [shared.setdefault(each, {}) for each in alike]
        # By task: what it is at each station that can do it.
        self.work = self._all_work()

    def _all_work(self) -> list[dict[int, _Work]]:
        known: dict[int, int] = {}  # Many choices hold the same mapping.
        made = []
        for task in self.problem.tasks:
            here: dict[int, _Work] = {}
            for choice in task.choices:
                need = known.get(id(choice.setup))
                if need is None:
                    known[id(choice.setup)] = need = self._needs.number(choice.setup)
                self._add(here, choice, need)
            made.append(here)
        return made

    def _add(self, here: dict[int, _Work], choice: Choice, need: int) -> None:
        usual = choice.takes_s, need, -log(choice.takes_s + 1.0)
        for name in choice.stations:
            station = self._names.get(name)
            if station is None or station in here:
                continue
            takes_s = choice.by_station_s.get(name, 0.0)
            here[station] = (takes_s, need, -log(takes_s + 1.0)) if takes_s else usual

    def picky(self, members: Iterable[int]) -> bool:
        """Whether any of these tasks needs a station to be set up in some way."""
        needs = {need for number in members for _, need, _ in self.work[number].values()}
        return any(self._needs.values[need] for need in needs)

    def start(self) -> list[End]:
        """The stations as they are."""
        now_s = self.problem.now_s
        return [End(max(each.free_s, now_s), self._states.number(each.setup)) for each in self.problem.openings]

    def change(self, station: int, state: int, need: int) -> _Change:
        """Seconds and state after a change-over; None: it is not done."""
        rows = self.rows[station]
        row = rows.get(state)
        if row is None:
            rows[state] = row = {}
        if need not in row:
            row[need] = self._change(station, state, need)
        return row[need]

    def _change(self, station: int, state: int, need: int) -> _Change:
        have, known, parallel = self._states.values[state], self._one_s[station], self.problem.times.parallel
        together_s = 0.0
        for name, value in self._needs.values[need].items():
            before = have.get(name, "")
            if before == value:
                continue
            each = name, before, value
            if each not in known:
                known[each] = self.problem.times.one_s(self.problem.openings[station].station, *each)
            took_s = known[each]
            if took_s is None:
                return None
            together_s = max(together_s, took_s) if parallel else together_s + took_s
        after = self._next.get((state, need))
        if after is None:
            self._next[state, need] = after = self._states.number({**have, **self._needs.values[need]})
        return together_s, after

    def kept(self) -> Rows:
        """What a person prepares a station for stays its next, and behind that what is frozen there."""
        numbers = {task.id: number for number, task in enumerate(self.problem.tasks)}
        rows: Rows = [[] for _ in self.problem.openings]
        for station, (opening, end) in enumerate(zip(self.problem.openings, self.start(), strict=True)):
            state = end.state
            for name in (opening.promised, *opening.frozen):
                number = numbers.pop(name, None)
                here = None if number is None else self.work[number].get(station)
                change = self.change(station, state, here[1]) if here else None
                if number is not None and (change or name == opening.promised) and here:
                    rows[station].append(number)
                    state = change[1] if change else state
        return rows

    def after(self, ends: Sequence[End], rows: Rows) -> list[End]:
        """The stations after these rows."""
        made = []
        for station, row in enumerate(rows):
            free_s, state = ends[station].free_s, ends[station].state
            for number in row:
                takes_s, need, _ = self.work[number][station]
                change_s, state = self.change(station, state, need) or (0.0, state)
                free_s += change_s + takes_s
            made.append(End(free_s, state))
        return made

    def told(self, done: Sequence[Rows], urgent: Sequence[int]) -> Plan:
        """The sequence, by task: all of one group before the next, and in a group by when each begins.

        `urgent`: how urgent each task is.
        """
        ends, ordered = self.start(), []
        for group, rows in enumerate(done):
            for station, row in enumerate(rows):
                for number in row:
                    (takes_s, need, _), end = self.work[number][station], ends[station]
                    change_s, end.state = self.change(station, end.state, need) or (0.0, end.state)
                    ordered.append((group, end.free_s, number, station, change_s))
                    end.free_s += change_s + takes_s
        openings, tasks = self.problem.openings, self.problem.tasks
        turns = {}
        for rank, (_, begins_s, number, station, change_s) in enumerate(sorted(ordered)):
            name, at = tasks[number].id, openings[station]
            turns[name] = Turn(rank, urgent[number], at.station, begins_s, change_s, name in at.frozen)
        return turns


class _Numbered:
    """Mappings by number: equal ones have the same."""

    def __init__(self) -> None:
        self.values: list[Setup] = []
        self._numbers: dict[tuple[tuple[str, str], ...], int] = {}

    def number(self, value: Setup) -> int:
        """Its number, as before or the next one."""
        key = tuple(sorted(value.items()))
        number = self._numbers.get(key)
        if number is None:
            self._numbers[key] = number = len(self.values)
            self.values.append(value)
        return number
