"""What judges the wires of the real SIGKILLs (tests/prove/orders/real_kills.py) finds what it is there for."""

import os
import tty
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.taps import Taps
from tests.prove.orders.real_kills import Wires

ASKED = {"station": "printer-1", "choices": ["made", "scrap", "not begun"]}
IDLE = {"name": "printer-1", "state": "IDLE", "operation_id": ""}


@pytest.fixture
def taps(tmp_path: Path) -> Iterator[Taps]:
    machine, end = os.openpty()
    tty.setraw(end)
    (tmp_path / "printer-1").symlink_to(os.ttyname(end))
    with closing(Taps(tmp_path, tmp_path / "dev", {"printer-1": "printer-1"})) as tapped:
        yield tapped
    os.close(machine)
    os.close(end)


def test_a_move_while_a_person_is_asked_is_found(taps: Taps) -> None:
    wires = Wires(taps)
    wires.born()
    taps.lines["printer-1"].said += b"N1 M105*1\n"
    wires.look(wires.now(), {"prompts": [ASKED], "machines": [IDLE]})
    assert wires.broken == []
    taps.lines["printer-1"].said += b"N2 G1 X5*1\n"
    wires.look(wires.now(), {"prompts": [ASKED], "machines": [IDLE]})
    assert [line.partition(":")[0] for line in wires.broken] == [
        "printer-1 was told to move while a person was asked about it"
    ]


def test_a_print_that_begins_twice_for_one_record_of_it_is_found(taps: Taps) -> None:
    wires = Wires(taps)
    wires.born()
    taps.lines["printer-1"].said += b"N9 G1 X60 Y60 E1 F2400*1\n"
    assert list(wires.verdict([])) == [
        "printer-1 was told to begin 1 times, and the journal knows of 0",
        "printer-1 was told to move, and the journal knows of no work for it",
    ]
