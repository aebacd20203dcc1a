"""The client's end of the API: HTTP over the daemon's unix socket, with the standard library only."""

import http.client
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# No request waits for a machine, so a daemon that is alive answers well within this.
ANSWER_WITHIN_S = 10.0
# The event stream sends an empty line every 15 s when nothing happens.
SILENT_STREAM_S = 45.0
SYSTEM_SOCKET = Path("/run/cellctl/cellctl.sock")


class Unreachable(Exception):
    """The daemon cannot be spoken to; the message says what to do."""


class Refused(Exception):
    """The daemon said no. `reply` is its whole answer."""

    def __init__(self, reply: Mapping[str, Any]) -> None:
        super().__init__(f"{reply['code']}: {reply['message']}")
        self.reply = reply


def told_socket(option: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Where the socket was said to be, on the command line or in the environment; the daemon looks here too."""
    if option:
        return option
    if environ.get("CELLCTL_SOCKET"):
        return Path(environ["CELLCTL_SOCKET"])
    if environ.get("RUNTIME_DIRECTORY"):
        return Path(environ["RUNTIME_DIRECTORY"]) / "cellctl.sock"
    return None


def socket_path(option: Path | None, environ: Mapping[str, str]) -> Path:
    """Where a client looks: where it was told to, else below this directory, else at the system's service."""
    here = Path("state/cellctl.sock")
    return told_socket(option, environ) or (SYSTEM_SOCKET if SYSTEM_SOCKET.exists() and not here.exists() else here)


class Api:
    """One daemon. Every call is a connection of its own; Unreachable and Refused are its only errors."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, target: str, within_s: float = ANSWER_WITHIN_S) -> Any:
        """The JSON at a target."""
        return json.loads(self._content("GET", target, within_s=within_s))

    def text(self, target: str) -> str:
        """The text at a target."""
        return self._content("GET", target, accept="text/plain").decode()

    def post(self, target: str, body: Mapping[str, Any], within_s: float = ANSWER_WITHIN_S) -> Any:
        """Ask for something; the body's `id` makes asking again harmless."""
        return json.loads(self._content("POST", target, json.dumps(body), within_s=within_s))

    def lines(self, target: str) -> Iterator[str]:
        """A stream of JSON lines, for as long as the daemon sends."""
        with self._telling_trouble(SILENT_STREAM_S):
            stream = _answer(_UnixConnection(self._path, SILENT_STREAM_S), "GET", target)
            while line := stream.readline():
                if line.strip():
                    yield line.decode()

    def _content(
        self,
        method: str,
        target: str,
        body: str | None = None,
        accept: str = "application/json",
        within_s: float = ANSWER_WITHIN_S,
    ) -> bytes:
        with self._telling_trouble(within_s):
            return _answer(_UnixConnection(self._path, within_s), method, target, body, accept).read()

    @contextmanager
    def _telling_trouble(self, silent_s: float) -> Iterator[None]:
        unknown = "whether it did what was asked is not known. Look: cellctl status"
        try:
            yield
        except TimeoutError:
            raise Unreachable(f"the daemon at {self._path} gave no answer for {silent_s:g} s; {unknown}") from None
        except (OSError, http.client.HTTPException) as lost:
            raise Unreachable(f"the daemon at {self._path} hung up ({lost}); {unknown}") from lost


def _answer(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    body: str | None = None,
    accept: str = "application/json",
) -> http.client.HTTPResponse:
    connection.request(method, target, body, {"Accept": accept})
    response = connection.getresponse()
    if response.status >= 400:
        raise _refused(response)
    return response


def _refused(response: http.client.HTTPResponse) -> Refused | Unreachable:
    try:
        return Refused(json.loads(response.read()))
    except (ValueError, KeyError, TypeError):
        return Unreachable(f"the daemon has a defect (HTTP {response.status}); its log says more")


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, silent_s: float) -> None:
        super().__init__("localhost", timeout=silent_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(str(self._path))
        except OSError as failed:
            self.sock.close()
            raise Unreachable(_advice(self._path, failed)) from failed


def _advice(path: Path, failed: OSError) -> str:
    if isinstance(failed, PermissionError):
        return f"you may not open {path}: ask its owner to put you into the socket's group"
    what = os.strerror(failed.errno) if failed.errno else str(failed)
    return f"no daemon at {path} ({what}). Start one: cellctl run CELL_TOML; or say where it is: --socket PATH"
