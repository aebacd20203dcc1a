"""The view of the cell, rendered once for every change; progress is shown at once and journalled now and then.

So are measurements of links: shown at once, and where a line is bad, the core decides whether that is news. How far
sessions with machines are is only shown.
"""

from collections.abc import Sequence
from typing import Final

from cellctl.core.cell import Cell
from cellctl.core.render import Renderer
from cellctl.core.view import CellView
from cellctl.domain.events import ContactFound, Fact, LinkMeasured, OperationAdvanced, SessionSeen
from cellctl.domain.link import LinkQuality, SessionState
from cellctl.domain.work import Progress

CHECKPOINT_S: Final = 30.0


class LiveView:
    """The cell as it is shown, with the freshest progress by operation id, and the links and sessions by machine."""

    def __init__(self) -> None:
        self._live: dict[str, Progress] = {}
        self._links: dict[str, LinkQuality] = {}
        self._sessions: dict[str, SessionState] = {}
        # What was shown and not journalled, by machine.
        self._unwritten: dict[str, OperationAdvanced] = {}
        self._checkpoint_s: dict[str, float] = {}
        self._renderer = Renderer()
        self._made: CellView | None = None
        self._shown: CellView | None = None

    def of(self, cell: Cell) -> CellView:
        """The view of a cell; equal revs mean the same cell."""
        if self._made is None or self._made.rev != cell.counts.rev:
            self._made, self._shown = self._renderer.view(cell), None
        if self._shown is None:
            self._shown = self._renderer.refresh(self._made, self._live, self._links, self._sessions)
        return self._shown

    def note(self, machine: str, fact: Fact, now_s: float) -> Sequence[Fact]:
        """Take what a machine reports; what of it is to be decided upon now, in order.

        Before anything else that it reports, its last progress is: that is where it was when this happened.
        """
        if isinstance(fact, OperationAdvanced):
            return [fact] if self._advanced(machine, fact, now_s) else []
        if isinstance(fact, LinkMeasured):
            self._links[fact.station] = fact.quality
            self._shown = None
            return [fact] if fact.warning else []
        if isinstance(fact, SessionSeen):
            self._sessions[machine] = fact.session
            self._shown = None
            return []
        if isinstance(fact, ContactFound):
            self._links.pop(machine, None)
        last = self._unwritten.pop(machine, None)
        return [last, fact] if last else [fact]

    def _advanced(self, machine: str, fact: OperationAdvanced, now_s: float) -> bool:
        """Whether it is time to journal a progress."""
        self._live[fact.operation_id] = fact.progress
        self._shown = None
        last_s = self._checkpoint_s.get(fact.operation_id)
        if last_s is not None and now_s - last_s < CHECKPOINT_S:
            self._unwritten[machine] = fact
            return False
        self._unwritten.pop(machine, None)
        self._checkpoint_s[fact.operation_id] = now_s
        return True

    def forget(self, operation_id: str) -> None:
        """The operation has ended."""
        self._live.pop(operation_id, None)
        self._checkpoint_s.pop(operation_id, None)
