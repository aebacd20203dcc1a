"""The brain against random cells: whatever machines, people and crashes do, nothing is lost, doubled or forgotten."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from cellctl.core.cell import apply, empty
from cellctl.core.lifecycle import in_work
from cellctl.domain import events as ev
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.work import Knowledge, OperationState, Place, Progress, Prompt, Question

from .played_cell import MACHINES, PLAN, PRODUCTS, PlayedCell

machines = st.sampled_from(MACHINES)
picks = st.integers(0, 5)
STRANGE = (
    ev.OperationStarted("op-999"),
    ev.OperationAdvanced("op-999", Progress(1, 1, 1, 1)),
    ev.OperationEnded("op-999", OperationState.DONE),
    ev.PartMoved("part-999", Place("router-1.vise"), Knowledge.OBSERVED, "op-999"),
    ev.PartMoved("nameplate-A-00001", Place("lathe-9.chuck"), Knowledge.OBSERVED, "op-1"),
    ev.StationChanged("lathe-9", MachineState.IDLE),
    ev.StationChanged("outfeed", MachineState.IDLE),
    ev.ContactFound("lathe-9", "?"),
    ev.ContactLost("lathe-9", "?"),
    ev.PromptRaised(Prompt("op-999?", "bench-1", Question("?", ("a", "b")), "op-999")),
)


class AnyDay(RuleBasedStateMachine):
    """Whatever may happen in a cell, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.played = PlayedCell()

    @precondition(lambda self: sum(map(in_work, self.played.cell.jobs.values())) < 2)
    @rule(product=st.integers(0, len(PRODUCTS) - 1), quantity=st.integers(1, 2), priority=st.integers(0, 1))
    def order(self, product: int, quantity: int, priority: int) -> None:
        self.played.order(product, quantity, priority)
        self.played.settle()

    @rule(number=st.integers(1, 3))
    def cancel(self, number: int) -> None:
        self.played.cancel(f"order-{number}")

    @rule(count=st.integers(1, 4))
    def listen(self, count: int) -> None:
        for _ in range(count):
            self.played.turn()

    @rule(count=st.integers(1, 8))
    def go_on(self, count: int) -> None:
        for _ in range(count):
            for name in MACHINES:
                self.played.find(name)
                self.played.step(name)
            self.played.settle()
            for prompt in list(self.played.cell.prompts.values()):
                self.played.answer(prompt, 0)

    @rule(name=machines)
    def step(self, name: str) -> None:
        self.played.step(name)

    @precondition(lambda self: self.played.cell.prompts)
    @rule(which=picks, pick=picks, said=st.booleans())
    def answer(self, which: int, pick: int, said: bool) -> None:
        prompts = list(self.played.cell.prompts.values())
        self.played.answer(prompts[which % len(prompts)], pick, said=said)

    @rule(name=machines, command=st.sampled_from(MachineCommand))
    def command(self, name: str, command: MachineCommand) -> None:
        self.played.command(name, command)

    @rule(name=machines)
    def fail(self, name: str) -> None:
        self.played.fail(name)

    @rule(name=machines, tells=st.booleans(), moving=st.booleans())
    def lose(self, name: str, tells: bool, moving: bool) -> None:
        self.played.lose(name, tells=tells, moving=moving)

    @rule(name=machines, running=st.booleans())
    def find(self, name: str, running: bool) -> None:
        self.played.find(name, running=running)

    @rule(name=machines, state=st.sampled_from(MachineState))
    def late(self, name: str, state: MachineState) -> None:
        self.played.late(name, state)

    @rule(which=st.integers(0, 39))
    def echo(self, which: int) -> None:
        self.played.echo(which)

    @rule(fact=st.sampled_from(STRANGE))
    def strange(self, fact: Any) -> None:
        self.played.inbox.append(fact)

    @rule(moving=st.booleans())
    def die(self, moving: bool) -> None:
        self.played.die(moving=moving)

    def teardown(self) -> None:
        self.played.good_day()
        cell = empty(PLAN)
        for event in self.played.log:
            cell = apply(cell, event)
        assert cell == self.played.cell


AnyDay.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestAnyDay = AnyDay.TestCase
