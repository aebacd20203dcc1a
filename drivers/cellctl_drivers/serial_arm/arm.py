"""One arm and the line to it: the state, what goes with entering it, and how a session ends badly."""

from collections.abc import Callable
from typing import Final

from cellctl.domain.errors import NotAllowed
from cellctl_drivers.serial_arm.contact import Clocks, Contact, Purpose
from cellctl_drivers.serial_arm.dialects import Motion
from cellctl_drivers.serial_arm.exchange import Exchange
from cellctl_drivers.serial_arm.route import Hand, Sequence, Step, homing, look, opened
from cellctl_drivers.serial_arm.run import Run
from cellctl_drivers.serial_arm.setup import Setup
from cellctl_drivers.serial_arm.states import AT_WORK, BRAKING, NEXT, Ask, State
from cellctl_drivers.serial_session import FaultRaised, FellSilent, Greeted, Held, Rested, SessionEvent

Events = list[SessionEvent]

LOOK: Final = "Look at the arm and at the part, take the part out of the gripper, then clear"
HOME: Final = "Make room for the arm; clearing homes it"

_MOST_QUESTIONS: Final = 3
_POLLED: Final = AT_WORK | BRAKING | {State.LOOKING, State.CHECKING, State.READY, State.CLEARING}


class Arm:
    """What all parts of a session share. `run` is the present carry, or the way home after clearing.

    `fence` says why no motion may be begun at this moment; empty if it may.
    """

    def __init__(self, setup: Setup, hand: Hand, fence: Callable[[], str] = str) -> None:
        self.state = State.NEW
        self.run = Run()
        self._setup = setup
        self._hand = hand
        self._fence = fence
        self._exchange = Exchange()
        self._clocks = Clocks()
        self._contact = Contact()

    # ---- states, reports and bad ends ------------------------------------------------------------------------------

    def _report(self, now_s: float) -> None:
        """Ask for a status report, and again a little later."""
        setup, clocks = self._setup, self._clocks
        if not setup.dialect.status:
            return
        self._exchange.urgent(setup.dialect.status)
        clocks.poll_s = now_s + (setup.idle_poll_s if self.state is State.READY else setup.poll_s)
        step = self.run.step
        silent = step is not None and step.sequence is Sequence.HOME and step.moves  # As Grbl is while it homes.
        if clocks.asked_s is None and not silent:
            clocks.asked_s = now_s

    def _enter(self, state: State, now_s: float, lasts_s: float | None = None) -> None:
        clocks = self._clocks
        self.state = state
        clocks.until_s = None if lasts_s is None else now_s + lasts_s
        clocks.due_s = clocks.asked_s = clocks.poll_s = clocks.sequence_s = None
        if state in _POLLED and self._setup.dialect.status:
            clocks.poll_s = now_s + (self._setup.idle_poll_s if state is State.READY else self._setup.poll_s)

    def _ask(self, ask: Ask, now_s: float) -> None:
        target = NEXT.get((self.state, ask))
        if target is None:
            raise NotAllowed(f"the arm is {self.state.value}; it cannot {ask.value}")
        due_s = self._clocks.due_s
        self._enter(target, now_s)
        self._clocks.due_s = due_s  # A line that is out stays out.

    def _fault(self, what: str, do_next: str, now_s: float) -> Events:
        if self._setup.dialect.hold and self.state in AT_WORK:
            self._exchange.urgent(self._setup.dialect.hold)
        self._exchange.close()
        self._contact.proving = False
        self._enter(State.DOWN, now_s)
        return [FaultRaised(what, do_next)]

    def _fall_silent(self, silent_s: float) -> Events:
        if self._setup.dialect.hold and self.state in AT_WORK:
            self._exchange.urgent(self._setup.dialect.hold)  # It cannot be heard, but it may still hear.
        self._exchange.close()
        self.state = State.LOST
        self._clocks = Clocks()
        return [FellSilent(silent_s)]

    # ---- contact -------------------------------------------------------------------------------------------------

    def _look(self, now_s: float) -> None:
        self._contact.asked = 0
        if self._setup.dialect.status:
            self._clocks.until_s = now_s + self._setup.answer_s
            self._report(now_s)
        else:
            self._identify(now_s)

    def _seen(self, motion: Motion, now_s: float) -> Events:
        met = self._contact.purpose is Purpose.GREET
        if motion is Motion.MOVES:
            # What somebody else has begun is left alone.
            what = "is at work that this controller did not begin, and is left alone"
            return self._fault(what, "Wait until it stands, or stop it at the arm", now_s) if met else []
        if motion is Motion.HELD:
            # It takes no line in a hold, so it cannot even say who it is.
            what = "stands in a hold that this controller did not begin, and cannot be asked who it is"
            return [Greeted(f"{self._setup.dialect.name} arm"), *self._fault(what, LOOK, now_s)] if met else []
        self._contact.locked = motion is Motion.LOCKED
        self._identify(now_s)
        return []

    def _identify(self, now_s: float) -> None:
        self._contact.asked += 1
        if self._contact.asked > _MOST_QUESTIONS:
            self._contact.told += self._fall_silent(self._setup.answer_s)
            return
        self._enter(State.ASKING, now_s)
        self._exchange.say(self._setup.identify)
        self._clocks.due_s, self._clocks.quiet = now_s + self._setup.answer_s, True

    def _met(self, now_s: float) -> Events:
        """Asked once, answered once, and silence behind: line and answer are in step."""
        contact, expected = self._contact, self._setup.identity
        if expected and expected not in contact.identity:
            what = f"is the wrong arm: '{expected}' is not in its answer to {self._setup.identify}"
            return self._fault(what, "Plug the right cable in, or correct identity in the cell file", now_s)
        name = next((line for line in contact.identity.splitlines() if line), f"{self._setup.dialect.name} arm")
        return [Greeted(name), *self._check(now_s)]

    def _check(self, now_s: float) -> Events:
        """Home, if a person has cleared it; else it must stand where it rests, and be sure of it."""
        contact, hand = self._contact, self._hand
        cleared = contact.purpose is Purpose.CLEAR
        if cleared and (hand.homing or not contact.locked):
            # A person has taken out what the gripper held.
            self.run = Run([*(homing(hand) or look(hand)), *opened(hand)])
            self._enter(State.CLEARING, now_s)
            self._next(now_s)
            return []
        if contact.locked:
            return self._fault("is locked by an alarm", HOME, now_s)
        if contact.fresh and hand.homing:
            return self._fault("has just begun anew, and does not know where it stands", HOME, now_s)
        self.run = Run(look(hand))
        if self.run.step is None:
            self._enter(State.READY, now_s)
            return [Rested()]
        self._enter(State.CHECKING, now_s)
        self._next(now_s)
        return []

    def _next(self, now_s: float) -> None:
        """Begin the present step; one into a place only if that may be at this moment, else stand still and wait."""
        step, setup, clocks = self.run.step, self._setup, self._clocks
        if step is not None and step.enters and (against := self._fence()):
            self._enter(State.HELD, now_s)
            self._contact.told.append(Held(f"{against}; it stands still before '{step.name}'"))
            return
        self._bound(step, now_s)
        if step is None:
            clocks.until_s = now_s
        elif step.line:
            self.run.begun(step)
            self._exchange.say(step.line)
            long_s = setup.clear_s if step.sequence is Sequence.HOME else setup.move_s
            clocks.due_s = now_s + (long_s if step.moves or step.barrier else setup.answer_s)
            clocks.quiet = True
        elif step.stands is not None:
            self._contact.proving = True
            self._report(now_s)
        else:
            clocks.until_s = now_s + step.wait_s

    def _bound(self, step: Step | None, now_s: float) -> None:
        """Every sequence has its deadline; it begins anew after a hold, which a person has ended."""
        sequence, setup = step.sequence if step else None, self._setup
        if sequence is not self._clocks.sequence or self._clocks.sequence_s is None:
            bounds = {
                Sequence.LOOK: setup.silence_s,
                Sequence.HOME: setup.clear_s,
                Sequence.PICK: setup.pick_s,
                Sequence.PLACE: setup.place_s,
            }
            self._clocks.sequence_s = now_s + bounds[sequence] if sequence else None
        self._clocks.sequence = sequence
