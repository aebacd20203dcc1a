"""The figures of OPC UA: what our link and driver cost beside bare asyncua, and what our server costs."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from benchmarks import opcua_driver
from benchmarks.figures import Figure, at_most
from benchmarks.quiet import Patience

_SERVER: Final = "benchmarks.opcua_server"
_RUNS: Final = (
    ("changes", "cellctl"),
    ("changes", "handler"),
    ("changes", "iterator"),
    ("call", "cellctl"),
    ("call", "handler"),
    ("write", "cellctl"),
    ("write", "handler"),
    ("dead", "cellctl"),
)


@dataclass(frozen=True, slots=True)
class Run:
    """What one client process told, and how many cores others kept busy meanwhile."""

    figures: Mapping[str, float]
    foreign_cores: float


@dataclass(slots=True)
class Results:
    """Every run, by task and host; what the driver's session needs for a change, and our server's runs."""

    runs: dict[str, dict[str, list[Run]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    session: list[float] = field(default_factory=list)
    server: list[Any] = field(default_factory=list)

    def values(self, task: str, host: str, name: str) -> list[float]:
        """One figure of all rounds."""
        return [run.figures[name] for run in self.runs[task][host]]


def measure(
    rounds: int, window_s: float, patience: Patience, wanted: Callable[[str], bool], say: Callable[[str], None]
) -> Results:
    """All tasks by all hosts, in turn, so that what disturbs one round disturbs all hosts alike."""
    results = Results()
    with _robots() as (url, pid):
        for number in range(rounds):
            for task, host in _RUNS:
                if wanted(task):
                    say(f"round {number + 1}: {task} {host}")
                    run = patience.quietest(lambda task=task, host=host: _run(host, task, url, window_s, pid))  # type: ignore[misc]
                    results.runs[task][host].append(run)
    if wanted("changes"):
        results.session = [opcua_driver.measure() for _ in range(rounds)]
    if wanted("server") and find_spec(_SERVER):
        results.server = [import_module(_SERVER).measure(window_s) for _ in range(rounds)]
    return results


def figures(results: Results) -> Iterator[Figure]:
    """What comes of it. Above bare asyncua is the difference of medians of the same rounds."""
    if "changes" in results.runs:
        peers = {name: results.values("changes", name, "us") for name in ("handler", "iterator")}
        link = results.values("changes", "cellctl", "us")
        yield Figure("opcua_link_change", "us_cpu", link, None, peers)
        # The link's share and the session's, above the cheaper of asyncua's own two ways.
        rounds = zip(link, results.session, peers["handler"], peers["iterator"], strict=True)
        above = [ours + session - min(bare) for ours, session, *bare in rounds]
        yield Figure("opcua_driver_change_above_bare", "us_cpu", above, at_most(60))
        peers = {name: results.values("changes", name, "core") for name in ("handler", "iterator")}
        yield Figure("opcua_10_robots", "core", results.values("changes", "cellctl", "core"), at_most(0.25), peers)
        yield Figure("opcua_10_robots_heard", "changes/s", results.values("changes", "cellctl", "per_s"))
    for task in ("call", "write"):
        if task in results.runs:
            ours, bare = results.values(task, "cellctl", "us"), results.values(task, "handler", "us")
            above = [(mine - theirs) / 1000 for mine, theirs in zip(ours, bare, strict=True)]
            yield Figure(f"opcua_{task}_above_bare", "ms_cpu", above, at_most(1))
            yield Figure(f"opcua_{task}", "us_cpu", ours, None, {"handler": bare})
    if "dead" in results.runs and "call" in results.runs:
        alone = {"alone": results.values("call", "cellctl", "p99_ms")}
        yield Figure("opcua_call_p99_beside_5_dead", "ms", results.values("dead", "cellctl", "p99_ms"), None, alone)
        alone = {"alone": results.values("call", "cellctl", "us")}
        yield Figure("opcua_call_beside_5_dead", "us_cpu", results.values("dead", "cellctl", "us"), None, alone)
    if results.server:
        yield from import_module(_SERVER).figures(results.server)


def plain(results: Results) -> dict[str, Any]:
    """For JSON."""
    return {
        task: {host: [dict(run.figures) for run in found] for host, found in by_host.items()}
        for task, by_host in results.runs.items()
    }


@contextmanager
def _robots() -> Iterator[tuple[str, int]]:
    command = [sys.executable, "-m", "benchmarks.opcua_robots"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as robots:
        try:
            if robots.stdout is None:
                raise RuntimeError("the robots cannot be heard")
            yield robots.stdout.readline().strip(), robots.pid
        finally:
            robots.terminate()


def _run(host: str, task: str, url: str, window_s: float, robots: int) -> Run:
    command = [sys.executable, "-m", "benchmarks.opcua_client", host, task, url, str(window_s), str(robots)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 + 3 * window_s, check=False)
    if done.returncode:
        raise RuntimeError(f"{task} by {host} failed: {done.stderr[-2000:]}")
    told = json.loads(done.stdout)
    return Run(told, told.pop("foreign_cores"))
