"""The view of the cell, rendered once for every change; progress is shown at once and journalled now and then."""

from typing import Final

from cellctl.core.cell import Cell
from cellctl.core.render import Renderer, refresh
from cellctl.core.view import CellView
from cellctl.domain.events import OperationAdvanced
from cellctl.domain.work import Progress

CHECKPOINT_S: Final = 30.0


class LiveView:
    """The cell as it is shown, with the freshest progress by operation id."""

    def __init__(self) -> None:
        self._live: dict[str, Progress] = {}
        self._checkpoint_s: dict[str, float] = {}
        self._renderer = Renderer()
        self._rendered: CellView | None = None
        self._stale = False

    def of(self, cell: Cell) -> CellView:
        """The view of a cell; equal revs mean the same cell."""
        if self._rendered is None or self._rendered.rev != cell.counts.rev:
            self._rendered = self._renderer.view(cell)
            self._stale = True
        if self._stale:
            # Equal views are the same object, so that who looks often sees at once that nothing is new.
            self._rendered = refresh(self._rendered, self._live)
            self._stale = False
        return self._rendered

    def note(self, fact: OperationAdvanced, now_s: float) -> bool:
        """Take a report of progress; True when it is time to journal one."""
        self._live[fact.operation_id] = fact.progress
        self._stale = True
        last_s = self._checkpoint_s.get(fact.operation_id)
        if last_s is not None and now_s - last_s < CHECKPOINT_S:
            return False
        self._checkpoint_s[fact.operation_id] = now_s
        return True

    def forget(self, operation_id: str) -> None:
        """The operation has ended."""
        self._live.pop(operation_id, None)
        self._checkpoint_s.pop(operation_id, None)
