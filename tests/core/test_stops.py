"""Zones, alarms and the ladder of stops: nothing moves before a person's Clear and Reset."""

from collections.abc import Callable

import pytest

from cellctl.core import decide, dispatch, rights, stopping, zones
from cellctl.core.instructions import Tell
from cellctl.core.render import render
from cellctl.domain import events as ev
from cellctl.domain.commands import ClearAlarm, CommandMachine, CommandZone, RaiseAlarm, ReportStop, SendLine
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.stop_events import ControllerStalled, StopSeen, ZoneChanged
from cellctl.domain.stops import Reach, Rung, ZoneCommand, ZonePhase

from .stop_cases import BESIDE, STATION, ZONE, Case, Watched, at_state, cases, kind, plan, play

_C, _S = MachineCommand, MachineState
# Suspending machines are played through by `make prove-orders`, with all others.
CASES = [case for case in cases() if not case.suspends]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nothing_moves_against_a_stop_before_a_person_has_cleared_and_reset_it(case: Case) -> None:
    assert play(case) == []


PLANTED: dict[str, tuple[object, str, Callable[..., object]]] = {
    "dispatch does not ask": (zones, "against", lambda cell, name: None),
    "machines are not told": (stopping, "steer", lambda turn: None),
    "a person's word is passed on": (decide.zones, "against_telling", lambda cell, name, command: ""),
    "a neighbour is forgotten": (zones, "neighbours", lambda plan, zone: frozenset()),
    "Reset without Clear": (stopping, "_against_leading_back", lambda cell, zone, command: ""),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_defect_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, what, defect = PLANTED[name]
    monkeypatch.setattr(where, what, defect)
    assert any(play(case) for case in CASES if case.state in (_S.EXECUTE, _S.COMPLETE, _S.IDLE))


def commands(shop: Watched, station: str) -> list[MachineCommand]:
    return [each.command for each in shop.told if isinstance(each, Tell) and each.station == station]


def test_a_stopped_zone_aborts_its_stations_and_suspends_who_reaches_into_it() -> None:
    shop = at_state(_S.EXECUTE)
    shop.feed(ev.StationChanged(BESIDE, _S.EXECUTE))
    shop.says(CommandZone(ZONE, ZoneCommand.STOP))
    assert commands(shop, "printer-1") == commands(shop, "printer-2") == [_C.ABORT]
    assert commands(shop, BESIDE) == [_C.HOLD]
    assert commands(shop, "router-1") == []


def test_a_neighbour_that_can_is_suspended_and_goes_on_with_the_reset_of_the_zone() -> None:
    shop = at_state(_S.EXECUTE, suspends=True)
    shop.work(shop.cell.operations["op-1"])  # the arm comes for the part
    carry = next(op for op in shop.cell.operations.values() if op.station == BESIDE) if shop.started else None
    shop.says(RaiseAlarm(kind(Rung.SUSPEND, Reach.STATION), "printer-2", "no filament"))
    assert commands(shop, "printer-2")[-1] is _C.SUSPEND
    shop.pursue()
    assert shop.cell.stations["printer-2"].state is _S.SUSPENDED
    shop.says(ClearAlarm("alarm-1"))
    assert commands(shop, "printer-2") == [_C.UNSUSPEND]
    assert carry is None or carry.id in shop.cell.operations


def test_what_an_alarm_has_held_goes_on_only_when_a_person_resumes_it() -> None:
    shop = at_state(_S.EXECUTE)
    shop.says(RaiseAlarm(kind(Rung.HOLD, Reach.STATION), STATION, "the door"))
    shop.pursue()
    assert shop.cell.stations[STATION].state is _S.HELD
    refused = shop.says(CommandMachine(STATION, _C.UNHOLD))
    assert "cellctl alarm clear alarm-1" in refused.message
    shop.says(ClearAlarm("alarm-1"))
    assert commands(shop, STATION) == []
    assert shop.says(CommandMachine(STATION, _C.UNHOLD)).accepted


def test_custody_is_kept_and_who_pressed_is_recorded() -> None:
    shop = at_state(_S.EXECUTE)
    places = {part.serial: part.place for part in shop.cell.parts.values()}
    shop.says(CommandZone(ZONE, ZoneCommand.STOP))
    shop.pursue()
    assert {part.serial: part.place for part in shop.cell.parts.values()} == places
    changed = next(event for event in shop.log if isinstance(event, ZoneChanged))
    assert (changed.phase, changed.by) == (ZonePhase.STOPPED, "ada")


def test_a_stop_from_outside_is_let_go_only_where_it_was_pressed() -> None:
    shop = at_state(_S.EXECUTE)
    shop.take(StopSeen("printer-2", True, "its stop button"))
    shop.pursue()
    assert "printer-2 shows its stop button" in render(shop.cell).standing[0].text
    assert not shop.says(ClearAlarm("alarm-1")).accepted
    assert not shop.says(ReportStop(ZONE, False)).accepted
    assert not shop.says(CommandZone(ZONE, ZoneCommand.CLEAR)).accepted
    shop.take(StopSeen("printer-2", False))
    assert shop.cell.stops.alarms == {}
    assert shop.says(CommandZone(ZONE, ZoneCommand.CLEAR)).accepted


def test_a_stop_that_stands_or_does_not_stand_already_is_no_news_and_none_of_a_machine_in_no_zone() -> None:
    shop = at_state(_S.EXECUTE)
    before = len(shop.log)
    shop.take(StopSeen("printer-2", False))
    shop.take(StopSeen(BESIDE, True, "its stop button"))
    assert len(shop.log) == before
    shop.take(StopSeen("printer-2", True, "its stop button"))
    shop.pursue()
    before = len(shop.log)
    shop.take(StopSeen("printer-2", True, "its stop button"))
    assert len(shop.log) == before
    assert list(shop.cell.stops.zones) == [ZONE]


def test_a_zone_whose_machine_is_not_heard_is_not_cleared() -> None:
    shop = at_state(None)
    shop.says(CommandZone(ZONE, ZoneCommand.STOP))
    shop.pursue()
    assert "not heard" in shop.says(CommandZone(ZONE, ZoneCommand.CLEAR)).message


def test_waiting_jobs_say_which_zone_they_wait_for() -> None:
    shop = at_state(_S.EXECUTE)
    shop.says(CommandZone(ZONE, ZoneCommand.STOP))
    shop.pursue()
    waits = [job for job in render(shop.cell).jobs if job.reasons]
    assert waits
    job = next(each for each in shop.cell.jobs.values() if each.id == "job-4")
    answer = dispatch.next_operation(shop.cell, job)
    assert isinstance(answer, tuple)
    assert answer


def test_nobody_sends_lines_by_hand_into_a_stopped_zone() -> None:
    shop = at_state(_S.IDLE)
    shop.says(CommandZone(ZONE, ZoneCommand.STOP))
    shop.pursue()
    assert not shop.says(SendLine("printer-2", "G28")).accepted


def test_after_a_stall_machines_at_work_are_held_until_somebody_has_looked() -> None:
    shop = at_state(_S.EXECUTE)
    shop.take(ControllerStalled(3600.0))
    shop.pursue()
    assert [shop.cell.stations[name].state for name in ("printer-1", "printer-2")] == [_S.HELD, _S.HELD]
    assert {alarm.kind for alarm in render(shop.cell).standing} == {"stalled"}
    assert not shop.says(CommandMachine(STATION, _C.UNHOLD)).accepted


def test_machines_that_idle_through_a_stall_are_left_alone() -> None:
    shop = Watched(at_state(_S.EXECUTE).cell.plan)
    shop.wake()
    shop.take(ControllerStalled(3600.0))
    assert shop.told == []
    assert shop.cell.stops.alarms == {}


def test_a_stop_revokes_permits_keeps_custody_and_its_reset_grants_new_ones() -> None:
    shop = Watched(plan())
    shop.wake()
    shop.order()
    shop.work(shop.started.pop(0))
    before = {name: each for name, each in shop.cell.transfers.items() if each.permit}
    assert [each.permit.live for each in before.values() if each.permit] == [True] * len(before) != []
    shop.says(CommandZone(ZONE, ZoneCommand.STOP))
    stopped = {name: shop.cell.transfers[name] for name in before}
    assert [each.permit.live for each in stopped.values() if each.permit] == [False] * len(before)
    assert [each.custody.holders for each in stopped.values()] == [each.custody.holders for each in before.values()]
    assert "cellctl zone clear print" in rights.against_motion(shop.cell, BESIDE, 0)
    shop.pursue()
    for command in (ZoneCommand.CLEAR, ZoneCommand.RESET):
        reply = shop.says(CommandZone(ZONE, command), person=True)
        assert reply.accepted, reply.message
        shop.pursue()
    again = {name: shop.cell.transfers[name].permit for name in before}
    for name, permit in again.items():
        known = before[name].permit
        assert permit is not None
        assert known is not None
        assert permit.live
        assert permit.token > known.token
