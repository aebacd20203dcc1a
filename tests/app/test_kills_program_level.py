"""The kill battery at program level, in small: figures and zeros; and the defects that it must see.

`python -m tests.prove orders` runs it with ten thousand kills.
"""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from cellctl.core import recovery
from cellctl.domain import events as ev
from cellctl.domain.evidence import Findings, Verdict
from cellctl.domain.work import Operation, OperationKind, OperationState, Place, Prompt, Question, Rung
from cellctl_sim.program.machine import ProgramMachine
from cellctl_sim.program.person import Eyes
from cellctl_sim.world import World
from tests.app.tally import Tally, figures
from tests.core.shop import PLAN
from tests.prove.orders.kills import QUICK, STAGES, WORKSHOP, battle

SEEDS = (1, 2)
classify = recovery.classify


def test_kills_in_every_phase_lose_and_double_nothing_and_most_ask_nobody() -> None:
    found = [battle(QUICK, seed) for seed in SEEDS]
    assert [rules for rules, _ in found] == [[]] * len(SEEDS)
    sums = figures(tally for _, tally in found)
    assert sums.crashes > 20
    assert len(sums.phases) >= 6
    assert sums.all_per_crash <= 1.5
    assert sums.silent_percent >= 60


def test_kills_in_a_cell_of_two_arms_where_people_carry_saw_and_drill_lose_and_double_nothing() -> None:
    rules, tally = battle(WORKSHOP, 1)
    assert rules == []
    stages = figures([tally]).stages
    assert {"work by a person, taken", "carry by a person, taken", "hand-over in ENTER"} <= stages.keys()
    assert stages.keys() <= STAGES


def broken(seeds: Sequence[int] = SEEDS) -> list[str]:
    """By the first seed that finds something."""
    return next((rules for seed in seeds if (rules := battle(QUICK, seed)[0])), [])


def test_the_battery_sees_work_that_is_called_not_begun_when_the_part_was_touched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def careless(operation: Operation, found: Findings) -> tuple[Verdict, str]:
        return (Verdict.NOT_BEGUN, "") if operation.rung is Rung.SENT else classify(operation, found)

    monkeypatch.setattr(recovery, "classify", careless)
    assert broken()


def test_the_battery_sees_half_made_work_that_is_called_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def hopeful(operation: Operation, found: Findings) -> tuple[Verdict, str]:
        return (Verdict.DONE, "") if operation.rung is Rung.SENT and found.stands else classify(operation, found)

    monkeypatch.setattr(recovery, "classify", hopeful)
    assert broken()


def test_the_battery_sees_a_driver_that_starts_what_it_was_to_look_for(monkeypatch: pytest.MonkeyPatch) -> None:
    adopt = ProgramMachine.adopt

    def restarts(self: ProgramMachine, operation: Operation, now_s: float):  # type: ignore[no-untyped-def]
        if self._run is None:
            self._state = type(self._state).IDLE
            return self.start(operation, None, now_s)
        return adopt(self, operation, now_s)

    monkeypatch.setattr(ProgramMachine, "adopt", restarts)
    assert broken()


def test_a_tally_sees_what_a_log_shows_of_double_starts_and_of_people_who_are_not_waited_for() -> None:
    asked = Operation("op-1", "job-1", "A-1", "print", OperationKind.PROCESS, "printer-1", Place("printer-1.bed"))
    hasty = replace(asked, id="op-2", kind=OperationKind.CARRY, station="arm-1", source=asked.target)
    prompt = Prompt("prompt-1", "printer-1", Question("?", ("made", "scrap")), "op-1")
    tally = Tally(PLAN).read(
        [
            ev.ControllerStarted("1"),
            ev.OperationIntended(asked),
            ev.OperationStarted("op-1"),
            ev.OperationStarted("op-1"),
            ev.OperationSent("op-1"),
            ev.ControllerStarted("1"),
            ev.OperationEnded("op-1", OperationState.UNKNOWN, sought=True),
            ev.PromptRaised(prompt),
            ev.OperationIntended(hasty),
        ]
    )
    assert tally.broken == [
        "op-1 was started 2 times",
        "op-2 is begun at printer-1, and nobody has answered about op-1",
    ]
    (crash,) = tally.crashes
    assert (crash.phases, crash.questions) == (("print at printer, touching",), 1)
    assert crash.stages == ("work by a machine, touching",)


def test_who_has_thrown_a_part_away_says_so_again_when_the_daemon_died_at_the_answer() -> None:
    vise = Place("router-1.vise")
    world = World([vise])
    world.person_moves("", vise, 1.0)
    world.cut("router-1", vise, "half a text", 2.0)
    world.break_off("router-1", vise, 3.0)
    engraved = Operation("op-1", "job-1", "A-1", "engrave", OperationKind.PROCESS, "router-1", vise)
    asked = Prompt("prompt-1", "router-1", Question("?", ("made", "scrap", "not begun")), "op-1", "A-1")
    eyes = Eyes(world, lambda _: False)
    unknown = replace(engraved, state=OperationState.UNKNOWN)
    assert [eyes.says(asked, unknown, vise, at_s) for at_s in (4.0, 9.0)] == ["scrap", "scrap"]
    assert eyes.says(asked, replace(unknown, serial="A-2"), vise, 10.0) == "not begun"
