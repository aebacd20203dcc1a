"""The level signals that hand-overs are judged by: told whenever they change, with a number that grows."""

from cellctl.domain.events import SignalsShown
from cellctl.domain.stop_events import StopSeen
from cellctl.domain.transfer import Signals

from .picture import Picture
from .profile import Condition, Gripping, Sensors

_GRIPPER = "gripper"


class Sensing:
    """What one machine shows of parts, doors, clamps and zones in one contact."""

    def __init__(self, machine: str, gripping: Gripping, sensors: Sensors) -> None:
        self._machine = machine
        self._gripping = gripping
        self._sensors = sensors
        self._told = Signals()
        conditions = (gripping.holding, gripping.empty, sensors.door_open, sensors.clamped, *sensors.holds.values())
        # What was told last of a stop from outside; None: nothing yet.
        self._stop: str | None = None
        self._any = bool(gripping.zone) or any(conditions)

    def look(self, picture: Picture) -> list[SignalsShown]:
        """The signals, if they are not what was told last. What is unknown now is left out: it is no level."""
        if not self._any:
            return []
        shown = self._shown(picture)
        if shown == self._told:
            return []
        self._told = Signals(self._told.seq + 1, shown.holds, shown.zone, shown.door_open, shown.clamped)
        return [SignalsShown(self._machine, self._told)]

    def stops(self, picture: Picture) -> list[StopSeen]:
        """That a stop from outside was pressed or let go. While it is not known what was told last stays so."""
        said = picture.stopped_from_outside
        if said is None or said == self._stop:
            return []
        self._stop = said
        return [StopSeen(self._machine, bool(said), f"that {said}" if said else "")]

    def _shown(self, picture: Picture) -> Signals:
        holds = {slot: says for slot, test in self._sensors.holds.items() if (says := picture.holds(test)) is not None}
        grips = _grips(picture, self._gripping)
        if grips is not None:
            holds[_GRIPPER] = grips
        zone = picture.shows(self._gripping.zone) if self._gripping.zone else None
        return Signals(
            self._told.seq,
            holds,
            zone if isinstance(zone, str) else None,
            _says(picture, self._sensors.door_open),
            _says(picture, self._sensors.clamped),
        )


def _grips(picture: Picture, gripping: Gripping) -> bool | None:
    """One sensor of which two things are asked: where both or neither hold, it says nothing."""
    holding, empty = _says(picture, gripping.holding), _says(picture, gripping.empty)
    if holding is None or empty is None:
        return holding if empty is None else not empty
    return holding if holding is not empty else None


def _says(picture: Picture, condition: Condition) -> bool | None:
    return picture.holds(condition) if condition else None
