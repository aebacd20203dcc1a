"""A carry as bounded sequences: what is said, waited for and asked, one after the other, and never twice."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from re import Pattern

Pose = Mapping[str, float]


class Proof(Enum):
    """What a step proves, or has to prove, about the gripper, the part and the arm."""

    EMPTY_BEFORE = "the gripper is empty before it begins"
    GRIPPED = "the part is in the gripper"
    STILL_HELD = "the part was not lost on its way"
    RELEASED = "the part is at its target"
    HOMED = "it knows where it is"


class Sequence(Enum):
    """A row of steps with one deadline."""

    LOOK = "look"
    HOME = "way home"
    PICK = "pick"
    PLACE = "place"


@dataclass(frozen=True, slots=True)
class Step:
    """`line` is said and must be acknowledged; it `moves` the arm, or is a `barrier`: all motion is over then.
    Without a line it is a wait.

    `asks`: the answer tells about the gripper. `stands`: the answer, or a report, must say that it stands there.
    `proof`: what is known once the step is done. `enters`: it leads into a place, where somebody may forbid it.
    """

    name: str
    line: str = ""
    wait_s: float = 0.0
    moves: bool = False
    barrier: bool = False
    asks: bool = False
    stands: Pose | None = None
    proof: Proof | None = None
    sequence: Sequence = Sequence.LOOK
    enters: bool = False


@dataclass(frozen=True, slots=True)
class Taught:
    """A place as it was taught: where the part is gripped and put down, where the arm comes from, and to where it
    draws back."""

    at: Pose
    above: Pose
    beyond: Pose
    feed_mm_per_min: float
    slow_mm_per_min: float


@dataclass(frozen=True, slots=True)
class Gripper:
    """What closes it and opens it, and how long that takes. `query` (empty: it cannot be asked) is answered with what
    `holds` or `empty` finds."""

    grip: tuple[str, ...]
    release: tuple[str, ...]
    grip_s: float
    release_s: float
    query: str = ""
    holds: Pattern[str] | None = None
    empty: Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Hand:
    """How this arm is told to move: the code of a move, the barrier, its gripper, the pose where it rests, and the
    lines that bring it to its switches.

    `where` asks for its position; empty: a status report has it. `tolerance` is how far it may be off (mm, degrees);
    0: it cannot tell where it is.
    """

    move: str
    barrier: str
    gripper: Gripper
    home: Pose
    home_feed_mm_per_min: float
    homing: tuple[str, ...] = ()
    where: str = ""
    tolerance: float = 0.0


def carry(hand: Hand, source: Taught, target: Taught, *, homed: bool = True) -> list[Step]:
    """Look, pick, place, and go to rest. Where it can be asked, the arm proves every pose and the gripper every grip;
    one that was not homed goes home first, once its gripper is known to be empty."""
    gripper = hand.gripper
    pick = [
        *_go(hand, "approach", source.above, source.feed_mm_per_min, enters=True),
        *_go(hand, "down", source.at, source.slow_mm_per_min, enters=True),
        *(Step("grip", line) for line in gripper.grip),
        *_after(gripper, "wait for the grip", gripper.grip_s, Proof.GRIPPED),
        *_go(hand, "up", source.beyond, source.slow_mm_per_min),
    ]
    place = [
        *_go(hand, "travel", target.above, target.feed_mm_per_min, enters=True),
        *_go(hand, "down at the target", target.at, target.slow_mm_per_min, enters=True),
        *_asked(gripper, "look at the part", Proof.STILL_HELD),
        *(Step("release", line) for line in gripper.release),
        *_after(gripper, "wait for the release", gripper.release_s, Proof.RELEASED),
        *_go(hand, "up from the target", target.beyond, target.slow_mm_per_min),
        *_go(hand, "home", hand.home, hand.home_feed_mm_per_min),
    ]
    # One that was cleared with its jaws shut would come down on the part with them.
    known_empty = opened(hand) if gripper.query else []
    return [
        *_asked(gripper, "look at the gripper", Proof.EMPTY_BEFORE),
        *look(hand),
        *([] if homed else homing(hand)),
        *_in(Sequence.PICK, [*known_empty, *pick]),
        *_in(Sequence.PLACE, place),
    ]


def homing(hand: Hand) -> list[Step]:
    """To its switches, and to where it rests. Nothing for an arm that always knows where it is."""
    if not hand.homing:
        return []
    steps = [
        *(Step("home", line, moves=True) for line in hand.homing),
        Step("home", hand.barrier, barrier=True, proof=Proof.HOMED),
        *_go(hand, "rest", hand.home, hand.home_feed_mm_per_min),
    ]
    return _in(Sequence.HOME, steps)


def opened(hand: Hand) -> list[Step]:
    """Open the gripper, which is known to hold nothing."""
    steps = [*(Step("open", line) for line in hand.gripper.release), Step("open", wait_s=hand.gripper.release_s)]
    return _in(Sequence.HOME, steps)


def look(hand: Hand) -> list[Step]:
    """Whether it stands where it rests; nothing where it cannot tell."""
    return [Step("look where it stands", hand.where, stands=hand.home)] if hand.tolerance else []


def _go(hand: Hand, name: str, pose: Pose, feed_mm_per_min: float, *, enters: bool = False) -> list[Step]:
    words = "".join(f" {axis}{value:.3f}" for axis, value in pose.items())
    move = Step(name, f"{hand.move}{words} F{feed_mm_per_min:.0f}", moves=True, enters=enters)
    if not hand.tolerance:
        return [move, Step(name, hand.barrier, barrier=True)]
    if not hand.where:  # The report that proves the barrier says where it stands, too.
        return [move, Step(name, hand.barrier, barrier=True, stands=pose)]
    return [move, Step(name, hand.barrier, barrier=True), Step(name, hand.where, stands=pose)]


def _after(gripper: Gripper, name: str, wait_s: float, proof: Proof) -> list[Step]:
    if gripper.query:
        return [Step(name, wait_s=wait_s), Step(name, gripper.query, asks=True, proof=proof)]
    return [Step(name, wait_s=wait_s, proof=proof)]


def _asked(gripper: Gripper, name: str, proof: Proof) -> list[Step]:
    return [Step(name, gripper.query, asks=True, proof=proof)] if gripper.query else []


def _in(sequence: Sequence, steps: list[Step]) -> list[Step]:
    return [replace(step, sequence=sequence) for step in steps]
