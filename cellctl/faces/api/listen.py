"""The unix socket: making it, and knowing who is at its other end."""

import os
import pwd
import socket
import struct
from pathlib import Path

from aiohttp import web

from cellctl.domain.errors import ConfigError

MODE = 0o660
BACKLOG = 64
_UCRED = struct.Struct("3i")  # struct ucred of unix(7): pid, uid, gid


def listening_socket(path: Path) -> socket.socket:
    """Bind and listen, with mode 0660 from the first moment. A socket left behind by a dead daemon is replaced.

    Raises ConfigError if another daemon listens there or the place cannot be used.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(path)
        # Linux gives the file the mode that the socket has when it is bound; chmod alone would come too late.
        os.fchmod(listener.fileno(), MODE)
        listener.bind(str(path))
        path.chmod(MODE)  # undoes a stricter umask
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as failed:
        listener.close()
        raise ConfigError([f"--socket {path}: cannot listen there: {failed.strerror or failed}"]) from failed
    except ConfigError:
        listener.close()
        raise
    return listener


def _remove_stale(path: Path) -> None:
    if not path.is_socket():
        return  # bind refuses anything else that is in the way
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise ConfigError([f"--socket {path}: another cellctl listens there; stop it, or choose another path"])


def sender(request: web.Request) -> str:
    """Who asks: "local:<user>", as the kernel knows it; a uid without a name stays a number."""
    ends = request.transport.get_extra_info("socket") if request.transport else None
    if ends is None:
        return "local:gone"
    _pid, uid, _gid = _UCRED.unpack(ends.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    try:
        return f"local:{pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"local:{uid}"
