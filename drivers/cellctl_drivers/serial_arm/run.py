"""One carry under way: how far it has come, and what is known about the part."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from cellctl.domain.work import Knowledge
from cellctl_drivers.serial_arm.proofs import contradiction
from cellctl_drivers.serial_arm.route import Hand, Proof, Step


class Whereabouts(Enum):
    """Where the part is now."""

    GRIPPER = "gripper"
    TARGET = "target"


@dataclass(frozen=True, slots=True)
class Moved:
    """The part has changed hands. Without a gripper that can be asked this is presumed, and says so."""

    to: Whereabouts
    knowledge: Knowledge


class Run:
    """The steps in order; each is taken once. `holds`: the gripper has, or may have, the part. `proved`: as many of
    the lines sent are proved to be executed. `homed`: it has been to its switches."""

    def __init__(self, steps: Sequence[Step] = ()) -> None:
        self.sent = 0
        self.acknowledged = 0
        self.proved = 0
        self.holds = False
        self.homed = False
        self.moved: list[Moved] = []
        self._steps = tuple(steps)
        self._index = 0

    @property
    def step(self) -> Step | None:
        """The present step; None once all are done."""
        return self._steps[self._index] if self._index < len(self._steps) else None

    def begun(self, step: Step) -> None:
        """Its line goes out. From the first one on that is more than a question, the arm is at work."""
        if not _is_question(step):
            self.sent += 1
        if step.name == "grip":
            self.holds = True

    def done(self, answer: str, hand: Hand) -> str:
        """The present step is done. Returns what is wrong with its answer; empty if nothing is."""
        step = self.step
        if step is None:
            return ""
        wrong = contradiction(step, answer, hand)
        if wrong:
            return wrong
        self._index += 1
        if step.line and not _is_question(step):
            self.acknowledged += 1
        if step.barrier:
            self.proved = self.sent
        knowledge = Knowledge.OBSERVED if step.asks else Knowledge.PRESUMED
        if step.proof is Proof.GRIPPED:
            self.moved.append(Moved(Whereabouts.GRIPPER, knowledge))
        elif step.proof is Proof.RELEASED:
            self.holds = False
            self.moved.append(Moved(Whereabouts.TARGET, knowledge))
        elif step.proof is Proof.HOMED:
            self.homed = True
        return ""


def _is_question(step: Step) -> bool:
    return step.asks or (step.stands is not None and not step.barrier)
