"""The face as the daemon sees it: what it needs, and `serve`."""

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from cellctl.faces.api.answers import answer_errors
from cellctl.faces.api.commands import Commands
from cellctl.faces.api.events import EventStream
from cellctl.faces.api.keeping import Keeper, Keeping
from cellctl.faces.api.listen import listening_socket
from cellctl.faces.api.queries import Queries
from cellctl.ports import Clock, Desk, Ids

MOST_BODY_BYTES = 64 * 1024
# Requests in flight get this long when the daemon stops; none of them waits for a machine.
SHUTDOWN_S = 0.5

# So often it is looked whether the socket is still there; of the event loop's own time.
LOOK_S = 2.0


class ApiFace:
    """HTTP on a unix socket at `path`, mode 0660. `listening` is set once clients can connect.

    `report` makes an order's report (None: unknown order), `render` makes it text, `notices` is what a person must
    see to besides the cell itself (a certificate that ends), `keeper` looks after the journal. A socket that
    somebody else has opened already (systemd) comes in as `listener`; then `path` is not touched.
    """

    def __init__(
        self,
        desk: Desk,
        path: Path,
        clock: Clock,
        ids: Ids,
        *,
        report: Callable[[str], Mapping[str, Any] | None],
        render: Callable[[Mapping[str, Any]], str],
        version: str,
        notices: Callable[[], Sequence[str]] = list,
        keeper: Keeper | None = None,
        listener: socket.socket | None = None,
    ) -> None:
        self.listening = asyncio.Event()
        self._path = path
        self._listener = listener
        self._app = web.Application(middlewares=[answer_errors], client_max_size=MOST_BODY_BYTES)
        self._app.add_routes(Queries(desk, clock, report, render, version, notices).routes())
        self._app.add_routes(Commands(desk, ids).routes())
        self._app.add_routes(EventStream(desk).routes())
        self._app.add_routes(Keeping(keeper).routes())

    async def serve(self) -> None:
        """Listen until cancelled. Raises ConfigError if the socket cannot be had, OSError when it is gone."""
        listener = self._listener or listening_socket(self._path)
        runner = web.AppRunner(self._app, handle_signals=False, access_log=None, shutdown_timeout=SHUTDOWN_S)
        try:
            await runner.setup()
            await web.SockSite(runner, listener).start()
            self.listening.set()
            while self._listener is not None or self._path.is_socket():
                await asyncio.sleep(LOOK_S)
            raise OSError(f"somebody has taken {self._path} away")
        finally:
            self.listening.clear()
            if self._listener is None:
                # Away before the last answers are given: a client that comes now finds no daemon, which is true.
                self._path.unlink(missing_ok=True)
            await runner.cleanup()
