"""The protocol of a serial arm: one line at a time, every step acknowledged in time, motion proved by a barrier.

A `Session` for `serial_shell`. Nothing is said twice but questions. Only a carry's own step opens the gripper: as a
reset lets go of the part in many arms, it comes when the gripper is empty, or when a person has cleared the arm.
"""

from collections.abc import Iterator, Sequence

from cellctl.domain.errors import NotAllowed
from cellctl_drivers.serial_arm.arm import LOOK, Arm, Events
from cellctl_drivers.serial_arm.contact import Purpose
from cellctl_drivers.serial_arm.dialects import Motion, motion_in, ok_in
from cellctl_drivers.serial_arm.route import Step
from cellctl_drivers.serial_arm.run import Moved, Run
from cellctl_drivers.serial_arm.states import AT_WORK, BRAKING, Ask, State
from cellctl_drivers.serial_session import (
    Acknowledged,
    Held,
    ProgramDrained,
    ResetSeen,
    Rested,
    Resumed,
    SessionEvent,
    Stopped,
)


class ArmSession(Arm):
    """A `serial_session.Session` that carries parts instead of running programs."""

    # ---- what is asked -------------------------------------------------------------------------------------------

    def greet(self, now_s: float) -> None:
        """Look whether it stands, then ask who it is. Nothing moves."""
        self._ask(Ask.GREET, now_s)
        self._look(now_s)

    def load(self, lines: Iterator[str], total: int, now_s: float) -> None:
        """An arm runs no programs."""
        raise NotAllowed("this arm carries parts; it runs no programs")

    def carry(self, steps: Sequence[Step], now_s: float) -> None:
        """Take these steps. Raises NotAllowed unless it is ready and stands."""
        if self.state is State.READY and not self.at_rest:
            raise NotAllowed("the arm is moving, and not for us")
        self._ask(Ask.CARRY, now_s)
        self.run, self._contact.proving = Run(steps), False
        self._next(now_s)

    def hold(self, now_s: float) -> None:
        """Stand still with the part in the gripper: at once where the arm can, else behind the present move."""
        self._ask(Ask.HOLD, now_s)
        self._brake(now_s)

    def resume(self, now_s: float) -> None:
        """Go on where it was held."""
        self._ask(Ask.RESUME, now_s)
        if self._setup.dialect.resume:
            self._exchange.urgent(self._setup.dialect.resume)
            self._report(now_s)
        else:
            self._contact.told += self._go_on(now_s)

    def stop(self, now_s: float) -> None:
        """Stand still and forget the rest: Stopped, where it was ready; else a FaultRaised, because the arm stands in
        the way, maybe with a part, and a person must look."""
        self._ask(Ask.STOP, now_s)
        if self.state is State.STOPPING:
            self._brake(now_s)
        else:
            self._contact.told.append(Stopped())

    def halt(self, now_s: float) -> None:
        """Stop by the quickest way that does not open the gripper."""
        self._ask(Ask.HALT, now_s)
        self._brake(now_s)

    def clear(self, now_s: float) -> None:
        """A person has looked, and the gripper is empty: begin anew, and go home where the owner says how."""
        self._ask(Ask.CLEAR, now_s)
        self.run, self._contact.homed = Run(), False
        self._contact.purpose = Purpose.CLEAR
        self._exchange.forget()
        if self._setup.dialect.reset:
            self._enter(State.RESETTING, now_s, self._setup.answer_s)
            self._exchange.urgent(self._setup.dialect.reset)
        else:
            self._enter(State.LOOKING, now_s)
            self._look(now_s)

    @property
    def homed(self) -> bool:
        """Whether it knows where it is: it was homed since the line was opened, or never has to be."""
        return self._contact.homed or not self._hand.homing

    @property
    def at_rest(self) -> bool:
        """Whether it would carry a part now."""
        return self.state is State.READY and self._contact.motion is not Motion.MOVES

    @property
    def sent(self) -> int:
        """Lines of the present carry that went out, questions not counted."""
        return self.run.sent

    @property
    def acknowledged(self) -> int:
        """Of these, the ones that the arm has taken."""
        return self.run.acknowledged

    @property
    def executed(self) -> int:
        """Lines before the last barrier that was proved."""
        return self.run.proved

    def moved(self) -> list[Moved]:
        """What has become of the part since this was asked last."""
        moved, self.run.moved = self.run.moved, []
        return moved

    # ---- bytes and time ------------------------------------------------------------------------------------------

    def receive(self, chunk: bytes, now_s: float) -> Sequence[SessionEvent]:
        """Bytes from the arm."""
        events: Events = []
        before = self.run.acknowledged
        for line in self._exchange.received(chunk):
            if self.state not in (State.NEW, State.LOST):
                self._clocks.quiet = False
                events += self._line(line, now_s)
        if self.run.moved or self.run.acknowledged > before:
            events.insert(0, Acknowledged(self.run.acknowledged))
        return events

    def transmit(self, now_s: float) -> bytes:
        """Bytes for the arm."""
        return self._exchange.take()

    def tick(self, now_s: float) -> Sequence[SessionEvent]:
        """Look at every clock that runs."""
        clocks, told = self._clocks, self._contact.told
        if told:
            self._contact.told = []
            return told
        if clocks.due_s is not None and now_s >= clocks.due_s:
            return self._overdue(now_s)
        if clocks.sequence_s is not None and now_s >= clocks.sequence_s and clocks.sequence is not None:
            what = f"has not ended its {clocks.sequence.value} in time; nothing was said again"
            return self._fault(what, LOOK, now_s)
        if clocks.asked_s is not None and now_s >= clocks.asked_s + self._setup.silence_s:
            return self._fall_silent(now_s - clocks.asked_s)
        if clocks.until_s is not None and now_s >= clocks.until_s:
            clocks.until_s = None
            return self._over(now_s)
        if clocks.poll_s is not None and now_s >= clocks.poll_s:
            self._report(now_s)
        return []

    @property
    def deadline_s(self) -> float | None:
        """When to call `tick` next."""
        return 0.0 if self._contact.told else self._clocks.next_s

    # ---- what the arm says ---------------------------------------------------------------------------------------

    def _line(self, line: str, now_s: float) -> Events:
        dialect = self._setup.dialect
        motion = motion_in(line) if dialect.status else None
        if motion is not None:
            self._contact.motion, self._clocks.asked_s = motion, None
            return self._reported(motion, line, now_s)
        answer = ok_in(line)
        if answer is not None:
            return self._acknowledged(answer, now_s)
        if dialect.banner.fullmatch(line):
            return self._began_anew(now_s)
        if dialect.refusal.fullmatch(line):
            return self._refused(line, now_s)
        self._exchange.heard.append(line)
        return []

    def _acknowledged(self, answer: str, now_s: float) -> Events:
        exchange = self._exchange
        if not exchange.line:
            if self.state is State.SYNCING:
                self._identify(now_s)  # That one was for something older: it is not in step with us yet.
            return []
        exchange.heard.append(answer)
        said = exchange.close()
        self._clocks.due_s = None
        if self.state is State.ASKING:
            self._contact.identity = said
            self._enter(State.SYNCING, now_s, self._setup.sync_s)
            return []
        step = self.run.step
        if step is not None and step.barrier and self._setup.dialect.status:
            self._contact.proving = True
            self._report(now_s)
            return []
        return self._step_done(said, now_s)

    def _refused(self, line: str, now_s: float) -> Events:
        said = self._exchange.line
        if self.state is State.ASKING:  # What another connection left in its buffer stood in front of the question.
            self._identify(now_s)
            return []
        if self.state in AT_WORK or self.state in (State.CLEARING, State.CHECKING):
            return self._fault(f"answers '{said}' with '{line}'", LOOK, now_s)
        return self._fault(f"says '{line}'", LOOK, now_s) if self.state is State.READY else []

    def _began_anew(self, now_s: float) -> Events:
        self._exchange.forget()
        self._clocks.due_s = None
        match self.state:
            case State.LOOKING | State.ASKING | State.SYNCING:
                self._contact.fresh = True
                self._enter(State.LOOKING, now_s)
                self._look(now_s)
            case State.RESETTING:
                self._enter(State.LOOKING, now_s)
                self._look(now_s)
            case State.DOWN | State.HALTING:
                pass
            case _:
                self._enter(State.LOST, now_s)
                return [ResetSeen("the arm began anew by itself; its gripper may have opened")]
        return []

    def _reported(self, motion: Motion, line: str, now_s: float) -> Events:
        state = self.state
        if state is State.LOOKING:
            return self._seen(motion, now_s)
        return self._braked(motion, now_s) if state in BRAKING else self._reported_at_work(motion, line, now_s)

    def _reported_at_work(self, motion: Motion, line: str, now_s: float) -> Events:
        match self.state:
            case State.RESUMING if motion is Motion.HELD:
                self._exchange.urgent(self._setup.dialect.resume)  # Dropped while it still braked.
            case State.HELD | State.RESUMING | State.CARRYING | State.READY | State.CHECKING if motion is Motion.LOCKED:
                return self._fault("is locked by an alarm", LOOK, now_s)
            case State.RESUMING:
                return self._go_on(now_s)
            case State.CARRYING | State.CLEARING | State.CHECKING if self._contact.proving and motion is Motion.STANDS:
                return self._step_done(line, now_s)
            case State.CARRYING if motion is Motion.HELD:
                self._enter(State.HELD, now_s)
                return [Held("paused at the arm")]
        return []

    # ---- the steps -----------------------------------------------------------------------------------------------

    def _step_done(self, answer: str, now_s: float) -> Events:
        self._contact.proving = False
        wrong = self.run.done(answer, self._hand)
        if wrong:
            return self._fault(wrong, LOOK, now_s)
        self._contact.homed = self._contact.homed or self.run.homed
        if self.state in (State.CARRYING, State.CLEARING, State.CHECKING):
            if self.run.step is None:
                return self._finished(now_s)
            self._next(now_s)
            return []
        return self._stood(now_s) if self.state in BRAKING and not self._setup.dialect.hold else []

    def _finished(self, now_s: float) -> Events:
        carried = self.state is State.CARRYING
        self._enter(State.READY, now_s)
        return [ProgramDrained(), Rested()] if carried else [Rested()]

    # ---- standing still ------------------------------------------------------------------------------------------

    def _brake(self, now_s: float) -> None:
        setup, exchange = self._setup, self._exchange
        self._clocks.until_s = None
        if setup.dialect.hold:
            self._clocks.due_s = None
            self._clocks.until_s = now_s + setup.stand_s
            exchange.urgent(setup.dialect.hold)
            self._report(now_s)
        elif self.state is State.HALTING:
            # A new line first: half of another one may be on its way.
            exchange.forget()
            self._clocks.due_s = None
            exchange.urgent(b"\n" + "".join(f"{line}\n" for line in setup.dialect.halt).encode("ascii"))
            self._clocks.until_s = now_s + setup.sync_s
        elif not exchange.line:
            self._contact.told += self._stood(now_s)

    def _braked(self, motion: Motion, now_s: float) -> Events:
        busy = bool(self._exchange.line) and motion is Motion.STANDS
        if motion is Motion.MOVES or (busy and self.state is State.HOLDING):
            self._exchange.urgent(self._setup.dialect.hold)
            return []
        return self._stood(now_s)

    def _stood(self, now_s: float) -> Events:
        """The arm stands, or will as soon as what was said is done."""
        step = self.run.step
        if step is not None and step.barrier and not self._setup.dialect.hold and self.state is not State.HALTING:
            self._next(now_s)  # A move was acknowledged: whether it is over, the barrier tells.
            return []
        if self.state is State.HOLDING:
            self._enter(State.HELD, now_s)
            return [Held()]
        if self.state is State.HALTING:
            self._enter(State.DOWN, now_s)
            return [Stopped()]
        how = "with the part in its gripper" if self.run.holds else "on its way, and may stand in the way"
        return self._fault(f"was stopped {how}", LOOK, now_s)

    def _go_on(self, now_s: float) -> Events:
        self._enter(State.CARRYING, now_s)
        self._bound(self.run.step, now_s)
        if self._exchange.line:
            self._clocks.due_s = now_s + self._setup.move_s
        elif not self._contact.proving:
            self._next(now_s)
        return [Resumed()] if self.state is State.CARRYING else []

    # ---- clocks and ends -----------------------------------------------------------------------------------------

    def _over(self, now_s: float) -> Events:
        """A state has lasted as long as it may, or a wait is over."""
        if self.state is State.SYNCING:
            return self._met(now_s)
        if self.state in (State.CARRYING, State.CLEARING, State.CHECKING):
            return self._step_done("", now_s) if self.run.step else self._finished(now_s)
        match self.state:
            case State.HALTING if not self._setup.dialect.hold:
                return self._stood(now_s)
            case State.LOOKING:
                return self._fall_silent(self._setup.answer_s)
            case State.RESETTING:
                return self._fault("does not begin anew when it is reset", "Switch it off and on, then clear", now_s)
        return self._fault("does not come to a stand, or does not go on", "Stop it at the arm itself", now_s)

    def _overdue(self, now_s: float) -> Events:
        said, quiet = self._exchange.line, self._clocks.quiet
        self._clocks.due_s = None
        if self.state is State.ASKING:
            self._identify(now_s)
            return []
        if quiet:
            return self._fall_silent(self._setup.move_s)
        return self._fault(f"has not acknowledged '{said}' in time; nothing was said again", LOOK, now_s)
