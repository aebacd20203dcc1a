"""A small shop for tests of the brain: stimuli in, instructions out, machines played by the test."""

from cellctl.core.cell import Cell, empty
from cellctl.core.decide import PreparedOrder, Stimulus, decide
from cellctl.core.instructions import Answer, Instruction, PassOn, Remember, Start, Tell
from cellctl.domain import events as ev
from cellctl.domain.commands import Command, Envelope, Reply, SubmitOrder
from cellctl.domain.evidence import Findings
from cellctl.domain.machine import MachineState
from cellctl.domain.work import (
    Directive,
    Knowledge,
    Operation,
    OperationKind,
    OperationState,
    Place,
    Plan,
    Program,
    Question,
    Station,
    one_way,
)

ARM_REACH = ("printer-1", "printer-2", "router-1", "infeed", "outfeed")
PLAN = Plan(
    "test",
    {
        station.name: station
        for station in (
            Station("printer-1", "marlin", ("fdm",), ("bed",)),
            Station("printer-2", "marlin", ("fdm",), ("bed",)),
            Station("router-1", "grbl", ("engrave",), ("vise",)),
            Station("arm-1", "opcua", (), ("gripper",), ARM_REACH),
            Station("bench-1", "manual", ("inspect",), ("desk",), ("outfeed", "bench-1")),
            Station("infeed", "", (), ("1",), (), buffer=True),
            Station("outfeed", "", (), ("1", "2")),
        )
    },
)
DIRECTIVE = Directive(
    "nameplate",
    "A",
    {"text": "ADA"},
    (
        one_way("print", "fdm", Program("aa", "base", 100)),
        one_way("engrave", "engrave", Program("bb", "text", 20)),
        one_way("inspect", "inspect", question=Question("Good?", ("accept", "scrap"))),
    ),
)


class Shop:
    """Feeds stimuli to `decide` and keeps what was started and what was told."""

    def __init__(self, plan: Plan = PLAN) -> None:
        self.cell: Cell = empty(plan)
        self.started: list[Operation] = []
        self.told: list[Tell | PassOn] = []
        self.log: list[ev.Event] = []
        self.reply: Reply | None = None
        self._ids = 0
        # Monday, 5 January 2026, 06:00 UTC.
        self.now_s = 1767592800.0

        self.machines_can_tell = False

    def feed(self, stimulus: Stimulus) -> list[Instruction]:
        """Machines are asked after a restart; unless the test answers for them, they cannot tell."""
        todo = self._feed(stimulus)
        if isinstance(stimulus, ev.ControllerStarted) and not self.machines_can_tell:
            for operation in [each for each in self.cell.operations.values() if each.sought]:
                todo += self._feed(ev.EvidenceGathered(operation.id, Findings()))
        return todo

    def _feed(self, stimulus: Stimulus) -> list[Instruction]:
        self.cell, todo = decide(self.cell, stimulus, self.now_s)
        for instruction in todo:
            match instruction:
                case Remember(event=event):
                    self.log.append(event)
                case Start(operation=operation):
                    self.started.append(operation)
                case Answer(reply=reply):
                    self.reply = reply
                case Tell() | PassOn():
                    self.told.append(instruction)
        return list(todo)

    def wake(self) -> None:
        """Every machine is found and idle."""
        for name in self.cell.stations:
            self.feed(ev.ContactFound(name, "twin"))
            self.feed(ev.StationChanged(name, MachineState.IDLE))

    def command(self, command: Command) -> Reply:
        self._ids += 1
        self.feed(Envelope(f"id-{self._ids}", "ada", command))
        assert self.reply is not None
        return self.reply

    def order(self, quantity: int = 1, priority: int = 0, directive: Directive | None = None) -> Reply:
        self._ids += 1
        command = SubmitOrder("nameplate", {"text": "ADA"}, quantity=quantity, priority=priority)
        envelope = Envelope(f"id-{self._ids}", "ada", command)
        self.feed(PreparedOrder(envelope, directive or DIRECTIVE, "2026-01-05T06:00:00.000Z"))
        assert self.reply is not None
        return self.reply

    def work(self, operation: Operation) -> None:
        """The station does what it was started for, and all goes well."""
        name = operation.station
        self.feed(ev.OperationStarted(operation.id))
        self.feed(ev.StationChanged(name, MachineState.EXECUTE))
        if operation.kind is OperationKind.CARRY:
            self.feed(ev.PartMoved(operation.serial, Place(f"{name}.gripper"), Knowledge.OBSERVED, operation.id))
            self.feed(ev.PartMoved(operation.serial, operation.target, Knowledge.OBSERVED, operation.id))
        answer = operation.question.choices[0] if operation.question else ""
        self.feed(ev.StationChanged(name, MachineState.COMPLETE))
        self.feed(ev.OperationEnded(operation.id, OperationState.DONE, answer=answer, by="eve" if answer else ""))
        self.obey()

    def obey(self) -> None:
        """Machines do at once what they were told."""
        told, self.told = self.told, []
        for tell in told:
            if isinstance(tell, Tell):
                self.feed(ev.StationChanged(tell.station, MachineState.IDLE))

    def work_off(self) -> list[str]:
        """Do everything that gets started until nothing is; returns it as readable lines."""
        done = []
        while self.started:
            operation = self.started.pop(0)
            way = f" {operation.source}>{operation.target}" if operation.source else ""
            done.append(f"{operation.serial} {operation.step} {operation.station}{way}")
            self.work(operation)
        return done


def one_step_directive() -> Directive:
    return Directive("plate", "A", {}, (one_way("print", "fdm", Program("aa", "base", 100)),))
