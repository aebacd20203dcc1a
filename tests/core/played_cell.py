"""A cell that is played: machines and a person beside the brain, and the truth about where each part is.

Machines report through one inbox, in order, as drivers do; the brain hears of things later than they happen. What it
wants done is done after its turn, unless the controller dies in between. The person never lies, but may be slow,
and may do something without saying so.
"""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from cellctl.core import dispatch, readiness
from cellctl.core.cell import Cell, empty
from cellctl.core.decide import MachineTold, PreparedOrder, PreparedResumption, Stimulus, decide
from cellctl.core.instructions import Adopt, Instruction, PassOn, Proceed, Remember, Start, Tell
from cellctl.core.invariants import broken, broken_by
from cellctl.core.lifecycle import in_work
from cellctl.domain import events as ev
from cellctl.domain.commands import (
    AnswerPrompt,
    CancelOrder,
    Command,
    CommandMachine,
    CommandOrder,
    Envelope,
    ResumeOperation,
    SubmitOrder,
    UpdateOrder,
)
from cellctl.domain.errors import NotAllowed
from cellctl.domain.evidence import Findings
from cellctl.domain.job import JobCommand
from cellctl.domain.machine import MachineCommand, MachineState, after
from cellctl.domain.stops import AlarmClass, Reach, Rung, Zone
from cellctl.domain.work import (
    GONE,
    NOWHERE,
    Directive,
    Knowledge,
    Operation,
    OperationKind,
    OperationState,
    Place,
    Plan,
    Program,
    Prompt,
    Question,
    Station,
    Step,
    Way,
    one_way,
    station_of,
)

_C, _S, _O = MachineCommand, MachineState, OperationState

# Monday, 5 January 2026, 06:00 UTC.
NOW_S = 1767592800.0
_REACH = ("printer-1", "printer-2", "router-1", "infeed", "outfeed")
PLAN = Plan(
    "played",
    {
        station.name: station
        for station in (
            Station("printer-1", "marlin", ("fdm",), ("bed", "bed-2"), gated=True),
            Station("printer-2", "marlin", ("fdm",), ("bed", "bed-2", "bed-3")),
            Station("router-1", "grbl", ("engrave",), ("vise",), gated=True),
            Station("arm-1", "robot", (), ("gripper",), _REACH, gated=True),
            Station("arm-2", "robot", (), ("gripper",), ("printer-1", "printer-2", "infeed")),
            Station("bench-1", "manual", ("inspect",), ("desk",), ("outfeed", "bench-1")),
            Station("bench-2", "manual", ("deburr",), ("table",), ("printer-1", "printer-2", "bench-2", "router-1")),
            Station("infeed", "", (), ("1",), (), buffer=True),
            Station("outfeed", "", (), ("1",)),
        )
    },
    zones={
        zone.name: zone for zone in (Zone("print", ("printer-1", "printer-2")), Zone("engrave", ("router-1", "arm-1")))
    },
    alarms={rung.value: AlarmClass(rung.value, rung, Reach.ZONE) for rung in Rung},
)
_PRINT = one_way("print", "fdm", Program("aa", "base", 100))
_SHARED = Step(
    "print", tuple(Way("fdm", Program(f"d{parts}", f"clip-x{parts}", 100 * parts), parts=parts) for parts in (1, 2, 3))
)
_ENGRAVE = one_way("engrave", "engrave", Program("bb", "text", 20))
_INSPECT = one_way("inspect", "inspect", question=Question("Good?", ("accept", "scrap")))
PRODUCTS = (
    Directive("nameplate", "A", {"text": "ADA"}, (_PRINT, _ENGRAVE, _INSPECT)),
    Directive("mug", "B", {}, (_PRINT, one_way("deburr", "deburr"), _ENGRAVE, _INSPECT)),
    Directive("clip", "A", {}, (_SHARED, _INSPECT)),
    Directive("coaster", "A", {}, (_PRINT, _ENGRAVE, one_way("finish", "fdm", Program("cc", "top", 5)))),
)
MACHINES = tuple(name for name, station in PLAN.stations.items() if station.driver)


class Broken(AssertionError):
    """Something happened that must never happen."""


@dataclass
class Machine:
    """A machine with its driver. `phase` counts what its work has done; `heard`: the driver is connected.

    `waits`: it has said that it would touch the part next; `told_on`: and was told to proceed.
    """

    name: str
    state: MachineState = _S.STOPPED
    heard: bool = False
    work: Operation | None = None
    phase: int = 0
    waits: bool = False
    told_on: bool = False
    said: tuple[str, str] | None = None  # what the person answered, and who that was

    @property
    def attended(self) -> bool:
        return PLAN.stations[self.name].attended


class Answerable(NamedTuple):
    """What the person would do about a prompt, and then say."""

    choice: str
    serial: str = ""
    to: str = ""
    more: tuple[str, ...] = ()  # What goes with it.


def _answers(stimulus: Stimulus, prompt: Prompt) -> bool:
    if not isinstance(stimulus, Envelope) or not isinstance(stimulus.command, AnswerPrompt):
        return False
    return stimulus.command.prompt_id == prompt.id


class PlayedCell:
    """Brain, machines, person and truth. Every public method is something that may happen."""

    def __init__(self) -> None:
        self.cell: Cell = empty(PLAN)
        self.machines = {name: Machine(name) for name in MACHINES}
        self.truth: dict[str, str] = {}  # Where each part is that exists.
        self.done: set[tuple[str, str]] = set()
        self.inbox: deque[Stimulus] = deque()
        self.acts: deque[Instruction] = deque()
        self.echoes: deque[ev.Fact] = deque(maxlen=40)
        self.log: list[ev.Event] = []
        self._ids = 0
        self.inbox.append(ev.ControllerStarted("test"))

    @property
    def unheard(self) -> list[str]:
        return [machine.name for machine in self.machines.values() if not machine.heard]

    @property
    def open_jobs(self) -> int:
        return sum(map(in_work, self.cell.jobs.values()))

    # ---- the controller ------------------------------------------------------------------------------------------

    def turn(self) -> bool:
        """Do what the last turn wanted, then take the next stimulus. False if there is none."""
        self.act()
        if not self.inbox:
            self._compare()
            return False
        self.decide(self.inbox.popleft())
        return True

    def settle(self) -> None:
        """Until nothing is left to be told or done."""
        while self.turn() or self.acts:
            pass

    def decide(self, stimulus: Stimulus) -> list[Instruction]:
        before = self.cell
        self.cell, todo = decide(before, stimulus, NOW_S)
        wrong = broken_by(before, todo, self.cell) + broken(self.cell)
        if wrong:
            raise Broken(f"{stimulus}: {'; '.join(wrong)}")
        events = [step.event for step in todo if isinstance(step, Remember)]
        self.log += events
        self.acts.extend(step for step in todo if not isinstance(step, Remember))
        for event in events:
            if isinstance(event, ev.PartMoved) and event.place == GONE and self.truth.get(event.serial, GONE) != GONE:
                self._judged(event, stimulus)
        if isinstance(stimulus, ev.OperationStarted | ev.OperationEnded | ev.PartMoved | ev.PromptRaised):
            self.echoes.append(stimulus)
        return list(todo)

    def act(self) -> None:
        while self.acts:
            match self.acts.popleft():
                case Start(operation=operation):
                    self._start(self.machines[operation.station], operation)
                case Adopt(operation=operation) if self.machines[operation.station].heard:
                    found = self._look(self.machines[operation.station], operation)
                    self._report(ev.EvidenceGathered(operation.id, found))
                case Proceed(station=station, operation_id=operation_id):
                    machine = self.machines[station]
                    machine.told_on = machine.heard and machine.work is not None and machine.work.id == operation_id
                case Tell(station=station, command=command):
                    if command is _C.RESET:
                        self._look_before_reset(station)
                    self._told(self.machines[station], command)
                case PassOn(station=station, operation_id=operation_id, choice=choice, by=by):
                    self._passed_on(self.machines[station], operation_id, choice, by)

    def die(self, *, moving: bool) -> None:
        """kill -9 and a restart. Arms and people may go on by themselves (`moving`), streamed programs stop."""
        self.inbox.clear()
        self.acts.clear()
        self.echoes.clear()
        for machine in self.machines.values():
            machine.heard = False
            if machine.attended or not moving:
                machine.work = None
        self.inbox.append(ev.ControllerStarted("test"))

    # ---- people --------------------------------------------------------------------------------------------------

    def order(self, product: int, quantity: int, priority: int, *, release: bool = True) -> None:
        directive = PRODUCTS[product]
        wanted = {"quantity": quantity, "priority": priority, "release": release}
        command = SubmitOrder(directive.product, directive.parameters, **wanted)
        self.inbox.append(PreparedOrder(self._envelope(command), directive, "2026-01-05T06:00:00.000Z"))

    def cancel(self, order_id: str) -> None:
        self.inbox.append(self._envelope(CancelOrder(order_id)))

    def tell(self, order_id: str, command: JobCommand) -> None:
        self.inbox.append(self._envelope(CommandOrder(order_id, command)))

    def change(self, order_id: str, quantity: int) -> None:
        entry = self.cell.orders.get(order_id)
        if entry is not None:
            envelope = self._envelope(UpdateOrder(order_id, quantity=quantity))
            self.inbox.append(PreparedOrder(envelope, entry.directive, "2026-01-05T06:00:00.000Z"))

    def says(self, command: Command) -> None:
        """Whatever else a person may ask for; decided upon at once, with what was told before it."""
        self.inbox.append(self._envelope(command))
        self.settle()

    def command(self, name: str, command: MachineCommand) -> None:
        envelope = self._envelope(CommandMachine(name, command))
        if command in (_C.HOLD, _C.ABORT):
            self.inbox.append(MachineTold(envelope, self._told(self.machines[name], command)))
        else:
            self.inbox.append(envelope)

    def resume(self, name: str) -> None:
        """The person sees that a part is half made, makes its machine ready, and lets it go on."""
        machine = self.machines[name]
        for command in [_C.CLEAR] * (machine.state is _S.ABORTED) + [_C.RESET] * (machine.state is not _S.IDLE):
            self.command(name, command)
            self.settle()
        for operation in self.cell.operations.values():
            seen = self._is_half_made(operation) and not self._is_whole(operation)
            mine = operation.station == name and operation.program is not None and machine.work is None
            if operation.state is _O.UNKNOWN and mine and seen:
                envelope = self._envelope(ResumeOperation(name, 7))
                self.inbox.append(PreparedResumption(envelope, operation.id, 7, Program("cc", "the rest", 50)))
                return

    def answer(self, prompt: Prompt, pick: int, *, said: bool = True) -> None:
        """The person goes there, does what is asked or found, and says so (or dies of boredom first)."""
        said_before = next((each for each in self.inbox if _answers(each, prompt)), None)
        if said_before is not None:
            self.inbox.append(said_before)
            return
        resumed = [each.operation_id for each in self.inbox if isinstance(each, PreparedResumption)]
        if prompt.operation_id in resumed:
            return  # Nobody takes a part away who has just said that its machine shall go on with it.
        options = self._options(prompt)
        if not options:
            return  # The person waits.
        option = options[pick % len(options)]
        if option.choice not in prompt.question.choices:
            raise Broken(f"{prompt} does not allow the truth: {option}")
        for serial in (option.serial, *option.more) if option.serial else ():
            self._move(serial, option.to)
        operation = self.cell.operations.get(prompt.operation_id)
        if option.choice == "done" and operation and operation.kind is OperationKind.PROCESS:
            self.done.add((operation.serial, operation.step))
        if said:
            self.inbox.append(self._envelope(AnswerPrompt(prompt.id, option.choice)))

    def _options(self, prompt: Prompt) -> list[Answerable]:
        """What a truthful person may do and say; the first is what lets things go on best."""
        operation = self.cell.operations.get(prompt.operation_id)
        serial = prompt.serial
        if operation is None and "made" in prompt.question.choices:
            return self._options_of_part(serial, self.cell.parts[serial].held_at, "not begun")
        if operation is None:
            place = self.cell.parts[serial].place
            if self.truth.get(serial, GONE) not in (place, GONE):
                raise Broken(f"{serial} is to be taken away from {place}, and is at {self.truth[serial]}")
            return [Answerable("taken away", serial, GONE)]
        if operation.state is not _O.UNKNOWN:
            return self._options_at_work(operation)
        ghost = self.machines[operation.station]
        if ghost.work and ghost.work.id == operation.id:
            if ghost.heard:
                return []  # It still runs, by its own account.
            ghost.work = None  # The person stops it before touching anything.
        carried = operation.kind is OperationKind.CARRY
        return self._options_of_carry(operation) if carried else self._options_of_process(operation)

    def _options_at_work(self, operation: Operation) -> list[Answerable]:
        if operation.kind is OperationKind.PROCESS:
            if operation.question:
                return [Answerable(choice) for choice in operation.question.choices]
            done = (operation.serial, operation.step) in self.done
            return [Answerable("done")] if done else [Answerable("done"), Answerable("not possible")]
        place = self.truth[operation.serial]
        if place not in (operation.source, operation.target):
            raise Broken(f"{operation} is asked for, and its part is at {place}")
        done_ = Answerable("done", operation.serial, operation.target)
        return [done_] if place == operation.target else [done_, Answerable("not possible")]

    def _options_of_carry(self, operation: Operation) -> list[Answerable]:
        serial, place = operation.serial, self.truth[operation.serial]
        if place in (operation.source, operation.target):
            return [Answerable(place)]
        if place == GONE:
            return [Answerable("not in the cell")]
        return [
            Answerable(operation.target, serial, operation.target),
            Answerable(operation.source, serial, operation.source),
            Answerable("not in the cell", serial, GONE),
        ]

    def _options_of_process(self, operation: Operation) -> list[Answerable]:
        each = [self._options_of_part(serial, operation.step, "not begun") for serial in operation.serials]
        if not operation.mates:
            return each[0]
        if len({options[0].choice for options in each}) > 1:
            return [Answerable("one by one")]
        there = [serial for serial in operation.serials if serial in self.truth]
        scrap = Answerable("scrap", there[0] if there else "", GONE, tuple(there[1:]))
        first = each[0][0].choice
        return [scrap if first == "scrap" else Answerable(first), scrap, Answerable("one by one")]

    def _options_of_part(self, serial: str, step: str, nothing: str) -> list[Answerable]:
        scrap = Answerable("scrap", serial if serial in self.truth else "", GONE)
        if self.truth.get(serial) == GONE:
            return [scrap]
        if (serial, step) in self.done:
            return [Answerable("made"), scrap]
        return [scrap] if (serial, f"half {step}") in self.done else [Answerable(nothing), scrap]

    def _is_half_made(self, operation: Operation) -> bool:
        """Whether its first part is begun, and lies where it was made."""
        begun = (operation.serial, f"half {operation.step}") in self.done
        return begun and self.truth.get(operation.serial) == operation.target

    def _is_whole(self, operation: Operation) -> bool:
        """Whether any of its parts is."""
        return any((serial, operation.step) in self.done for serial in operation.serials)

    # ---- machines ------------------------------------------------------------------------------------------------

    def find(self, name: str, *, running: bool = False) -> None:
        """The driver reaches the machine, which may still be at what it was doing before."""
        machine = self.machines[name]
        if machine.heard:
            return
        machine.heard, machine.said = True, None
        self._report(ev.ContactFound(name, "twin"))
        if running and machine.work and machine.phase:
            machine.state = _S.EXECUTE
            self._report(ev.StationChanged(name, _S.EXECUTE))
            return
        machine.state, machine.work = _S.STOPPED, None
        self._report(ev.StationChanged(name, _S.STOPPED))
        self._walk(machine, _C.RESET, _C.STATE_COMPLETE)

    def lose(self, name: str, *, tells: bool, moving: bool) -> None:
        """Contact is lost; a driver that died of a defect does not tell what became of its work."""
        machine = self.machines[name]
        if not machine.heard:
            return
        machine.heard = False
        if machine.work and tells:
            state = _O.UNKNOWN if machine.phase else _O.NOT_BEGUN
            self._report(ev.OperationEnded(machine.work.id, state, "contact lost"))
        if not moving or not machine.phase or machine.attended:
            machine.work = None
        self._report(ev.ContactLost(name, "cable"))

    def late(self, name: str, state: MachineState) -> None:
        """A state from a connection that is over."""
        if not self.machines[name].heard:
            self._report(ev.StationChanged(name, state))

    def step(self, name: str) -> None:
        """The work goes on a little: by itself, where the contact is lost."""
        machine = self.machines[name]
        work = machine.work
        if work is None or (machine.heard and machine.state not in (_S.STARTING, _S.EXECUTE)):
            return
        if machine.phase == 0 and PLAN.stations[name].gated and not machine.told_on:
            if not machine.waits:
                machine.waits = True
                self._tell(machine, ev.OperationStarted(work.id))
                self._tell(machine, ev.OperationSent(work.id))
            return
        if machine.phase == 0:
            machine.phase = 1
            self._tell(machine, ev.OperationStarted(work.id))
            if machine.state is _S.STARTING:
                self._walk(machine, _C.STATE_COMPLETE)
            if machine.attended:
                self._ask(machine, work)
            elif work.kind is OperationKind.PROCESS:
                self._begin(work.each()[0])
        elif machine.attended:
            return  # It is for the person to go on.
        elif work.kind is OperationKind.PROCESS:
            # One part after the other.
            each = work.each()
            self.done.add((each[machine.phase - 1].serial, work.step))
            if machine.phase == len(each):
                self._finish(machine, work)
                return
            self._begin(each[machine.phase])
            machine.phase += 1
        elif machine.phase == 1:
            self._carry_on(machine, work, f"{name}.gripper")
        else:
            self._carry_on(machine, work, work.target)
            self._finish(machine, work)

    def fail(self, name: str) -> None:
        """The machine says that it cannot go on."""
        machine = self.machines[name]
        if machine.heard and machine.work and not machine.attended and machine.state in (_S.STARTING, _S.EXECUTE):
            self._leave(machine, _C.ABORT, "it broke")

    def _look(self, machine: Machine, operation: Operation) -> Findings:
        """What it shows of work that was open; every other run of it cannot be told apart from others.

        A person's desk shows nothing: what was done there without being said is for the person to say.
        """
        work, serial = machine.work, operation.serial
        if machine.attended or int(operation.id.partition("-")[2]) % 2:
            return Findings()
        if work is not None and work.id == operation.id:
            return Findings(shows_ours=True, stands=False)
        if operation.kind is OperationKind.CARRY:
            at_target = self.truth.get(serial) == operation.target
            return Findings(ended=at_target, stands=True, as_before=self.truth.get(serial) == operation.source)
        whole = all((alone.serial, operation.step) in self.done for alone in operation.each())
        there = all(self.truth.get(alone.serial) == alone.target for alone in operation.each())
        half = (serial, f"half {operation.step}")
        return Findings(ended=whole and there, stands=True, as_before=half not in self.done)

    def echo(self, which: int) -> None:
        """A fact is heard once more."""
        if self.echoes:
            self.inbox.append(self.echoes[which % len(self.echoes)])

    def _start(self, machine: Machine, operation: Operation) -> None:
        if not machine.heard or machine.state is not _S.IDLE:
            self._report(ev.OperationEnded(operation.id, _O.NOT_BEGUN, "not idle"))
            return
        if machine.work is not None:
            raise Broken(f"{operation} is started while {machine} works")
        for alone in operation.each():
            self._may_start(machine, alone)
        there = {serial for serial, place in self.truth.items() if station_of(Place(place)) == machine.name}
        if operation.mates and there - {*operation.serials}:
            raise Broken(f"{operation} is started, and {there} are there")
        machine.work, machine.phase, machine.said = operation, 0, None
        machine.waits = machine.told_on = False
        self._walk(machine, _C.START)

    def _may_start(self, machine: Machine, operation: Operation) -> None:
        occupant = next((serial for serial, place in self.truth.items() if place == operation.target), None)
        if occupant not in (None, operation.serial) or (operation.kind is OperationKind.CARRY and occupant):
            raise Broken(f"{operation} is started, and {occupant} is at {operation.target}")
        needed = operation.source or operation.target
        if self.truth.get(operation.serial, needed) != needed:
            raise Broken(f"{operation} is started, and its part is at {self.truth[operation.serial]}")
        half, whole = (operation.serial, f"half {operation.step}"), (operation.serial, operation.step)
        again = {whole} & self.done if operation.resumes else {half, whole} & self.done
        if again and operation.question is None and not machine.attended:
            raise Broken(f"{operation} was done before")

    def _told(self, machine: Machine, command: MachineCommand) -> str:
        """Why the driver refuses, or nothing."""
        if not machine.heard:
            return "not connected"
        try:
            after(machine.state, command)
        except NotAllowed as refused:
            return str(refused)
        if command in (_C.STOP, _C.ABORT):
            self._leave(machine, command, command.value)
        else:
            self._walk(machine, command, _C.STATE_COMPLETE)
            self._conclude(machine)
        return ""

    def _passed_on(self, machine: Machine, operation_id: str, choice: str, by: str) -> None:
        if machine.heard and machine.work and machine.work.id == operation_id:
            machine.said = choice, by
            self._conclude(machine)

    def _conclude(self, machine: Machine) -> None:
        work = machine.work
        if work is None or machine.said is None or machine.state is not _S.EXECUTE:
            return
        choice, by = machine.said
        failed = choice == "not possible"
        if work.kind is OperationKind.CARRY and not failed:
            self._report(ev.PartMoved(work.serial, work.target, Knowledge.CONFIRMED, by))
        if work.question:
            self.done.add((work.serial, work.step))
        machine.work = None
        self._report(ev.OperationEnded(work.id, _O.FAILED if failed else _O.DONE, answer=choice, by=by))
        self._walk(machine, _C.STATE_COMPLETE, _C.STATE_COMPLETE)

    def _ask(self, machine: Machine, work: Operation) -> None:
        question = work.question or Question(f"{work.step} {work.serial}", ("done", "not possible"))
        self._report(ev.PromptRaised(Prompt(f"ask-{work.id}", machine.name, question, work.id, work.serial)))

    def _begin(self, work: Operation) -> None:
        self.done.add((work.serial, f"half {work.step}"))
        self._move(work.serial, work.target)

    def _carry_on(self, machine: Machine, work: Operation, place: str) -> None:
        machine.phase += 1
        self._move(work.serial, place)
        self._tell(machine, ev.PartMoved(work.serial, Place(place), Knowledge.OBSERVED, work.id))

    def _finish(self, machine: Machine, work: Operation) -> None:
        machine.work = None
        self._tell(machine, ev.OperationEnded(work.id, _O.DONE))
        self._walk(machine, _C.STATE_COMPLETE, _C.STATE_COMPLETE)

    def _leave(self, machine: Machine, command: MachineCommand, why: str) -> None:
        work, machine.work = machine.work, None
        self._walk(machine, command)
        if work is not None:
            lost = machine.attended and work.kind is OperationKind.CARRY
            state = _O.UNKNOWN if lost else _O.FAILED if machine.phase else _O.NOT_BEGUN
            self._report(ev.OperationEnded(work.id, state, why))
        self._walk(machine, _C.STATE_COMPLETE)

    def _walk(self, machine: Machine, *commands: MachineCommand) -> None:
        if not machine.heard:
            return
        for command in commands:
            machine.state = after(machine.state, command)
            self._report(ev.StationChanged(machine.name, machine.state))

    def _tell(self, machine: Machine, fact: ev.Fact) -> None:
        if machine.heard:
            self._report(fact)

    def _report(self, *facts: ev.Fact) -> None:
        self.inbox.extend(facts)

    def _envelope(self, command: Command) -> Envelope:
        self._ids += 1
        return Envelope(f"id-{self._ids}", "eve", command)

    # ---- the truth -----------------------------------------------------------------------------------------------

    def _move(self, serial: str, place: str) -> None:
        other = next((name for name, where in self.truth.items() if where == place != GONE and name != serial), None)
        if other is not None:
            raise Broken(f"{serial} comes to {place}, and {other} is there")
        if self.truth.get(serial) == GONE != place:
            raise Broken(f"{serial} is made twice")
        self.truth[serial] = place

    def _judged(self, event: ev.PartMoved, stimulus: Stimulus) -> None:
        """Who has just judged a part at a bench takes it away without being asked; nobody else does."""
        at_bench = station_of(Place(self.truth[event.serial])) in ("bench-1", "bench-2")
        if not (at_bench and isinstance(stimulus, ev.OperationEnded) and stimulus.answer):
            raise Broken(f"{event} is believed, and the part is at {self.truth[event.serial]}")
        self.truth[event.serial] = GONE

    def _look_before_reset(self, station: str) -> None:
        held = [serial for serial, place in self.truth.items() if station_of(Place(place)) == station]
        for serial in held:
            job = self.cell.jobs[self.cell.parts[serial].job_id]
            steps = self.cell.orders[job.order_id].directive.steps
            last = (serial, steps[-1].name) in self.done
            if last and not self.machines[station].attended and not readiness.broke_off(self.cell, station):
                raise Broken(f"{station} is told to reset, and holds {serial}")

    def good_hour(self) -> None:
        """Every machine is found, goes on a little, and the person answers everything."""
        for machine in self.machines.values():
            self.find(machine.name)
            self.step(machine.name)
        self.settle()
        for prompt in self.cell.prompts.values():
            self.answer(prompt, 0)
        self.settle()

    def good_day(self) -> None:
        """Nothing goes wrong any more, and everybody does what they can: all that is open comes to its end."""
        ways_out = {_S.ABORTED: _C.CLEAR, _S.STOPPED: _C.RESET, _S.HELD: _C.UNHOLD}
        self.settle()
        for _ in range(100):
            if not self.cell.prompts and not self.open_jobs:
                return
            for order_id, entry in self.cell.orders.items():
                for command in [JobCommand.RESUME] * entry.paused + [JobCommand.START] * (not entry.released):
                    self.tell(order_id, command)
            self.settle()
            for machine in self.machines.values():
                if machine.state in ways_out:
                    self.command(machine.name, ways_out[machine.state])
            self.good_hour()
        waiting = [job for job in self.cell.jobs.values() if in_work(job)]
        why = [dispatch.next_operation(self.cell, job) for job in waiting]
        raise Broken(f"nothing goes on: {why}, {self.cell.operations}, {self.cell.prompts}, {self.machines}")

    def _every_answer_is_possible(self) -> None:
        for prompt in self.cell.prompts.values():
            for choice in prompt.question.choices:
                cell, todo = decide(self.cell, self._envelope(AnswerPrompt(prompt.id, choice)), NOW_S)
                wrong = broken_by(self.cell, todo, cell) + broken(cell)
                if wrong:
                    raise Broken(f"{choice!r} to {prompt}: {'; '.join(wrong)}")

    def running_orders(self) -> list[list[str]]:
        """The orders that each machine works for at this moment, people and arms left out."""
        operations = {operation.id: operation for operation in self.cell.operations.values()}
        at_work = [
            operations[machine.work.id]
            for machine in self.machines.values()
            if machine.heard and not machine.attended and machine.state is _S.EXECUTE
            if machine.work and machine.work.id in operations and machine.work.kind is OperationKind.PROCESS
        ]
        return [[self.cell.jobs[job_id].order_id for job_id in operation.job_ids] for operation in at_work]

    def check_that_what_was_told_is_obeyed(self) -> None:
        for order_ids in self.running_orders():
            entries = [self.cell.orders[order_id] for order_id in order_ids]
            if all(entry.paused or entry.closed_by in (JobCommand.STOP, JobCommand.ABORT) for entry in entries):
                raise Broken(f"{order_ids} were told to rest, and a machine works on for them: {self.machines}")

    def _compare(self) -> None:
        """With nothing left to be told, the cell knows where everything is, or knows that it does not."""
        self._every_answer_is_possible()
        asked = {prompt.serial for prompt in self.cell.prompts.values()}
        moving = {serial for operation in self.cell.operations.values() for serial in operation.serials}
        for serial in (self.cell.parts.keys() | self.truth.keys()) - asked - moving:
            # What has left with its order is believed to be gone.
            believed = self.cell.parts[serial].place if serial in self.cell.parts else GONE
            true = self.truth.get(serial, NOWHERE)
            if believed != true and not (believed in (NOWHERE, GONE) and true in (NOWHERE, GONE)):
                raise Broken(f"{serial} is believed at {believed}, and is at {true or 'no place yet'}")
