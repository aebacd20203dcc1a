"""The rules of the command interface, one by one (their numbers are those of docs and hand-book)."""

import asyncio
import json
from typing import Any

import pytest

from cellctl.domain.commands import (
    AnswerPrompt,
    CancelOrder,
    CommandMachine,
    CommandOrder,
    Reply,
    Right,
    SubmitOrder,
    UpdateOrder,
)
from cellctl.domain.errors import StoreFailed
from cellctl.domain.job import ORDER_COMMANDS
from cellctl.domain.machine import MachineCommand
from cellctl.links.memory_bus import MemoryBroker
from cellctl.ports import Message
from tests.faces.desk import BUSY_CELL, BareDesk
from tests.faces.mqtt_room import ROOT, SUBMIT, Room, SlowDesk, play

ID = "11111111-1111-4111-8111-111111111111"
MACHINES = [machine.name for machine in BUSY_CELL.machines]


def commands(room: Room) -> list[Any]:
    return [envelope.command for envelope in room.desk.envelopes]


# ---- 1: the body -----------------------------------------------------------------------------------------------


def test_rule_1_every_verb_becomes_the_command_it_names() -> None:
    async def scenario(room: Room) -> None:
        ask = room.somebody.ask
        order = {"product": "nameplate", "revision": "A", "parameters": {"text": "ADA", "height_mm": 8}, "quantity": 2,
                 "priority": 5, "due_at": "2030-01-31T12:00:00Z", "customer_reference": "PO 7"}  # fmt: skip
        replies = [
            await ask("job/submit", args=order),
            await ask("job/store", args={"product": "nameplate", "order_id": "WO 4711/10"}),
            await ask("job/order-update", args={"order_id": "order-1", "priority": 9}),
            *[await ask(f"job/order-{each.value}", args={"order_id": "order-1"}) for each in ORDER_COMMANDS],
            await ask("job/cancel", args={"order_id": "order-1"}),
            await ask("job/answer", args={"prompt_id": "prompt-1", "choice": "accept"}),
            await ask("motion/resume", target="arm-1"),
            await ask("motion/clear", target="router-1"),
            await ask("motion/reset", target="router-1"),
            await ask("stop/hold", target="printer-1"),
            await ask("stop/halt", target="printer-1"),
        ]
        assert {reply["code"] for reply in replies} == {"accepted"}
        assert commands(room) == [
            SubmitOrder("nameplate", {"text": "ADA", "height_mm": 8}, "A", 2, 5, "2030-01-31T12:00:00Z", "PO 7"),
            SubmitOrder("nameplate", {}, release=False, order_id="WO 4711/10"),
            UpdateOrder("order-1", priority=9),
            *(CommandOrder("order-1", each) for each in ORDER_COMMANDS),
            CancelOrder("order-1"),
            AnswerPrompt("prompt-1", "accept"),
            CommandMachine("arm-1", MachineCommand.UNHOLD),
            CommandMachine("router-1", MachineCommand.CLEAR),
            CommandMachine("router-1", MachineCommand.RESET),
            CommandMachine("printer-1", MachineCommand.HOLD),
            CommandMachine("printer-1", MachineCommand.ABORT),
        ]
        assert {envelope.sender for envelope in room.desk.envelopes} == {"mqtt:ada"}

    play(scenario)


def test_rule_1_a_reply_has_always_the_same_fields() -> None:
    async def scenario(room: Room) -> None:
        room.desk.answer = Reply("accepted", "order-3: 1 to make", {"order_id": "order-3"})
        fresh = room.somebody.fresh
        reply = await room.somebody.ask("job/submit", id=ID, args=SUBMIT)
        assert reply == {
            "id": ID, "code": "accepted", "message": "order-3: 1 to make", "result": {"order_id": "order-3"},
            "duplicate": False, **fresh,
        }  # fmt: skip

    play(scenario)


FRESH = '"session": "{session}", "tick": {tick}'
UNREADABLE = {
    "nothing of JSON": b"make me a plate",
    "cut off": b'{"id": "' + ID.encode(),
    "not an object": b"[]",
    "not UTF-8": b'{"id": "\xff"}',
    "half a surrogate pair": b'{"id": "%b", "client": "\\ud800"}' % ID.encode(),
    "a key twice": b'{"id": "%b", "args": {"a": 1, "a": 2}}' % ID.encode(),
    "NaN": b'{"id": "%b", "args": {"a": NaN}}' % ID.encode(),
    "infinite": b'{"id": "%b", "args": {"a": 1e999}}' % ID.encode(),
    "a huge whole number": b'{"id": "%b", "tick": 12345678901234567}' % ID.encode(),
    "17 levels deep": b'{"id": "%b", "args": ' % ID.encode() + b'{"a":' * 16 + b"1" + b"}" * 17,
    "100000 levels deep": b"[" * 60_000,
    "above 64 KiB": b'{"id": "%b", "client": "' % ID.encode() + b"x" * 65536 + b'"}',
}


@pytest.mark.parametrize("payload", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_rule_1_what_two_readers_could_read_differently_is_refused(payload: bytes) -> None:
    async def scenario(room: Room) -> None:
        await room.somebody.publish("request/ada/job/submit", payload)
        reply = await room.somebody.next("response/ada/job/submit", 0)
        assert reply["code"] == "rejected:invalid"
        assert reply["message"]
        assert commands(room) == []

    play(scenario)


MISTAKES: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "no id": ("job/submit", {"id": None, "args": SUBMIT}, "invalid", "id"),
    "an id that is no UUID": ("job/submit", {"id": "7", "args": SUBMIT}, "invalid", "id"),
    "an unknown field": ("job/submit", {"args": SUBMIT, "not_before": "10:00"}, "invalid", "not_before"),
    "an unknown field in a motion": ("motion/resume", {"target": "arm-1", "speed": 2}, "invalid", "speed"),
    "expires_at": ("motion/resume", {"target": "arm-1", "expires_at": "2030-01-01T00:00:00Z"}, "invalid", "expires_at"),
    "an unknown argument": ("job/submit", {"args": SUBMIT | {"colour": "red"}}, "invalid", "args.colour"),
    "an argument of another kind": ("job/submit", {"args": SUBMIT | {"quantity": "2"}}, "invalid", "args.quantity"),
    "true for a number": ("job/submit", {"args": SUBMIT | {"parameters": {"a": True}}}, "invalid", "args.parameters"),
    "an argument too few": ("job/cancel", {"args": {}}, "invalid", "args.order_id"),
    "nothing to make": ("job/submit", {"args": SUBMIT | {"quantity": 0}}, "invalid", "args.quantity"),
    "a time that is not UTC": ("job/submit", {"args": SUBMIT | {"due_at": "10:00"}}, "invalid", "args.due_at"),
    "a line break": ("job/submit", {"args": SUBMIT | {"parameters": {"text": "A\nM30"}}}, "invalid", "args.parameters"),
    "a tick that is no number": ("motion/resume", {"target": "arm-1", "tick": "1"}, "invalid", "tick"),
    "a verb unlike the topic's": ("motion/resume", {"verb": "clear", "target": "arm-1"}, "invalid", "clear"),
    "no target": ("motion/resume", {}, "unknown_target", "printer-1"),
    "an unknown target": ("motion/resume", {"target": "arm-9"}, "unknown_target", "arm-9"),
    "everything at once": ("motion/resume", {"target": "*"}, "unknown_target", "*"),
    "an unknown stop": ("stop/hold", {"target": "arm-9"}, "unknown_target", "arm-9"),
    "an unknown verb": ("motion/jump", {"target": "arm-1"}, "unknown_verb", "jump"),
    "an unknown class": ("fun/resume", {"target": "arm-1"}, "not_permitted", "motion"),
}


@pytest.mark.parametrize(("what", "body", "code", "named"), MISTAKES.values(), ids=MISTAKES.keys())
def test_rule_1_a_mistake_is_refused_by_name(what: str, body: dict[str, Any], code: str, named: str) -> None:
    async def scenario(room: Room) -> None:
        reply = await room.somebody.ask(what, **body)
        assert reply["code"] == f"rejected:{code}"
        assert named in reply["message"]
        assert commands(room) == []

    play(scenario)


def test_rule_1_a_user_whose_name_is_no_segment_is_refused_and_odd_topics_are_left_alone() -> None:
    async def scenario(room: Room) -> None:
        reply = await room.somebody.ask("stop/halt", user="Ada.1", target="*")
        assert reply["code"] == "rejected:not_permitted"
        before = len(room.somebody.heard)
        for odd in ("request/ada/stop", "request/ada/stop/halt/now", f"request/ada/stop/{'x' * 300}"):
            await room.somebody.publish(odd, {"id": ID, "target": "*"})
        await asyncio.sleep(3)
        assert room.somebody.all("response/#", before) == []
        assert commands(room) == []

    play(scenario)


# ---- 2 and 3: session and tick ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "what", ["job/submit", "job/cancel", "job/answer", "motion/resume", "motion/clear", "motion/reset"]
)
def test_rule_2_what_can_start_a_machine_must_quote_the_session(what: str) -> None:
    async def scenario(room: Room) -> None:
        for session in (None, "", "22222222-2222-4222-8222-222222222222"):
            reply = await room.somebody.ask(what, session=session, target="arm-1")
            assert reply["code"] == "rejected:stale_session"
            assert reply["session"] == room.status()["session"]
        assert commands(room) == []

    play(scenario)


def test_rule_2_every_connection_has_another_session_and_the_old_one_is_refused() -> None:
    async def scenario(room: Room) -> None:
        old = room.somebody.fresh
        await room.again()
        reply = await room.somebody.ask("motion/resume", target="arm-1", **old)
        assert reply["code"] == "rejected:stale_session"
        assert (await room.somebody.ask("motion/resume", target="arm-1"))["code"] == "accepted"

    play(scenario)


def test_rule_3_a_tick_is_good_for_ten_seconds_by_our_own_clock() -> None:
    async def scenario(room: Room) -> None:
        tick = room.somebody.fresh["tick"]
        await asyncio.sleep(9.5)
        assert (await room.somebody.ask("motion/resume", target="arm-1", tick=tick))["code"] == "accepted"
        await asyncio.sleep(1)
        assert (await room.somebody.ask("motion/resume", target="arm-1", tick=tick))["code"] == "rejected:expired"
        assert len(commands(room)) == 1

    play(scenario)


@pytest.mark.parametrize("tick", [None, 0, 10**6])
def test_rule_3_a_tick_that_was_never_shown_is_refused(tick: int | None) -> None:
    async def scenario(room: Room) -> None:
        reply = await room.somebody.ask("job/submit", args=SUBMIT, tick=tick)
        assert reply["code"] == "rejected:expired"
        assert commands(room) == []

    play(scenario)


# ---- 4: retained -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["job/submit", "motion/resume", "stop/halt"])
def test_rule_4_a_retained_request_is_never_carried_out_and_is_taken_down(what: str) -> None:
    async def scenario(room: Room) -> None:
        body = {"id": ID, **room.somebody.fresh, "target": "arm-1", "args": SUBMIT if what == "job/submit" else {}}
        room.cut()
        await room.somebody.publish(f"request/ada/{what}", body, retain=True)
        before = len(room.somebody.heard)
        reply = await room.somebody.next(f"response/ada/{what}", before)
        assert (reply["code"], reply["id"]) == ("rejected:retained_command", ID)
        await room.somebody.next("alarm/retained-command", before)
        assert f"{ROOT}/request/ada/{what}" not in room.broker.retained
        assert commands(room) == []
        await room.again()
        await asyncio.sleep(3)
        assert len(room.somebody.all(f"response/ada/{what}")) == 1, "taking it down is no request"
        assert f"{ROOT}/alarm/retained-command" not in room.broker.retained

    play(scenario)


# ---- 6 and 7: duplicates and outcome ---------------------------------------------------------------------------


def test_rule_6_the_same_request_again_gets_the_same_reply_and_has_no_effect() -> None:
    async def scenario(room: Room) -> None:
        first = await room.somebody.ask("job/submit", id=ID, args=SUBMIT)
        again = await room.somebody.ask("job/submit", id=ID, args=SUBMIT)
        assert (first["duplicate"], again["duplicate"]) == (False, True)
        assert again["code"] == "accepted"

    play(scenario)


def test_rule_6_a_repeat_after_a_lost_connection_is_a_repeat_and_not_stale() -> None:
    async def scenario(room: Room) -> None:
        old = room.somebody.fresh
        await room.somebody.ask("job/submit", id=ID, args=SUBMIT)
        await room.again()
        again = await room.somebody.ask("job/submit", id=ID, args=SUBMIT, **old)
        assert (again["code"], again["duplicate"]) == ("accepted", True)

    play(scenario)


def test_rule_6_the_same_id_for_another_command_is_refused() -> None:
    async def scenario(room: Room) -> None:
        await room.somebody.ask("motion/resume", id=ID, target="arm-1")
        reply = await room.somebody.ask("motion/reset", id=ID, target="arm-1")
        assert reply["code"] == "rejected:id_reused"

    play(scenario)


def test_rule_6_what_qos_1_delivers_twice_takes_effect_once_and_is_answered_twice() -> None:
    async def scenario(room: Room) -> None:
        room.broker.repeats["cellctl-nameplate"] = 10
        before = len(room.somebody.heard)
        await room.somebody.ask("job/submit", id=ID, args=SUBMIT)
        await asyncio.sleep(1)
        replies = room.somebody.all("response/ada/job/submit", before)
        assert [reply["duplicate"] for reply in replies] == [False, True]

    play(scenario)


def test_rule_7_what_became_of_a_command_can_be_asked_for() -> None:
    async def scenario(room: Room) -> None:
        unknown = await room.somebody.ask("query/command", args={"id": ID})
        assert unknown["result"] == {"known": False}
        room.desk.answer = Reply("rejected:precondition_failed", "arm-1 is HELD")
        await room.somebody.ask("motion/reset", id=ID, target="arm-1")
        known = await room.somebody.ask("query/command", args={"id": ID})
        assert known["code"] == "ok"
        assert known["result"]["known"]
        assert known["result"]["reply"]["code"] == "rejected:precondition_failed"

    play(scenario)


def test_rule_7_a_desk_that_cannot_write_refuses_instead_of_falling_silent() -> None:
    class Broken(BareDesk):
        async def submit(self, envelope: Any) -> Any:
            raise StoreFailed("the disk is full")

    async def scenario(room: Room) -> None:
        reply = await room.somebody.ask("job/submit", args=SUBMIT)
        assert (reply["code"], reply["message"]) == ("rejected:internal", "the disk is full")

    play(scenario, desk=Broken)


# ---- 8: preconditions ------------------------------------------------------------------------------------------


def test_rule_8_a_command_can_be_bound_to_the_state_that_its_sender_saw() -> None:
    async def scenario(room: Room) -> None:
        ask = room.somebody.ask
        seen = (await room.somebody.next("device/arm-1/state", 0))["rev"]
        assert (await ask("motion/resume", target="arm-1", if_state="HELD", if_rev=seen))["code"] == "accepted"
        wrong_state = await ask("motion/resume", target="arm-1", if_state="IDLE")
        wrong_rev = await ask("motion/resume", target="arm-1", if_rev=seen + 1)
        for reply in (wrong_state, wrong_rev):
            assert reply["code"] == "rejected:precondition_failed"
            assert reply["result"] == {"state": "HELD", "rev": seen}
        assert (await ask("motion/resume", target="arm-9", if_rev=1))["code"] == "rejected:unknown_target"
        assert (await ask("job/submit", args=SUBMIT, if_rev=1))["code"] == "rejected:invalid"
        assert len(commands(room)) == 1

    play(scenario)


# ---- 9: lanes --------------------------------------------------------------------------------------------------


def test_rule_9_eight_may_wait_for_a_machine_then_it_is_busy_and_the_others_are_not() -> None:
    async def scenario(room: Room) -> None:
        somebody, desk = room.somebody, room.desk
        ids = [somebody.id() for _ in range(10)]
        for each in ids:
            await somebody.publish("request/ada/motion/reset", {"id": each, "target": "router-1", **somebody.fresh})
        busy = await somebody.next("response/ada/motion/reset", 0)
        assert (busy["id"], busy["code"]) == (ids[9], "rejected:busy")
        assert (await somebody.ask("motion/resume", target="arm-1"))["code"] == "accepted"
        assert (await somebody.ask("stop/halt", target="router-1", user="eve"))["code"] == "accepted"
        desk.go.set()
        await somebody.next("response/ada/motion/reset", 0, id=ids[8])
        assert [each for each in desk.begun if each in ids] == ids[:9], "first in, first out"

    class Desk(SlowDesk):
        async def submit(self, envelope: Any) -> Any:
            stops = envelope.command.right is Right.STOP
            return await (BareDesk.submit(self, envelope) if stops else super().submit(envelope))

    play(scenario, desk=lambda: Desk("router-1"))


def test_rule_9_too_much_at_once_is_answered_busy_but_a_stop_is_carried_out() -> None:
    async def scenario(room: Room) -> None:
        for number in range(30):
            what = "stop/halt" if number == 7 else "motion/reset"
            body = {"id": room.somebody.id(), "target": "arm-1", **room.somebody.fresh}
            room.broker.publish(Message(f"{ROOT}/request/ada/{what}", json.dumps(body).encode()))
        await asyncio.sleep(2)
        replies = [reply["code"] for reply in room.somebody.all("response/ada/motion/reset")]
        assert len(replies) == 29, "each is answered"
        assert replies.count("rejected:busy") >= 20
        assert CommandMachine("arm-1", MachineCommand.ABORT) in commands(room)

    play(scenario, broker=lambda: MemoryBroker(room=10))


# ---- 10 and 11: who may what, and where it is answered -----------------------------------------------------------


@pytest.mark.parametrize("what", ["stop/submit", "query/halt", "job/resume", "motion/submit", "query/submit"])
def test_rule_10_a_verb_in_the_class_of_others_is_refused(what: str) -> None:
    async def scenario(room: Room) -> None:
        reply = await room.somebody.ask(what, target="arm-1", args=SUBMIT)
        assert reply["code"] == "rejected:not_permitted"
        assert commands(room) == []

    play(scenario)


def test_rule_10_a_class_that_is_not_served_is_refused_whoever_asks() -> None:
    async def scenario(room: Room) -> None:
        reply = await room.somebody.ask("motion/resume", target="arm-1")
        assert reply["code"] == "rejected:not_permitted"
        assert (await room.somebody.ask("stop/hold", target="arm-1"))["code"] == "accepted"

    play(scenario, served=frozenset({Right.STOP, Right.QUERY}))


ELSEWHERE = {
    "a request of somebody": f"{ROOT}/request/ada/stop/halt",
    "replies to another": f"{ROOT}/response/eve/x",
    "the status": f"{ROOT}/status",
    "nowhere": f"{ROOT}/response/ada/",
    "a wildcard": f"{ROOT}/response/ada/+",
    "everything": f"{ROOT}/response/ada/#",
    "a control character": f"{ROOT}/response/ada/x\ny",
    "257 bytes": f"{ROOT}/response/ada/{'x' * 230}",
    "another tree": "acme/line1",
}


@pytest.mark.parametrize("place", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_rule_11_replies_go_only_where_their_sender_may_read(place: str) -> None:
    async def scenario(room: Room) -> None:
        somebody = room.somebody
        body = {"id": ID, "args": SUBMIT, **somebody.fresh}
        await somebody.publish("request/ada/job/submit", body, response_topic=place, correlation=b"7")
        reply = await somebody.next("response/ada/job/submit", 0)
        assert reply["code"] == "rejected:response_topic"
        assert commands(room) == []
        await somebody.publish("request/ada/stop/halt", {"id": ID, "target": "arm-1"}, response_topic=place)
        assert (await somebody.next("response/ada/stop/halt", 0))["code"] == "accepted", "a stop is carried out"

    play(scenario)


def test_rule_11_a_reply_goes_to_the_response_topic_with_its_correlation_and_is_not_retained() -> None:
    async def scenario(room: Room) -> None:
        body = {"id": ID, "args": SUBMIT, **room.somebody.fresh}
        place = f"{ROOT}/response/ada/desk-4/7"
        await room.somebody.publish("request/ada/job/submit", body, response_topic=place, correlation=b"7")
        assert (await room.somebody.next("response/ada/desk-4/7", 0))["code"] == "accepted"
        assert [m.correlation for m in room.somebody.heard if m.topic == place] == [b"7"]
        assert place not in room.broker.retained

    play(scenario)


# ---- 13 and 14: stops, and the loss of the link -----------------------------------------------------------------


def test_rule_13_a_stop_needs_no_session_no_tick_and_no_known_field() -> None:
    async def scenario(room: Room) -> None:
        for verb in ("hold", "halt"):
            reply = await room.somebody.ask(
                f"stop/{verb}", target="arm-1", session="old", tick="x", if_state="IDLE", reason="smoke"
            )
            assert reply["code"] == "accepted"

    play(scenario)


def test_rule_13_a_stop_of_everything_stops_everything_and_says_what_became_of_each() -> None:
    async def scenario(room: Room) -> None:
        reply = await room.somebody.ask("stop/halt", id=ID, target="*")
        assert reply["code"] == "accepted"
        assert list(reply["result"]) == MACHINES
        assert commands(room) == [CommandMachine(name, MachineCommand.ABORT) for name in MACHINES]
        known = await room.somebody.ask("query/command", args={"id": ID})
        assert list(known["result"]["reply"]["result"]) == MACHINES
        assert (await room.somebody.ask("stop/halt", id=ID, target="*"))["duplicate"]

    play(scenario)


def test_rule_14_losing_the_broker_starts_nothing_and_stops_nothing_by_itself() -> None:
    async def scenario(room: Room) -> None:
        await room.again()
        assert commands(room) == []

    play(scenario)


def test_rule_14_a_machine_can_be_held_when_the_broker_is_lost() -> None:
    async def scenario(room: Room) -> None:
        await room.again()
        assert commands(room) == [CommandMachine("router-1", MachineCommand.HOLD)]

    play(scenario, on_link_loss={"router-1": "hold", "arm-1": "continue"})


def test_rule_14_what_waits_when_the_broker_is_lost_is_not_begun_any_more_but_for_stops() -> None:
    async def scenario(room: Room) -> None:
        somebody, desk = room.somebody, room.desk
        asked = [("motion/reset", somebody.id()) for _ in range(3)] + [("stop/halt", somebody.id()) for _ in range(3)]
        for what, command_id in asked:
            body = {"id": command_id, "target": "router-1", **somebody.fresh}
            await somebody.publish(f"request/ada/{what}", body)
        await asyncio.sleep(1)
        await room.again()
        desk.go.set()
        await somebody.next("response/ada/stop/halt", 0, id=asked[5][1])
        await asyncio.sleep(1)
        assert desk.begun == [asked[0][1], asked[3][1], asked[4][1], asked[5][1]]

    play(scenario, desk=lambda: SlowDesk("router-1"))


# ---- 15 to 19: presence ----------------------------------------------------------------------------------------


def test_rule_15_connections_that_are_lost_one_after_the_other_raise_an_alarm_and_come_less_often() -> None:
    async def scenario(room: Room) -> None:
        gaps = []
        for _ in range(5):
            before = room.clock.now_s()
            await room.again()
            gaps.append(room.clock.now_s() - before)
        assert gaps[-1] > 4 * gaps[0]
        alarm = await room.somebody.next("alarm/flapping", 0)
        assert "cut" in alarm["alarm"]
        await asyncio.sleep(40)
        assert f"{ROOT}/alarm/flapping" not in room.broker.retained, "it lasts now"

    play(scenario)


def test_rule_16_on_every_way_out_the_cell_says_that_it_is_offline() -> None:
    sessions = []

    async def scenario(room: Room) -> None:
        session = room.status()["session"]
        sessions.append(session)
        room.cut()
        gone = room.status()
        assert (gone["online"], gone["session"]) == (False, session), "the will"
        sessions.append((await room.online(after_session=session))["session"])

    room = play(scenario)
    left = room.status()
    assert (left["online"], left["session"]) == (False, sessions[1]), "said by the daemon itself"


def test_rule_16_an_older_connections_will_does_not_stick() -> None:
    async def scenario(room: Room) -> None:
        await room.somebody.publish("status", {"online": False, "session": "older"}, retain=True)
        async with asyncio.timeout(0.1):
            await room.online(after_session="older")
        room.broker.deaf.add("somebody")
        room.broker.publish(Message(f"{ROOT}/status", b"[" * 50_000), retain=True)
        await asyncio.sleep(6)
        assert room.status()["online"], "and anything else is replaced with the next refresh"

    play(scenario)


def test_rule_17_status_and_heartbeat_keep_coming_and_the_tick_grows() -> None:
    async def scenario(room: Room) -> None:
        before = len(room.somebody.heard)
        await asyncio.sleep(31)
        ticks = [beat["tick"] for beat in room.somebody.all("heartbeat", before)]
        assert ticks == list(range(ticks[0], ticks[0] + 15))
        statuses = room.somebody.all("status", before)
        assert len(statuses) == 6
        assert statuses[-1].keys() == {"online", "session", "tick", "rev", "ts", "version"}

    play(scenario, version="1.2.3")


def test_rule_17_a_broker_that_lost_everything_is_told_everything_again() -> None:
    async def scenario(room: Room) -> None:
        await asyncio.sleep(3)
        before = {topic: kept.payload for topic, kept in room.broker.retained.items() if not topic.endswith("/status")}
        assert len(before) > len(MACHINES)
        room.cut()
        room.broker.retained.clear()
        await asyncio.sleep(3)
        after = {topic: kept.payload for topic, kept in room.broker.retained.items() if not topic.endswith("/status")}
        assert after == before

    play(scenario)


def test_rule_18_a_cell_that_cannot_hear_requests_says_so() -> None:
    async def scenario(room: Room) -> None:
        room.broker.deaf.add("cellctl-nameplate")
        await room.again()
        alarm = await room.somebody.next("alarm/deaf", 0)
        assert "request/cellctl/query/ping" in alarm["alarm"]
        room.broker.deaf.clear()
        await asyncio.sleep(35)
        assert f"{ROOT}/alarm/deaf" not in room.broker.retained

    play(scenario)


def test_rule_18_the_call_to_oneself_is_not_answered_but_others_may_ping() -> None:
    async def scenario(room: Room) -> None:
        await asyncio.sleep(35)
        assert room.somebody.all("response/#") == []
        assert (await room.somebody.ask("query/ping"))["code"] == "ok"
        assert (await room.somebody.ask("query/ping", user="cellctl"))["code"] == "ok"

    play(scenario)


def test_a_broker_that_is_down_is_normal() -> None:
    async def scenario(room: Room) -> None:
        session = room.somebody.fresh["session"]
        room.broker.up = False
        room.cut()
        await asyncio.sleep(300)
        room.broker.up = True
        began_s = room.clock.now_s()
        await room.online(after_session=session)
        assert room.clock.now_s() - began_s <= 30

    play(scenario)


def test_the_whole_cell_can_be_asked_for() -> None:
    async def scenario(room: Room) -> None:
        reply = await room.somebody.ask("query/status")
        assert reply["code"] == "ok"
        assert [machine["name"] for machine in reply["result"]["machines"]] == MACHINES

    play(scenario)


def test_a_connection_that_was_lost_leaves_nobody_counted_as_cancelled() -> None:
    async def scenario(room: Room) -> None:
        await room.again()
        # Of a task that is, Python 3.11.2 takes the next limit that is exceeded for a cancellation.
        assert [task.get_name() for task in asyncio.all_tasks() if task.cancelling()] == []

    play(scenario)
