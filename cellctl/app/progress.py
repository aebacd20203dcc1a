"""Progress of running programs: shown at once, journalled as a checkpoint now and then."""

from collections.abc import Mapping
from typing import Final

from cellctl.domain.events import OperationAdvanced
from cellctl.domain.work import Progress

CHECKPOINT_S: Final = 10.0


class LiveProgress:
    """The freshest progress by operation id."""

    def __init__(self) -> None:
        self._live: dict[str, Progress] = {}
        self._checkpoint_s: dict[str, float] = {}

    @property
    def live(self) -> Mapping[str, Progress]:
        """What to show."""
        return self._live

    def note(self, fact: OperationAdvanced, now_s: float) -> bool:
        """Take a report; True when it is time to journal one."""
        self._live[fact.operation_id] = fact.progress
        last_s = self._checkpoint_s.get(fact.operation_id)
        if last_s is not None and now_s - last_s < CHECKPOINT_S:
            return False
        self._checkpoint_s[fact.operation_id] = now_s
        return True

    def forget(self, operation_id: str) -> None:
        """The operation has ended."""
        self._live.pop(operation_id, None)
        self._checkpoint_s.pop(operation_id, None)
