"""Looking after the journal: is every record as it was written, and a copy of everything."""

from pathlib import Path
from typing import Any, Protocol

from aiohttp import web
from pydantic import Field

from cellctl.domain.commands import rejected
from cellctl.faces.api.answers import BadRequest, answer
from cellctl.faces.api.bodies import Body


class Keeper(Protocol):
    """Who looks after what is kept."""

    async def verify(self) -> dict[str, Any]:
        """Look at every record. Raises StoreFailed."""
        ...

    async def backup(self, folder: Path) -> dict[str, Any]:
        """Copy everything into a new folder. Raises StoreFailed."""
        ...


class BackupBody(Body):
    """POST /v1/backup."""

    folder: str = Field(min_length=1, max_length=4096, description="the absolute path of a new folder")


class Keeping:
    """The routes; without a keeper there is nothing to look after."""

    def __init__(self, keeper: Keeper | None) -> None:
        self._keeper = keeper

    def routes(self) -> list[web.RouteDef]:
        """GET /v1/journal/verify and POST /v1/backup."""
        return [web.get("/v1/journal/verify", self._verify), web.post("/v1/backup", self._backup)]

    async def _verify(self, _: web.Request) -> web.Response:
        if self._keeper is None:
            return answer(rejected("unknown_target", "this daemon has no journal on a disk"))
        return web.json_response(await self._keeper.verify())

    async def _backup(self, request: web.Request) -> web.Response:
        folder = Path(BackupBody.parse(await request.read()).folder)
        if not folder.is_absolute():
            raise BadRequest(f"folder: found {str(folder)[:60]!r}, allowed: an absolute path")
        if self._keeper is None:
            return answer(rejected("unknown_target", "this daemon has no journal on a disk"))
        return web.json_response(await self._keeper.backup(folder))
