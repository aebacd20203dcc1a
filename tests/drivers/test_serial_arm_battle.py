"""Whatever goes wrong with a serial arm and its line, a carry ends in its named state and nothing is told twice.

`python -m tests.prove serial` runs the same battery with many more seeds.
"""

from typing import Any

import pytest

from cellctl_drivers.serial_arm import run
from cellctl_drivers.serial_arm.session import ArmSession
from tests.drivers.arm_battle import KINDS, LOST_OK, Setting, fight, outcome

SEEDS = range(1, 9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_carry_ends_in_its_named_state_and_no_motion_is_told_twice(kind: str) -> None:
    wrongs = {seed: fight(kind, seed) for seed in SEEDS}
    assert {seed: wrong for seed, wrong in wrongs.items() if wrong} == {}


def test_the_battery_sees_an_arm_that_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def again(self: Any, now_s: float) -> list[Any]:
        self._exchange.say(self._exchange.line)
        self._clocks.due_s = now_s + 5.0
        return []

    monkeypatch.setattr(ArmSession, "_overdue", again)
    assert any("told again" in wrong for seed in range(1, 40) for wrong in fight(LOST_OK, seed))


def test_the_battery_sees_a_driver_that_does_not_listen_to_the_gripper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "contradiction", lambda step, answer, hand: "")
    assert "done, and the part is at rack.1" in fight("grip-miss", 4)


@pytest.mark.parametrize("dialect", ["grbl", "marlin"])
def test_a_grip_that_misses_is_noticed_with_a_sensor_and_presumed_without(dialect: str) -> None:
    told = outcome("grip-miss", 1, Setting(dialect, sensor=True))
    assert "does not say that its gripper holds the part" in told.reason
    assert (told.end, told.moved, told.part) == ("fault", (), "rack.1")
    blind = outcome("grip-miss", 1, Setting(dialect, sensor=False))
    assert [(place, known.value) for place, known in blind.moved] == [
        ("arm-1.gripper", "presumed"),
        ("vise.1", "presumed"),
    ]
    assert (blind.end, blind.part) == ("done", "rack.1")
