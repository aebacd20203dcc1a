"""A simulated machine on a pseudo-terminal: to the host it is a serial port."""

import asyncio
import os
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from cellctl.domain.errors import ConfigError
from cellctl_sim.machine_time import MachineTime

# A link that an earlier simulator has left behind points here, and may be replaced; a real machine's does not.
PTYS: Final = "/dev/pts/"
READ_BYTES: Final = 4096
# What the host leaves unread beyond the kernel's own buffer; what comes after that is lost, as on a real UART.
UNREAD_BYTES: Final = 8192


class ByteDevice(Protocol):
    """A callback object without I/O, from the firmware's side of the wire."""

    def receive(self, chunk: bytes, now_s: float) -> None:
        """Bytes from the host."""
        ...

    def transmit(self, now_s: float) -> bytes:
        """Bytes for the host that are due by now."""
        ...

    def advance(self, now_s: float) -> None:
        """Let time pass up to now."""
        ...

    @property
    def wakeup_s(self) -> float | None:
        """When something will happen by itself."""
        ...


class SerialPort:
    """Moves bytes between one device and one pty, from the running event loop. `link` is a symbolic link to it."""

    def __init__(self, device: ByteDevice, link: Path, time: MachineTime) -> None:
        self._device = device
        self._link = link
        self._time = time
        self._master = self._slave = -1
        self._unread = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self._again: asyncio.TimerHandle | None = None

    def unplug(self, for_s: float, name: str = "") -> None:
        """Hang up, soon; be there again after so many machine seconds, in another place of the folder if it has a name.

        The machine goes on meanwhile.
        """
        loop = asyncio.get_running_loop()
        loop.call_soon(self._hang_up)
        wait_s = self._time.wait_s(self._time.now_s() + for_s)
        self._again = loop.call_later(wait_s, self._plug_in, Path(name).name)

    def swap(self, other: "SerialPort") -> None:
        """Exchange the machines at the ends of two cables."""
        self._device, other._device = other._device, self._device

    def look(self) -> None:
        """See at once what the machine does."""
        self._pump(self._device.advance)

    def open(self) -> None:
        """Make the pty and the link, and begin. Raises ConfigError if something else is in the link's way."""
        if os.path.lexists(self._link) and not self._points_to(PTYS):
            raise ConfigError(
                [f"{self._link}: is in the way of a simulated serial port; remove it, or use other --devices"]
            )
        self._plug_in("")

    def _plug_in(self, name: str) -> None:
        if name:
            self._link = self._link.with_name(name)
        self._link.parent.mkdir(parents=True, exist_ok=True)
        # The slave stays open here, so that a host that closes it does not hang up the line.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(os.ttyname(self._slave))
        asyncio.get_running_loop().add_reader(self._master, self._read)
        self._pump(self._device.advance)

    def close(self) -> None:
        """Take away the link and the pty."""
        if self._again:
            self._again.cancel()
        if self._timer:
            self._timer.cancel()
        self._hang_up()

    def _hang_up(self) -> None:
        if self._master < 0:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._master)
        loop.remove_writer(self._master)
        if self._points_to(os.ttyname(self._slave)):
            self._link.unlink()
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = -1
        self._unread.clear()

    def _points_to(self, target: str) -> bool:
        return self._link.is_symlink() and str(self._link.readlink()).startswith(target)

    def _read(self) -> None:
        chunk = os.read(self._master, READ_BYTES)
        self._pump(lambda now_s: self._device.receive(chunk, now_s))

    def _pump(self, step: Callable[[float], None]) -> None:
        """Do one step of the device, pass on what it says, and set the alarm for its next one."""
        now_s = self._time.now_s()
        step(now_s)
        self._write(self._device.transmit(now_s))
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if (wakeup_s := self._device.wakeup_s) is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._time.wait_s(wakeup_s), self._pump, self._device.advance)

    def _write(self, chunk: bytes) -> None:
        if self._master < 0:
            return
        room = UNREAD_BYTES - len(self._unread)
        self._unread += chunk[:room]
        self._flush()

    def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._unread:
                del self._unread[: os.write(self._master, self._unread)]
        except BlockingIOError:
            loop.add_writer(self._master, self._flush)
        else:
            loop.remove_writer(self._master)
