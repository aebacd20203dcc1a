"""Telling systemd how we are: the protocol of sd_notify(3), one datagram a message. Silent without systemd."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress


class Notifier:
    """`watchdog_s` is how long systemd waits for a sign of life (None: for ever); give one every third of it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        meant = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        limit_us = int(environ.get("WATCHDOG_USEC", "0")) if meant else 0
        self.watchdog_s = limit_us / 1e6 if limit_us else None

    def ready(self, status: str) -> None:
        """The journal is recovered, the API listens, every machine is up or known to be absent."""
        self._send("READY=1")
        self.status(status)

    def extend(self, limit_s: float, status: str) -> None:
        """The start takes long and makes progress: it may take so many seconds more from now on."""
        self._send(f"EXTEND_TIMEOUT_USEC={round(limit_s * 1e6)}")
        self.status(status)

    def status(self, status: str) -> None:
        """One line for a person, shown by `systemctl status`."""
        self._send("STATUS=" + " ".join(status.split()))

    def stopping(self) -> None:
        """The first thing to say on the way out."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Every essential part has made progress since the last time."""
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # The cell goes on without systemd; a sign of life that is lost, systemd itself will miss.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as end:
            end.sendto(message.encode(), self._address)
