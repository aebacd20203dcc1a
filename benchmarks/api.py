"""Asking the daemon for things, over its unix socket, without a limit that a large order would meet."""

import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_LONGEST_S: Final = 600.0


class Refused(Exception):
    """The daemon said no."""


class Api:
    """One daemon; every call is a connection of its own, as with the command line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, target: str) -> Any:
        """The JSON at a target. Raises OSError while there is no daemon."""
        return self._ask("GET", target)

    def post(self, target: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask for something. Raises Refused."""
        return self._ask("POST", target, json.dumps(body or {}))

    def _ask(self, method: str, target: str, body: str | None = None) -> Any:
        connection = _Connection(self._path)
        try:
            connection.request(method, target, body, {"Accept": "application/json"})
            response = connection.getresponse()
            said = json.loads(response.read())
        finally:
            connection.close()
        if response.status >= 400:
            raise Refused(f"{method} {target}: {said}")
        return said


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_LONGEST_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
