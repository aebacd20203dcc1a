"""The serial figures: how fast, how cheap, how punctual and how flat, each beside its peers in the same round."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import quantiles
from typing import Final

from benchmarks import fleet, hosts, memory, runs
from benchmarks.boards import PACED_US, Board
from benchmarks.figures import Figure, Goal, at_least, at_most
from benchmarks.hosts import Host
from benchmarks.quiet import Patience
from benchmarks.runs import Run

_GRBL: Final = (Board("m1", "grbl"),)
_GRBLHAL: Final = (Board("m1", "grbl", rx_bytes=1024),)
_MARLIN: Final = (Board("m1", "marlin"),)
_ONE_PACED: Final = (Board("m1", "grbl", block_us=PACED_US),)

# More moves than the fastest host sends from its start to the end of the window, per second of both.
_FAST: Final = 150_000
_WINDOW_1: Final = 30_000
_SLOW: Final = 8_000
_START_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Contest:
    """One task, and the hosts that do it side by side, each with how many moves a second it may need."""

    name: str
    boards: Sequence[Board]
    hosts: Mapping[str, tuple[Host, int]]


CONTESTS: Final = (
    Contest(
        "grbl",
        _GRBL,
        {
            "cellctl": (hosts.cellctl, _FAST),
            "bare_asyncio": (hosts.bare_asyncio, _FAST),
            "bare_pyserial": (hosts.bare_pyserial, _FAST),
        },
    ),
    Contest("grblhal", _GRBLHAL, {"cellctl": (hosts.cellctl, _FAST), "bare_asyncio": (hosts.bare_asyncio, 2 * _FAST)}),
    Contest(
        "marlin",
        _MARLIN,
        {
            "cellctl": (hosts.cellctl, _WINDOW_1),
            "printrun": (hosts.printrun, _SLOW),
            "octoprint": (hosts.octoprint, _SLOW),
            "bare_pyserial": (hosts.bare_pyserial, _WINDOW_1),
            "bare_asyncio": (hosts.bare_asyncio, _WINDOW_1),
            "bare_c": (hosts.bare_c, 2 * _WINDOW_1),
        },
    ),
    Contest("one_at_400", _ONE_PACED, {"cellctl": (hosts.cellctl, 400)}),
)
INSTALLED_PEERS: Final = frozenset({"printrun", "octoprint"})


@dataclass(frozen=True, slots=True)
class Settings:
    """How long and how often; `peers`: whether Printrun and OctoPrint take part. `large_moves`: the memory figure's."""

    rounds: int = 3
    window_s: float = 3.0
    patience: Patience = field(default_factory=Patience)
    peers: bool = True
    large_moves: int = 10_000_000


@dataclass(slots=True)
class Results:
    """All runs by contest and host; what else was measured, by name."""

    runs: dict[str, dict[str, list[Run]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


def measure(settings: Settings, only: Callable[[str], bool], tell: Callable[[str], None]) -> Results:
    """Round after round, every host of every contest once. `only` chooses contests by name."""
    results = Results()
    for number in range(settings.rounds):
        for contest in filter(lambda contest: only(contest.name), CONTESTS):
            for host, (start, moves_per_s) in contest.hosts.items():
                if host in INSTALLED_PEERS and not settings.peers:
                    continue
                moves = int(moves_per_s * (settings.window_s + _START_S))
                go = partial(runs.measure_on_one_core, start, contest.boards, moves, settings.window_s)
                run = settings.patience.quietest(go)
                results.runs[contest.name][host].append(run)
                tell(f"round {number + 1} {contest.name} {host}: {_told(run)}")
        for name, many in _MANY.items():
            if only(name):
                many(settings, results)
                tell(f"round {number + 1} {name}: {_last_values(results, name)}")
    return results


def figures(results: Results) -> Iterator[Figure]:
    """The table, as far as it was measured."""
    for name, contest, pick, unit, goal in _FIGURES:
        by_host = {host: [pick(run) for run in found] for host, found in results.runs.get(contest, {}).items()}
        if ours := by_host.pop("cellctl", None):
            yield Figure(name, unit, ours, goal, by_host)
    for name, (unit, goal) in _VALUES.items():
        if values := results.values.get(name):
            yield Figure(name, unit, values, goal)


def _gaps_of_32(settings: Settings, results: Results) -> None:
    run = settings.patience.quietest(partial(fleet.gaps, 32, settings.window_s))
    results.runs["32_at_400"]["cellctl"].append(run)
    results.values["32_at_400.starved"].append(run.starved)


def _most_machines(settings: Settings, results: Results) -> None:
    most, tried = fleet.most_without_starvation(settings.window_s, settings.patience)
    results.values["machines_without_starvation"].append(most)
    for count, run in tried.items():
        results.runs[f"{count}_machines"]["cellctl"].append(run)


def _holds(settings: Settings, results: Results) -> None:
    percentiles = quantiles(settings.patience.quietest(partial(fleet.holds, 32)).took_ms, n=100)
    results.values["hold.p50_ms"].append(percentiles[49])
    results.values["hold.p99_ms"].append(percentiles[98])


def _memory(settings: Settings, results: Results) -> None:
    found = memory.measure(settings.large_moves, settings.window_s)
    results.values["memory.ordering_mib"].append(found.ordering_mib)
    results.values["memory.streaming_mib"].append(found.streaming_mib)
    results.values["memory.order_answered_s"].append(found.order_answered_s)


_MANY: Final[Mapping[str, Callable[[Settings, Results], None]]] = {
    "32_at_400": _gaps_of_32,
    "machines": _most_machines,
    "hold": _holds,
    "memory": _memory,
}

_FIGURES: Final[Sequence[tuple[str, str, Callable[[Run], float], str, Goal | None]]] = (
    ("grbl.lines_per_s", "grbl", lambda run: run.lines_per_s, "lines/s", at_least(50_000)),
    ("grblhal.lines_per_s", "grblhal", lambda run: run.lines_per_s, "lines/s", at_least(50_000)),
    ("marlin.lines_per_s", "marlin", lambda run: run.lines_per_s, "lines/s", at_least(15_000)),
    ("grbl.cpu", "grbl", lambda run: run.cpu_ms_per_1000_lines, "ms/1000-lines", at_most(15)),
    ("grblhal.cpu", "grblhal", lambda run: run.cpu_ms_per_1000_lines, "ms/1000-lines", at_most(15)),
    ("marlin.cpu", "marlin", lambda run: run.cpu_ms_per_1000_lines, "ms/1000-lines", at_most(15)),
    ("marlin.gap_p99", "marlin", lambda run: run.gap_p99_ms, "ms", at_most(0.3)),
    ("one_at_400.gap_p99", "one_at_400", lambda run: run.gap_p99_ms, "ms", at_most(0.3)),
    ("32_at_400.gap_p99", "32_at_400", lambda run: run.gap_p99_ms, "ms", at_most(5)),
    ("32_at_400.cpu", "32_at_400", lambda run: run.cpu_ms_per_1000_lines, "ms/1000-lines", None),
)
_VALUES: Final[Mapping[str, tuple[str, Goal | None]]] = {
    "32_at_400.starved": ("moves", at_most(0)),
    "machines_without_starvation": ("machines", at_least(64)),
    "hold.p50_ms": ("ms", None),
    "hold.p99_ms": ("ms", at_most(20)),
    "memory.ordering_mib": ("MiB-above-idle", at_most(5)),
    "memory.streaming_mib": ("MiB-above-idle", at_most(5)),
    "memory.order_answered_s": ("s", None),
}


def _told(run: Run) -> str:
    return (
        f"{run.lines_per_s:.0f} lines/s, {run.cpu_ms_per_1000_lines:.1f} ms CPU per 1000, "
        f"gap p99 {run.gap_p99_ms:.3f} ms, others on {run.foreign_cores:.2f} cores"
    )


def _last_values(results: Results, name: str) -> str:
    found = {key: round(values[-1], 3) for key, values in results.values.items() if key.startswith(name)}
    return ", ".join(f"{key} {value:g}" for key, value in found.items())
