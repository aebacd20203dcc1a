"""The work under way, and what it has proved so far."""

from dataclasses import dataclass

from cellctl.domain.events import OperationSent, OperationStarted, PartMoved
from cellctl.domain.evidence import Findings
from cellctl.domain.work import Knowledge, Operation, OperationKind, OperationState, Place

from .conditions import lacking
from .picture import Picture
from .profile import Profile, Words
from .words import Decision


@dataclass(slots=True)
class Work:
    """One operation and its evidence.

    `sent`: a request was made for it. `began`: the machine took, or may have taken, the start. `seen_executing`: it was
    seen to run since the last start, or found running. `adopted`: it was begun before the contact was lost.
    `waits`: for its call that moves to be durable; `permitted`: it may go out.
    """

    operation: Operation
    words: Words
    sent: bool = False
    began: bool = False
    seen_executing: bool = False
    gripped: bool = False
    adopted: bool = False
    waits: bool = False
    permitted: bool = False

    @property
    def carries(self) -> bool:
        """It takes a part from place to place."""
        return self.operation.kind is OperationKind.CARRY

    def announce(self, counter: int | None) -> list[Decision]:
        """The call that moves comes next. Where the operation is gated, it waits until that is durable."""
        if self.waits:
            return []
        mark = "" if counter is None else str(counter)
        self.waits, self.permitted = self.operation.gated, not self.operation.gated
        started = OperationStarted(self.operation.id, mark=mark)
        return [started, OperationSent(self.operation.id, mark)] if self.waits else [started]

    def findings(self, profile: Profile, picture: Picture, *, ours: bool) -> Findings:
        """What the machine shows of it after a loss of contact; `ours`: it is at it, or paused in it."""
        lacks = "" if ours else self.missing(profile, picture)
        seen = bool(self.carries and profile.gripping.holding and profile.gripping.empty)
        ended = not ours and not lacks
        return Findings(
            stands=False if ours else picture.at_rest,
            shows_ours=ours,
            ended=ended,
            part=True if ended and seen else None,
            says=lacks,
        )

    @property
    def unfinished(self) -> OperationState:
        """What the operation is if nothing more becomes known."""
        if self.began:
            return OperationState.UNKNOWN
        return OperationState.FAILED if self.sent else OperationState.NOT_BEGUN

    def observe(self, profile: Profile, picture: Picture, machine: str) -> list[PartMoved]:
        """Take in what the machine shows now; what that says about the part."""
        if not self.began:
            return []
        if not self.adopted and not self.seen_executing and picture.state == "executing":
            self.seen_executing = True
        grips = self.carries and not self.gripped and picture.holds(profile.gripping.holding)
        if not grips:
            return []
        self.gripped = True
        return [self.moved(Place(f"{machine}.gripper"), Knowledge.OBSERVED)]

    def missing(self, profile: Profile, picture: Picture) -> str:
        """What is not proved of work that has ended; empty if everything is."""
        return " and ".join(self._missing(profile, picture))

    def _missing(self, profile: Profile, picture: Picture) -> list[str]:
        proof, gripping = profile.proof, profile.gripping
        condition = proof.after_loss if self.adopted and not self.seen_executing else proof.live
        found = [] if picture.at_rest else ["its program is not known to have ended"]
        if picture.holds(condition) is not True:
            sentences = list(lacking(condition, picture.shows, self.words))
            found += sentences or ["it cannot prove how it ended"]
        if not self.carries:
            return found
        if gripping.holding and not self.gripped and not self.adopted:
            found.append("its gripper was not seen to hold the part")
        if gripping.empty and picture.holds(gripping.empty) is not True:
            found.append("its gripper is not known to be empty")
        return found

    def arrived(self, profile: Profile) -> list[PartMoved]:
        """Everything is proved. The part is at its target only now: a gripper may also open too early."""
        if not self.carries:
            return []
        seen = profile.gripping.holding and profile.gripping.empty
        return [self.moved(self.operation.target, Knowledge.OBSERVED if seen else Knowledge.RECORDED)]

    def moved(self, place: Place, knowledge: Knowledge) -> PartMoved:
        """The part is there now."""
        return PartMoved(self.operation.serial, place, knowledge, by=self.operation.id)
