"""Where a machine's byte line is, as the cell file says it in `port`.

    cell/printer-1                            a device file below the devices folder; /dev/ttyUSB0 is one as well
    usb:serial=AB0123CD                       the USB serial port of this adapter, whatever name it has today
    usb:vid=1a86,pid=7523,path=1-1.2          keys: serial, vid, pid, path (the socket it is in), interface
    tcp://192.168.1.20:23                     bytes as they are
    rfc2217://192.168.1.20:2217               a serial server that sets the baud rate (RFC 2217)

A value in a usb: address may be percent-encoded (`%2C` is a comma).
"""

import re
from dataclasses import dataclass, fields
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

_NETWORK: Final = ("tcp", "rfc2217")
_USB: Final = "usb:"
_HEX4: Final = re.compile(r"[0-9a-f]{4}")
_SCHEME: Final = re.compile(r"[a-z0-9+.-]+:")


@dataclass(frozen=True, slots=True)
class FileAddress:
    """A device file, relative to the devices folder or absolute."""

    path: str


@dataclass(frozen=True, slots=True)
class UsbAddress:
    """A USB serial port by what the adapter says about itself and where it is plugged in; "" matches everything.

    `vid` and `pid` are four hex digits, `path` is the kernel's name of the socket ("1-1.2": bus, then hub ports),
    `interface` two hex digits, for adapters with more than one port.
    """

    serial: str = ""
    vid: str = ""
    pid: str = ""
    path: str = ""
    interface: str = ""

    def __str__(self) -> str:
        return ",".join(f"{key.name}={value}" for key in fields(self) if (value := getattr(self, key.name)))


@dataclass(frozen=True, slots=True)
class NetworkAddress:
    """A TCP port; with `rfc2217` the far end is a serial port whose settings it takes from us."""

    host: str
    port: int
    rfc2217: bool = False


Address = FileAddress | UsbAddress | NetworkAddress


def parse_address(text: str) -> Address:
    """What a `port` key says. Raises ValueError with what would be right."""
    if text.startswith(_USB):
        return _usb(text.removeprefix(_USB))
    url = urlsplit(text)
    if url.scheme in _NETWORK:
        return _network(text, url)
    if _SCHEME.match(text) or not text.strip():
        raise ValueError(f"a device file, usb:, tcp:// or rfc2217:// is wanted, found {text!r}")
    return FileAddress(text)


def _usb(text: str) -> UsbAddress:
    keys = {key.name for key in fields(UsbAddress)}
    wanted: dict[str, str] = {}
    for part in text.split(","):
        key, _, value = part.strip().partition("=")
        if key not in keys or key in wanted or not value:
            raise ValueError(f"usb: takes each of {', '.join(sorted(keys))} once, as key=value; found {part.strip()!r}")
        wanted[key] = unquote(value) if key in ("serial", "path") else value.lower()
    for key in wanted.keys() & {"vid", "pid"}:
        if not _HEX4.fullmatch(wanted[key]):
            raise ValueError(f"usb: {key} is four hex digits, as lsusb prints them; found {wanted[key]!r}")
    if "interface" in wanted:
        wanted["interface"] = wanted["interface"].zfill(2)
    return UsbAddress(**wanted)


def _network(text: str, url: SplitResult) -> NetworkAddress:
    try:
        port = url.port
    except ValueError:
        port = None
    if not (url.hostname and port) or url.path.strip("/") or url.query or url.fragment or url.username is not None:
        raise ValueError(f"{url.scheme}://host:port is wanted, found {text!r}")
    return NetworkAddress(url.hostname, port, url.scheme == "rfc2217")
