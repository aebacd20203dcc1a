"""Lines to real machines, from the addresses in the cell file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cellctl.links.serial import SerialLink
from cellctl.ports import ByteLink, NodeLink

_USUAL_BAUD: Final = 115_200
_LEAST_PUBLISH_MS: Final = 10.0


class RealLinks:
    """ports.Links to serial ports and OPC UA servers. Relative port names are below `devices`.

    `speed` is the clock's: machines of a demo change faster, and are listened to more often.
    """

    def __init__(self, devices: Path, speed: float = 1.0) -> None:
        self._devices = devices
        self._speed = speed

    def bytes_to(self, machine: str, address: str, options: Mapping[str, Any]) -> ByteLink:
        """A serial port; option `baud`."""
        return SerialLink(machine, self._devices / address, options.get("baud", _USUAL_BAUD))

    def nodes_of(self, machine: str, url: str, options: Mapping[str, Any]) -> NodeLink:
        """A session with an OPC UA server; options `insecure` and `call_timeout_s` (real seconds)."""
        # asyncua takes a second to import, which a cell without OPC UA need not wait for.
        from cellctl.links.opcua import PUBLISH_MS, OpcUaLink, Security  # noqa: PLC0415

        security = Security(insecure=options.get("insecure", False))
        publish_ms = max(_LEAST_PUBLISH_MS, PUBLISH_MS / max(1.0, self._speed))
        timeout_s = options.get("call_timeout_s", 3.0)
        return OpcUaLink(machine, url, security, call_timeout_s=timeout_s, publish_ms=publish_ms)
