"""The API on a real unix socket, asked by a real HTTP client."""

import asyncio
import json
import os
import pwd
import select
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from cellctl.domain.commands import (
    AnswerPrompt,
    CancelOrder,
    CommandMachine,
    CommandOrder,
    Reply,
    ResumeOperation,
    SendLine,
    SubmitOrder,
    UpdateOrder,
    rejected,
)
from cellctl.domain.errors import ConfigError, StoreFailed
from cellctl.domain.events import ContactFound, ControllerStarted, StationChanged
from cellctl.domain.job import ORDER_COMMANDS
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.faces.api import commands, events
from cellctl.faces.api.answers import BadRequest
from cellctl.faces.api.bodies import AnswerBody, Body, OrderBody
from tests.faces.desk import BUSY_CELL, NOW, BareDesk, served

UUID_A = "11111111-2222-4333-8444-555555555555"
UUID_B = "99999999-2222-4333-8444-555555555555"


class Client:
    """One session with the socket; answers come as (status, JSON)."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def get(self, target: str, accept: str = "application/json") -> tuple[int, Any]:
        async with self.session.get(f"http://cell{target}", headers={"Accept": accept}) as response:
            text = await response.text()
            return response.status, json.loads(text) if response.content_type == "application/json" else text

    async def post(self, target: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        async with self.session.post(f"http://cell{target}", data=raw, headers=headers) as response:
            return response.status, json.loads(await response.text())


def talk(desk: BareDesk, tmp_path: Path, scenario: Callable[[Client], Awaitable[None]]) -> None:
    async def run() -> None:
        path = tmp_path / "cellctl.sock"
        async with (
            served(desk, path),
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
        ):
            await scenario(Client(session))

    asyncio.run(run())


def test_the_status_is_the_view_with_version_and_time(tmp_path: Path) -> None:
    async def scenario(client: Client) -> None:
        status, found = await client.get("/v1/status")
        assert status == 200
        assert (found["version"], found["at"], found["cell"], found["rev"]) == ("1.2.3", NOW, "nameplate", 0)
        assert found["machines"][0] == {
            "name": "printer-1", "driver": "marlin", "capabilities": ["fdm"], "state": "EXECUTE", "contact": "found",
            "identity": "", "reason": "", "operation_id": "op-7", "job_id": "job-2", "step": "print", "locked": "",
            "progress": {"sent": 500, "acknowledged": 412, "executed": 400, "total": 8100, "estimated": 405,
                         "evidence": "motion ended", "used": None},
            "unasked": False, "by_hand": "", "link": None, "link_warning": "", "session": None,
            "estimated_s": 0.0, "preflight": True, "setup": {},
        }  # fmt: skip
        assert found["prompts"][0]["choices"] == ["accept", "scrap"]
        assert found["alarms"] == list(BUSY_CELL.alarms)

    talk(BareDesk(BUSY_CELL), tmp_path, scenario)


def test_each_part_of_the_view_has_a_place_of_its_own(tmp_path: Path) -> None:
    async def scenario(client: Client) -> None:
        _, orders = await client.get("/v1/orders")
        assert [order["id"] for order in orders["orders"]] == ["order-1", "order-2"]
        _, order = await client.get("/v1/orders/order-1")
        assert [job["serial"] for job in order["jobs"]] == ["plate-1", "plate-2", "plate-3"]
        _, machines = await client.get("/v1/machines")
        assert [machine["name"] for machine in machines["machines"]][-1] == "bench-1"
        _, prompts = await client.get("/v1/prompts")
        assert [prompt["id"] for prompt in prompts["prompts"]] == ["prompt-1", "prompt-2"]
        _, products = await client.get("/v1/products")
        assert products["products"][0]["parameters"]["height_mm"]["maximum"] == 12.0

    talk(BareDesk(BUSY_CELL), tmp_path, scenario)


def test_an_order_becomes_a_command_of_the_user_at_the_other_end(tmp_path: Path) -> None:
    desk = BareDesk()
    desk.answer = Reply("accepted", "order-1: 2 to make", {"order_id": "order-1"})
    body = {"id": UUID_A, "product": "nameplate", "parameters": {"text": "ADA", "height_mm": 8, "depth": 0.5},
            "quantity": 2, "priority": 5, "due_at": "2030-02-01T00:00:00Z"}  # fmt: skip

    async def scenario(client: Client) -> None:
        status, reply = await client.post("/v1/orders", body)
        assert status == 202
        assert reply == {
            "code": "accepted", "message": "order-1: 2 to make", "result": {"order_id": "order-1"}, "duplicate": False,
        }  # fmt: skip

    talk(desk, tmp_path, scenario)
    [envelope] = desk.envelopes
    assert envelope.id == UUID_A
    assert envelope.sender == f"local:{pwd.getpwuid(os.getuid()).pw_name}"
    assert envelope.command == SubmitOrder(
        "nameplate", {"text": "ADA", "height_mm": 8, "depth": 0.5}, "", 2, 5, "2030-02-01T00:00:00Z"
    )


def test_the_same_id_twice_is_done_once_and_with_other_content_refused(tmp_path: Path) -> None:
    async def scenario(client: Client) -> None:
        order = {"product": "nameplate", "parameters": {"text": "ADA"}}
        key = {"Idempotency-Key": UUID_A}
        assert (await client.post("/v1/orders", order, **key))[1]["duplicate"] is False
        status, reply = await client.post("/v1/orders", order | {"id": UUID_A.upper()})
        assert (status, reply["code"], reply["duplicate"]) == (202, "accepted", True)
        status, reply = await client.post("/v1/orders", order | {"quantity": 2}, **key)
        assert (status, reply["code"]) == (409, "rejected:id_reused")
        status, reply = await client.post("/v1/orders", order | {"id": UUID_B}, **key)
        assert (status, reply["message"]) == (400, "Idempotency-Key and the body's id differ; send one of them")
        status, reply = await client.post("/v1/orders", order, **{"Idempotency-Key": "again"})
        assert (status, reply["message"]) == (400, 'id: found "again", allowed: a UUID')

    talk(BareDesk(), tmp_path, scenario)


def test_a_command_without_id_gets_one(tmp_path: Path) -> None:
    desk = BareDesk()

    async def scenario(client: Client) -> None:
        await client.post("/v1/orders", {"product": "nameplate", "release": False, "order_id": "WO 4711/10"})
        await client.post("/v1/orders/WO%204711%2F10/update", {"quantity": 3, "due_at": "2030-02-01T00:00:00Z"})
        for verb in ORDER_COMMANDS:
            assert (await client.post(f"/v1/orders/WO%204711%2F10/{verb.value}"))[0] == 202
        await client.post("/v1/orders/order-1/cancel")
        await client.post("/v1/prompts/prompt-1/answer", {"choice": "not in the cell"})
        for verb in ("hold", "resume", "halt", "clear", "reset"):
            assert (await client.post(f"/v1/machines/router-1/{verb}", {}))[0] == 202

    talk(desk, tmp_path, scenario)
    assert [envelope.command for envelope in desk.envelopes] == [
        SubmitOrder("nameplate", {}, release=False, order_id="WO 4711/10"),
        UpdateOrder("WO 4711/10", quantity=3, due_at="2030-02-01T00:00:00Z"),
        *(CommandOrder("WO 4711/10", command) for command in ORDER_COMMANDS),
        CancelOrder("order-1"),
        AnswerPrompt("prompt-1", "not in the cell"),
        CommandMachine("router-1", MachineCommand.HOLD),
        CommandMachine("router-1", MachineCommand.UNHOLD),
        CommandMachine("router-1", MachineCommand.ABORT),
        CommandMachine("router-1", MachineCommand.CLEAR),
        CommandMachine("router-1", MachineCommand.RESET),
    ]
    assert len({envelope.id for envelope in desk.envelopes}) == 16


def test_a_plan_to_go_on_is_shown_and_done_by_a_command_of_its_own(tmp_path: Path) -> None:
    desk = BareDesk()

    async def scenario(client: Client) -> None:
        status, found = await client.get("/v1/machines/printer-1/resume-plan?line=7")
        assert status == 200
        assert (found["operation_id"], found["plan"]["at_line"], found["next_line"]) == ("op-7", 7, "G1 X80 E1.5")
        assert found["plan"]["steps"][0] == {"line": "M109 S215", "why": "heat the nozzle 0"}
        status, found = await client.get("/v1/machines/arm-1/resume-plan")
        assert (status, found["code"]) == (409, "rejected:precondition_failed")
        for wrong in ("0", "-1", "x", "7.5", "\u00b2", "9" * 30, ""):
            assert (await client.get(f"/v1/machines/printer-1/resume-plan?line={wrong}"))[0] == 400
        assert (await client.post("/v1/machines/printer-1/resume-at", {"line": 7}))[0] == 202
        for wrong_line in (0, "7", None, 7.5):
            assert (await client.post("/v1/machines/printer-1/resume-at", {"line": wrong_line}))[0] == 400
        assert (await client.post("/v1/machines/printer-1/resume-at", {}))[0] == 400

    talk(desk, tmp_path, scenario)
    assert [envelope.command for envelope in desk.envelopes] == [ResumeOperation("printer-1", 7)]


@pytest.mark.parametrize(
    ("code", "status"),
    [("unknown_target", 404), ("precondition_failed", 409), ("invalid", 422), ("too_wide", 422), ("busy", 503)],
)
def test_the_status_says_what_kind_of_refusal_it_is(tmp_path: Path, code: str, status: int) -> None:
    desk = BareDesk()
    desk.answer = rejected(code, "because")

    async def scenario(client: Client) -> None:
        found, reply = await client.post("/v1/orders", {"product": "nameplate"})
        assert (found, reply["code"], reply["message"]) == (status, f"rejected:{code}", "because")

    talk(desk, tmp_path, scenario)


def test_a_journal_that_cannot_be_written_is_said_to_the_caller(tmp_path: Path) -> None:
    class FullDisk(BareDesk):
        async def submit(self, envelope: object) -> Reply:
            raise StoreFailed("no space left on device")

    async def scenario(client: Client) -> None:
        status, reply = await client.post("/v1/machines/arm-1/hold")
        assert (status, reply["code"]) == (503, "rejected:store_failed")
        assert reply["message"] == "the journal cannot be written: no space left on device"

    talk(FullDisk(), tmp_path, scenario)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"quantity": 1}', "product: found nothing, allowed: the name of a product: letters, digits, . _ -"),
        (b'{"product": "a", "quantity": "3"}', 'quantity: found "3", allowed: a whole number from 1 to 1000'),
        (b'{"product": "a", "quantity": true}', "quantity: found true, allowed: a whole number from 1 to 1000"),
        (b'{"product": "a", "quantity": 0}', "quantity: found 0, allowed: a whole number from 1 to 1000"),
        (b'{"product": "../a"}', 'product: found "../a", allowed: the name of a product: letters, digits, . _ -'),
        (
            b'{"product": "a", "colour": 1}',
            '"colour": unknown, allowed: id, deadline_at, product, revision, parameters, quantity, priority, due_at, '
            "customer_reference, release, order_id",
        ),
        (
            b'{"product": "a", "parameters": {"height_mm": [8]}}',
            "parameters.height_mm: found [8], allowed: texts up to 1000 characters and finite numbers, by name",
        ),
        (b'{"product": "a", "parameters": {"height_mm": NaN}}', "the body must be one JSON object: NaN is not JSON"),
        (b'{"product": "a", "product": "b"}', "the body must be one JSON object: a key stands twice in one object"),
        (b'{"product": "a", "due_at": "tomorrow"}', "due_at: found \"tomorrow\", allowed: a UTC instant such as "
         "2030-01-31T12:00:00Z"),
        (b'{"product": "a", "customer_reference": "\\u001b[2J"}', 'customer_reference: found "\\u001b[2J", allowed: '
         "up to 200 printable characters"),
        (b"[1, 2]", "the body must be one JSON object"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_order_names_field_found_and_allowed(raw: bytes, message: str) -> None:
    with pytest.raises(BadRequest) as refused:
        OrderBody.parse(raw)
    assert str(refused.value) == message


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(BadRequest) as refused:
        OrderBody.parse(b'{"id": 7, "priority": 1.5}')
    assert str(refused.value) == (
        "id: found 7, allowed: a UUID; product: found nothing, allowed: the name of a product: letters, digits, . _ -; "
        "priority: found 1.5, allowed: a whole number from -1000 to 1000, higher goes first"
    )


@pytest.mark.parametrize(
    "raw",
    [b"{", b"\xff\xfe", b"[" * 60_000, b'{"product": "\\ud800"}', b'{"product": ' + b"9" * 60_000 + b"}", b"null",
     b'{"product": "a", "parameters": {"x": 1e999}}', b'{"product": "a", "parameters": {"": 1}}'],
)  # fmt: skip
def test_bytes_that_mean_nothing_are_refused(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        OrderBody.parse(raw)


def test_no_body_at_all_is_an_empty_one() -> None:
    assert Body.parse(b"") == Body()
    with pytest.raises(BadRequest):
        AnswerBody.parse(b"")


def test_a_question_of_an_older_journal_is_answered_by_its_quoted_name(tmp_path: Path) -> None:
    desk = BareDesk()

    async def scenario(client: Client) -> None:
        status, _ = await client.post("/v1/prompts/op-5%3F/answer", {"choice": "done"})
        assert status == 202

    talk(desk, tmp_path, scenario)
    assert [envelope.command for envelope in desk.envelopes] == [AnswerPrompt("op-5?", "done")]


def test_a_request_that_leads_nowhere_is_answered_in_the_same_shape(tmp_path: Path) -> None:
    async def scenario(client: Client) -> None:
        assert await client.get("/v2/status") == (
            404,
            {"code": "rejected:unknown_target", "message": "there is no /v2/status", "result": {}, "duplicate": False},
        )
        status, reply = await client.post("/v1/status")
        assert (status, reply["message"]) == (405, "/v1/status takes GET, HEAD, not POST")
        assert (await client.post("/v1/machines/arm-1/unhold"))[0] == 404
        status, reply = await client.get("/v1/orders/order-9")
        assert (status, reply["message"]) == (404, "there is no order order-9; list them: cellctl order list")
        status, reply = await client.post("/v1/orders", b" " * (64 * 1024 + 1))
        assert (status, reply["message"]) == (413, "the body is larger than 64 KiB")
        status, reply = await client.get("/v1/events?after=-1")
        assert (status, reply["message"]) == (400, "after: found '-1', allowed: a whole number from 0")

    talk(BareDesk(BUSY_CELL), tmp_path, scenario)


def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "BODY_WITHIN_S", 0.01)

    async def scenario(_: Client) -> None:
        reader, writer = await asyncio.open_unix_connection(tmp_path / "cellctl.sock")
        writer.write(b"POST /v1/orders HTTP/1.1\r\nHost: cell\r\nContent-Length: 2\r\n\r\n{")
        assert await reader.readline() == b"HTTP/1.1 400 Bad Request\r\n"
        writer.close()
        await writer.wait_closed()

    talk(BareDesk(), tmp_path, scenario)


def test_the_report_comes_as_text_or_as_json(tmp_path: Path) -> None:
    async def scenario(client: Client) -> None:
        assert await client.get("/v1/orders/order-1/report", "text/plain") == (200, "report of order-1\n")
        assert await client.get("/v1/orders/order-1/report") == (200, {"order": "order-1", "parts": []})
        assert (await client.get("/v1/orders/order-9/report"))[0] == 404

    talk(BareDesk(), tmp_path, scenario)


def test_events_come_as_json_lines(tmp_path: Path) -> None:
    desk = BareDesk()
    desk.happen(ControllerStarted("1.2.3"), StationChanged("arm-1", MachineState.IDLE))

    async def scenario(client: Client) -> None:
        _, text = await client.get("/v1/events?after=1")
        assert [json.loads(line) for line in text.splitlines()] == [
            {
                "seq": 2, "at": NOW, "mono_s": 1.5, "actor": "engine", "name": "station.state",
                "event": {"station": "arm-1", "state": "IDLE", "reason": ""},
            }
        ]  # fmt: skip
        _, text = await client.get("/v1/events")
        assert len(text.splitlines()) == 2

    talk(desk, tmp_path, scenario)


def test_a_follower_hears_what_happens_from_now_on(tmp_path: Path) -> None:
    desk = BareDesk()
    desk.happen(ControllerStarted("1.2.3"))

    async def scenario(client: Client) -> None:
        async with client.session.get("http://cell/v1/events?follow=1") as stream:
            for identity in ("first", "second"):
                desk.happen(ContactFound("arm-1", identity))
                assert json.loads(await stream.content.readline())["event"]["identity"] == identity

    talk(desk, tmp_path, scenario)


def test_a_quiet_stream_shows_that_it_is_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "KEEP_ALIVE_S", 0.01)

    async def scenario(client: Client) -> None:
        async with client.session.get("http://cell/v1/events?follow=1") as stream:
            assert await stream.content.readline() == b"\n"

    talk(BareDesk(), tmp_path, scenario)


def test_a_reader_that_stops_reading_is_let_go_and_held_little_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "STALLED_READER_S", 0.05)
    read: list[int] = []

    class LongLog(BareDesk):
        def records(self, after_seq: int = 0) -> Any:
            for record in super().records(after_seq):
                read.append(record.seq)
                yield record

    desk = LongLog()
    desk.happen(*[ContactFound("arm-1", "x" * 1000)] * 20_000)

    async def scenario(client: Client) -> None:
        with socket.socket(socket.AF_UNIX) as reader:
            reader.connect(str(tmp_path / "cellctl.sock"))
            reader.send(b"GET /v1/events HTTP/1.1\r\nHost: cell\r\n\r\n")
            hang_up = select.poll()
            hang_up.register(reader, 0)
            assert await asyncio.to_thread(hang_up.poll, 10_000) == [(reader.fileno(), select.POLLHUP)]
        assert len(read) < 2_000  # of 20 MB, only what fitted into the buffers between us was ever taken
        assert (await client.get("/v1/status"))[0] == 200

    talk(desk, tmp_path, scenario)


def test_too_many_streams_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_STREAMS", 1)

    async def scenario(client: Client) -> None:
        async with client.session.get("http://cell/v1/events?follow=1"):
            status, reply = await client.get("/v1/events")
            assert (status, reply["code"]) == (503, "rejected:busy")

    talk(BareDesk(), tmp_path, scenario)


def test_the_socket_is_for_owner_and_group_and_goes_with_the_daemon(tmp_path: Path) -> None:
    path = tmp_path / "run" / "cellctl.sock"

    async def run() -> None:
        async with served(BareDesk(), path) as face:
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
            assert face.listening.is_set()
        assert not face.listening.is_set()

    asyncio.run(run())
    assert not path.exists()


def test_a_socket_left_behind_is_replaced_but_a_live_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "cellctl.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    async def run() -> None:
        async with served(BareDesk(), path):
            second = served(BareDesk(), path)
            with pytest.RaisesGroup(pytest.RaisesExc(ConfigError, match="another cellctl listens there")):
                await second.__aenter__()
            assert path.exists()

    asyncio.run(run())


def test_a_place_that_cannot_hold_a_socket_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    async def run(path: Path) -> None:
        async with served(BareDesk(), path):
            pass

    (tmp_path / "file").write_text("not a socket")
    for path in (tmp_path / "file", tmp_path / ("x" * 200)):
        with pytest.RaisesGroup(pytest.RaisesExc(ConfigError, match=f"--socket {path}: cannot listen there")):
            asyncio.run(run(path))
    assert (tmp_path / "file").read_text() == "not a socket"


def test_a_socket_that_systemd_opened_is_used_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "given.sock"

    async def run() -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        async with (
            served(BareDesk(), tmp_path / "unused", listener=listener),
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
        ):
            assert (await Client(session).get("/v1/machines"))[0] == 200
        assert path.exists()
        assert not (tmp_path / "unused").exists()

    asyncio.run(run())


def test_a_line_by_hand_is_a_command_like_any_other_and_control_characters_do_not_come_in(tmp_path: Path) -> None:
    desk = BareDesk()

    async def scenario(client: Client) -> None:
        status, _ = await client.post("/v1/machines/router-1/console", {"line": "$X"})
        assert status == 202
        for wrong in ({}, {"line": ""}, {"line": "a\nb"}, {"line": "\x18"}, {"line": "x" * 96}, {"line": 1}):
            status, refused = await client.post("/v1/machines/router-1/console", wrong)
            assert (status, refused["code"]) == (400, "rejected:invalid")

    talk(desk, tmp_path, scenario)
    (envelope,) = desk.envelopes
    assert envelope.command == SendLine("router-1", "$X")
    assert envelope.sender.startswith("local:")


def test_one_machine_can_be_asked_about(tmp_path: Path) -> None:
    async def scenario(client: Client) -> None:
        status, machine = await client.get("/v1/machines/printer-1")
        assert (status, machine["progress"]["evidence"]) == (200, "motion ended")
        status, refused = await client.get("/v1/machines/printer-9")
        assert (status, refused["code"]) == (404, "rejected:unknown_target")

    talk(BareDesk(BUSY_CELL), tmp_path, scenario)
