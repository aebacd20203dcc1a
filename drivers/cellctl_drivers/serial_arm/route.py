"""A carry as a bounded sequence: what is said, waited for and asked, one after the other, and never twice."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from re import Pattern

Pose = Mapping[str, float]


class Proof(Enum):
    """What a step proves, or has to prove, about the gripper and the part."""

    EMPTY_BEFORE = "the gripper is empty before it begins"
    GRIPPED = "the part is in the gripper"
    STILL_HELD = "the part was not lost on its way"
    RELEASED = "the part is at its target"


@dataclass(frozen=True, slots=True)
class Step:
    """`line` is said and must be acknowledged; it `moves` the arm, or is a `barrier`: all motion is over then.
    Without a line it is a wait.

    `asks`: the answer tells about the gripper. `proof`: what is known once the step is done.
    """

    name: str
    line: str = ""
    wait_s: float = 0.0
    moves: bool = False
    barrier: bool = False
    asks: bool = False
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class Taught:
    """A place as it was taught: where the part is gripped and put down, and where the arm comes from."""

    at: Pose
    above: Pose
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
    """How this arm is told to move: the code of a move, the barrier, its gripper and the pose where it rests."""

    move: str
    barrier: str
    gripper: Gripper
    home: Pose
    home_feed_mm_per_min: float


def carry(hand: Hand, source: Taught, target: Taught) -> list[Step]:
    """Approach, down, grip, wait, up, travel, down, release, up, home. A gripper that can be asked is asked."""
    gripper = hand.gripper
    return [
        *_asked(gripper, "look at the gripper", Proof.EMPTY_BEFORE),
        *_go(hand, "approach", source.above, source.feed_mm_per_min),
        *_go(hand, "down", source.at, source.slow_mm_per_min),
        *(Step("grip", line) for line in gripper.grip),
        *_after(gripper, "wait for the grip", gripper.grip_s, Proof.GRIPPED),
        *_go(hand, "up", source.above, source.slow_mm_per_min),
        *_go(hand, "travel", target.above, target.feed_mm_per_min),
        *_go(hand, "down at the target", target.at, target.slow_mm_per_min),
        *_asked(gripper, "look at the part", Proof.STILL_HELD),
        *(Step("release", line) for line in gripper.release),
        *_after(gripper, "wait for the release", gripper.release_s, Proof.RELEASED),
        *_go(hand, "up from the target", target.above, target.slow_mm_per_min),
        *_go(hand, "home", hand.home, hand.home_feed_mm_per_min),
    ]


def _go(hand: Hand, name: str, pose: Pose, feed_mm_per_min: float) -> list[Step]:
    words = "".join(f" {axis}{value:.3f}" for axis, value in pose.items())
    line = f"{hand.move}{words} F{feed_mm_per_min:.0f}"
    return [Step(name, line, moves=True), Step(name, hand.barrier, barrier=True)]


def _after(gripper: Gripper, name: str, wait_s: float, proof: Proof) -> list[Step]:
    if gripper.query:
        return [Step(name, wait_s=wait_s), Step(name, gripper.query, asks=True, proof=proof)]
    return [Step(name, wait_s=wait_s, proof=proof)]


def _asked(gripper: Gripper, name: str, proof: Proof) -> list[Step]:
    return [Step(name, gripper.query, asks=True, proof=proof)] if gripper.query else []


def homing(lines: tuple[str, ...], barrier: str) -> list[Step]:
    """What brings an arm home after a person has cleared it."""
    return [*(Step("home", line, moves=True) for line in lines), Step("home", barrier, barrier=True)] if lines else []
