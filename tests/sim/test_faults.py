"""Faults: each does what it says, when it says, and the same seed does the same again."""

from collections.abc import Iterable
from random import Random  # noqa: TID251 - seeded

import pytest
from pydantic import TypeAdapter, ValidationError

from cellctl_sim.config import PrinterTwin
from cellctl_sim.faults import BYTES, Fault, FaultPlan, Kind, Trouble, Way, plan
from cellctl_sim.marlin import Marlin
from cellctl_sim.world import World
from tests.sim.device_rig import Rig, numbered

LINE = b"G1 X10 F600\n"
BED = "printer-1.bed"


def trouble(*faults: Fault, seed: int = 1) -> Trouble:
    return FaultPlan(seed, faults).play()


def heard(faults: Trouble, chunks: Iterable[bytes], now_s: float = 0.0) -> bytes:
    return b"".join(faults.heard(chunk, now_s) for chunk in chunks)


def printer(*faults: Fault) -> Rig:
    """A printer that has booted, with its banner heard."""
    world = World([BED])
    rig = Rig(Marlin("printer-1", BED, world, PrinterTwin(model="marlin"), Random(1), faults=trouble(*faults)))
    rig.until(0.0)
    return rig


# ---- bytes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(BYTES))
def test_bytes_are_hit_at_their_rate(kind: Kind) -> None:
    sent, arrived = LINE * 50_000, bytearray()
    faults = trouble(Fault(kind, rate=0.01))
    for n in range(0, len(sent), 36):
        arrived += faults.heard(sent[n : n + 36], 0.0)
    expected = len(sent) * 0.01
    hits = {
        Kind.FLIP: lambda: sum(a != b for a, b in zip(sent, arrived, strict=True)),
        Kind.SPOIL: lambda: sum(a != b for a, b in zip(sent, arrived, strict=True)),
        Kind.DROP: lambda: len(sent) - len(arrived),
        Kind.DOUBLE: lambda: len(arrived) - len(sent),
        Kind.GARBAGE: lambda: len(arrived) - len(sent),
    }[kind]()
    assert 0.9 * expected < hits < 1.1 * expected


def test_a_flip_changes_one_bit() -> None:
    arrived = heard(trouble(Fault(Kind.FLIP, nth=2)), [LINE] * 3)
    changed = [a ^ b for a, b in zip(LINE * 3, arrived, strict=True) if a != b]
    assert len(changed) == 1
    assert changed[0].bit_count() == 1
    assert arrived[: len(LINE)] == arrived[2 * len(LINE) :] == LINE


def test_the_other_way_is_left_alone() -> None:
    faults = trouble(Fault(Kind.DROP, rate=1.0, way=Way.TO_HOST))
    assert faults.heard(LINE, 0.0) == LINE
    assert faults.said(LINE, 0.0) == b""


# ---- lines -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "arrives"),
    [
        (Fault(Kind.LOSE, nth=2), b"a\nc\n"),
        (Fault(Kind.MERGE, nth=2), b"a\nbc\n"),
        (Fault(Kind.REPLACE, nth=2, text="x"), b"a\nx\nc\n"),
        (Fault(Kind.INSERT, nth=2, text="x"), b"a\nx\nb\nc\n"),
        (Fault(Kind.LOSE, nth=1, line="c"), b"a\nb\n"),
        (Fault(Kind.LOSE, rate=1.0), b""),
        (Fault(Kind.LOSE, at_s=1.0), b"a\nb\nc\n"),
    ],
)
@pytest.mark.parametrize("chunks", [[b"a\nb\nc\n"], [b"a\n", b"b\n", b"c\n"], [b"a", b"\nb", b"\nc\n"]])
def test_a_line_is_hit_wherever_chunks_end(fault: Fault, arrives: bytes, chunks: list[bytes]) -> None:
    if fault.kind == Kind.LOSE and fault.rate and chunks[0] == b"a":
        arrives = b""
    assert heard(trouble(fault), chunks) == arrives


def test_a_lost_ok_is_the_nth_line_that_begins_so() -> None:
    faults = trouble(Fault(Kind.LOSE, nth=2, way=Way.TO_HOST, line="ok"))
    assert [faults.said(chunk, 0.0) for chunk in (b"ok\n", b"T:20\n", b"ok\nT:21\n", b"ok\n")] == [
        b"ok\n",
        b"T:20\n",
        b"T:21\n",
        b"ok\n",
    ]


def test_nothing_overtakes_what_is_held_back() -> None:
    faults = trouble(Fault(Kind.STALL, nth=2, amount=5.0))
    assert faults.heard(b"a\nb\nc\n", 1.0) == b"a\n"
    assert faults.heard_s == 6.0
    assert faults.heard(b"d\n", 2.0) == b""
    assert faults.heard(b"", 6.0) == b"b\nc\nd\n"
    assert faults.heard(b"e\n", 6.5) == b"e\n"


def test_the_rest_of_a_line_comes_later() -> None:
    faults = trouble(Fault(Kind.SPLIT, nth=1, amount=0.2))
    first = faults.heard(LINE, 1.0)
    assert LINE.startswith(first)
    assert first != LINE
    assert first + faults.heard(b"", 1.2) == LINE


def test_of_a_fault_at_a_time_the_first_line_from_then_on_is_hit() -> None:
    faults = trouble(Fault(Kind.LOSE, at_s=2.0))
    assert [faults.heard(b"a\n", now_s) for now_s in (0.0, 2.5, 3.0)] == [b"a\n", b"", b"a\n"]


# ---- board and cable -------------------------------------------------------------------------------------------


def test_a_board_is_woken_for_bytes_that_were_held_back() -> None:
    late_ok = Fault(Kind.STALL, nth=1, amount=2.0, way=Way.TO_HOST, line="ok")
    rig = printer(Fault(Kind.STALL, nth=1, amount=5.0), late_ok)
    assert rig.send("M82\n") == []
    assert rig.until(6.9) == []
    assert rig.until(7.0) == ["ok"]


def test_a_board_resets_at_its_line_and_loses_its_counter() -> None:
    rig = printer(Fault(Kind.RESET, nth=2))
    assert rig.send(numbered(1, "M82")) == ["ok"]
    assert "start" in rig.send(numbered(2, "M82"))
    assert rig.send(numbered(1, "M82")) == ["ok"]


def test_without_power_nothing_is_heard_until_it_is_back() -> None:
    rig = printer(Fault(Kind.POWER_CUT, at_s=3.0, amount=10.0))
    assert rig.until(12.9) == []
    assert rig.send("M82\n") == []
    assert rig.until(13.0)[:2] == ["start", "PowerUp"]
    assert rig.send("M82\n") == ["ok"]


def test_what_happens_to_the_cable_is_told_to_its_holder() -> None:
    faults, told = trouble(Fault(Kind.UNPLUG, nth=1, amount=3.0)), []
    rig = Rig(Marlin("printer-1", BED, World([BED]), PrinterTwin(model="marlin"), Random(1), faults=faults))
    faults.plug = lambda fault, now_s: told.append((fault.kind, fault.amount, now_s))
    rig.until(1.0)
    rig.send("M82\n")
    assert told == [("unplug", 3.0, 1.0)]


# ---- data ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*Kind, "thermal-runaway"])
def test_a_plan_is_one_integer(kind: str) -> None:
    plans = [plan(seed, kind) for seed in range(20)]
    assert plans == [plan(seed, kind) for seed in range(20)]
    assert len(set(plans)) == 20
    assert all(fault.kind == kind for each in plans for fault in each.faults)
    sent = [LINE * 3] * 50
    assert [heard(each.play(), sent) for each in plans] == [heard(each.play(), sent) for each in plans]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "flip"},
        {"kind": "flip", "rate": 0.1, "nth": 3},
        {"kind": "flip", "rate": 2.0},
        {"kind": "flip", "nth": 0},
        {"kind": "flip", "nth": 1, "bits": 2},
        {"kind": "stall", "nth": 1, "amount": -1},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Fault).validate_python(wrong)
