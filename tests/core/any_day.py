"""Random cells for the brain: whatever machines, people and crashes do, nothing may be lost, doubled or forgotten."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from cellctl.core.cell import apply, empty
from cellctl.domain import events as ev
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.work import Knowledge, OperationState, Place, Progress, Prompt, Question

from .played_cell import MACHINES, PLAN, PRODUCTS, PlayedCell

products = st.integers(0, len(PRODUCTS) - 1)
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
    """Whatever may happen in a cell, in any order; in the evening everything that is open is brought to its end."""

    def __init__(self) -> None:
        super().__init__()
        self.played = PlayedCell()

    @initialize(product=products, quantity=st.integers(1, 2), count=st.integers(0, 12))
    def begin(self, product: int, quantity: int, count: int) -> None:
        self.played.order(product, quantity, priority=0)
        self.go_on(count)

    @precondition(lambda self: self.played.open_jobs < 2)
    @rule(product=products, quantity=st.integers(1, 2), priority=st.integers(0, 1))
    def order(self, product: int, quantity: int, priority: int) -> None:
        self.played.order(product, quantity, priority)
        self.played.settle()

    @rule(number=st.integers(1, 3))
    def cancel(self, number: int) -> None:
        self.played.cancel(f"order-{number}")

    @rule(count=st.integers(1, 8))
    def go_on(self, count: int) -> None:
        for _ in range(count):
            self.played.good_hour()

    @rule(count=st.integers(1, 4))
    def listen(self, count: int) -> None:
        for _ in range(count):
            self.played.turn()

    @rule(which=picks)
    def step(self, which: int) -> None:
        self.played.step(self.at_work(which))

    @precondition(lambda self: self.played.cell.prompts)
    @rule(which=picks, pick=picks, said=st.booleans())
    def answer(self, which: int, pick: int, said: bool) -> None:
        prompts = list(self.played.cell.prompts.values())
        self.played.answer(prompts[which % len(prompts)], pick, said=said)

    @rule(which=picks, command=st.sampled_from(MachineCommand))
    def command(self, which: int, command: MachineCommand) -> None:
        self.played.command(self.at_work(which), command)

    @rule(which=picks)
    def fail(self, which: int) -> None:
        self.played.fail(self.at_work(which))

    @rule(which=picks, tells=st.booleans(), moving=st.booleans())
    def lose(self, which: int, tells: bool, moving: bool) -> None:
        self.played.lose(self.at_work(which), tells=tells, moving=moving)

    @precondition(lambda self: self.played.unheard)
    @rule(which=picks, running=st.booleans())
    def find(self, which: int, running: bool) -> None:
        self.played.find(self.played.unheard[which % len(self.played.unheard)], running=running)

    @rule(moving=st.booleans())
    def die(self, moving: bool) -> None:
        self.played.die(moving=moving)

    @precondition(lambda self: self.played.unheard)
    @rule(which=picks, state=st.sampled_from(MachineState))
    def hear_late(self, which: int, state: MachineState) -> None:
        self.played.late(self.played.unheard[which % len(self.played.unheard)], state)

    @rule(which=st.integers(0, 39), fact=st.sampled_from(STRANGE))
    def hear_echoes(self, which: int, fact: Any) -> None:
        self.played.echo(which)
        self.played.inbox.append(fact)

    def at_work(self, which: int) -> str:
        """A machine that works, if there is one: that is where things go wrong."""
        names = [machine.name for machine in self.played.machines.values() if machine.work] or MACHINES
        return names[which % len(names)]

    def teardown(self) -> None:
        self.played.good_day()
        cell = empty(PLAN)
        for event in self.played.log:
            cell = apply(cell, event)
        assert cell == self.played.cell


AnyDay.TestCase.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
