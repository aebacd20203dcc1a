"""A folder that looks like the kernel's sysfs and /dev, as far as USB serial ports go."""

import os
from pathlib import Path


class Computer:
    """Sockets to plug adapters into. `dev` is its /dev, `sys` its /sys."""

    def __init__(self, folder: Path) -> None:
        self.dev, self.sys = folder / "dev", folder / "sys"
        self.dev.mkdir()
        (self.sys / "class" / "tty").mkdir(parents=True)
        # What every computer has: consoles without a device, and a serial port on its board.
        (self.sys / "class" / "tty" / "tty0").mkdir()
        self._tty("ttyS0", self.sys / "devices" / "platform" / "serial8250")

    def plug(self, tty: str, socket: str, pty: Path, interface: str = "00", **says: str) -> None:
        """An adapter comes: `says` are its idVendor, idProduct, serial, product."""
        adapter = self.sys / "devices" / "pci0000:00" / "usb1" / "1-1" / socket
        port = adapter / f"{socket}:1.{int(interface, 16)}"
        port.mkdir(parents=True, exist_ok=True)
        (port / "bInterfaceNumber").write_text(f"{interface}\n")
        for name, value in says.items():
            (adapter / name).write_text(f"{value}\n")
        self._tty(tty, port / tty)
        (self.dev / tty).symlink_to(pty)

    def unplug(self, tty: str) -> None:
        """It goes."""
        (self.dev / tty).unlink()
        (self.sys / "class" / "tty" / tty).unlink()

    def _tty(self, name: str, device: Path) -> None:
        # As the kernel does it: the class has a link to the device's own tty folder, and that has one back.
        folder = device / "tty" / name
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "device").exists():
            (folder / "device").symlink_to(os.path.relpath(device, folder))
        (self.sys / "class" / "tty" / name).symlink_to(os.path.relpath(folder, self.sys / "class" / "tty"))
