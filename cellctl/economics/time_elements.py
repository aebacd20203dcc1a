"""What a machine's time went into: the time elements of ISO 22400-2, by the mapping of OPC 40501-1 Annex C.

Twice, and on purpose: from our own log, and from what a client of the OPC UA server has heard. Both must be equal.
One departure: time while nobody could see the machine is a class of its own, and neither delay nor down time.
Set-up is part of programs here, so that nobody reports it: AUST is what a client hears of it, and nothing by the log.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from itertools import groupby
from typing import Final

from cellctl.domain import events as ev
from cellctl.domain.machine import MachineState
from cellctl.domain.work import OperationState


class Element(Enum):
    """Every second of a machine belongs to one of these."""

    APT = "producing"
    AUST = "setting up"
    ADET = "delayed while an order is worked at"
    ADOT = "down, or without an order"
    MAINTENANCE = "maintained by hand, without an order"
    OTHER = "executing without an order"
    UNKNOWN = "not seen: the controller was down, or the machine not heard"


Elements = Mapping[Element, float]

# MachineryItemState and MachineryOperationMode, by their numbers.
NOT_AVAILABLE, OUT_OF_SERVICE, NOT_EXECUTING, EXECUTING = range(4)
NO_MODE, MAINTENANCE, SETUP, PROCESSING = range(4)

_WORKING: Final = frozenset({MachineState.STARTING, MachineState.EXECUTE, MachineState.COMPLETING})

_OUT_OF_OUR_HANDS: Final = frozenset({MachineState.ABORTING, MachineState.ABORTED})


def element_of(item_state: int, mode: int, order: bool) -> Element:
    """Annex C: which element a state means; except that what is not available is not known."""
    if item_state == NOT_AVAILABLE:
        return Element.UNKNOWN
    if item_state == EXECUTING:
        by_mode = {PROCESSING: Element.APT, SETUP: Element.AUST, MAINTENANCE: Element.MAINTENANCE}
        return by_mode.get(mode, Element.OTHER)
    if order:
        return Element.ADET
    return Element.MAINTENANCE if mode == MAINTENANCE else Element.ADOT


@dataclass(frozen=True, slots=True)
class Heard:
    """A change of one of a machine's variables as a client heard it: UTC seconds of its source, and the new value.

    `what` is "state", "mode" (their numbers) or "order" (the job that it works at; "" for none).
    """

    at_s: float
    what: str
    value: int | str


def from_states(heard: Iterable[Heard], until_s: float) -> Elements:
    """The time elements of one machine from what a client heard, in the order of time.

    A client that loses the server enters a state of NOT_AVAILABLE then: no server tells that it is gone.
    """
    now: dict[str, int | str] = {"state": NOT_AVAILABLE, "mode": NO_MODE, "order": ""}
    clock = _Meter()
    # What changed at one instant became true together, in whatever order it was heard.
    for at_s, together in groupby(sorted(heard, key=_when), key=_when):
        now.update({change.what: change.value for change in together})
        clock.turn(at_s, element_of(int(now["state"]), int(now["mode"]), bool(now["order"])))
    return clock.stop(until_s)


def _when(change: Heard) -> float:
    return change.at_s


def from_journal(records: Iterable[ev.Record], station: str, until_s: float) -> Elements:
    """The time elements of one machine from the log; `until_s` in UTC seconds."""
    clock, machine = _Meter(), _Machine(station)
    for record in records:
        if isinstance(record.event, ev.ControllerStarted):
            # For how long after its last record the controller before still lived, nobody knows.
            clock.was(Element.UNKNOWN)
        machine.enter(record.event)
        clock.turn(seconds(record.at), machine.element)
    return clock.stop(until_s)


def seconds(at: str) -> float:
    """UTC seconds of an instant of the log."""
    return datetime.fromisoformat(at).timestamp()


class _Meter:
    """Adds up how long each element lasted."""

    def __init__(self) -> None:
        self._sums: Counter[Element] = Counter()
        self._since_s = 0.0
        self._now: Element | None = None

    def turn(self, at_s: float, element: Element) -> None:
        if self._now is not None:
            self._sums[self._now] += at_s - self._since_s  # type: ignore[assignment]
        self._since_s, self._now = at_s, element

    def was(self, element: Element) -> None:
        """What has lasted since the last turn was this."""
        if self._now is not None:
            self._now = element

    def stop(self, at_s: float) -> Elements:
        if self._now is not None:
            self.turn(at_s, self._now)
        return {element: round(self._sums[element], 3) for element in Element}


@dataclass(slots=True)
class _Machine:
    """What the log says of one station, as far as its time depends on it."""

    station: str
    state: MachineState | None = None
    heard: bool = False
    by_hand: bool = False
    operations: set[str] = field(default_factory=set)

    def enter(self, event: ev.Event) -> None:
        match event:
            case ev.ControllerStarted():
                self._lose()
            case ev.OperationIntended(operation=operation) if operation.station == self.station:
                self.operations.add(operation.id)
            case ev.OperationEnded() if event.state is not OperationState.UNKNOWN:
                self.operations.discard(event.operation_id)
            case _ if getattr(event, "station", None) == self.station:
                self._enter_own(event)

    def _enter_own(self, event: ev.Event) -> None:
        match event:
            case ev.ContactFound():
                self.heard = True
            case ev.ContactLost():
                self._lose()
            case ev.StationChanged():
                self.state = event.state
                self.by_hand = self.by_hand and self.state in _OUT_OF_OUR_HANDS
            case ev.LineNotSent():
                self.by_hand = self.by_hand and self.state in _OUT_OF_OUR_HANDS
            case ev.LineSent():
                self.by_hand = True

    def _lose(self) -> None:
        self.heard, self.state, self.by_hand = False, None, False

    @property
    def element(self) -> Element:
        if not self.heard or self.state is None:
            return Element.UNKNOWN
        order = bool(self.operations)
        if self.state in _WORKING:
            return Element.MAINTENANCE if self.by_hand else Element.APT if order else Element.OTHER
        if order:
            return Element.ADET
        return Element.MAINTENANCE if self.by_hand else Element.ADOT
