"""Looking at a server without running anything: what it offers, what is in it, and which standards it follows."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaprotocol_auto import Argument

from cellctl.domain.errors import MachineFault
from cellctl.links.opcua import quiet
from cellctl.links.opcua_browse import NODE, OBJECTS, Batches, Finder, in_namespace_0, read_limits
from cellctl.links.opcua_errors import STACK_ERRORS, errors_as_ours
from cellctl.links.opcua_keys import Keys
from cellctl.links.opcua_security import admission, certificate_of, spell_endpoint
from cellctl.links.opcua_structures import Types
from cellctl.links.opcua_values import VT, Names, plain, spell_type
from cellctl.links.opcua_wire import BoundedClient
from cellctl.ports.nodes import NodeAccess, NodePath

_CLOSE_S: Final = 3.0
_SURVEY_S: Final = 120.0
_MOST_NODES: Final = 5_000
_EVERYWHERE: Final = {in_namespace_0(number) for number in (ObjectIds.Server, ObjectIds.Aliases, ObjectIds.Locations)}
_WRITABLE: Final = 1 << 1  # AccessLevel CurrentWrite


@dataclass(frozen=True, slots=True)
class Offer:
    """One endpoint: how it is protected, who may log in, and the certificate (DER) that the server shows there."""

    url: str
    security: str
    logins: tuple[str, ...]
    certificate: bytes


@dataclass(slots=True)
class Found:
    """One node of the tree. `path` leads to it by browse names; `kind` is Object, Variable, Method, or a type's."""

    path: NodePath
    node_id: str
    kind: str
    made_of: str = ""
    data_type: str = ""
    value: Any = None
    status: str = ""
    writable: bool = False
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    below: list["Found"] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its browse name."""
        return self.path[-1]


@dataclass(frozen=True, slots=True)
class About:
    """What a server says of itself."""

    build: dict[str, str]
    namespaces: tuple[str, ...]
    limits: Batches


async def offers(who: str, url: str, timeout_s: float = 4.0) -> list[Offer]:
    """The endpoints of a server, asked for without any protection. Raises LinkLost."""
    quiet()
    with errors_as_ours(who, f"ask {url} for its endpoints"):
        async with asyncio.timeout(3 * timeout_s):
            endpoints = await BoundedClient(url, timeout_s, timeout_s).connect_and_get_server_endpoints()
        return [
            Offer(str(each.EndpointUrl), spell_endpoint(each), _logins(each), certificate_of(each))
            for each in endpoints
        ]


def _logins(endpoint: ua.EndpointDescription) -> tuple[str, ...]:
    return tuple(ua.UserTokenType(token.TokenType).name.rstrip("_") for token in endpoint.UserIdentityTokens or ())


@contextlib.asynccontextmanager
async def surveying(who: str, access: NodeAccess, keys: Keys | None) -> AsyncIterator["Survey"]:
    """One session to look around in. Raises LinkLost or MachineFault, also from inside."""
    quiet()
    shown = admission(who, access, keys)
    client = BoundedClient(access.url, access.call_timeout_s, access.call_timeout_s + 2.0)
    client.name = client.description = "cellctl opcua"
    client.session_timeout = 15_000
    try:
        with errors_as_ours(who, f"look at {access.url}"):
            async with asyncio.timeout(_SURVEY_S):
                await shown.apply(client)
                await client.connect()
                names = Names([str(uri) for uri in await client.get_namespace_array()])
                yield Survey(who, client, names, await read_limits(client.session))
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await client.disconnect()
        client.disconnect_socket()


class Survey:
    """A look around in one session."""

    def __init__(self, who: str, client: BoundedClient, names: Names, limits: Batches) -> None:
        self._who = who
        self._names = names
        self._limits = limits
        self._finder = Finder(client.session, names, limits)
        self._types = Types(names, self._finder.definitions, self._finder.parents)

    async def about(self) -> About:
        """Who it is and what it can."""
        [value] = await self._finder.attributes(
            [in_namespace_0(ObjectIds.Server_ServerStatus_BuildInfo)], AttributeIds.Value
        )
        build = plain(value.Value.Value, self._names, lambda _: {}) if value.Value else {}
        return About({str(key): str(each) for key, each in (build or {}).items()}, self._names.uris, self._limits)

    async def tree(self, start: NodePath, depth: int) -> Found:
        """Everything below a way, so many levels deep; types and the Server object are left out."""
        [node] = await self._finder.find([start])
        if node is None:
            what = f"there is nothing at {' / '.join(start)}"
            raise MachineFault(self._who, what, do_next="Begin further up: cellctl opcua browse URL")
        root = Found(start or ("Objects",), self._names.spell_id(node), "Object")
        level = [(root, node)]
        total = 0
        for _ in range(depth):
            below = await self._finder.children([node for _, node in level])
            next_level: list[tuple[Found, ua.NodeId]] = []
            for (parent, _), references in zip(level, below, strict=True):
                fresh = [self._found(parent, start, each) for each in references if not _left_out(each)]
                parent.below = [found for found, _ in fresh]
                next_level += fresh
            total += len(next_level)
            level = next_level
            await self._describe(level)
            if total > _MOST_NODES or not level:
                break
        return root

    async def first(self, type_id: str, start: NodePath = ()) -> NodePath | None:
        """The way by browse names to the first object of a type; None where there is none."""
        [node] = await self._finder.find([(*start, f"first:{type_id}")])
        return await self._way_to(node) if node is not None else None

    async def _way_to(self, node: ua.NodeId) -> NodePath | None:
        """By going up from a node to Objects, along its first parents."""
        names: list[str] = []
        for _ in range(20):
            if node == OBJECTS:
                return tuple(reversed(names))
            [value] = await self._finder.attributes([node], AttributeIds.BrowseName)
            names.append(self._names.spell_name(value.Value.Value) if value.Value else "")
            [above] = await self._finder.above([node])
            if above is None:
                return None
            node = above
        return None

    def _found(self, parent: Found, start: NodePath, reference: ua.ReferenceDescription) -> tuple[Found, ua.NodeId]:
        name = self._names.spell_name(reference.BrowseName)
        way = () if parent.path == ("Objects",) and not start else parent.path
        kind = ua.NodeClass(reference.NodeClass).name
        made_of = self._names.spell_id(reference.TypeDefinition) if kind == "Object" else ""
        found = Found((*way, name), self._names.spell_id(reference.NodeId), kind, made_of)
        return found, reference.NodeId

    async def _describe(self, level: Sequence[tuple[Found, ua.NodeId]]) -> None:
        variables = [each for each in level if each[0].kind == "Variable"]
        nodes = [node for _, node in variables]
        kinds = await self._finder.attributes(nodes, AttributeIds.DataType)
        access = await self._finder.attributes(nodes, AttributeIds.UserAccessLevel)
        values = await self._finder.attributes(nodes, AttributeIds.Value)
        types = [value.Value.Value for value in kinds if value.Value]
        await self._types.learn(types)
        for (found, _), kind, level_of, value in zip(variables, kinds, access, values, strict=True):
            self._show(found, kind, value)
            found.writable = bool(level_of.Value and level_of.Value.Value & _WRITABLE)
        methods = [each for each in level if each[0].kind == "Method"]
        for (found, _), (inputs, outputs) in zip(methods, await self._signatures(methods), strict=True):
            found.inputs, found.outputs = inputs, outputs

    def _show(self, found: Found, data_type: ua.DataValue, value: ua.DataValue) -> None:
        found.status = value.StatusCode.name if value.StatusCode is not None else "Good"
        variant = value.Value
        kind = self._types.kind(data_type.Value.Value) if data_type.Value else None
        array = False
        if variant is not None and variant.Value is not None:
            kind, array = variant.VariantType, bool(variant.is_array)
            with contextlib.suppress(*STACK_ERRORS):
                found.value = plain(variant.Value, self._names, self._types.decode)
        found.data_type = spell_type(kind or VT.Variant, array=array)

    async def _signatures(
        self, methods: Sequence[tuple[Found, ua.NodeId]]
    ) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
        below = await self._finder.children([node for _, node in methods])
        signatures = []
        for references in below:
            nodes = {str(each.BrowseName.Name): each.NodeId for each in references}
            both = [await self._arguments(nodes.get(name)) for name in ("InputArguments", "OutputArguments")]
            signatures.append((both[0], both[1]))
        return signatures

    async def _arguments(self, node: ua.NodeId | None) -> tuple[str, ...]:
        if node is None:
            return ()
        [value] = await self._finder.attributes([node], AttributeIds.Value)
        arguments = [each for each in (value.Value.Value if value.Value else None) or () if isinstance(each, Argument)]
        await self._types.learn([each.DataType for each in arguments])
        return tuple(
            f"{each.Name}: {spell_type(self._types.kind(each.DataType) or VT.Variant, array=each.ValueRank >= 0)}"
            for each in arguments
        )


def _left_out(reference: ua.ReferenceDescription) -> bool:
    """What every server has below Objects, and arguments, which are told with their methods."""
    return reference.NodeId in _EVERYWHERE or reference.BrowseName.Name in ("InputArguments", "OutputArguments")


def start_of(text: str) -> NodePath:
    """What a person wrote as the place to begin: "" for Objects, a node id, or a way with slashes between its steps."""
    if not text:
        return ()
    if text.partition("=")[0].rpartition(";")[2] in ("i", "s", "g", "b"):
        return (f"{NODE}{text}",)
    return tuple(step.strip() for step in text.split(" / "))
