"""The daemon is killed at seeded moments, again and again: no part is lost or doubled, nothing moves unasked.

`python -m tests.prove cell` runs the same battery with many more seeds.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from cellctl.app.answers import AnswerBook
from cellctl.domain.errors import StoreFailed
from cellctl.domain.events import Record
from cellctl.stores.memory import MemoryStore
from tests.app.kills import CELL, DyingStore, battle

SEEDS = 30
ARM_SEEDS = 12
SERIAL_ARM = CELL.parent / "cell-serial-arm.toml"


class LyingStore(DyingStore):
    """Says that everything is durable a second before it is, as some disks do."""

    async def append(self, records: Sequence[Record]) -> None:
        asyncio.get_running_loop().call_later(1.0, self._write, records)

    def _write(self, records: Sequence[Record]) -> None:
        writing = MemoryStore.append(self, records)
        with suppress(StopIteration, StoreFailed):
            while True:
                writing.send(None)


@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
def test_whenever_the_daemon_dies_every_part_is_made_once_and_nothing_moves_unasked(seed: int, tmp_path: Path) -> None:
    assert battle(seed, tmp_path) == []


@pytest.mark.parametrize("seed", range(1, ARM_SEEDS + 1))
def test_a_serial_arm_that_is_left_in_mid_carry_waits_for_a_person_who_brings_it_home(
    seed: int, tmp_path: Path
) -> None:
    assert battle(seed, tmp_path, cell=SERIAL_ARM) == []


def test_the_battery_sees_a_machine_that_moves_before_its_intent_is_durable(tmp_path: Path) -> None:
    assert any("the journal knows of no work for it" in line for line in battle(1, tmp_path, LyingStore))


def test_the_battery_sees_parts_that_are_made_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AnswerBook, "again", lambda self, envelope: None)
    assert any("orders and" in line for line in battle(2, tmp_path))
