"""A real asyncua server on loopback with one of everything that the links must master; and the same plant in memory."""

import asyncio
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from asyncua import ua
from asyncua.common.node import Node
from asyncua.common.structures104 import new_enum, new_struct, new_struct_field
from asyncua.server.address_space import AttributeService
from asyncua.server.server import Server

from cellctl.links.node_ways import bounds
from cellctl.ports.nodes import NodePath

URI: Final = "urn:test:plant"
PLANT: Final[NodePath] = (f"{URI};Plant",)


def at(*names: str) -> NodePath:
    return (*PLANT, *(f"{URI};{name}" for name in names))


# name -> (type, value); the order is that of the address space
VARIABLES: Final[Mapping[str, tuple[str, Any]]] = {
    "Level": ("Int64", 1),
    "Small": ("Int16", 5),
    "Byte": ("Byte", 200),
    "Real": ("Float", 0.5),
    "On": ("Boolean", True),
    "Text": ("String", "abc"),
    "Label": ("LocalizedText", "Idle"),
    "Registers": ("Int16[]", [10, 11, 12, 13]),
    "Coils": ("Boolean[]", [False, True, False]),
    "Unknown": ("Double", None),
}


class RangedAttributes(AttributeService):
    """asyncua's server does not know IndexRange; this one does, for reads and writes."""

    def read(self, params: ua.ReadParameters) -> list[ua.DataValue]:
        values = super().read(params)
        return [_part(value, wanted.IndexRange) for value, wanted in zip(values, params.NodesToRead, strict=True)]

    async def write(self, params: ua.WriteParameters, **user: Any) -> list[ua.StatusCode]:
        for wanted in params.NodesToWrite:
            if wanted.IndexRange:
                low, high = bounds(wanted.IndexRange)
                now = self._aspace.read_attribute_value(wanted.NodeId, ua.AttributeIds.Value).Value
                whole = [*now.Value[:low], *wanted.Value.Value.Value, *now.Value[high + 1 :]]
                wanted.Value = ua.DataValue(ua.Variant(whole, now.VariantType, is_array=True))
        return await super().write(params, **user)


def _part(value: ua.DataValue, index: str | None) -> ua.DataValue:
    if not index or value.Value is None:
        return value
    low, high = bounds(index)
    return ua.DataValue(ua.Variant(value.Value.Value[low : high + 1], value.Value.VariantType, is_array=True))


@dataclass(slots=True)
class Plant:
    """A running server, its nodes, and what its methods were called with."""

    server: Server
    nodes: dict[str, Node] = field(default_factory=dict)
    called: list[tuple[Any, ...]] = field(default_factory=list)
    written: list[ua.DataValue] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def port(self) -> int:
        return int(self.server.bserver._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}/plant"

    async def show(self, name: str, value: Any) -> None:
        """Set a variable from the machine's side."""
        await self.nodes[name].write_value(_variant(VARIABLES[name][0], value))

    async def reset(self) -> None:
        self.called.clear()
        self.released.clear()
        for name, (_, value) in VARIABLES.items():
            if value is not None:
                await self.show(name, value)

    async def count(self, _parent: ua.NodeId, number: ua.Variant, flag: ua.Variant) -> list[ua.Variant]:
        self.called.append((number.Value, number.VariantType.name, flag.Value, flag.VariantType.name))
        return [ua.Variant(number.Value * 2, ua.VariantType.Int32)]

    async def refuse(self, _parent: ua.NodeId) -> ua.StatusCode:
        return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadInvalidState))

    async def hang(self, _parent: ua.NodeId) -> list[ua.Variant]:
        self.called.append(("Hang",))
        await self.released.wait()
        return []

    async def take(self, _parent: ua.NodeId, job: ua.Variant) -> list[ua.Variant]:
        self.called.append((job.Value,))
        return [job]


def _variant(type_name: str, value: Any) -> ua.Variant:
    kind = ua.VariantType[type_name.removesuffix("[]")]
    if value is None:
        return ua.Variant(None, ua.VariantType.Null)
    if kind is ua.VariantType.LocalizedText:
        value = ua.LocalizedText(value)
    return ua.Variant(value, kind, is_array=type_name.endswith("[]"))


def make_server() -> Server:
    server = Server()
    for session in (server.iserver, server.iserver.isession):
        session.attribute_service = RangedAttributes(server.iserver.aspace)
    server.disable_clock()
    return server


async def start_plant(*, secure: Path | None = None) -> Plant:
    """Start the plant's server on a free port; `secure`: a folder with server.der and server.pem."""
    server = make_server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0/plant")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    if secure is not None:
        await server.set_application_uri("urn:test:server")
        await server.load_certificate(str(secure / "server.der"))
        await server.load_private_key(str(secure / "server.pem"))
        server.set_security_policy(
            [
                ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
                ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
                ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
            ]
        )
    plant = Plant(server)
    await build(plant)
    await server.start()
    return plant


async def build(plant: Plant) -> None:
    server = plant.server
    for other in ("urn:test:first", "urn:test:second"):
        await server.register_namespace(other)
    index = await server.register_namespace(URI)
    root = await server.nodes.objects.add_object(ua.NodeId("Plant", index), ua.QualifiedName("Plant", index))
    for name, (type_name, value) in VARIABLES.items():
        variant = _variant(type_name, value)
        kind = ua.NodeId(ua.Int32(ua.VariantType[type_name.removesuffix("[]")].value))
        node = await root.add_variable(ua.NodeId(f"Plant.{name}", index), f"{index}:{name}", variant, datatype=kind)
        await node.set_writable()
        plant.nodes[name] = node
    await root.add_method(
        index, "Count", plant.count, [ua.VariantType.Int32, ua.VariantType.Boolean], [ua.VariantType.Int32]
    )
    await root.add_method(index, "Refuse", plant.refuse, [], [])
    await root.add_method(index, "Hang", plant.hang, [], [])
    await _add_types(plant, index, root)


async def _add_types(plant: Plant, index: int, root: Node) -> None:
    """A structure with an optional field and a list, an enumeration, and an object of a derived type."""
    server = plant.server
    mode = await new_enum(server, index, "Mode", ["Off", "Slow", "Fast"])
    job, [encoding] = await new_struct(
        server,
        index,
        "Job",
        [
            new_struct_field("Id", ua.VariantType.String),
            new_struct_field("Steps", ua.VariantType.Int32, array=True),
            new_struct_field("Note", ua.VariantType.String, optional=True),
        ],
    )
    # By hand, so that no class of this name comes into a table that all servers of a process share.
    body = struct.pack("<Ii2siii", 0, 2, b"J1", 2, 1, 2)
    value = ua.Variant(ua.ExtensionObject(encoding.nodeid, ua.ByteString(body)), ua.VariantType.ExtensionObject)
    plant.nodes["Job"] = await root.add_variable(
        ua.NodeId("Plant.Job", index), f"{index}:Job", value, datatype=job.nodeid
    )
    await plant.nodes["Job"].set_writable()
    plant.nodes["Mode"] = await root.add_variable(
        ua.NodeId("Plant.Mode", index), f"{index}:Mode", ua.Variant(1, ua.VariantType.Int32), datatype=mode.nodeid
    )
    take = ua.Argument(Name="Job", DataType=job.nodeid)
    await root.add_method(index, "Take", plant.take, [take], [take])
    base = await server.nodes.base_object_type.add_object_type(ua.NodeId("AxisType", index), f"{index}:AxisType")
    fine = await base.add_object_type(ua.NodeId("FineAxisType", index), f"{index}:FineAxisType")
    folder = await root.add_folder(index, "Axes")
    axis = await folder.add_object(ua.NodeId("Plant.Axes.A1", index), f"{index}:A1", objecttype=fine.nodeid)
    plant.nodes["Position"] = await axis.add_variable(
        ua.NodeId("Plant.Axes.A1.Position", index), f"{index}:Position", 1.5
    )


class MemoryPlant:
    """The same plant as a simulated machine (ports.nodes.NodeDevice)."""

    wakeup_s = None

    def __init__(self) -> None:
        self.called: list[tuple[Any, ...]] = []
        self._values = {at(name): value for name, (_, value) in VARIABLES.items()}
        self._types = {at(name): type_name for name, (type_name, _) in VARIABLES.items()}
        self._values[at("Axes", "A1", "Position")] = 1.5
        self._types[at("Axes", "A1", "Position")] = "Double"
        self._methods = {at("Count"), at("Refuse")}

    def values(self) -> dict[NodePath, Any]:
        return dict(self._values)

    def types(self) -> dict[NodePath, str]:
        return dict(self._types)

    def find(self, path: NodePath) -> NodePath | None:
        special = {
            (*PLANT, f"first:{URI};s=AxisType"): at("Axes", "A1"),
            (f"node:{URI};s=Plant.Axes.A1",): at("Axes", "A1"),
            (f"node:{URI};s=Plant",): PLANT,
            (f"node:{URI};s=Plant.Small",): at("Small"),
        }
        for way, meant in special.items():
            if path[: len(way)] == way:
                path = (*meant, *path[len(way) :])
        known = {*self._values, *self._methods, PLANT, at("Axes"), at("Axes", "A1")}
        return path if path in known else None

    def write(self, path: NodePath, value: Any, index: str, now_s: float) -> None:
        kind = self._types[path]
        if kind == "Int16" and not isinstance(value, int):
            raise ValueError(f"{value!r} is no {kind}")
        if index:
            low, high = bounds(index)
            part = value if ":" in index else [value]
            value = [*self._values[path][:low], *part, *self._values[path][high + 1 :]]
        self._values[path] = value

    def call(self, path: NodePath, arguments: Sequence[Any], now_s: float) -> tuple[Any, ...]:
        if path == at("Refuse"):
            raise ValueError("BadInvalidState")
        if path not in self._methods:
            raise KeyError(path)
        number, flag = arguments
        if not isinstance(number, int):
            raise ValueError("a number is wanted")
        self.called.append((number, "Int32", flag, "Boolean"))
        return (number * 2,)

    def advance(self, now_s: float) -> None:
        pass

    def show(self, name: str, value: Any) -> None:
        self._values[at(name)] = value
