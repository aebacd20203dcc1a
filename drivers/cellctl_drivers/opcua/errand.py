"""What a machine is made to do, from PackML state to PackML state: one phase after the other."""

from collections.abc import Sequence

from cellctl.domain.errors import MachineFault, NotAllowed
from cellctl.domain.events import EvidenceGathered, Fact, OperationEnded, StationChanged
from cellctl.domain.evidence import Findings
from cellctl.domain.machine import RUNNING, MachineCommand, MachineState, after
from cellctl.domain.work import OperationState

from .connection import Owner
from .course import Course, Fresh, RefreshAct
from .footing import Footing
from .phases import FORGIVING, HALTS, TURNED_BACK, Phase, Step
from .profile import AwaitAct, CallAct, Stage, WriteAct
from .refusals import refusal_in
from .values import Unfit
from .words import Answered, Decision, GiveUp, Refused
from .work import Work


class Errand(Footing):
    """The state of one machine, its work, and the phase that it is in. It is asked only while the contact is READY."""

    # ---- what comes in ---------------------------------------------------------------------------------------

    def found(self) -> list[Decision]:
        """Contact was made. Nothing is asked of the machine: whatever it is doing, it goes on doing."""
        against = self._picture.against(start=True)
        found: list[Decision] = [StationChanged(self._setup.machine, self.state, against.why)]
        if against:
            return found
        return found + self._walk(MachineCommand.RESET) + self._walk(MachineCommand.STATE_COMPLETE)

    def look(self) -> list[Decision]:
        """Something new was heard."""
        picture, work = self._picture, self._work
        decided: list[Decision] = [*work.observe(self._setup.profile, picture, self._setup.machine)] if work else []
        now = (self.state, self._step.phase)
        if now != picture.judged:
            if judged := self._judge():
                return decided + judged
            picture.judged = now
            decided += self._follow()
        return decided + self._proceed()

    def _judge(self) -> list[Decision]:
        """What the machine's own stops and guards make necessary."""
        if self.state in RUNNING and (halted := self._picture.halted_by_itself):
            return self._leave(MachineCommand.ABORT, halted)
        # What is merely unknown for a moment is asked for again before a start.
        if self.state is MachineState.IDLE and self._step.phase is Phase.NOTHING:
            against = self._picture.against(start=True)
            if against and not against.unknown:
                return self._leave(MachineCommand.STOP, against.why)
        return []

    def go_on(self) -> list[Decision]:
        """A request that was not of the errand's own is out of the way."""
        return self._proceed()

    @property
    def second_thoughts(self) -> str:
        """What speaks against the command that is to go out now, by all that was heard up to this moment."""
        weighed = self._step.weighed
        return "" if weighed is None else self._picture.against(start=weighed).why

    @property
    def weighs(self) -> bool:
        """Whether what was asked belongs to a start, or to going on."""
        return self._step.weighed is not None

    def start(self, work: Work) -> list[Decision]:
        """Do this work. Raises NotAllowed unless IDLE and free."""
        if self._work is not None:
            raise NotAllowed(f"{self._setup.machine} is looking for {self._work.operation.id}; ask again in a moment")
        entered = self._walk(MachineCommand.START)
        self._work, self._words = work, work.words
        self._picture.about(work.words, None)
        return entered + self._enter(Phase.CHECK, (Fresh(),))

    def adopt(self, work: Work, mark: int | None) -> list[Decision]:
        """Look for this work, which was open when the contact was lost. Nothing is started."""
        if self._work is not None or self._step.phase is not Phase.NOTHING:
            return [EvidenceGathered(work.operation.id, Findings(says="its machine was at something else"))]
        self._work, self._words = work, work.words
        self._picture.about(work.words, mark)
        return self._enter(Phase.ADOPT, (Fresh(), *self._stages("look")))

    def proceed(self, operation_id: str) -> list[Decision]:
        """The call that moves may go out: that it does is durable. Raises NotAllowed if nothing waits for that."""
        work = self._work
        if work is None or work.operation.id != operation_id or not work.waits:
            raise NotAllowed(f"{self._setup.machine} does not wait with {operation_id}")
        work.waits, work.permitted = False, True
        return self._proceed()

    def command(self, command: MachineCommand) -> list[Decision]:
        """A PackML command. Raises NotAllowed."""
        machine, halting = self._setup.machine, command in (MachineCommand.STOP, MachineCommand.ABORT)
        if halting and not self._picture.at_rest and not self._stages("stop", "abort"):
            raise NotAllowed(
                f"{machine}: its profile {self._setup.profile.name} cannot stop it; stop it at the machine"
            )
        adopting = self._work is not None and self._step.phase is Phase.ADOPT
        if adopting and after(self.state, command) not in HALTS:
            raise NotAllowed(f"{machine} is looked at after a loss of contact; tell it again in a moment")
        entered = self._walk(command)
        if self.state in HALTS:
            self._reason = f"{command.value} was commanded"
            return entered + self._halt(whoever=True)
        if self.state is MachineState.UNHOLDING:
            return entered + self._enter(Phase.CHECK, (Fresh(),))
        phase, name = (Phase.CLEAR, "clear") if self.state is MachineState.CLEARING else (Phase.RESET, "reset")
        return entered + self._enter(phase, (*self._stages(name), Fresh()))

    def answered(self, answer: Answered | Refused) -> list[Decision]:
        """The answer to what was asked."""
        step, act = self._step, self._step.asked
        step.asked, step.until_s = None, None
        if act is None:
            return self._proceed()
        refusal = refusal_in(act, answer, self._setup.profile)
        if refusal and step.fresh_start and isinstance(answer, Answered) and self._work:
            # The machine itself says that it did not start.
            self._work.began = False
        elif refusal and isinstance(answer, Answered) and self._work and step.course.moves:
            self._work.seen_executing = True
        if not refusal or step.phase in FORGIVING:
            self._take(act, answer)
            step.course.passed()
            refusal = ""
        if self.state in HALTS and step.command not in HALTS[self.state]:
            return self._halt()
        return self._turn_back(refusal) if refusal else self._proceed()

    def tick(self) -> list[Decision]:
        """Time has passed."""
        step = self._step
        if step.asked or step.until_s is None or self._picture.now_s < step.until_s:
            return self._proceed()
        step.until_s = None
        act = step.course.present(self._picture)
        if isinstance(act, AwaitAct):
            return self._not_shown(act)
        if step.phase is Phase.REST:
            what = "it does not come to rest"
            fault = MachineFault(self._setup.machine, what, do_next="Stop it at the machine itself")
            facts = self.abandon(what)
            self._connection.lose()
            return [*facts, GiveUp(fault)]
        if step.phase is Phase.MOVE:
            key = "carry_timeout_s" if self._work and self._work.carries else "work_timeout_s"
            return self._leave(MachineCommand.ABORT, f"its program takes longer than {key}")
        return self._unproved()

    def abandon(self, why: str) -> list[Fact]:
        """The contact is over: what becomes of the work. A request without an answer leaves it unknown."""
        asked, work, adopting = self._step.asked, self._work, self._step.phase is Phase.ADOPT
        self._drop()
        if work is None or adopting:
            return []
        open_request = asked is not None and not isinstance(asked, RefreshAct)
        return [OperationEnded(work.operation.id, OperationState.UNKNOWN if open_request else work.unfinished, why)]

    # ---- going through a phase -------------------------------------------------------------------------------

    def _enter(
        self, phase: Phase, stages: Sequence[Stage | Fresh] = (), command: str = "", *, stops: bool = False
    ) -> list[Decision]:
        """Begin a phase. Nobody comes here while a request of the last phase is open."""
        self._step = Step(phase, Course(stages, self._words), command=command, stops=stops)
        return self._proceed()

    def _proceed(self) -> list[Decision]:
        """Go on for as long as the machine shows what is waited for, up to the next request."""
        decided: list[Decision] = []
        while self._step.phase is not Phase.NOTHING and self._connection.open is None:
            step = self._step
            act = step.course.present(self._picture)
            if isinstance(act, AwaitAct):
                if not step.course.shown(act, self._picture):
                    self._wait(act.within_s * self._setup.limits.wire)
                    break
                step.course.passed()
                step.until_s = None
            elif act is not None:
                return decided + self._ask(act)
            elif not self._over():
                self._wait(self._patience_s)
                break
            else:
                decided += self._next()
        return decided

    def _ask(self, act: CallAct | WriteAct | RefreshAct) -> list[Decision]:
        """Make the request that comes next; the first one from which the machine may move is news."""
        work, step = self._work, self._step
        moves = step.course.moves and work is not None
        # What only leads up to a start is no less a command than the start.
        leads_up = work is not None and step.phase is Phase.BEGIN and not work.began
        step.weighed = not work.began if work and (moves or leads_up) else None
        if against := self.second_thoughts:
            return self._turn_back(against)
        try:
            request = step.course.request(act, self._setup.profile, self._picture)
        except Unfit as unfit:
            return self._turn_back(str(unfit))
        facts: list[Decision] = []
        if work and moves and not work.began and not work.permitted:
            facts = work.announce(self._picture.counter)
            if work.waits:
                return facts
        if work and step.phase is Phase.BEGIN:
            work.sent = True
        if work and moves:
            step.fresh_start = not work.began
            work.began, work.seen_executing = True, False
        step.asked = act
        return [*facts, *self._connection.ask(request, Owner.COURSE, self._picture.now_s)]

    def _next(self) -> list[Decision]:
        """What follows from a phase that is over."""
        follows = {
            Phase.CHECK: self._checked,
            Phase.BEGIN: self._begun,
            Phase.MOVE: self._ended,
            Phase.LOOK: lambda: self._enter(Phase.SETTLE),
            Phase.SETTLE: self._settled,
            Phase.HALT: self._halted,
            Phase.REST: self._rested,
            Phase.ADOPT: self._recognised,
        }
        return follows.get(self._step.phase, self._ready)()

    # ---- the way through the work ----------------------------------------------------------------------------

    def _checked(self) -> list[Decision]:
        """Everything was just heard: the start, or going on; but not once more if it ended at the moment of a hold."""
        work, picture = self._work, self._picture
        if work is None:
            return self._leave(MachineCommand.STOP, "its work is gone")
        if work.began and picture.counted:
            return self._begun()
        if against := picture.against(start=not work.began):
            return self._turn_back(against.why)
        if not work.began:
            picture.about(work.words, picture.counter)
        return self._enter(Phase.BEGIN, self._stages("unhold" if work.began else "start"))

    def _begun(self) -> list[Decision]:
        return self._walk(MachineCommand.STATE_COMPLETE) + self._run()

    def _ended(self) -> list[Decision]:
        """No program runs any more."""
        if self._picture.state == "faulted":
            return self._leave(MachineCommand.ABORT, "it shows a fault")
        return self._enter(Phase.LOOK, self._stages("look"))

    def _run(self) -> list[Decision]:
        if self._work:
            self._work.seen_executing = True
        return self._enter(Phase.MOVE)

    def _settled(self) -> list[Decision]:
        """The machine has said how it ended."""
        work = self._work
        if work is None or work.missing(self._setup.profile, self._picture):
            return self._leave(MachineCommand.STOP, "the machine says that it failed")
        done: list[Decision] = [
            *work.arrived(self._setup.profile),
            OperationEnded(work.operation.id, OperationState.DONE),
            *self._walk(MachineCommand.STATE_COMPLETE),
        ]
        self._work = None
        return done + self._enter(Phase.GIVE, self._giving())

    def _unproved(self) -> list[Decision]:
        lacks = self._work.missing(self._setup.profile, self._picture) if self._work else ""
        return self._leave(MachineCommand.STOP, lacks)

    def _ready(self) -> list[Decision]:
        """CLEAR, RESET or GIVE has had its effect; whether the machine is free its values say."""
        phase, self._step = self._step.phase, Step()
        against = self._picture.against(start=True) if phase is not Phase.GIVE else None
        if against and phase is Phase.RESET:
            return self._leave(MachineCommand.STOP, against.why)
        return self._walk(MachineCommand.STATE_COMPLETE, against.why if against else "")

    def _follow(self) -> list[Decision]:
        """A program that was paused, or goes on, at the machine itself."""
        shown, phase = self._picture.state, self._step.phase
        if self.state is MachineState.EXECUTE and phase is Phase.MOVE and shown == "paused":
            self._step = Step()
            reason = "it was paused at the machine"
            return self._walk(MachineCommand.HOLD, reason) + self._walk(MachineCommand.STATE_COMPLETE, reason)
        begun = self._work is not None and self._work.began
        if self.state is MachineState.HELD and phase is Phase.NOTHING and begun and shown == "executing":
            resumed = self._walk(MachineCommand.UNHOLD, "it goes on at the machine")
            return resumed + self._begun()
        return []

    # ---- after a loss of contact -----------------------------------------------------------------------------

    def _recognised(self) -> list[Decision]:
        """What the machine shows of work that was open: it runs on, or is proved to have ended, or nobody knows."""
        work, picture, profile = self._work, self._picture, self._setup.profile
        self._step = Step()
        if work is None:
            return []
        ours = picture.holds(profile.shown) is True and (not profile.proof.counter or picture.counted is False)
        found = work.findings(profile, picture, ours=ours and picture.state in ("executing", "paused"))
        gathered = EvidenceGathered(work.operation.id, found)
        if found.shows_ours:
            return [gathered, *self._go_on(work)]
        self._drop()
        return [gathered]

    def _go_on(self, work: Work) -> list[Decision]:
        """It never stopped: the state that the machine is in is entered as it is found."""
        running = self._picture.state == "executing"
        self.state = MachineState.EXECUTE if running else MachineState.HELD
        found: list[Decision] = [
            StationChanged(self._setup.machine, self.state, "its program went on without us"),
            *work.observe(self._setup.profile, self._picture, self._setup.machine),
        ]
        return found + (self._run() if running else [])

    # ---- coming to rest --------------------------------------------------------------------------------------

    def _not_shown(self, act: AwaitAct) -> list[Decision]:
        """The machine does not show what a command waits for."""
        if self._step.phase in FORGIVING:
            self._step.course.passed()
            return self._proceed()
        return self._turn_back(f"it does not show {act.name}")

    def _turn_back(self, why: str) -> list[Decision]:
        """What was begun does not go on: back to HELD where work was to be resumed, else to STOPPED.

        Where the server refused the start by a Bad status, the machine may have begun all the same.
        """
        if self._step.phase in TURNED_BACK:
            return self._leave(TURNED_BACK[self._step.phase], why)
        if self._may_move():
            return self._leave(MachineCommand.ABORT, why)
        resumed = self._work is not None and self._work.began
        return self._leave(MachineCommand.HOLD if resumed else MachineCommand.STOP, why)

    def _leave(self, command: MachineCommand, why: str) -> list[Decision]:
        """Give the present state up for a reason of our own."""
        self._reason = why
        return self._walk(command, why) + self._halt()

    def _halt(self, *, whoever: bool = False) -> list[Decision]:
        """Bring the machine to rest; one request at a time, so not before an open one is answered.

        A program that somebody else started is stopped only where a person asked for it: `whoever`.
        """
        step, names = self._step, HALTS[self.state]
        if step.asked is not None or (step.phase in (Phase.HALT, Phase.REST) and step.command in names):
            return []
        stops = self._may_move() or (whoever and not self._picture.at_rest)
        stages = self._undo()
        if stops:
            stages += self._stages(*names)
        if self.state is not MachineState.HOLDING:
            stages += self._giving()
        if not stages and not stops:
            return self._rested()
        return self._enter(Phase.HALT, stages, names[0], stops=stops)

    def _halted(self) -> list[Decision]:
        """What brings it to rest was asked; whether it stands still its values say."""
        step = self._step
        return self._enter(Phase.REST, (Fresh(),), step.command) if step.stops else self._rested()

    def _rested(self) -> list[Decision]:
        work, picture = self._work, self._picture
        self._step = Step()
        ended: list[Decision] = []
        if self.state is not MachineState.HOLDING and work:
            failed = picture.holds(self._setup.profile.proof.failed) is True or picture.state == "faulted"
            state = OperationState.FAILED if work.began and failed else work.unfinished
            self._drop()
            ended = [OperationEnded(work.operation.id, state, self._reason + self._whereabouts)]
        return ended + self._walk(MachineCommand.STATE_COMPLETE, self._reason)
