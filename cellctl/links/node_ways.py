"""What both OPC UA links do alike: ways to nodes in words, and elements of arrays by IndexRange."""

from collections.abc import Sequence
from typing import Any

from cellctl.domain.errors import MachineFault
from cellctl.ports.nodes import NodePath


def spell(path: NodePath) -> str:
    """A way's last name, for an error."""
    return path[-1].rpartition(";")[2] if path else "Objects"


def missing(machine: str, paths: Sequence[NodePath]) -> MachineFault:
    """Everything that the server should have and has not."""
    ways = sorted({" / ".join(path) for path in paths})
    some = "; ".join(ways)
    return MachineFault(
        machine,
        f"its server has no {some}",
        do_next=f"Compare its profile with: cellctl opcua browse; or draft one with: cellctl opcua probe {machine}",
    )


def one_element(data_type: str, index: str) -> str:
    """The type of what an index names: of one element, if it is one."""
    return data_type.removesuffix("[]") if index and ":" not in index else data_type


def bounds(index: str) -> tuple[int, int]:
    """First and last element of an index ("3", "2:4"). Raises ValueError for anything else."""
    first, _, last = index.partition(":")
    low, high = int(first), int(last or first)
    if low < 0 or high < low:
        raise ValueError(f"{index!r} is no IndexRange of one dimension")
    return low, high


def picked(value: Any, index: str) -> Any:
    """Those elements of an array that an index names: one plain value, or a list; None where there are none."""
    if not index:
        return value
    if not isinstance(value, list | tuple):
        return None
    low, high = bounds(index)
    if high >= len(value):
        return None
    return list(value[low : high + 1]) if ":" in index else value[low]
