"""A program that is looked through once more before its first line goes out: by what the machine says of itself."""

from cellctl.domain.errors import StoreFailed
from cellctl.domain.events import OperationEnded
from cellctl.domain.work import Operation, OperationState, Program
from cellctl.gcode.preflight import Piecewise
from cellctl.gcode.verdict import Refused, Verdict


class Looking:
    """One operation while it is looked through. Nothing of it has gone out, and its machine stands idle."""

    def __init__(self, operation: Operation, program: Program, timed: bool, check: Piecewise[Verdict]) -> None:
        self.operation = operation
        self.program = program
        self._timed = timed
        self._check = check

    def go_on(self) -> float | OperationEnded | None:
        """Look at a piece more of it. None: there is more to look at. Else it may begin, and takes so many seconds
        (0: nobody knows), or it must not, and has ended."""
        try:
            next(self._check)
        except StopIteration as done:
            verdict: Verdict = done.value
            if isinstance(verdict, Refused):
                return self.given_up(self._against(str(verdict)), unfit=True)
            return round(verdict.takes_s, 1) if self._timed else 0.0
        except StoreFailed as failed:
            return self.given_up(str(failed))
        return None

    def given_up(self, why: str, *, unfit: bool = False) -> OperationEnded:
        """It is not begun."""
        return OperationEnded(self.operation.id, OperationState.NOT_BEGUN, why, unfit=unfit)

    def _against(self, refusals: str) -> str:
        first, *more = refusals.splitlines()
        others = f" ({len(more)} more like this)" if more else ""
        return f"{self.operation.station} must not run {self.program.name}: {first}{others}"
