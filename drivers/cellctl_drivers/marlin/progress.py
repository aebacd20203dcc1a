"""Where the machine really is: what of the acknowledged lines is proved to be executed, and what is only likely."""

from cellctl.domain.work import Evidence
from cellctl_drivers.marlin.facts import USUAL_BLOCKS


class Progress:
    """Lines of the program that are executed.

    An `ok` for a move says that it is planned, and nothing else. Proofs are: motion that is over at a seal; an `ok`
    that names a line which waits for motion to end; a planner that is empty by its own count. No block can be laid
    at the door of one line, so a planner that is half full leads to an estimate only.
    """

    def __init__(self) -> None:
        self.proved = 0
        self.evidence = Evidence.NONE
        self._size_blocks = 0
        self._free_blocks = -1

    def begin(self) -> None:
        """Another program."""
        self.proved, self.evidence = 0, Evidence.NONE

    def stands(self, acknowledged: int) -> None:
        """Motion is over, and these lines were acknowledged before."""
        self.proved, self.evidence = acknowledged, Evidence.MOTION_ENDED

    def planner(self, free_blocks: int, acknowledged: int, *, stands: bool) -> None:
        """So many blocks are free behind the line that was acknowledged last; `stands` if it waited for motion."""
        self._free_blocks = free_blocks
        if stands:
            self._size_blocks = free_blocks
        if stands or 0 < self._size_blocks <= free_blocks:
            self.proved = acknowledged
            self.evidence = Evidence.MOTION_ENDED if stands else Evidence.PLANNER_EMPTY

    def likely(self, acknowledged: int) -> int:
        """Executed if every line made one block; never fewer than are proved."""
        known = self._size_blocks > 0 and self._free_blocks >= 0
        planned = self._size_blocks - self._free_blocks if known else USUAL_BLOCKS
        return max(self.proved, acknowledged - planned)
