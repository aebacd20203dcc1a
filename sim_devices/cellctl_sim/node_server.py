"""A simulated machine behind a real OPC UA server on loopback, built from the device's own variables and methods."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final

from asyncua import ua
from asyncua.common.node import Node
from asyncua.common.utils import ServiceError
from asyncua.server.server import Server
from asyncua.server.subscription_service import SubscriptionService
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes

from cellctl_sim.machine_time import MachineTime
from cellctl_sim.robot import VENDOR, NodePath, Robot

# Types that cannot be told from the Python value, by browse name.
TYPES: Final = {
    "Number": ua.VariantType.UInt32,
    "ProgramCounter": ua.VariantType.UInt32,
    "OperationalMode": ua.VariantType.Int32,
    "LastTransitionReason": ua.VariantType.Int16,
    "CurrentState": ua.VariantType.LocalizedText,
}
STATUS: Final = ua.Argument(Name="Status", DataType=ua.NodeId(ua.Int32(ObjectIds.Int32)))
WRONG_ARGUMENTS: Final = ua.StatusCode(ua.UInt32(StatusCodes.BadInvalidArgument))


class _Subscriptions(SubscriptionService):
    """asyncua 2.1 answers Republish of an unknown message with an empty one, and its own client asks on for ever."""

    def republish(self, params: ua.RepublishParameters) -> ua.NotificationMessage:
        message = super().republish(params)
        if not message.NotificationData:
            raise ServiceError(StatusCodes.BadMessageNotAvailable)
        return message


class NodeServer:
    """One device at one `opc.tcp://` address, without any security: for loopback only."""

    def __init__(self, device: Robot, time: MachineTime) -> None:
        self._device = device
        self._time = time
        self._server = Server()
        self._nodes: dict[NodePath, Node] = {}
        self._shown: dict[NodePath, Any] = {}
        self._called = asyncio.Event()
        self._showing = asyncio.Lock()

    async def open(self, url: str) -> None:
        """Build the address space, which takes about two seconds, and listen. Raises OSError."""
        server = self._server
        subscriptions = _Subscriptions(server.iserver.aspace, iserver=server.iserver)
        server.iserver.subscription_service = server.iserver.isession.subscription_service = subscriptions
        server.disable_clock()
        await server.init()
        server.set_endpoint(url)
        server.set_server_name(f"simulated {self._device.name}")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        for path, value in self._device.values().items():
            await self._add_variable(path, value)
        for path, inputs in self._device.methods.items():
            await self._add_method(path, inputs)
        await server.start()

    async def serve(self) -> None:
        """Let the device live, and show what changes, until cancelled."""
        while True:
            self._called.clear()
            self._device.advance(self._time.now_s())
            await self._show()
            wakeup_s = self._device.wakeup_s
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if wakeup_s is None else self._time.wait_s(wakeup_s)):
                    await self._called.wait()

    async def close(self) -> None:
        """Stop listening."""
        await self._server.stop()

    async def _show(self) -> None:
        """Write every value that has changed, in one order, one call at a time."""
        async with self._showing:
            for path, value in self._device.values().items():
                if self._shown[path] != value:
                    self._shown[path] = value
                    shown = ua.DataValue(_variant(path, value))
                    await self._server.write_attribute_value(self._nodes[path].nodeid, shown)

    async def _add_variable(self, path: NodePath, value: Any) -> None:
        parent = await self._node(path[:-1])
        # A variable below a variable (CurrentState/Number) is its property.
        add = parent.add_property if path[:-1] in self._shown else parent.add_variable
        variant = _variant(path, value)
        self._nodes[path] = await add(*await self._names(path), variant.Value, variant.VariantType)
        self._shown[path] = value

    async def _add_method(self, path: NodePath, inputs: Sequence[tuple[str, str, type]]) -> None:
        arguments = [ua.Argument(Name=n, DataType=ua.NodeId(getattr(ObjectIds, t))) for n, t, _ in inputs]
        types = [ua.VariantType[name] for _, name, _ in inputs]

        # asyncua checks neither the number of arguments nor their types.
        async def called(_parent: ua.NodeId, *given: ua.Variant) -> list[ua.Variant] | ua.StatusCode:
            if [argument.VariantType for argument in given] != types:
                return WRONG_ARGUMENTS
            try:
                (status,) = self._device.call(path, [argument.Value for argument in given], self._time.now_s())
            except ValueError:
                return WRONG_ARGUMENTS
            await self._show()
            self._called.set()
            return [ua.Variant(status, ua.VariantType.Int32)]

        parent = await self._node(path[:-1])
        self._nodes[path] = await parent.add_method(*await self._names(path), called, arguments, [STATUS])

    async def _node(self, path: NodePath) -> Node:
        """The node at this path; objects on the way that are not there yet are made."""
        if not path:
            return self._server.nodes.objects
        if path not in self._nodes:
            parent = await self._node(path[:-1])
            self._nodes[path] = await parent.add_object(*await self._names(path))
        return self._nodes[path]

    async def _names(self, path: NodePath) -> tuple[ua.NodeId, ua.QualifiedName]:
        """A node id that stays the same over restarts, and the browse name."""
        short = "/".join(name.rpartition(";")[2] for name in path)
        uri, _, name = path[-1].rpartition(";")
        index = await self._server.register_namespace(uri) if uri else 0
        vendor = await self._server.register_namespace(VENDOR)
        return ua.NodeId(ua.String(short), ua.Int16(vendor)), ua.QualifiedName(name, index)


def _variant(path: NodePath, value: Any) -> ua.Variant:
    kind = TYPES.get(path[-1].rpartition(";")[2])
    if kind is None:
        return ua.Variant(value)
    return ua.Variant(ua.LocalizedText(value) if kind is ua.VariantType.LocalizedText else value, kind)
