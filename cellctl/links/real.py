"""Lines to real machines, from the addresses in the cell file."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from cellctl.domain.address import NetworkAddress, parse_address
from cellctl.domain.errors import ConfigError
from cellctl.links.rfc2217 import Rfc2217Link
from cellctl.links.serial import SerialLink
from cellctl.links.tcp import TcpLink
from cellctl.links.usb import SYSFS
from cellctl.links.whereabouts import Whereabouts
from cellctl.ports import ByteLink
from cellctl.ports.nodes import NodeAccess, NodeLink

_USUAL_BAUD: Final = 115_200
_LEAST_PUBLISH_MS: Final = 10.0


class RealLinks:
    """ports.Links to serial ports, sockets and OPC UA servers. Relative port names are below `devices`.

    `speed` is the clock's: machines of a demo change faster, and are listened to more often. `state` holds the
    certificates of OPC UA, `credentials` its password files.
    """

    def __init__(
        self,
        devices: Path,
        speed: float = 1.0,
        *,
        sysfs: Path = SYSFS,
        state: Path = Path("state"),
        credentials: Path = Path(),
    ) -> None:
        self._state = state
        self._credentials = credentials
        self._devices = devices
        self._speed = speed
        self._sysfs = sysfs
        self._whereabouts: dict[str, Whereabouts] = {}

    def bytes_to(self, machine: str, address: str, options: Mapping[str, Any]) -> ByteLink:
        """A serial port or a socket, by `domain.address`; option `baud`. Raises ConfigError for what is neither."""
        try:
            parsed = parse_address(address)
        except ValueError as mistake:
            raise ConfigError([f"machines.{machine}.port: {mistake}"]) from None
        baud = options.get("baud", _USUAL_BAUD)
        if isinstance(parsed, NetworkAddress):
            line = TcpLink(machine, parsed.host, parsed.port)
            return Rfc2217Link(machine, line, baud) if parsed.rfc2217 else line
        whereabouts = Whereabouts(machine, parsed, devices=self._devices, sysfs=self._sysfs)
        self._whereabouts[machine] = whereabouts
        return SerialLink(machine, whereabouts, baud)

    def nodes_of(self, machine: str, access: NodeAccess) -> NodeLink:
        """A session with an OPC UA server."""
        # asyncua takes a second to import, which a cell without OPC UA need not wait for.
        from cellctl.links.opcua import OpcUaLink  # noqa: PLC0415
        from cellctl.links.opcua_security import Keys  # noqa: PLC0415

        publish_ms = max(_LEAST_PUBLISH_MS, access.publish_ms / max(1.0, self._speed))
        keys = Keys(self._state / "opcua", self._credentials)
        return OpcUaLink(machine, replace(access, publish_ms=publish_ms), keys)

    async def appeared(self, machine: str) -> None:
        """Wait until a serial port has been plugged in again; for ever for everything else."""
        if machine in self._whereabouts:
            await self._whereabouts[machine].appeared()
        else:
            await asyncio.Event().wait()
