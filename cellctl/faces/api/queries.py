"""What can be looked at: the cell, its orders, machines, prompts and products, and the report of an order."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

from cellctl.domain.commands import rejected
from cellctl.domain.errors import NotAllowed
from cellctl.faces.api.answers import BadRequest, answer
from cellctl.faces.plain import plain
from cellctl.ports import Clock, Desk


class Queries:
    """Renders the desk's view. Nothing here changes anything."""

    def __init__(
        self,
        desk: Desk,
        clock: Clock,
        report: Callable[[str], Mapping[str, Any] | None],
        render: Callable[[Mapping[str, Any]], str],
        version: str,
        notices: Callable[[], Sequence[str]] = list,
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._report = report
        self._render = render
        self._version = version
        self._notices = notices

    def routes(self) -> list[web.RouteDef]:
        """The GET half of the API, but for the event stream."""
        return [
            web.get("/v1/status", self._status),
            web.get("/v1/orders", self._orders),
            web.get("/v1/orders/{order}", self._order),
            web.get("/v1/orders/{order}/report", self._order_report),
            web.get("/v1/machines", self._machines),
            web.get("/v1/machines/{machine}/resume-plan", self._resume_plan),
            web.get("/v1/machines/{machine}", self._machine),
            web.get("/v1/prompts", self._prompts),
            web.get("/v1/products", self._products),
            web.get("/v1/zones", self._zones),
            web.get("/v1/alarms", self._alarms),
            web.get("/v1/stock", self._stock),
        ]

    async def _status(self, _: web.Request) -> web.Response:
        now = {"version": self._version, "at": self._clock.utc()}
        view = plain(self._desk.view())
        return web.json_response(now | view | {"alarms": [*view["alarms"], *self._notices()]})

    async def _orders(self, _: web.Request) -> web.Response:
        return web.json_response({"orders": plain(self._desk.view().orders)})

    async def _order(self, request: web.Request) -> web.Response:
        view, wanted = self._desk.view(), request.match_info["order"]
        for order in view.orders:
            if order.id == wanted:
                jobs = [plain(job) for job in view.jobs if job.order_id == wanted]
                return web.json_response(plain(order) | {"jobs": jobs})
        return _no_such_order(wanted)

    async def _order_report(self, request: web.Request) -> web.Response:
        wanted = request.match_info["order"]
        report = self._report(wanted)
        if report is None:
            return _no_such_order(wanted)
        if "application/json" in request.headers.get("Accept", ""):
            return web.json_response(plain(report))
        return web.Response(text=self._render(report))

    async def _machines(self, _: web.Request) -> web.Response:
        return web.json_response({"machines": plain(self._desk.view().machines)})

    async def _resume_plan(self, request: web.Request) -> web.Response:
        """How its unknown operation could go on, `?line=` or by itself; nothing is done."""
        said = request.query.get("line")
        if said is not None and not (said.isascii() and said.isdecimal() and 0 < int(said[:10]) == int(said)):
            raise BadRequest(f"line: found {said[:20]!r}, allowed: a whole number above 0")
        try:
            plan = await self._desk.resume_plan(request.match_info["machine"], int(said) if said else None)
        except NotAllowed as refused:
            return answer(rejected("precondition_failed", str(refused)))
        return web.json_response(plain(plan))

    async def _machine(self, request: web.Request) -> web.Response:
        machines, wanted = self._desk.view().machines, request.match_info["machine"]
        for machine in machines:
            if machine.name == wanted:
                return web.json_response({"at": self._clock.utc(), **plain(machine)})
        there_are = ", ".join(machine.name for machine in machines)
        return answer(rejected("unknown_target", f"there is no machine {wanted}; there are: {there_are}"))

    async def _prompts(self, _: web.Request) -> web.Response:
        return web.json_response({"prompts": plain(self._desk.view().prompts)})

    async def _zones(self, _: web.Request) -> web.Response:
        return web.json_response({"zones": plain(self._desk.view().zones)})

    async def _alarms(self, _: web.Request) -> web.Response:
        return web.json_response({"alarms": plain(self._desk.view().standing)})

    async def _products(self, _: web.Request) -> web.Response:
        return web.json_response({"products": plain(self._desk.products)})

    async def _stock(self, _: web.Request) -> web.Response:
        return web.json_response(plain(self._desk.view().stock))


def _no_such_order(wanted: str) -> web.Response:
    return answer(rejected("unknown_target", f"there is no order {wanted}; list them: cellctl order list"))
