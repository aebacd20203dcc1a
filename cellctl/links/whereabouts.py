"""Where a serial port is at this moment, and when it has come back: a machine is found again under another name."""

import asyncio
from pathlib import Path
from typing import Final

from cellctl.domain.address import FileAddress, UsbAddress
from cellctl.domain.errors import LinkLost
from cellctl.links.usb import SYSFS, plugged_in, usb_ports

_LOOK_EVERY_S: Final = 0.25

# A device file's path and identity. Its inode and its time of change are new each time it is plugged in, and when
# it has been given to another group.
_Sighting = tuple[Path, int, int, int]


class Whereabouts:
    """One line's port. What stands in the way of `find` may be looked for with `appeared`."""

    def __init__(self, machine: str, address: FileAddress | UsbAddress, *, devices: Path, sysfs: Path = SYSFS) -> None:
        self._machine = machine
        self._address = address
        self._devices = devices
        self._sysfs = sysfs
        self._seen: _Sighting | None = None

    @property
    def found(self) -> Path:
        """Where `find` saw it last."""
        return self._seen[0] if self._seen else self._devices

    def find(self) -> Path:
        """Where the port is now; not for the event loop. Raises LinkLost, which says what is plugged in instead."""
        self._seen = self._look()
        if self._seen is not None:
            return self._seen[0]
        paths = self._paths()
        if len(paths) > 1:
            what = f"{len(paths)} ports are {self._address}; {plugged_in(self._sysfs)}"
            raise LinkLost(self._machine, what, do_next="Add path= or interface= to its port in the cell file")
        missing = str(self._address) if isinstance(self._address, UsbAddress) else str(paths[0])
        what = f"there is no port {missing}; {plugged_in(self._sysfs)}"
        raise LinkLost(self._machine, what, do_next="Plug in its cable and switch it on")

    async def appeared(self) -> None:
        """Wait until the port is there and is not the one that `find` saw last; for ever, if need be."""
        while True:
            # Reading about many adapters takes milliseconds, which other machines have not got.
            sighting = await asyncio.to_thread(self._look)
            if sighting not in (None, self._seen):
                return
            await asyncio.sleep(_LOOK_EVERY_S)

    def _look(self) -> _Sighting | None:
        paths = self._paths()
        if len(paths) != 1:
            return None
        try:
            status = paths[0].stat()
        except OSError:
            return None
        return paths[0], status.st_rdev, status.st_ino, status.st_ctime_ns

    def _paths(self) -> list[Path]:
        if isinstance(self._address, FileAddress):
            return [self._devices / self._address.path]
        return [self._devices / port.tty for port in usb_ports(self._sysfs) if port.is_meant_by(self._address)]
