"""What is known of a station, as a part of the cell."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cellctl.domain.link import LinkQuality
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.transfer import Signals
from cellctl.domain.work import Progress


@dataclass(frozen=True)  # Without slots: see `changing`.
class StationStatus:
    """What is known of a station with a driver. `state` is None until it has been heard after a start.

    `by_hand` is who works on it with the console; it is given no work until it was cleared.
    `link` is how its line was when it was last found to be worse than before. `signals`: its sensors, in this contact.
    `told` is a command that it has not yet reacted to; `parked`: we have it held or suspended, because its order is
    paused or a zone beside it is stopped.
    `refused` says why it did not take its last work; it is not given any more before it has shown another state.
    `unfit`: programs (SHA-256) that do not fit it by its own account, and why; a person who stops or clears it, and a
    new contact, have it asked again. `setup`: how it is set up (dimension to value); `promised`: the job for which that
    was changed last, as long as nothing was begun there since.
    """

    state: MachineState | None = None
    contact: str = "never"
    identity: str = ""
    reason: str = ""
    refused: str = ""
    unfit: Mapping[str, str] = field(default_factory=dict)
    told: MachineCommand | None = None
    parked: bool = False
    progress: Progress = field(default_factory=Progress)
    link: LinkQuality | None = None
    by_hand: str = ""
    signals: Signals = field(default_factory=Signals)
    setup: Mapping[str, str] = field(default_factory=dict)
    promised: str = ""

    def after_a_start(self) -> "StationStatus":
        """What the controller still knows of it when it has begun anew."""
        # Nobody has counted what was used since the last checkpoint.
        progress = replace(self.progress, used=None)
        return StationStatus(progress=progress, setup=self.setup, promised=self.promised)
