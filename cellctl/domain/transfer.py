"""Hand-overs: how far a part has come from hand to hand, who may be in a space, and who has the part.

Two rights, never one flag. Both are leases with a fence token: a number that only grows (that of the record which
granted it), so that what was told under an older one is known to be too late.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from cellctl.domain.work import Knowledge, Place, station_of


class Phase(IntEnum):
    """How far a hand-over has come. In DISPUTED both sides are held until a person has said where the part is."""

    IDLE = 0
    OFFER = 1
    CLAIM = 2
    PERMIT = 3
    ENTER = 4
    GRIP = 5
    RELEASE = 6
    LEAVE = 7
    END = 8
    DISPUTED = 9


# Until here nothing physical has happened: whatever goes wrong, it can begin anew without a question.
LOGIC: Final = frozenset({Phase.IDLE, Phase.OFFER, Phase.CLAIM, Phase.PERMIT})
# Both have, or may have, the part.
SHARED: Final = frozenset({Phase.GRIP, Phase.RELEASE})
OVER: Final = frozenset({Phase.END})


@dataclass(frozen=True, slots=True)
class SpacePermit:
    """The right of `holder` to be in the zone of a station; while it is out, that station's machine must not start.

    `live`: a motion into the zone may be *begun*. One that is not live any more still keeps the machine from
    starting: that nobody may enter does not mean that nobody is inside.
    """

    zone: str
    holder: str
    token: int
    live: bool = True


@dataclass(frozen=True, slots=True)
class Custody:
    """Who has a part, or a carrier with all that lies on it. Two holders: both grip it. `token` grows with each."""

    holders: tuple[str, ...]
    token: int = 0


@dataclass(frozen=True, slots=True)
class Transfer:
    """One part on its way between two places next to each other; a carry is two of these, or one by a person.

    `mover` is the one of both that enters the other's zone. `since_s`: when the phase began (wall clock, seconds since
    the Unix epoch). `why`: what holds it, where it is disputed or must wait. `carried`: what is handed over, a part or
    a carrier. `claimed`: how the mover knows that it has brought or taken it; None: it has not said so yet.
    """

    id: str
    operation_id: str
    carried: str
    source: Place
    target: Place
    giver: str
    taker: str
    mover: str
    phase: Phase = Phase.IDLE
    permit: SpacePermit | None = None
    custody: Custody = field(default_factory=lambda: Custody(()))
    since_s: float = 0.0
    why: str = ""
    claimed: Knowledge | None = None

    @property
    def zone(self) -> str:
        """The station that is reached into."""
        return self.taker if self.mover == self.giver else self.giver

    @property
    def open(self) -> bool:
        """Whether it is under way."""
        return self.phase not in OVER


@dataclass(frozen=True, slots=True)
class Signals:
    """Level signals of a station, as its driver showed them last. What is missing the station cannot tell.

    `seq` grows with every change that is told, so a late one is known by it. `holds`: by slot, whether a part is there.
    `zone`: of an arm, in whose zone it is; "" for nobody's. None: it cannot tell.
    """

    seq: int = 0
    holds: Mapping[str, bool] = field(default_factory=dict)
    zone: str | None = None
    door_open: bool | None = None
    clamped: bool | None = None

    def at(self, place: Place) -> bool | None:
        """Whether a part is at a place of this station; None where no sensor says so."""
        return self.holds.get(place.partition(".")[2])


@dataclass(frozen=True, slots=True)
class CarrierAt:
    """Where a carrier is, and how well that is known."""

    place: Place
    knowledge: Knowledge = Knowledge.RECORDED


def resolved(place: Place, carriers: Mapping[str, CarrierAt]) -> Place:
    """The place in the cell: that of the carrier for what lies on one, else the place itself."""
    carrier = carriers.get(station_of(place))
    return carrier.place if carrier is not None else place
