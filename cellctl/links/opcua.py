"""Sessions with OPC UA servers, over asyncua; the only place that knows its client.

asyncua's own reconnection is not used: a lost session is thrown away, and the next one finds every node anew.
"""

import asyncio
import contextlib
import logging
import struct
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_session import UaSession
from asyncua.common.node import Node
from asyncua.common.subscription import DataChangeNotif, Subscription
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors._base import UaError, UaStatusCodeError

from cellctl.domain.errors import LinkLost, MachineFault
from cellctl.ports import NodePath, NodeValue

Answer = TypeVar("Answer")

_CLOSE_S: Final = 3.0
_SESSION_MS: Final = 20_000
# A call may block the server's whole connection, so the watchdog is slower than the slowest answer.
_WATCHDOG_S: Final = 5.0
PUBLISH_MS: Final = 100.0
_SAMPLE_MS: Final = 50.0
_KEEPALIVE_MS: Final = 3_000  # without a change until the server says that it is still there
_LIFETIME_MS: Final = 30_000  # without us until the server forgets the subscription
_QUEUE: Final = 10  # changes of one variable that one notification can hold

# With these the server has not refused: whether it did anything is unknown.
_OUTCOME_UNKNOWN: Final = frozenset(
    {
        StatusCodes.BadCommunicationError, StatusCodes.BadConnectionClosed,
        StatusCodes.BadConnectionRejected, StatusCodes.BadDisconnect, StatusCodes.BadNoCommunication,
        StatusCodes.BadRequestInterrupted, StatusCodes.BadRequestTimeout,
        StatusCodes.BadSecureChannelClosed, StatusCodes.BadSecureChannelIdInvalid,
        StatusCodes.BadServerHalted, StatusCodes.BadSessionClosed, StatusCodes.BadSessionIdInvalid,
        StatusCodes.BadShutdown, StatusCodes.BadTimeout,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Security:
    """How a session is protected. So far not at all, and only where that is spelled out."""

    insecure: bool = False


class OpcUaLink:
    """One session with one server, from `open` until it is lost; never opened again.

    `call_timeout_s` is real seconds for each request, `publish_ms` how often changes are told. `on_change` and
    `on_lost` are called from the event loop, and must not raise: asyncua would only log it.
    """

    def __init__(
        self,
        machine: str,
        url: str,
        security: Security,
        *,
        call_timeout_s: float = 3.0,
        publish_ms: float = PUBLISH_MS,
    ) -> None:
        self._machine = machine
        self._url = url
        self._security = security
        self._call_timeout_s = call_timeout_s
        self._publish_ms = publish_ms
        self._client: Client | None = None
        self._session: _Session | None = None

    async def open(self, on_change: Callable[[NodeValue], None], on_lost: Callable[[str], None]) -> None:
        """Connect. Raises LinkLost if that cannot be done, MachineFault if no security is configured."""
        if not self._security.insecure:
            what = f"no security is configured for {self._url}"
            remedy = "Certificates cannot be used yet. If nobody else reaches this network, set insecure = true"
            raise MachineFault(self._machine, what, do_next=f"{remedy} in [machines.{self._machine}]")
        # At INFO asyncua prints every value. Of each loss its client prints a traceback; ours is one line.
        logging.getLogger("asyncua").setLevel(logging.WARNING)
        logging.getLogger("asyncua.client").setLevel(logging.CRITICAL)
        ear = _Ear(on_change, on_lost)
        self._client = client = self._new_client(ear)
        try:
            await self._ask("connect", client.connect(), limit_s=3 * self._call_timeout_s)
            opening = _open_session(self._machine, client, ear, self._publish_ms)
            self._session = await self._ask("open a subscription", opening)
        except MachineFault as refused:
            await self.close()
            raise LinkLost(self._machine, refused.what, do_next=refused.do_next) from refused
        except LinkLost:
            await self.close()
            raise

    async def subscribe(self, paths: Sequence[NodePath]) -> None:
        """Hear these variables from now on, their present values first. Raises LinkLost or MachineFault.

        To ask again for what is heard already brings its present values once more.
        """
        session = self._opened()
        nodes = await self._ask("find variables", session.find(paths))
        await self._ask("read variables", session.read(paths, nodes))
        await self._ask("subscribe", session.watch(paths, nodes))

    async def call(self, path: NodePath, *arguments: Any) -> tuple[Any, ...]:
        """Call a method once and return its outputs.

        Raises LinkLost when the outcome is unknown, MachineFault with the name of the status when refused.
        """
        session = self._opened()
        owner, method = await self._ask("find a method", session.find((path[:-1], path)))
        return await self._ask(f"call {path[-1]}", session.call(owner, method, arguments))

    async def close(self) -> None:
        """Give the session back, in three seconds at the most. May be called twice."""
        client, self._client = self._client, None
        session, self._session = self._session, None
        if session:
            session.ear.deafen()
        if client is None:
            return
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await client.disconnect()
        finally:
            client.disconnect_socket()

    def _new_client(self, ear: "_Ear") -> Client:
        slowest_s = max(_WATCHDOG_S, self._call_timeout_s + 2.0)
        client = Client(self._url, self._call_timeout_s, slowest_s, auto_reconnect=False)
        client.name = f"cellctl {self._machine}"
        client.application_uri = "urn:cellctl"
        client.session_timeout = _SESSION_MS
        client.connection_lost_callback = ear.connection_lost
        return client

    def _opened(self) -> "_Session":
        if self._session is None:
            raise LinkLost(self._machine, "the session is not open", do_next="Connect again")
        return self._session

    async def _ask(self, what: str, answer: Awaitable[Answer], limit_s: float | None = None) -> Answer:
        """Await under a deadline, with asyncua's errors as ours."""
        with _errors_as_ours(self._machine, what):
            async with asyncio.timeout(limit_s or self._call_timeout_s):
                return await answer


async def _open_session(machine: str, client: Client, ear: "_Ear", publish_ms: float) -> "_Session":
    uris = await client.get_namespace_array()
    parameters = ua.CreateSubscriptionParameters()
    parameters.RequestedPublishingInterval = publish_ms
    parameters.RequestedMaxKeepAliveCount = round(_KEEPALIVE_MS / publish_ms)
    parameters.RequestedLifetimeCount = round(_LIFETIME_MS / publish_ms)
    parameters.PublishingEnabled = True
    subscription = await client.create_subscription(parameters, ear)
    return _Session(machine, client.uaclient.session, subscription, ear, uris)


class _Session:
    """The services that we use, in asyncua's words. Node ids are found by name and kept for this session only."""

    def __init__(
        self, machine: str, services: UaSession, subscription: Subscription, ear: "_Ear", uris: Sequence[str]
    ) -> None:
        self.ear = ear
        self._machine = machine
        self._services = services
        self._subscription = subscription
        self._uris = tuple(uris)
        self._nodes: dict[NodePath, ua.NodeId] = {}

    async def find(self, paths: Sequence[NodePath]) -> list[ua.NodeId]:
        """Where these browse paths lead to. Raises MachineFault, naming a path that leads nowhere."""
        new = [path for path in paths if path not in self._nodes]
        if new:
            names = [[self._qualified(part) for part in path] for path in new]
            objects = Node(self._services, ua.NodeId(ua.Int32(ObjectIds.ObjectsFolder)))
            found = await objects.get_children_by_path(names, raise_on_partial_error=False)
            for path, nodes in zip(new, found, strict=True):
                if not nodes or nodes[0] is None:
                    raise self._missing(" / ".join(path))
                self._nodes[path] = nodes[0].nodeid
        return [self._nodes[path] for path in paths]

    async def read(self, paths: Sequence[NodePath], nodes: Sequence[ua.NodeId]) -> None:
        """Hear the present values."""
        values = await self._services.read_attributes(list(nodes), AttributeIds.Value)
        for path, value in zip(paths, values, strict=True):
            self.ear.hear(path, value)

    async def watch(self, paths: Sequence[NodePath], nodes: Sequence[ua.NodeId]) -> None:
        """Hear all changes of those that are not watched yet. Raises UaStatusCodeError if one cannot be."""
        new = [(path, node) for path, node in zip(paths, nodes, strict=True) if path not in self.ear.paths]
        requests = [_monitor(node, self.ear.handle_for(path)) for path, node in new]
        if not requests:
            return
        for result in await self._subscription.create_monitored_items(requests):
            if isinstance(result, ua.StatusCode):
                result.check()

    async def call(self, owner: ua.NodeId, method: ua.NodeId, arguments: Sequence[Any]) -> tuple[Any, ...]:
        """Call a method; its outputs. Raises UaStatusCodeError if it was refused."""
        request = ua.CallMethodRequest()
        request.ObjectId, request.MethodId = owner, method
        request.InputArguments = [ua.Variant(argument) for argument in arguments]
        [result] = await self._services.call([request])
        if result.StatusCode.is_bad():
            result.StatusCode.check()
        return tuple(output.Value for output in result.OutputArguments or ())

    def _qualified(self, part: str) -> ua.QualifiedName:
        uri, _, name = part.rpartition(";")
        if uri and uri not in self._uris:
            raise self._missing(f"namespace {uri}")
        return ua.QualifiedName(name, self._uris.index(uri) if uri else 0)

    def _missing(self, what: str) -> MachineFault:
        remedy = "Compare the names in the cell file with the server's address space"
        return MachineFault(self._machine, f"its server has no {what}", do_next=remedy)


class _Ear:
    """Hears what asyncua has to tell. A monitored item's client handle is the index of its path."""

    def __init__(self, on_change: Callable[[NodeValue], None], on_lost: Callable[[str], None]) -> None:
        self.paths: list[NodePath] = []
        self._on_change = on_change
        self._on_lost: Callable[[str], None] | None = on_lost

    def handle_for(self, path: NodePath) -> int:
        """The client handle under which this path is heard from now on."""
        self.paths.append(path)
        return len(self.paths) - 1

    def hear(self, path: NodePath, value: ua.DataValue) -> None:
        """Pass a value on."""
        if self._on_lost is None:
            return
        good = value.StatusCode is None or value.StatusCode.is_good()
        plain = value.Value.Value if good and value.Value else None
        if isinstance(plain, ua.LocalizedText):
            plain = plain.Text
        self._on_change(NodeValue(path, plain, good))

    def datachange_notification(self, node: Node, val: Any, data: DataChangeNotif) -> None:
        """asyncua: a watched value has changed."""
        handle = data.subscription_data.client_handle
        if handle is not None:
            self.hear(self.paths[handle], data.monitored_item.Value)

    def status_change_notification(self, status: ua.StatusChangeNotification) -> None:
        """asyncua: the server has ended the subscription."""
        if status.Status.is_bad():
            self._lose(f"the server has ended the subscription: {status.Status.name}")

    async def connection_lost(self, error: Exception) -> None:
        """asyncua: the connection is gone, or the watchdog got no answer."""
        self._lose(f"the connection is lost: {error or type(error).__name__}")

    def deafen(self) -> None:
        """Pass nothing on any more."""
        self._on_lost = None

    def _lose(self, reason: str) -> None:
        on_lost = self._on_lost
        self.deafen()
        if on_lost:
            on_lost(reason)


def _monitor(node: ua.NodeId, handle: int) -> ua.MonitoredItemCreateRequest:
    request = ua.MonitoredItemCreateRequest()
    request.ItemToMonitor.NodeId = node
    request.ItemToMonitor.AttributeId = AttributeIds.Value
    request.MonitoringMode = ua.MonitoringMode.Reporting
    request.RequestedParameters.ClientHandle = handle
    request.RequestedParameters.SamplingInterval = _SAMPLE_MS
    request.RequestedParameters.QueueSize = _QUEUE
    request.RequestedParameters.DiscardOldest = True
    return request


@contextlib.contextmanager
def _errors_as_ours(machine: str, what: str) -> Iterator[None]:
    """The boundary: whatever asyncua raises for this request becomes LinkLost or MachineFault."""
    try:
        yield
    except UaStatusCodeError as bad:
        name = ua.StatusCode(bad.code).name
        if bad.code in _OUTCOME_UNKNOWN:
            raise LinkLost(machine, f"could not {what}: {name}", do_next="Check the controller") from bad
        remedy = "Look the status up in the controller's manual"
        raise MachineFault(machine, f"its server refuses to {what}: {name}", do_next=remedy) from bad
    except TimeoutError as late:
        reason = f"no answer in time to: {what}"
        raise LinkLost(machine, reason, do_next="Check network and controller") from late
    except (OSError, UaError, ValueError, struct.error) as broken:
        reason = f"could not {what}: {broken or type(broken).__name__}"
        raise LinkLost(machine, reason, do_next="Check network and controller") from broken
