"""What can be asked for: each request becomes one Envelope, and its Reply becomes the answer."""

import asyncio
import json
from functools import partial
from types import MappingProxyType
from typing import Final

from aiohttp import web

from cellctl.domain.commands import (
    AnswerPrompt,
    Command,
    CommandMachine,
    CommandOrder,
    Envelope,
    ResumeOperation,
    SendLine,
    content_hash,
)
from cellctl.domain.job import ORDER_COMMANDS, JobCommand
from cellctl.domain.machine import MachineCommand
from cellctl.faces.api import stop_bodies
from cellctl.faces.api.answers import BadRequest, answer
from cellctl.faces.api.bodies import AnswerBody, Body, LineBody, OrderBody, ResumeBody, UpdateBody
from cellctl.faces.api.listen import sender
from cellctl.faces.api.stock_bodies import SAID, SaidBody
from cellctl.ports import Desk, Ids

# Of the event loop's own time: a local program sends 64 KiB at once, whatever the machines' clock says.
BODY_WITHIN_S: Final = 10.0
KEY: Final = "Idempotency-Key"
# The words of the operator, and what PackML calls them.
MACHINE_VERBS: Final = MappingProxyType(
    {
        "hold": MachineCommand.HOLD,
        "resume": MachineCommand.UNHOLD,
        "halt": MachineCommand.ABORT,
        "clear": MachineCommand.CLEAR,
        "reset": MachineCommand.RESET,
    }
)


class Commands:
    """Parses, names the sender, submits. Who may do what is decided behind the desk."""

    def __init__(self, desk: Desk, ids: Ids) -> None:
        self._desk = desk
        self._ids = ids

    def routes(self) -> list[web.RouteDef]:
        """The POST half of the API."""
        return [
            web.post("/v1/orders", self._submit_order),
            web.post("/v1/orders/{order}/update", self._update_order),
            *(
                web.post(f"/v1/orders/{{order}}/{command.value}", partial(self._command_order, command))
                for command in ORDER_COMMANDS
            ),
            web.post("/v1/prompts/{prompt}/answer", self._answer_prompt),
            *(web.post(path, partial(self._said_of, kind)) for path, kind in SAID.items()),
            *(web.post(path, partial(self._made_of, kind, maker)) for path, kind, maker in stop_bodies.routes()),
            web.post("/v1/machines/{machine}/resume-at", self._resume),
            web.post("/v1/machines/{machine}/console", self._send_line),
            *(
                web.post(f"/v1/machines/{{machine}}/{verb}", partial(self._command_machine, command))
                for verb, command in MACHINE_VERBS.items()
            ),
        ]

    async def _submit_order(self, request: web.Request) -> web.Response:
        body = OrderBody.parse(await _read(request))
        return await self._submit(request, body, body.command())

    async def _update_order(self, request: web.Request) -> web.Response:
        body = UpdateBody.parse(await _read(request))
        return await self._submit(request, body, body.command(request.match_info["order"]))

    async def _command_order(self, command: JobCommand, request: web.Request) -> web.Response:
        body = Body.parse(await _read(request))
        return await self._submit(request, body, CommandOrder(request.match_info["order"], command))

    async def _answer_prompt(self, request: web.Request) -> web.Response:
        body = AnswerBody.parse(await _read(request))
        return await self._submit(request, body, AnswerPrompt(request.match_info["prompt"], body.choice))

    async def _said_of(self, kind: type[SaidBody], request: web.Request) -> web.Response:
        body = kind.parse(await _read(request))
        return await self._submit(request, body, body.command(request.match_info["name"]))

    async def _made_of(self, kind: type[Body], maker: stop_bodies.Maker, request: web.Request) -> web.Response:
        body = kind.parse(await _read(request))
        return await self._submit(request, body, maker(request.match_info.get("name", ""), body))

    async def _resume(self, request: web.Request) -> web.Response:
        body = ResumeBody.parse(await _read(request))
        return await self._submit(request, body, ResumeOperation(request.match_info["machine"], body.line))

    async def _send_line(self, request: web.Request) -> web.Response:
        body = LineBody.parse(await _read(request))
        return await self._submit(request, body, SendLine(request.match_info["machine"], body.line))

    async def _command_machine(self, command: MachineCommand, request: web.Request) -> web.Response:
        body = Body.parse(await _read(request))
        return await self._submit(request, body, CommandMachine(request.match_info["machine"], command))

    async def _submit(self, request: web.Request, body: Body, command: Command) -> web.Response:
        deadline_at = body.deadline_at or ""
        envelope = Envelope(self._id(request, body), sender(request), command, content_hash(command), deadline_at)
        return answer(await self._desk.submit(envelope))

    def _id(self, request: web.Request, body: Body) -> str:
        key = request.headers.get(KEY)
        header = Body.parse(json.dumps({"id": key}).encode()).id if key else None
        if header and body.id and header != body.id:
            raise BadRequest(f"{KEY} and the body's id differ; send one of them")
        return header or body.id or self._ids.new()


async def _read(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            return await request.read()
    except TimeoutError:
        raise BadRequest(f"the body did not arrive within {BODY_WITHIN_S:g} s") from None
