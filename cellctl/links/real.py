"""Lines to real machines, from the addresses in the cell file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cellctl.links.serial import SerialLink
from cellctl.ports import ByteLink, NodeLink

_USUAL_BAUD: Final = 115_200


class RealLinks:
    """ports.Links to serial ports and OPC UA servers. Relative port names are below `devices`."""

    def __init__(self, devices: Path) -> None:
        self._devices = devices

    def bytes_to(self, machine: str, address: str, options: Mapping[str, Any]) -> ByteLink:
        """A serial port; option `baud`."""
        return SerialLink(machine, self._devices / address, options.get("baud", _USUAL_BAUD))

    def nodes_of(self, machine: str, url: str, options: Mapping[str, Any]) -> NodeLink:
        """A session with an OPC UA server; options `insecure` and `call_timeout_s` (real seconds)."""
        # asyncua takes a second to import, which a cell without OPC UA need not wait for.
        from cellctl.links.opcua import OpcUaLink, Security  # noqa: PLC0415

        security = Security(insecure=options.get("insecure", False))
        return OpcUaLink(machine, url, security, call_timeout_s=options.get("call_timeout_s", 3.0))
