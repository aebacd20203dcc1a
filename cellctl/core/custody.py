"""The protocol of a hand-over, as pure functions: two sides that show levels, and the cell between them as arbiter.

The daemon runs these, and `tests/core/handover_model.py` tries every order in which signals can be lost, late or
doubled, and every moment at which one of the three can die. What a side shows is a level with a number, never an edge.
What it is told has the fence token of the permit that it is about. A phase that lasts too long leads to a hold.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from cellctl.domain.transfer import LOGIC, SHARED, Custody, Phase, SpacePermit, Transfer
from cellctl.domain.work import Knowledge

# Short for logic, long for motion: the pattern of SEMI E84's timers.
LOGIC_S: Final = 10.0
MOTION_S: Final = 600.0
STOPPED: Final = "the controller stopped while it was under way"


@dataclass(frozen=True, slots=True)
class Shown:
    """What one side shows. None: it has no sensor for that, and is not asked.

    `alive`: its heartbeat. `ready`: it stands still and can take part. `token`: the newest that it has heard of.
    `in_zone`: of the mover; an absent signal is never "clear". `clamped`: of the side that stands still. `failed`: it
    says that it cannot go on.
    """

    seq: int = 0
    alive: bool = False
    ready: bool = False
    token: int = 0
    has_part: bool | None = None
    in_zone: bool | None = None
    clamped: bool | None = None
    failed: bool = False


NOTHING_SHOWN: Final = Shown()


def heard(before: Shown, shown: Shown) -> Shown:
    """What a side is believed to show: a message that was overtaken by a newer one, or came twice, changes nothing."""
    return shown if shown.seq > before.seq else before


# ---- the two rights --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """What a side was told: whether it may begin a motion under this token, into the zone or, as its machine, in it."""

    token: int = 0
    permitted: bool = False


def obey(known: Told, told: Told) -> Told:
    """What a side goes by: whatever is not newer than what it knows is too late. It remembers this over a restart."""
    return told if told.token > known.token else known


def tell(transfer: Transfer, idle: Told) -> tuple[Told, Told]:
    """What the cell tells the side that stands still, and the mover. `idle`: what the machine may do by itself."""
    permit = transfer.permit
    if permit is None or not transfer.open:
        return idle, Told(permit.token if permit else 0)
    return Told(permit.token), Told(permit.token, permit.live and transfer.phase is Phase.PERMIT)


def may_enter(permit: SpacePermit | None, holder: str, token: int) -> bool:
    """Whether a motion into the zone may be begun now by one that was told this token: the fence."""
    return permit is not None and permit.live and permit.holder == holder and permit.token == token


def may_start(transfers: Iterable[Transfer], zone: str) -> bool:
    """Whether the machine of a zone may begin to move: nobody claims it, has, or could still use, a permit for it."""
    return not any(each.open and each.permit is not None and each.permit.zone == zone for each in transfers)


def revoke(transfer: Transfer, why: str, token: int) -> Transfer:
    """No motion into the zone may be begun any more. It is not free for that: see `cleared`. Custody stays as it is."""
    permit = transfer.permit
    if permit is None or not permit.live:
        return transfer
    return replace(transfer, permit=replace(permit, live=False, token=token), why=why)


def kept_up(transfer: Transfer, fixed: Shown, token: int) -> Transfer:
    """The permit is a lease: for a station that is not heard nobody may begin to reach into it, or further into it.

    Who has drawn back with the part, or without it, needs it no more.
    """
    if fixed.alive or not Phase.PERMIT <= transfer.phase < Phase.LEAVE:
        return transfer
    return revoke(transfer, f"{transfer.zone} is not heard", token)


def renewed(transfer: Transfer, token: int) -> Transfer:
    """The lease again, with another token: what was told under the one before is too late."""
    permit = transfer.permit or SpacePermit(transfer.zone, transfer.mover, token)
    return replace(transfer, permit=replace(permit, live=True, token=token), why="")


def cleared(transfer: Transfer, mover: Shown) -> bool:
    """Whether the mover is known to be out of the zone, and to know that its permit is over or used up."""
    permit = transfer.permit
    return permit is None or (mover.alive and mover.in_zone is False and mover.token >= permit.token)


# ---- the phases ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sides:
    """A transfer with what both sides show."""

    transfer: Transfer
    giver: Shown
    taker: Shown

    @property
    def mover(self) -> Shown:
        """The one that reaches into the other's zone."""
        return self.giver if self.transfer.mover == self.transfer.giver else self.taker

    @property
    def fixed(self) -> Shown:
        """The one that stands still."""
        return self.taker if self.transfer.mover == self.transfer.giver else self.giver

    @property
    def moved(self) -> bool:
        """Two agreeing observations: the giver does not have it, the taker does. A missing sensor cannot object."""
        return self.giver.has_part is not True and self.taker.has_part is not False and self._told

    @property
    def stayed(self) -> bool:
        """Two agreeing observations that it never left the giver."""
        return self.giver.has_part is not False and self.taker.has_part is not True and self._told

    @property
    def _told(self) -> bool:
        return self.giver.has_part is not None or self.taker.has_part is not None


def _inhibited(sides: Sides) -> bool:
    permit, fixed = sides.transfer.permit, sides.fixed
    return permit is not None and fixed.alive and fixed.ready and fixed.token >= permit.token


def _permitted(sides: Sides) -> bool:
    permit = sides.transfer.permit
    return permit is not None and permit.live and sides.mover.token == permit.token


# What must be shown for the next phase. Whatever is not here waits; a phase that waits too long is held.
_NEXT: Final[dict[Phase, Callable[[Sides], bool]]] = {
    Phase.IDLE: lambda sides: (
        sides.transfer.permit is None and sides.giver.alive and sides.giver.ready and sides.giver.has_part is not False
    ),
    Phase.OFFER: lambda sides: sides.taker.alive and sides.taker.ready and sides.taker.has_part is not True,
    # The machine must know that it may not start before anybody may enter.
    Phase.CLAIM: lambda sides: _inhibited(sides) and sides.mover.alive and sides.mover.ready,
    Phase.PERMIT: lambda sides: _permitted(sides) and sides.mover.in_zone is True,
    Phase.ENTER: lambda sides: sides.taker.has_part is True or sides.moved,
    Phase.GRIP: lambda sides: sides.giver.clamped is not True,
    Phase.RELEASE: lambda sides: sides.moved and sides.mover.alive,
    Phase.LEAVE: lambda sides: sides.giver.has_part is not True and cleared(sides.transfer, sides.mover),
}


def advance(transfer: Transfer, giver: Shown, taker: Shown, token: int) -> Transfer:
    """The transfer after what both show now, as many phases on as that carries. `token` is for a new permit.

    Entering CLAIM inhibits the machine, entering PERMIT lets the mover in; GRIP makes custody shared, LEAVE moves it.
    """
    given_up = transfer.phase is Phase.IDLE and transfer.permit is not None
    while transfer.open and transfer.phase is not Phase.DISPUTED and not given_up:
        sides = Sides(transfer, giver, taker)
        against = _against(sides)
        if against:
            return _in_doubt(transfer, against, token)
        if not _NEXT[transfer.phase](sides):
            return transfer
        transfer = _entered(transfer, Phase(transfer.phase + 1), token)
    return transfer


def _entered(transfer: Transfer, phase: Phase, token: int) -> Transfer:
    transfer = replace(transfer, phase=phase, why="")
    if phase is Phase.CLAIM:
        permit = SpacePermit(transfer.zone, transfer.mover, token, live=False)
        return replace(transfer, permit=permit, custody=Custody((transfer.giver,), token))
    if phase is Phase.PERMIT and transfer.permit is not None:
        return replace(transfer, permit=replace(transfer.permit, live=True))
    if phase is Phase.GRIP:
        return replace(transfer, custody=Custody((transfer.giver, transfer.taker), token))
    if phase is Phase.LEAVE:
        return replace(transfer, custody=Custody((transfer.taker,), token))
    return transfer


def _against(sides: Sides) -> str:
    """Why the transfer cannot go on by itself; empty if it can."""
    phase, out = sides.transfer.phase, sides.mover.in_zone is False
    failed = next((name for name, side in _named(sides) if side.failed), "")
    if failed:
        return f"{failed} says that it cannot go on"
    both, none = _contradiction(sides)
    if phase in LOGIC or not out:
        return ""
    # What the taker does with it once it is out of the zone is another hand-over.
    apart = sides.giver.has_part is True if phase is Phase.LEAVE else both or none
    if apart or (phase in SHARED and not sides.moved):
        return f"{sides.transfer.mover} has left {sides.transfer.zone}, and {_who(sides)}"
    return ""


def _contradiction(sides: Sides) -> tuple[bool, bool]:
    both = sides.giver.has_part is True and sides.taker.has_part is True
    none = sides.giver.has_part is False and sides.taker.has_part is False
    return both, none


def _who(sides: Sides) -> str:
    both, none = _contradiction(sides)
    giver, taker = sides.transfer.giver, sides.transfer.taker
    if both:
        return f"both {giver} and {taker} say that they have the part"
    return f"neither {giver} nor {taker} has the part" if none else f"{taker} does not say that it has the part"


def _named(sides: Sides) -> tuple[tuple[str, Shown], tuple[str, Shown]]:
    return (sides.transfer.giver, sides.giver), (sides.transfer.taker, sides.taker)


def _in_doubt(transfer: Transfer, why: str, token: int) -> Transfer:
    """Before anybody could move it is given up. Under a permit somebody may have, unseen: then both are held."""
    return withdraw(transfer, why, token) if transfer.phase < Phase.PERMIT else dispute(transfer, why, token)


def withdraw(transfer: Transfer, why: str, token: int) -> Transfer:
    """Give up a transfer in its logic. The machine stays inhibited until the mover knows: see `finished`."""
    permit = transfer.permit
    over = replace(permit, live=False, token=token) if permit is not None else None
    return replace(transfer, phase=Phase.END if over is None else Phase.IDLE, permit=over, why=why)


def dispute(transfer: Transfer, why: str, token: int) -> Transfer:
    """Hold both sides: nothing moves until a person has said where the part is."""
    return replace(revoke(transfer, why, token), phase=Phase.DISPUTED, why=why)


def answerable(transfer: Transfer, mover: Shown) -> bool:
    """Whether what is found now will stay so: the mover knows that it may not begin anything any more."""
    return transfer.permit is None or mover.token >= transfer.permit.token


def settled(transfer: Transfer, holder: str, token: int) -> Transfer:
    """It is known again who has the part: by a person, or by both sides after a crash. What is left is the space."""
    return replace(withdraw(transfer, "", token), custody=Custody((holder,), token))


def finished(transfer: Transfer, mover: Shown) -> Transfer:
    """A transfer that was given up or settled ends once the mover has heard of it, and is not inside."""
    over = transfer.phase is Phase.IDLE and transfer.permit is not None and cleared(transfer, mover)
    return replace(transfer, phase=Phase.END) if over else transfer


# ---- time and knowledge ----------------------------------------------------------------------------------------


def due_s(transfer: Transfer, speed: float = 1.0) -> float | None:
    """When the present phase has lasted too long (wall clock); None for one that waits for a person.

    `speed`: of that clock, in its seconds per second outside: a clock that is slowed shortens no limit.
    """
    if transfer.phase is Phase.DISPUTED or not transfer.open:
        return None
    limit_s = LOGIC_S if transfer.phase < Phase.PERMIT else MOTION_S
    return transfer.since_s + limit_s * max(1.0, speed)


def grade(told: Knowledge, here: bool | None) -> Knowledge:
    """How well a part is known to be where its bringer says it is; `here` is the place's own sensor."""
    return Knowledge.OBSERVED if here else told


# ---- after a crash ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """What can be seen after a start. None: nothing says so.

    `running`: the mover reports our work. `at_rest`: it stands, and is not in the zone. `begun`: its own memory (a
    counter, a program name) says whether the motion was begun. Then the part sensors.
    """

    running: bool | None = None
    begun: bool | None = None
    at_rest: bool | None = None
    giver_has: bool | None = None
    taker_has: bool | None = None


class Crash(Enum):
    """What is known of a transfer that was open when the daemon died."""

    ADOPT = "still running"
    BEGIN_ANEW = "nothing physical has happened"
    WITH_GIVER = "it is with the giver, and nobody is in the zone"
    WITH_TAKER = "it is with the taker, and nobody is in the zone"
    ASK_RETRACTED = "has the arm drawn back?"
    ASK_WHERE = "where is the part?"


def restarted(transfer: Transfer, token: int) -> Transfer:
    """The daemon was away. What was told before is too late by the new token, and nothing moves until more is known."""
    return _in_doubt(transfer, STOPPED, token)


def after_crash(transfer: Transfer, found: Found) -> Crash:
    """What a phase and this evidence say together; whatever is not proved is asked."""
    if found.running:
        return Crash.ADOPT
    in_logic = transfer.phase < Phase.PERMIT or (transfer.phase is Phase.PERMIT and found.begun is False)
    if in_logic:
        return Crash.BEGIN_ANEW
    seen = _agreed(found)
    if seen is not None:
        return seen
    untouched = transfer.phase is Phase.ENTER and found.giver_has is True and found.taker_has is not True
    return Crash.ASK_RETRACTED if untouched else Crash.ASK_WHERE


def _agreed(found: Found) -> Crash | None:
    """Two agreeing observations, by sensors on both sides, and the mover out of the way."""
    if not found.at_rest:
        return None
    verdicts = {(True, False): Crash.WITH_GIVER, (False, True): Crash.WITH_TAKER}
    if found.giver_has is None or found.taker_has is None:
        return None
    return verdicts.get((found.giver_has, found.taker_has))
