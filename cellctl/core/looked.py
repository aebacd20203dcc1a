"""What a look for work saw that found nothing to begin: as long as it is the same, looking again finds nothing.

Nor does it where a station has only been hindered more: what leaves its rest lets nothing begin. Whatever is not named
here counts by identity, so that what is new in a cell is never overlooked.
"""

from operator import itemgetter
from typing import Any, Final

from cellctl.core.cell import Cell, StationStatus
from cellctl.domain.machine import AT_REST, BROKEN_OFF, MachineState
from cellctl.domain.work import OperationState

# Of these only a part matters, or nothing: it is said below which.
_APART: Final = frozenset({"counts", "prompts", "operations", "stations", "transfers", "schedule", "seen"})
_OF_STATIONS: Final = itemgetter("contact", "by_hand", "refused", "unfit", "signals", "setup", "promised")

Seen = tuple[tuple[Any, ...], tuple[Any, ...], list[bool]]


def seen(cell: Cell) -> Seen:
    """What counts by identity, what counts by value, and what hinders each station."""
    same = tuple(value for name, value in vars(cell).items() if name not in _APART)
    return (
        same,
        (
            cell.schedule.lines,
            # Carriers ask more of a state than the rest of the dispatch does.
            [
                (name, status.state if cell.plan.carriers else None, *_OF_STATIONS(vars(status)))
                for name, status in cell.stations.items()
            ],
            [(name, operation.state is OperationState.UNKNOWN) for name, operation in cell.operations.items()],
            # Those that keep a machine from moving, and so from being reached into.
            [transfer.permit and transfer.permit.zone for transfer in cell.transfers.values()],
        ),
        [hinders for status in cell.stations.values() for hinders in _hindrances(status)],
    )


def again(cell: Cell, now: Seen) -> bool:
    """Whether nothing can begin because nothing could by what was seen last."""
    before = cell.seen
    if before is None or len(before[0]) != len(now[0]):
        return False
    if any(mine is not theirs for mine, theirs in zip(before[0], now[0], strict=True)) or before[1] != now[1]:
        return False
    return not any(hindered and not still for hindered, still in zip(before[2], now[2], strict=True))


def _hindrances(status: StationStatus) -> tuple[bool, bool, bool, bool]:
    state = status.state
    return state is not MachineState.IDLE, state not in AT_REST, state in BROKEN_OFF, status.told is not None
