"""A shop that is played at random with lots, tools and gates: machines that count, people who weigh, decide and err.

What must hold is looked at after every stimulus, by the rules of the core and by a ledger of our own that only reads
the log.
"""

from collections import Counter
from dataclasses import replace

from cellctl.core.cell import Cell, apply, empty
from cellctl.core.decide import Stimulus
from cellctl.core.instructions import Instruction, PassOn, Start
from cellctl.core.invariants import broken, broken_by
from cellctl.domain import events as ev
from cellctl.domain import stock_events as sv
from cellctl.domain.commands import AnswerPrompt, Command, CommandMachine
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.material import STORE, MaterialLot, Of, Stock, Tool, Unit, Used
from cellctl.domain.quality import Characteristic, Disposition, Gate
from cellctl.domain.stock_commands import AdjustMaterial, ChangeTool, DisposePart, LoadMaterial, RecordInspection
from cellctl.domain.work import (
    Directive,
    Operation,
    OperationKind,
    OperationState,
    Plan,
    Program,
    Progress,
    Prompt,
    Question,
    Step,
    Way,
    one_way,
)
from tests.core.shop import PLAN, Shop

Act = tuple[str, int]
ACTS = (
    "order",
    "advance",
    "done",
    "fail",
    "refuse",
    "answer",
    "load",
    "adjust",
    "change",
    "restart",
    "measure",
    "dispose",
)

_LOTS = (
    MaterialLot("pla-1", "pla", "printer-1", 3000.0),
    MaterialLot("pla-2", "pla", "printer-2", 8.0, Unit.GRAMS, 300.0),
    MaterialLot("abs-1", "abs", STORE, 5000.0),
    MaterialLot("blank-1", "blank", "router-1", 6.0, Unit.PIECES),
)
_TOOLS = (Tool("v-1", "v", "router-1", 30.0), Tool("v-2", "v", STORE, 10.0))
_GATE = Gate(
    (Characteristic("width", "mm", 29.0, 31.0),),
    (Disposition.REWORK, Disposition.SCRAPPED, Disposition.CONCESSION),
    rework_to="cut",
    rework_at_most=1,
)
_LOOK = Question("Good?", ("good", "bad"))


class Broken(AssertionError):
    """A rule does not hold."""


class StockYard(Shop):
    """Plays acts; raises Broken."""

    def __init__(self) -> None:
        stock = Stock({lot.id: lot for lot in _LOTS}, {tool.id: tool for tool in _TOOLS})
        super().__init__(replace(PLAN, stock=stock))
        self.starts = 0
        self.seen: Counter[str] = Counter()
        self._used: dict[str, float] = {}
        self._owed: dict[str, Operation] = {}
        self.feed(ev.ControllerStarted("1"))
        self.wake()

    def feed(self, stimulus: Stimulus) -> list[Instruction]:
        before = self.cell
        seen = len(self.log)
        todo = super().feed(stimulus)
        wrong = [*broken_by(before, todo, self.cell), *broken(self.cell), *self._ledger(), *self._unbooked()]
        for instruction in todo:
            if isinstance(instruction, Start):
                wrong += self._start(instruction.operation)
        for event in self.log[seen:]:
            self.seen[event.NAME] += 1
        if wrong:
            raise Broken(f"{stimulus}: {'; '.join(wrong)}")
        return todo

    def _unbooked(self) -> list[str]:
        """Work that was done at a machine that counts nothing has used up what its program needs, once."""
        intents: dict[str, Operation] = {}
        counted: set[str] = set()
        used: dict[tuple[str, str], list[float]] = {}
        for event in self.log:
            match event:
                case ev.OperationIntended(operation=operation):
                    intents[operation.id] = operation
                case ev.OperationAdvanced(operation_id=name):
                    counted.add(name)
                case sv.MaterialConsumed(lot_id=lot, operation_id=name, amount=amount):
                    used.setdefault((name, lot), []).append(amount)
                case ev.OperationEnded(operation_id=name, state=OperationState.DONE) if name not in counted:
                    self._owed[name] = intents[name]
        return [
            f"{name} has used {used.get((name, claim.id))} of {claim.id}, and needed {claim.need}"
            for name, operation in self._owed.items()
            for claim in operation.claims
            if claim.of is Of.LOT and used.get((name, claim.id)) != [claim.need]
        ]

    def _start(self, operation: Operation) -> list[str]:
        """By our own arithmetic: what it needs and 5 % beside what others need were there."""
        self.starts += 1
        wrong = []
        for claim in operation.claims if not operation.resumes else ():
            if claim.of is Of.LOT:
                lot = self.cell.stock.lots[claim.id]
                others = sum(
                    each.held
                    for other in self.cell.operations.values()
                    if other.id != operation.id
                    for each in other.claims
                    if each.id == claim.id
                )
                if lot.remaining - others < 1.05 * claim.need - 1e-6:
                    wrong.append(f"{operation.id} needs {claim.need} and 5 % of {lot.id}, which has {lot.remaining}")
        return wrong

    def _ledger(self) -> list[str]:
        """Loaded = remaining + consumed - adjusted, each summed from the log alone."""
        loaded: dict[str, float] = {}
        change: Counter[str] = Counter()
        for event in self.log:
            match event:
                case sv.MaterialLoaded(lot=lot):
                    loaded.setdefault(lot.id, lot.loaded)
                case sv.MaterialConsumed(lot_id=name, amount=amount):
                    change[name] -= amount
                case sv.MaterialAdjusted(lot_id=name, amount=amount):
                    change[name] += amount
        lots = self.cell.stock.lots
        return [
            f"{name}: {was} loaded, {change[name]:+} since, and {lots[name].remaining} remain"
            for name, was in loaded.items()
            if abs(was + change[name] - lots[name].remaining) > 1e-6
        ]

    # ---- acts --------------------------------------------------------------------------------------------------

    def play(self, acts: list[Act]) -> None:
        """One after the other."""
        for name, chance in acts:
            getattr(self, f"_{name}")(chance)
            self.obey()

    def _running(self, chance: int) -> Operation | None:
        under_way = [each for each in self.cell.operations.values() if each.state is not OperationState.UNKNOWN]
        return under_way[chance % len(under_way)] if under_way else None

    def _order(self, chance: int) -> None:
        need = 100.0 + 37 * (chance % 50)
        printed = Way("fdm", Program(f"p{chance}", "p", 100), materials={"pla" if chance % 3 else "": need})
        cut = Way("engrave", Program("cc", "c", 10), materials={"blank": 1.0}, tools={"v": 1.0 + chance % 7})
        look = replace(one_way("look", "inspect", question=_LOOK), gate=_GATE)
        steps = (Step("print", (printed,)), Step("cut", (cut,)), look)
        self.order(directive=Directive("plate", "A", {}, steps))

    def _begin(self, operation: Operation) -> None:
        if operation.state is OperationState.INTENDED:
            self.feed(ev.OperationStarted(operation.id))
            self.feed(ev.StationChanged(operation.station, MachineState.EXECUTE))
            if operation.question is not None:
                name = f"ask-{operation.id}"
                self.feed(
                    ev.PromptRaised(Prompt(name, operation.station, operation.question, operation.id, operation.serial))
                )

    def _advance(self, chance: int) -> None:
        operation = self._running(chance)
        if operation is None:
            return
        self._begin(operation)
        part = min(1.0, self._used.get(operation.id, 0.0) + chance / 100)
        self._used[operation.id] = part
        if operation.program is not None and chance % 4:
            lengths = (
                self.cell.stock.lots[each.id].mm_per_unit * each.need for each in operation.claims if each.of is Of.LOT
            )
            minutes = sum(each.need for each in operation.claims if each.of is Of.TOOL)
            used = Used(sum(lengths) * part, minutes * part)
            self.feed(ev.OperationAdvanced(operation.id, Progress(50, 50, 50, 100, used=used)))

    def _finish(self, operation: Operation, state: OperationState, answer: str = "") -> None:
        station = operation.station
        if operation.kind is OperationKind.CARRY:
            state = OperationState.DONE
        if operation.kind is OperationKind.CARRY and self.cell.parts[operation.serial].place != operation.target:
            from cellctl.domain.work import Knowledge

            self.feed(ev.PartMoved(operation.serial, operation.target, Knowledge.OBSERVED, operation.id))
        self.feed(ev.StationChanged(station, MachineState.COMPLETE))
        self.feed(ev.OperationEnded(operation.id, state, answer=answer, by="eve" if answer else ""))

    def _done(self, chance: int) -> None:
        operation = self._running(chance)
        if operation is None or (operation.question is not None and operation.kind is OperationKind.PROCESS):
            return
        self._begin(operation)
        self._finish(operation, OperationState.DONE)

    def _fail(self, chance: int) -> None:
        operation = self._running(chance)
        if operation is not None and operation.question is None:
            self._begin(operation)
            self._finish(operation, OperationState.FAILED)

    def _refuse(self, chance: int) -> None:
        operation = self._running(chance)
        if operation is not None and operation.state is OperationState.INTENDED:
            self.feed(ev.OperationEnded(operation.id, OperationState.NOT_BEGUN, "busy"))
            self.feed(ev.StationChanged(operation.station, MachineState.STOPPED))
            self.feed(ev.StationChanged(operation.station, MachineState.IDLE))

    def _answer(self, chance: int) -> None:
        prompts = list(self.cell.prompts.values())
        if not prompts:
            return
        prompt = prompts[chance % len(prompts)]
        choice = prompt.question.choices[chance // 7 % len(prompt.question.choices)]
        operation = self.cell.operations.get(prompt.operation_id)
        self.command(AnswerPrompt(prompt.id, choice))
        if operation is not None and operation.state is not OperationState.UNKNOWN:
            self._finish(operation, OperationState.DONE, choice)

    def _load(self, chance: int) -> None:
        places = ("printer-1", "printer-2", "router-1", STORE)
        place = places[chance % 4]
        if chance % 2:
            self.command(LoadMaterial(f"lot-{chance}", place, ("pla", "abs", "blank")[chance % 3], 500.0 + chance))
        else:
            lots = list(self.cell.stock.lots)
            self.command(LoadMaterial(lots[chance % len(lots)], place, beside=chance % 5 == 0))

    def _adjust(self, chance: int) -> None:
        lots = list(self.cell.stock.lots)
        self.command(AdjustMaterial(lots[chance % len(lots)], 20.0 * chance))

    def _change(self, chance: int) -> None:
        command: Command = ChangeTool("router-1", ("v-1", "v-2", f"v-{chance}")[chance % 3], "v", 30.0)
        self.command(command)

    def _restart(self, chance: int) -> None:
        self.cell = replay(self.log, self.cell.plan)
        self.feed(ev.ControllerStarted("2"))
        self.wake()
        for name in list(self.cell.stations):
            self.command(CommandMachine(name, MachineCommand.RESET))

    def _measure(self, chance: int) -> None:
        for prompt in list(self.cell.prompts.values()):
            operation = self.cell.operations.get(prompt.operation_id)
            if operation is not None and operation.step == "look" and operation.state is not OperationState.UNKNOWN:
                reply = self.command(RecordInspection(operation.serial, {"width": 28.0 + chance / 20}))
                told = [each for each in self.told if isinstance(each, PassOn)]
                if reply.accepted and told:
                    self._finish(operation, OperationState.DONE, told[-1].choice)
                return

    def _dispose(self, chance: int) -> None:
        held = [part for part in self.cell.parts.values() if part.held_at]
        ways = (Disposition.REWORK, Disposition.SCRAPPED, Disposition.CONCESSION, Disposition.ACCEPTED)
        if held:
            self.command(DisposePart(held[0].serial, ways[chance % 4], allowed_by="grace"))


def replay(log: list[ev.Event], plan: Plan) -> Cell:
    """The cell that a log makes."""
    cell = empty(plan)
    for event in log:
        cell = apply(cell, event)
    return cell
