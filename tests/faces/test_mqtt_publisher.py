"""What the MQTT face shows: on change only, the latest only, and nothing of it is left behind."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellctl.app.clock import SeededIds, VirtualClock
from cellctl.app.virtual_time import run_virtual
from cellctl.core.handover_view import view_of
from cellctl.core.view import CellView
from cellctl.domain.errors import ConfigError
from cellctl.domain.events import ContactLost, ControllerStarted
from cellctl.domain.link import LinkQuality
from cellctl.domain.transfer import Phase, Transfer
from cellctl.domain.work import Place, Progress
from cellctl.faces.mqtt import MqttSettings
from cellctl.faces.mqtt.face import BackOff
from cellctl.faces.mqtt.intake import Intake
from cellctl.faces.mqtt.outbox import Outbox
from cellctl.faces.mqtt.publisher import Board, Publication
from cellctl.faces.mqtt.seat import Seat
from cellctl.faces.mqtt.topics import Topics, is_segment, segment
from cellctl.ports import Message
from tests.faces.desk import BUSY_CELL, BareDesk
from tests.faces.mqtt_room import ROOT, Room, play


def board() -> Board:
    return Board(Topics("cellctl", "nameplate", "cellctl"), {"cell": "nameplate"})


def shown(board: Board, view: CellView) -> dict[str, Any]:
    """Publish what is due, and say what that was, by the end of the topic."""
    published = board.due(view)
    for publication in published:
        board.stands(publication)
    return {each.topic.removeprefix(f"{ROOT}/"): _content(each) for each in published}


def _content(publication: Publication) -> Any:
    payload = publication.message.payload
    return json.loads(payload) if payload else None


def changed(name: str, view: CellView = BUSY_CELL, **fields: Any) -> CellView:
    machines = tuple(replace(each, **fields) if each.name == name else each for each in view.machines)
    return replace(view, rev=view.rev + 1, machines=machines)


def test_everything_is_shown_once_then_only_what_changes() -> None:
    on_board = board()
    first = shown(on_board, BUSY_CELL)
    assert list(first)[:2] == ["info", "device/printer-1/state"]
    assert {"order/order-1/state", "job/job-1/state", "prompt/prompt-2/state"} <= first.keys()
    assert shown(on_board, replace(BUSY_CELL, rev=7)) == {}
    idle = changed("arm-1", state="IDLE")
    assert list(shown(on_board, idle)) == ["device/arm-1/state"]


def test_a_devices_rev_is_that_of_its_own_last_change_and_survives_a_new_connection() -> None:
    on_board = board()
    shown(on_board, BUSY_CELL)
    later = changed("arm-1", view=replace(BUSY_CELL, rev=41), state="IDLE")
    assert shown(on_board, later)["device/arm-1/state"]["rev"] == 42
    on_board.forget()
    again = shown(on_board, replace(later, rev=99))
    assert (again["device/arm-1/state"]["rev"], again["device/printer-2/state"]["rev"]) == (42, 0)
    assert on_board.device("arm-1") == ("IDLE", 42)


def test_progress_is_no_change_of_state_but_telemetry_and_only_the_latest() -> None:
    on_board = board()
    shown(on_board, BUSY_CELL)
    assert [each.topic for each in on_board.telemetry(BUSY_CELL)] == [f"{ROOT}/device/printer-1/telemetry"]
    further = changed("printer-1", progress=Progress(600, 512, 500, 8100))
    assert shown(on_board, further) == {}
    (latest,) = on_board.telemetry(further)
    assert (latest.content["executed"], latest.qos, latest.retain) == (500, 0, False)
    assert on_board.telemetry(further) == []


def test_how_good_a_line_is_is_telemetry_and_no_change_of_state() -> None:
    on_board = board()
    shown(on_board, BUSY_CELL)
    on_board.telemetry(BUSY_CELL)
    noisy = changed("printer-1", link=LinkQuality(lines=9, resends=2))
    assert shown(on_board, noisy) == {}
    (latest,) = on_board.telemetry(noisy)
    assert (latest.topic, latest.content["link"]["resends"]) == (f"{ROOT}/device/printer-1/telemetry", 2)
    assert on_board.telemetry(noisy) == []


def test_a_job_that_is_closed_says_how_it_ended_and_leaves() -> None:
    on_board = board()
    shown(on_board, BUSY_CELL)
    jobs = tuple(replace(job, state="ENDED") if job.id == "job-2" else job for job in BUSY_CELL.jobs)
    due = on_board.due(replace(BUSY_CELL, jobs=jobs))
    assert [(each.topic, each.retain, each.content and each.content.state) for each in due] == [
        (f"{ROOT}/job/job-2/state", False, "ENDED"),
        (f"{ROOT}/job/job-2/state", True, None),
    ]


def test_an_order_that_comes_and_is_called_off_between_two_looks_says_once_how_it_ended() -> None:
    on_board = board()
    on_board.begin(BUSY_CELL)
    shown(on_board, BUSY_CELL)
    off = replace(BUSY_CELL.orders[0], id="order-9", state="cancelled", job_state="ABORTED")
    both = replace(BUSY_CELL, orders=(*BUSY_CELL.orders, off))
    assert [(each.topic, each.retain) for each in on_board.due(both)] == [(f"{ROOT}/order/order-9/state", False)]
    assert shown(on_board, both)["order/order-9/state"]["state"] == "cancelled"
    assert shown(on_board, both) == {}


def test_a_hand_over_stands_on_the_broker_while_it_lasts() -> None:
    places = Place("printer-1.bed"), Place("arm-1.gripper")
    take = Transfer("op-7/take", "op-7", "plate-2", *places, "printer-1", "arm-1", mover="arm-1", phase=Phase.ENTER)
    on_board = board()
    told = shown(on_board, replace(BUSY_CELL, transfers=(view_of(take),)))["transfer/op-7-take/state"]
    assert (told["phase"], told["says"]) == ("ENTER", "arm-1 takes plate-2 from printer-1.bed: is in printer-1")
    assert shown(on_board, BUSY_CELL) == {"transfer/op-7-take/state": None}


def test_what_is_not_confirmed_is_due_again() -> None:
    on_board = board()
    shown(on_board, BUSY_CELL)
    gone = replace(BUSY_CELL, prompts=())
    assert len(on_board.due(gone)) == 2
    assert on_board.due(gone) == on_board.due(gone)


def test_what_ended_while_the_daemon_was_away_is_taken_from_the_broker() -> None:
    on_board = board()
    on_board.begin(BUSY_CELL)
    assert shown(on_board, BUSY_CELL)["job/job-3/state"] is None
    assert "job/job-3/state" not in shown(on_board, changed("arm-1", state="IDLE"))


def test_events_are_told_once_and_without_a_gap_whatever_becomes_of_the_connection() -> None:
    async def scenario(room: Room) -> None:
        desk = room.desk
        desk.happen(ControllerStarted("1.2.3"), ContactLost("arm-1", "cable"))
        await room.somebody.next("event", 0, seq=2)
        room.broker.up = False
        room.cut()
        desk.happen(*(ContactLost("arm-1", f"again {number}") for number in range(250)))
        await asyncio.sleep(60)
        room.broker.up = True
        await room.online()
        async with asyncio.timeout(1):
            await room.somebody.next("event", 0, seq=252)
        told = room.somebody.all("event")
        assert [each["seq"] for each in told] == list(range(1, 253))
        assert told[1] == {
            "seq": 2, "at": desk.log[1].at, "actor": "engine", "type": "station.contact_lost",
            "event": {"station": "arm-1", "reason": "cable"},
        }  # fmt: skip

    play(scenario)


def test_the_cell_describes_itself() -> None:
    async def scenario(room: Room) -> None:
        info = await room.somebody.next("info", 0)
        assert info["devices"][0] == {"name": "printer-1", "driver": "marlin", "capabilities": ["fdm"]}
        assert info["requests"] == f"{ROOT}/request/{{user}}/{{class}}/{{verb}}"
        assert set(info["verbs"]) == {"stop", "query", "job", "motion"}
        assert info["verbs"]["job"]["submit"]["args"]["properties"]["quantity"]["maximum"] == 1000
        assert info["products"][0]["name"] == "nameplate"

    play(scenario)


@pytest.mark.parametrize(("base", "cell", "user"), [
    ("cell ctl", "nameplate", "me"), ("a/b/c/d/e/f", "x", "me"), ("", "x", "me"), ("a//b", "x", "me"),
    ("cellctl", "Name.plate", "me"), ("cellctl", "", "me"), ("cellctl", "+", "me"), ("a", "x", "Mr. T"),
])  # fmt: skip
def test_names_that_cannot_be_levels_of_a_topic_are_mistakes_of_the_configuration(
    base: str, cell: str, user: str
) -> None:
    with pytest.raises(ConfigError, match="a-z, 0-9"):
        Topics(base, cell, user)


@given(st.text(max_size=100), st.text(max_size=100))
def test_every_name_becomes_a_level_and_different_names_different_ones(one: str, other: str) -> None:
    assert is_segment(segment(one))
    assert (segment(one) == segment(other)) == (one == other)


def test_the_wait_between_attempts_doubles_up_to_half_a_minute_and_starts_anew_after_a_lasting_connection() -> None:
    back_off = BackOff()
    assert [back_off.after(None, 1.0) for _ in range(8)] == [1, 2, 4, 8, 16, 30, 30, 30]
    assert not back_off.flapping, "a broker that is not there is no sign of two daemons"
    assert back_off.after(11.0, 1.0) == 0.5
    assert back_off.after(11.0, 0.0) == 0.25


PIECES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20))
BODIES = st.one_of(
    st.binary(max_size=100),
    st.recursive(PIECES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10).map(
        lambda value: json.dumps(value).encode()
    ),
    st.fixed_dictionaries(
        {"id": st.just("11111111-1111-4111-8111-111111111111")},
        optional={"target": st.sampled_from(["*", "arm-1", "arm-9", 7]), "args": st.dictionaries(st.text(), PIECES),
                  "verb": PIECES, "session": st.just("s"), "tick": st.integers(-1, 3), "if_rev": PIECES},
    ).map(lambda value: json.dumps(value).encode()),
)  # fmt: skip
WORDS = st.sampled_from(
    ["ada", "cellctl", "stop", "job", "motion", "query", "halt", "submit", "reset", "ping", "x/y", ""]
)


@given(BODIES, st.tuples(WORDS, WORDS, WORDS).map("/".join), st.booleans(), st.text(max_size=10))
@settings(max_examples=300, deadline=None)
def test_whatever_comes_in_is_either_carried_out_or_answered_once(
    payload: bytes, place: str, retained: bool, response_topic: str
) -> None:
    async def scenario() -> None:
        seat = Seat(BareDesk(BUSY_CELL), VirtualClock(), SeededIds(1), MqttSettings("nameplate"),
                    Topics("cellctl", "nameplate", "cellctl"))  # fmt: skip
        outbox = Outbox()
        intake = Intake(seat, board(), outbox)
        intake.presence.session = "s"
        intake.presence.beat(0.0)
        async with asyncio.TaskGroup() as tasks:
            lanes = tasks.create_task(intake.lanes.run())
            intake.hear(Message(f"{ROOT}/request/{place}", payload, retained, response_topic))
            await asyncio.sleep(1)
            outbox.offer(Publication("end"))
            replies = []
            while (said := await outbox.take()).topic != "end":
                replies += [said] if "/response/" in said.topic else []
            lanes.cancel()
        answerable = place.count("/") == 2 and payload
        assert len(replies) == (1 if answerable else 0)

    run_virtual(scenario())
