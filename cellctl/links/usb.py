"""USB serial ports as the kernel's sysfs shows them: no udev, no netlink, only files."""

from dataclasses import dataclass
from pathlib import Path

from cellctl.domain.address import UsbAddress

SYSFS = Path("/sys")


@dataclass(frozen=True, slots=True)
class UsbPort:
    """One serial port of one USB adapter. `tty` is its name below /dev at this moment; "" is not known."""

    tty: str
    path: str
    interface: str = ""
    vid: str = ""
    pid: str = ""
    serial: str = ""
    product: str = ""

    def is_meant_by(self, address: UsbAddress) -> bool:
        """Whether everything that the address asks for is so."""
        wanted_and_found = (
            (address.serial, self.serial),
            (address.vid, self.vid),
            (address.pid, self.pid),
            (address.path, self.path),
            (address.interface, self.interface),
        )
        return all(wanted in ("", found) for wanted, found in wanted_and_found)

    def __str__(self) -> str:
        serial = f"serial={self.serial}" if self.serial else "no serial number"
        where = f"path={self.path},interface={self.interface}"
        return f"{self.tty} ({self.product or 'unnamed'}: vid={self.vid},pid={self.pid},{where}, {serial})"


def usb_ports(sysfs: Path = SYSFS) -> list[UsbPort]:
    """All that are plugged in now, by name. What is being unplugged while we look is left out."""
    try:
        everything = sorted((sysfs / "class" / "tty").iterdir())
    except OSError:
        return []
    # Of seventy consoles and boards' own ports few are USB; where a link points to tells them apart at once.
    ttys = [tty for tty in everything if "/usb" in _target(tty)]
    return [port for tty in ttys if (port := _usb_port(tty)) is not None]


def plugged_in(sysfs: Path = SYSFS) -> str:
    """What an error says about the ports that there are."""
    ports = usb_ports(sysfs)
    return f"USB serial ports plugged in: {'; '.join(map(str, ports)) or 'none'}"


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


def _usb_port(tty: Path) -> UsbPort | None:
    try:
        device = (tty / "device").resolve(strict=True)
    except OSError:
        return None  # it is being unplugged
    interface = ""
    # .../usb1/1-1/1-1.2/1-1.2:1.0/ttyUSB0: the port, its interface, the adapter, the hubs.
    for folder in (device, *device.parents):
        interface = interface or _read(folder / "bInterfaceNumber")
        if vid := _read(folder / "idVendor"):
            pid, serial, product = (_read(folder / name) for name in ("idProduct", "serial", "product"))
            return UsbPort(tty.name, folder.name, interface, vid, pid, serial, product)
        if folder.name == "devices":
            break
    return None


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
