"""One run of an asyncua server that shows a machine, with one numbering of the namespaces."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from asyncua import ua
from asyncua.server.server import Server
from asyncua.ua.attribute_ids import AttributeIds
from cryptography.x509 import SubjectAlternativeName, UniformResourceIdentifier, load_der_x509_certificate

from cellctl_sim.opcua.encoding import Namespaces, status
from cellctl_sim.opcua.rooms import Furnisher
from cellctl_sim.opcua.shelf import Method, NodePath
from cellctl_sim.opcua.stack import Inside, Porter
from cellctl_sim.opcua.twin import NodeTwin

# A controller that has something else in its namespace array than the one before.
_STRANGERS: Final = ("urn:vendor:diagnosis", "urn:vendor:fieldbus", "urn:vendor:options")


@dataclass(frozen=True, slots=True)
class Papers:
    """The server's certificate (DER) and key (PEM), and another pair for the fault of that name. Without papers: no
    security. With `users` (name: password) nobody else is let in.
    """

    certificate: Path
    key: Path
    other_certificate: Path | None = None
    other_key: Path | None = None
    users: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Shown:
    """What clients see: each value with its status, and the last one that could be used, which uncertain ones show."""

    now: dict[NodePath, tuple[Any, str]] = field(default_factory=dict)
    usable: dict[NodePath, Any] = field(default_factory=dict)
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)


class Desk:
    """Where clients of one machine are served. `now_s` is machine time."""

    def __init__(self, device: NodeTwin, now_s: Callable[[], float], porter: Porter) -> None:
        self.is_open = False
        self._device = device
        self._now_s = now_s
        self._inside = Inside(porter)
        self._server = Server(iserver=self._inside)
        self._names = Namespaces(())
        self._ways: dict[ua.NodeId, NodePath] = {}
        self._shown = _Shown()

    @property
    def sessions(self) -> int:
        """How many sessions there are."""
        return self._inside.sessions

    async def open(self, url: str, shift: int, papers: Papers | None) -> None:
        """Build everything and listen; namespaces are renumbered by `shift`. Raises OSError."""
        server = self._server
        await server.init()
        server.set_endpoint(url)
        server.set_server_name(f"simulated {self._device.name}")
        self._names = await self._register(shift)
        await Furnisher(self._device, self._inside, self._names).furnish()
        self._ways = {self._node(path): path for path in (*self._device.shelf.by_path, *self._device.methods)}
        if papers:
            await self._show_papers(papers)
        secure, unsecured = ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt, ua.SecurityPolicyType.NoSecurity
        server.set_security_policy([secure if papers else unsecured])
        await self.show()
        await server.start()
        self.is_open = True

    async def _show_papers(self, papers: Papers) -> None:
        # Read here: asyncua would do it in a thread.
        certificate = papers.certificate.read_bytes()
        await self._server.load_certificate(certificate, "der")
        await self._server.load_private_key(papers.key.read_bytes(), format="pem")
        names = load_der_x509_certificate(certificate).extensions.get_extension_for_class(SubjectAlternativeName).value
        await self._server.set_application_uri(names.get_values_for_type(UniformResourceIdentifier)[0])
        self._inside.let_in_only(papers.users)

    async def close(self) -> None:
        """Hang up and stop listening."""
        if self.is_open:
            self.is_open = False
            self.hang_up()
            await self._inside.end_sessions()
            await self._server.stop()

    def hang_up(self) -> None:
        """Cut every connection."""
        for transport in tuple(self._inside.asyncio_transports):
            transport.abort()

    async def show(self) -> None:
        """Write every value that has changed, in one order."""
        async with self._shown.one_at_a_time:
            statuses = self._device.statuses()
            for path, value in self._device.values().items():
                now = (value, statuses.get(path, "Good"))
                if self._shown.now.get(path) != now:
                    self._shown.now[path] = now
                    await self._server.write_attribute_value(self._node(path), self._data(path, *now))

    def call(self, request: ua.CallMethodRequest) -> ua.CallMethodResult:
        """asyncua checks neither the number of arguments nor their types, so it is done here."""
        result, path = ua.CallMethodResult(), self._ways.get(request.MethodId)
        method = next((each for each in self._device.shelf.methods.values() if each.path == path), None)
        given = request.InputArguments or []
        kinds = [kind for _, kind in method.inputs] if method else []
        if method is None or request.ObjectId != self._node(method.path[:-1]):
            result.StatusCode = status("BadMethodInvalid")
        elif len(given) != len(kinds) or not all(map(self._names.is_of, given, kinds)):
            result.StatusCode = status("BadInvalidArgument")
        else:
            self._called(result, method, given)
        return result

    def write(self, request: ua.WriteValue) -> ua.StatusCode:
        """Write a variable, or elements of one: of exactly its type, and without timestamps, as PLCs want it."""
        shelf, value, path = self._device.shelf, request.Value, self._ways.get(request.NodeId)
        if path not in shelf.by_path or path is None or request.AttributeId != AttributeIds.Value:
            return status("BadNodeIdUnknown" if path is None else "BadNotWritable")
        kind, index = shelf.variables[shelf.by_path[path]].type, request.IndexRange or ""
        if value.SourceTimestamp or value.ServerTimestamp:
            return status("BadWriteNotSupported")
        # One element may come as itself, or as an array of one.
        kinds = [kind, kind.removesuffix("[]")] if index else [kind]
        if value.Value is None or not any(self._names.is_of(value.Value, each) for each in kinds):
            return status("BadTypeMismatch")
        try:
            self._device.write(path, self._names.plain(value.Value.Value), index, self._now_s())
        except ValueError as refused:
            return status(str(refused) if str(refused).startswith("Bad") else "BadOutOfRange")
        return ua.StatusCode()

    def name_of(self, node: ua.NodeId) -> str:
        """The browse name of a node of the machine; empty for another's."""
        return self._ways.get(node, ("",))[-1].rpartition(";")[2]

    def _called(self, result: ua.CallMethodResult, method: Method, given: list[ua.Variant]) -> None:
        # An array of nothing comes as nothing.
        pairs = zip(given, method.inputs, strict=True)
        arguments = [
            [] if kind.endswith("[]") and not each.Value else self._names.plain(each) for each, (_, kind) in pairs
        ]
        try:
            answers = self._device.call(method.path, arguments, self._now_s())
        except ValueError:
            result.StatusCode = status("BadInvalidArgument")
            return
        outputs = zip(answers, method.outputs, strict=True)
        result.OutputArguments = [self._names.variant(kind, answer) for answer, (_, kind) in outputs]
        result.InputArgumentResults = [ua.StatusCode() for _ in given]

    def _data(self, path: NodePath, value: Any, quality: str) -> ua.DataValue:
        if quality.startswith("Bad"):
            return ua.DataValue(StatusCode=status(quality))
        shelf = self._device.shelf
        if value is None:
            value = self._shown.usable.get(path)
        self._shown.usable[path] = value
        variant = self._names.variant(shelf.variables[shelf.by_path[path]].type, value)
        return ua.DataValue(variant, StatusCode=status(quality))

    def _node(self, path: NodePath) -> ua.NodeId:
        return self._names.node_id(self._device.shelf.id_of(path))

    async def _register(self, shift: int) -> Namespaces:
        """Namespaces in an order of this run's own: so many strangers first, and the rest turned."""
        shelf = self._device.shelf
        steps = [step for way in shelf.ways for step in way] + [shelf.id_of(way) for way in shelf.ways]
        uris = sorted({step.rpartition(";")[0] for step in (*steps, *shelf.objects.values(), *shelf.bases)} - {""})
        first = shift % len(uris)
        for uri in (*_STRANGERS[: shift % (len(_STRANGERS) + 1)], *uris[first:], *uris[:first]):
            await self._server.register_namespace(uri)
        return Namespaces(await self._server.get_namespace_array())
