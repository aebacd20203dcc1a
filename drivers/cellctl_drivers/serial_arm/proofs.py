"""What an answer must say, and what is wrong with it if it does not."""

from collections.abc import Mapping
from typing import Final

from cellctl_drivers.serial_arm.dialects import position_in
from cellctl_drivers.serial_arm.route import Hand, Pose, Proof, Step

_WRONG: Final[Mapping[Proof, str]] = {
    Proof.EMPTY_BEFORE: "does not say that its gripper is empty",
    Proof.GRIPPED: "does not say that its gripper holds the part",
    Proof.STILL_HELD: "does not say that its gripper still holds the part",
    Proof.RELEASED: "does not say that its gripper is empty after the release",
}


def contradiction(step: Step, answer: str, hand: Hand) -> str:
    """What is wrong with the answer to a step; empty if nothing is."""
    if step.stands is not None:
        return _astray(step.stands, answer, hand.tolerance)
    if step.proof is None or not step.asks:
        return ""
    gripper = hand.gripper
    wanted = gripper.empty if step.proof in (Proof.EMPTY_BEFORE, Proof.RELEASED) else gripper.holds
    if wanted is not None and wanted.search(answer):
        return ""
    return f"{_WRONG[step.proof]} (it answers {answer!r})"


def _astray(wanted: Pose, answer: str, tolerance: float) -> str:
    """Axes of which it does not speak are not compared; one at least must be."""
    says = position_in(answer)
    common = wanted.keys() & says.keys()
    if not common:
        return f"does not say where it stands (it answers {answer!r})"
    if all(abs(wanted[axis] - says[axis]) <= tolerance for axis in common):
        return ""
    return f"stands at {_spelled(says)}, and not at {_spelled(wanted)}"


def _spelled(pose: Pose) -> str:
    return " ".join(f"{axis}{value:g}" for axis, value in pose.items())
