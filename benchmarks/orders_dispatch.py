"""How long the sequencer thinks, in CPU time."""

from collections.abc import Iterator
from time import process_time

from benchmarks.figures import Figure, at_most
from cellctl.core.set_up_aware import by_set_up
from tests.core.queues import queue
from tests.prove.orders.dispatch import replanned_ms


def figures(rounds: int) -> Iterator[Figure]:
    """Ten jobs at one machine; a thousand on twenty, from the cell to its schedule."""
    yield Figure("orders.replan.10_jobs", "ms_cpu", [_took_ms(seed) for seed in range(10 * rounds)])
    yield Figure("orders.replan.1000_jobs_20_machines", "ms_cpu", replanned_ms(5 * rounds), at_most(50))


def _took_ms(seed: int) -> float:
    problem = queue(seed, due=True)
    began_s = process_time()
    by_set_up(problem)
    return (process_time() - began_s) * 1000
