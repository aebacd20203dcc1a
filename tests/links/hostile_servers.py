"""OPC UA servers that misbehave, as data: a name, and what is done to what a good server would have done.

On the wire, every message of a real asyncua server passes through a function on its way to the client; or there is no
server behind the port at all. In the services, a real asyncua server is told to answer otherwise. All of it runs in
virtual time; `visit` is a client that opens, resolves, subscribes, listens for a minute and leaves.
"""

import asyncio
import struct
import tracemalloc
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, repeat
from random import Random  # noqa: TID251 - seeded
from typing import Any, Final

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes

from cellctl.app.virtual_net import VirtualNet
from cellctl.app.virtual_time import run_virtual
from cellctl.domain.errors import LinkLost, MachineFault
from cellctl.links.opcua import OpcUaLink
from cellctl.ports.nodes import NodeAccess, NodeRef, NodeValue
from cellctl_sim.node_server import NodeServer
from tests.sim.opcua_scene import PORT, robot, scene, world

FRONT: Final = 4841  # where the hostile one listens; the good server behind it is at PORT
LIMIT_S: Final = 10.0
LISTENS_S: Final = 60.0
LIMIT_BYTES: Final = 64 * 2**20  # for client and server together: both live in this process

Mangle = Callable[[int, bytes], Iterable[bytes | float | None]]
"""The number of a message and the message; what comes instead: bytes, seconds to wait, None for hanging up."""
Tamper = Callable[[NodeServer], None]

_CHUNK: Final = 60_000


# ---- on the wire: what becomes of one message --------------------------------------------------------------------


def _at(number: int, instead: Callable[[bytes], Iterable[bytes | float | None]]) -> Mangle:
    return lambda n, message: instead(message) if n == number else [message]


def _from(number: int, instead: Callable[[bytes], Iterable[bytes | float | None]]) -> Mangle:
    return lambda n, message: instead(message) if n >= number else [message]


def _typed(kind: bytes, flag: bytes = b"F", body: bytes = b"") -> bytes:
    return kind + flag + struct.pack("<I", 8 + len(body)) + body


def _patched(offset: int, number: int) -> Callable[[bytes], list[bytes]]:
    """Another number at this place of a message."""
    return lambda message: [message[:offset] + struct.pack("<I", number & 0xFFFFFFFF) + message[offset + 4 :]]


def _error(code: int) -> bytes:
    return _typed(b"ERR", body=struct.pack("<Ii", code, -1))


def _chunks(message: bytes) -> Iterator[bytes | float]:
    """The beginning of an answer that never ends."""
    head = message[8:24]
    for number in count(100):
        body = head[:8] + struct.pack("<II", number, struct.unpack("<I", head[12:16])[0]) + bytes(_CHUNK)
        yield _typed(b"MSG", b"C", body)
        yield 0.001


def _noise(seed: int) -> Mangle:
    rng = Random(seed)

    def spoil(_n: int, message: bytes) -> Iterable[bytes]:
        spoilt = bytearray(message)
        for _ in range(2):
            spoilt[rng.randrange(8, len(spoilt))] ^= 1 << rng.randrange(8)
        return [bytes(spoilt)]

    return spoil


def _held_back() -> Mangle:
    held: list[bytes] = []

    def swap(n: int, message: bytes) -> Iterable[bytes]:
        if n >= 4 and not held:
            held.append(message)
            return []
        return [message, *(held.pop() for _ in held[:])]

    return swap


# A connection goes: 0 acknowledge, 1 channel, 2 session, 3 activation, then reads, browses and the subscription.
_STAGES: Final = {"hello": 0, "channel": 1, "session": 2, "activation": 3, "first-read": 4, "later": 9}

WIRE: Final[Mapping[str, Callable[[], Mangle]]] = {
    **{f"silence-from-{name}": lambda n=n: _from(n, lambda _: []) for name, n in _STAGES.items()},
    **{f"hangs-up-at-{name}": lambda n=n: _at(n, lambda _: [None]) for name, n in _STAGES.items()},
    **{f"error-at-{name}": lambda n=n: _at(n, lambda _: [_error(0x80AC0000), None]) for name, n in _STAGES.items()},
    **{f"half-of-{name}": lambda n=n: _at(n, lambda m: [m[: len(m) // 2], None]) for name, n in _STAGES.items()},
    **{f"unknown-type-at-{name}": lambda n=n: _at(n, lambda m: [b"XYZ" + m[3:]]) for name, n in _STAGES.items()},
    "acknowledge-without-buffers": lambda: _at(0, lambda m: [m[:12] + bytes(16)]),
    "acknowledge-with-endless-buffers": lambda: _at(0, lambda m: [m[:12] + b"\xff" * 16]),
    "acknowledge-cut-short": lambda: _at(0, lambda m: [_typed(b"ACK", body=m[8:12])]),
    "acknowledge-twice": lambda: _at(0, lambda m: [m, m]),
    "error-without-end": lambda: _at(0, lambda _: [_typed(b"ERR", body=struct.pack("<Ii", 1, 2**31 - 1))]),
    "length-of-4-gigabytes": lambda: _at(4, _patched(4, 0xFFFFFFFF)),
    "length-of-nothing": lambda: _at(4, _patched(4, 0)),
    "length-below-its-head": lambda: _at(4, _patched(4, 7)),
    "chunks-without-end": lambda: _at(4, _chunks),
    "aborted-answer": lambda: _at(4, lambda m: [m[:3] + b"A" + m[4:]]),
    "unknown-chunk-flag": lambda: _at(4, lambda m: [m[:3] + b"Z" + m[4:]]),
    "another-channel": lambda: _from(4, _patched(8, 4711)),
    "another-token": lambda: _from(4, _patched(12, 4711)),
    "wrong-sequence-numbers": lambda: _from(4, _patched(16, 7)),
    "answers-to-nobody": lambda: _from(4, _patched(20, 999_999)),
    "every-answer-twice": lambda: _from(2, lambda m: [m, m]),
    "answers-in-another-order": _held_back,
    "unknown-service": lambda: _from(4, lambda m: [m[:24] + b"\x01\x00\xff\xff" + m[28:]]),
    "body-of-ones": lambda: _at(5, lambda m: [m[:28] + b"\xff" * (len(m) - 28)]),
    "body-of-nulls": lambda: _at(5, lambda m: [m[:28] + bytes(len(m) - 28)]),
    "body-missing": lambda: _at(5, lambda m: [_typed(b"MSG", body=m[8:28])]),
    "body-longer-than-it-should-be": lambda: _from(4, lambda m: [_typed(b"MSG", body=m[8:] + bytes(5000))]),
    "one-byte-each-second": lambda: _from(0, lambda m: [part for byte in m for part in (bytes([byte]), 1.0)]),
    "one-byte-each-second-later": lambda: _from(6, lambda m: [p for byte in m for p in (bytes([byte]), 1.0)]),
    "every-answer-eight-seconds-late": lambda: _from(2, lambda m: [8.0, m]),
    "the-same-answer-ten-thousand-times": lambda: _at(8, lambda m: repeat(m, 10_000)),
    **{f"noise-{seed}": lambda seed=seed: _noise(seed) for seed in range(1, 6)},
}  # fmt: skip

# Nobody there who speaks OPC UA: what is said to whoever connects.
STRANGERS: Final[Mapping[str, Callable[[], Iterable[bytes | float | None]]]] = {
    "says-nothing": lambda: [],
    "hangs-up-at-once": lambda: [None],
    "speaks-http": lambda: [b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", None],
    "random-bytes": lambda: [Random(1).randbytes(4096)],
    "random-bytes-without-end": lambda: (p for n in count() for p in (Random(n).randbytes(_CHUNK), 0.001)),
    "nulls-without-end": lambda: (part for _ in count() for part in (bytes(_CHUNK), 0.001)),
    "errors-without-end": lambda: (part for _ in count() for part in (_error(0x80AC0000), 0.001)),
}


# ---- in the services: what a good server is told to do -----------------------------------------------------------


def _inside(server: NodeServer) -> Any:
    return server._desk._inside


def _show(server: NodeServer, name: str, value: ua.DataValue) -> None:
    """A value that stays, whatever the machine does."""
    device = server._device
    node = server._desk._node(device.shelf.variables[name].path)
    _inside(server).set_attribute_value_callback(node, lambda _node, _attribute: value)


def _shows(name: str, value: Any, status: int = 0) -> Tamper:
    code = ua.StatusCode(ua.UInt32(status))
    return lambda server: _show(server, name, ua.DataValue(ua.Variant(value), StatusCode=code))


def _all_show(make: Callable[[], ua.DataValue]) -> Tamper:
    return lambda server: [_show(server, name, make()) for name in server._device.shelf.variables] and None


def _namespaces(value: Any) -> Tamper:
    node = ua.NodeId(ua.Int32(ObjectIds.Server_NamespaceArray))
    kind = ua.VariantType.String if isinstance(value, list) else ua.VariantType.Int32
    shown = ua.DataValue(ua.Variant(value, kind, is_array=isinstance(value, list)))
    return lambda server: _inside(server).set_attribute_value_callback(node, lambda *_: shown)


def _subscription(**revised: Any) -> Tamper:
    def tamper(server: NodeServer) -> None:
        service = _inside(server).subscription_service
        create = service.create_subscription

        async def revise(*arguments: Any, **options: Any) -> Any:
            result = await create(*arguments, **options)
            for name, value in revised.items():
                setattr(result, name, value)
            return result

        service.create_subscription = revise

    return tamper


def _items(change: Callable[[list[Any]], list[Any]]) -> Tamper:
    def tamper(server: NodeServer) -> None:
        service = _inside(server).subscription_service
        create = service.create_monitored_items

        async def changed(params: Any) -> Any:
            return change(await create(params))

        service.create_monitored_items = changed

    return tamper


def _fails(where: Callable[[NodeServer], Any], method: str, code: int) -> Tamper:
    def tamper(server: NodeServer) -> None:
        def fail(*_arguments: Any, **_options: Any) -> Any:
            raise ServiceError(code)

        setattr(where(server), method, fail)

    return tamper


def _answers(where: Callable[[NodeServer], Any], method: str, answer: Callable[[Any], Any]) -> Tamper:
    def tamper(server: NodeServer) -> None:
        original = getattr(where(server), method)
        setattr(where(server), method, lambda *given, **options: answer(original(*given, **options)))

    return tamper


def _view(server: NodeServer) -> Any:
    return _inside(server).view_service


def _attributes(server: NodeServer) -> Any:
    return _inside(server).attribute_service


def _deletes_its_subscription(server: NodeServer) -> None:
    service = _inside(server).subscription_service

    async def delete() -> None:
        await service.delete_subscriptions(list(service.subscriptions))

    loop = asyncio.get_running_loop()
    loop.call_later(5.0, lambda: loop.create_task(delete()))


def _loops(server: NodeServer) -> None:
    """Every object of the machine is its own grandchild."""
    aspace = _inside(server).aspace
    objects = aspace[ua.NodeId(ua.Int32(ObjectIds.ObjectsFolder))]
    for node in list(aspace._nodes.values()):
        if node.nodeid.NamespaceIndex:
            node.references += [each for each in objects.references if each.IsForward]


def _same_children(server: NodeServer) -> None:
    objects = _inside(server).aspace[ua.NodeId(ua.Int32(ObjectIds.ObjectsFolder))]
    objects.references += [each for each in objects.references if each.IsForward] * 40


def _endpoints(server: NodeServer) -> None:
    async def none(*_arguments: Any, **_options: Any) -> list[Any]:
        return []

    _inside(server).get_endpoints = none


def _many_statuses(server: NodeServer) -> None:
    codes = [code for name, code in sorted(vars(StatusCodes).items()) if name.startswith(("Bad", "Uncertain", "Good"))]
    for number, name in enumerate(server._device.shelf.variables):
        _shows(name, 1, codes[number * 7 % len(codes)])(server)


def _nested() -> ua.DataValue:
    value = ua.Variant(1)
    for _ in range(60):
        value = ua.Variant(value, ua.VariantType.Variant)
    return ua.DataValue(value)


_LONG: Final = "x" * 8_000_000
_YEARS_OFF: Final = ua.DateTime(1601, 1, 2)

SERVICES: Final[Mapping[str, Tamper]] = {
    "no-endpoints": _endpoints,
    "no-namespaces": _namespaces([]),
    "namespaces-are-a-number": _namespaces(5),
    "namespaces-all-the-same": _namespaces(["http://opcfoundation.org/UA/"] * 20),
    "two-hundred-thousand-namespaces": _namespaces(["urn:x"] * 200_000),
    "a-string-of-8-megabytes": _shows("InZone", _LONG),
    "an-array-of-a-million": _shows("ProgramCounter", list(range(1_000_000))),
    "nothing-is-a-number": _all_show(lambda: ua.DataValue(ua.Variant(float("nan")))),
    "everything-is-infinite": _all_show(lambda: ua.DataValue(ua.Variant(float("inf")))),
    "everything-is-null": _all_show(lambda: ua.DataValue(ua.Variant(None))),
    "everything-has-no-value": _all_show(ua.DataValue),
    "everything-is-text": _all_show(lambda: ua.DataValue(ua.Variant("4"))),
    "everything-is-an-array": _all_show(lambda: ua.DataValue(ua.Variant([1, 2, 3]))),
    "everything-is-a-structure-unknown": _all_show(
        lambda: ua.DataValue(ua.Variant(ua.ExtensionObject(ua.NodeId(9999, 3), ua.ByteString(b"\xff" * 20))))
    ),
    "everything-is-bytes": _all_show(lambda: ua.DataValue(ua.Variant(b"\xff\xfe\x00"))),
    "variants-in-variants": _all_show(_nested),
    "status-codes-of-all-kinds": _many_statuses,
    "its-clock-is-centuries-off": _all_show(
        lambda: ua.DataValue(ua.Variant(1), SourceTimestamp=_YEARS_OFF, ServerTimestamp=_YEARS_OFF)
    ),
    "publishes-once-an-hour": _subscription(RevisedPublishingInterval=3_600_000.0),
    "publishes-every-nanosecond": _subscription(RevisedPublishingInterval=0.000001),
    "revises-to-not-a-number": _subscription(RevisedPublishingInterval=float("nan")),
    "lives-for-no-time": _subscription(RevisedLifetimeCount=0, RevisedMaxKeepAliveCount=0),
    "keeps-alive-never": _subscription(RevisedMaxKeepAliveCount=2**31),
    "another-subscription-id": _subscription(SubscriptionId=4711),
    "no-items-are-made": _items(lambda _: []),
    "twice-the-items": _items(lambda results: results * 2),
    "items-are-refused": _fails(lambda s: _inside(s).subscription_service, "create_monitored_items", 0x80340000),
    "subscriptions-are-refused": _fails(lambda s: _inside(s).subscription_service, "create_subscription", 0x80770000),
    "browsing-is-refused": _fails(_view, "browse", StatusCodes.BadServiceUnsupported),
    "ways-are-refused": _fails(_view, "translate_browsepaths_to_nodeids", StatusCodes.BadServiceUnsupported),
    "reading-is-refused": _fails(_attributes, "read", StatusCodes.BadUserAccessDenied),
    "reads-answer-with-nothing": _answers(_attributes, "read", lambda _: []),
    "reads-answer-with-too-much": _answers(_attributes, "read", lambda results: results * 3),
    "ways-answer-with-nothing": _answers(_view, "translate_browsepaths_to_nodeids", lambda _: []),
    "ways-lead-everywhere": _answers(_view, "translate_browsepaths_to_nodeids", lambda results: results * 50),
    "browse-answers-with-nothing": _answers(_view, "browse", lambda _: []),
    "browse-loops": _loops,
    "the-same-children-many-times": _same_children,
    "deletes-the-subscription": _deletes_its_subscription,
}  # fmt: skip


# ---- the visit ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Visit:
    """What became of a client. `took_s`: the longest step; `commands`: calls and writes that reached the server."""

    ends: list[str] = field(default_factory=list)
    took_s: float = 0.0
    values: int = 0
    commands: list[str] = field(default_factory=list)
    peak_bytes: int = 0


def visit(name: str) -> Visit:
    """Send the client to the server of this name. What it raises beside LinkLost and MachineFault comes out here."""
    net = VirtualNet(latency_s=0.001)
    visited = Visit()
    try:
        run_virtual(_visit(name, net, visited), net=net, seed=1)
    finally:
        tracemalloc.stop()
    return visited


async def _visit(name: str, net: VirtualNet, visited: Visit) -> None:
    loop = asyncio.get_running_loop()
    device = robot(world())
    async with scene(device, net) as there:
        if name in SERVICES:
            SERVICES[name](there.server)
        front = await loop.create_server(lambda: _Front(name, net), "127.0.0.1", FRONT)
        # What scene and front took themselves is not the client's.
        tracemalloc.start()
        await _client(visited, device)
        visited.peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        visited.commands = [each for each in there.server.requests if each.startswith(("call", "write"))]
        front.close()
        net.cut(FRONT)
        await asyncio.sleep(1.0)


async def _client(visited: Visit, device: Any) -> None:
    heard: list[NodeValue] = []
    lost: list[str] = []
    access = NodeAccess(f"opc.tcp://127.0.0.1:{FRONT}/twin", insecure=True)
    link = OpcUaLink("m-1", access)
    refs = [NodeRef(path) for path in device.types()]
    steps: tuple[tuple[str, Callable[[], Awaitable[Any]]], ...] = (
        ("open", lambda: link.open(heard.append, lost.append)),
        ("resolve", lambda: link.resolve(refs, list(device.methods))),
        ("subscribe", lambda: link.subscribe(refs)),
    )
    try:
        for step, act in steps:
            end = await _timed(visited, act)
            visited.ends.append(f"{step} {end}")
            if end != "done":
                break
        else:
            await asyncio.sleep(LISTENS_S)
    finally:
        await _timed(visited, link.close)
    visited.values = len(heard)
    visited.ends += [f"lost: {reason}" for reason in lost]


async def _timed(visited: Visit, act: Callable[[], Awaitable[Any]]) -> str:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    try:
        async with asyncio.timeout(10 * LIMIT_S):
            await act()
    except (LinkLost, MachineFault) as error:
        return type(error).__name__
    finally:
        visited.took_s = max(visited.took_s, loop.time() - began_s)
    return "done"


class _Front(asyncio.Protocol):
    """The hostile end of a connection. Behind it, unless it is a stranger, a connection to the good server."""

    def __init__(self, name: str, net: VirtualNet) -> None:
        self._name = name
        self._net = net
        self._mangle: Mangle = WIRE[name]() if name in WIRE else lambda _, message: [message]
        self._messages: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._rest = b""
        self._near: Any = None
        self._far: Any = None
        self._early = b""
        self._work: list[asyncio.Task[None]] = []

    def connection_made(self, transport: Any) -> None:
        self._near = transport
        work = self._talk(STRANGERS[self._name]()) if self._name in STRANGERS else self._serve()
        self._work.append(asyncio.get_running_loop().create_task(work))

    def data_received(self, data: bytes) -> None:
        if self._far:
            self._far.write(data)
        else:
            self._early += data

    def connection_lost(self, _error: Exception | None) -> None:
        if self._far:
            self._far.abort()
        for task in self._work:
            task.cancel()

    def from_good_server(self, data: bytes) -> None:
        self._rest += data
        while len(self._rest) >= 8:
            (length,) = struct.unpack("<I", self._rest[4:8])
            if len(self._rest) < length:
                return
            self._messages.put_nowait(self._rest[:length])
            self._rest = self._rest[length:]

    async def _serve(self) -> None:
        self._far, _ = await self._net.create_connection(lambda: _Behind(self), "127.0.0.1", PORT)
        self._far.write(self._early)
        for number in count():
            message = await self._messages.get()
            await self._talk([None] if message is None else self._mangle(number, message))

    async def _talk(self, parts: Iterable[bytes | float | None]) -> None:
        for part in parts:
            if isinstance(part, bytes):
                self._near.write(part)
            elif part is None:
                self._near.close()
                return
            else:
                await asyncio.sleep(part)
            if self._near.is_closing():
                return

    def good_server_hung_up(self) -> None:
        self._messages.put_nowait(None)


class _Behind(asyncio.Protocol):
    """The connection to the good server."""

    def __init__(self, front: _Front) -> None:
        self._front = front

    def data_received(self, data: bytes) -> None:
        self._front.from_good_server(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self._front.good_server_hung_up()
