"""The address space: nodes of our tables become asyncua's, with node ids by prefix instead of namespace index."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from asyncua import ua
from asyncua.server.address_space import AttributeValue
from asyncua.server.server import Server
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from cellctl.faces.opcua.structures import ENCODINGS
from cellctl.faces.opcua.types import MODELS
from cellctl.faces.opcua.types.table import (
    PREFIXES,
    Enumeration,
    Kind,
    Node,
    Rule,
    Structure,
    data_type_of,
    nodes_of,
)

# The prefix of the cell's own namespace, whose node ids are text.
OWN: Final = "own"
REFERENCES: Final[Mapping[str, int]] = {
    "Organizes": 35, "HasModellingRule": 37, "HasEncoding": 38, "HasTypeDefinition": 40, "GeneratesEvent": 41,
    "HasSubtype": 45, "HasProperty": 46, "HasComponent": 47, "HasNotifier": 48, "FromState": 51, "ToState": 52,
    "HasSubStateMachine": 117, "HasInterface": 17603, "HasAddIn": 17604,
}  # fmt: skip

# Optional attributes that say nothing here; thousands of them are megabytes.
_LEFT_OUT: Final = (
    ua.NodeAttributesMask.Description
    | ua.NodeAttributesMask.WriteMask
    | ua.NodeAttributesMask.UserWriteMask
    | ua.NodeAttributesMask.MinimumSamplingInterval
)


class Space:
    """Node ids and nodes of one server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._nodes = server.iserver.node_mgt_service
        self._index = {"ua": 0, OWN: 1}

    async def register(self) -> None:
        """Take the namespaces of the models into the server's array. Index 1 is the server's own."""
        for model in MODELS:
            self._index[model.prefix] = await self._server.register_namespace(PREFIXES[model.prefix])

    def id(self, reference: str) -> ua.NodeId:
        """The node id that "prefix:number", or "own:text", means in this server."""
        prefix, _, rest = reference.partition(":")
        return ua.NodeId(ua.String(rest) if prefix == OWN else ua.Int32(int(rest)), ua.Int16(self._index[prefix]))

    def name(self, name: str) -> ua.QualifiedName:
        """A browse name from "prefix:Name"."""
        prefix, _, rest = name.partition(":")
        return ua.QualifiedName(rest, ua.UInt16(self._index[prefix]))

    def encoding(self, data_type: str) -> ua.NodeId:
        """The node of a structure's binary encoding."""
        return self.id(ENCODINGS[data_type])

    def build_types(self) -> None:
        """Every node of every model; then the references between them."""
        for model in MODELS:
            nodes = nodes_of(model)
            for node in nodes:
                self.add(node, self.initial(node))
            for node in nodes:
                self._refer(node)
                if isinstance(node.source, Structure | Enumeration):
                    self._define(node)

    def add(self, node: Node, value: ua.Variant | None = None) -> ua.NodeId:
        """Make one node below its parent, which is there already."""
        item = ua.AddNodesItem()
        item.RequestedNewNodeId = made = self.id(node.id)
        item.BrowseName = self.name(node.name)
        item.ParentNodeId = self.id(node.parent)
        item.ReferenceTypeId = ua.NodeId(ua.Int32(REFERENCES[node.by]))
        item.NodeClass = ua.NodeClass(node.kind.value)
        if node.of:
            item.TypeDefinition = self.id(node.of)
        item.NodeAttributes = self._attributes(node, value)
        self._nodes.add_nodes([item])[0].StatusCode.check()
        return made

    def _attributes(self, node: Node, value: ua.Variant | None) -> Any:
        attributes: Any
        match node.kind:
            case Kind.OBJECT:
                attributes = ua.ObjectAttributes()
            case Kind.METHOD:
                attributes = ua.MethodAttributes()
                attributes.Executable = attributes.UserExecutable = True
            case Kind.OBJECT_TYPE:
                attributes = ua.ObjectTypeAttributes()
                attributes.IsAbstract = node.abstract
            case Kind.DATA_TYPE:
                attributes = ua.DataTypeAttributes()
                attributes.IsAbstract = node.abstract
            case Kind.VARIABLE:
                attributes = ua.VariableAttributes()
                attributes.Value = value or ua.Variant(None, ua.VariantType.Null)
                attributes.DataType = self.id(node.data_type)
                attributes.ValueRank = node.rank
                attributes.ArrayDimensions = [ua.UInt32(0)] if node.rank == 1 else None
        attributes.SpecifiedAttributes &= ~_LEFT_OUT
        attributes.DisplayName = ua.LocalizedText(self.name(node.name).Name)
        return attributes

    def _refer(self, node: Node) -> None:
        ways = list(node.references)
        if node.rule is not Rule.NONE:
            ways.append(("HasModellingRule", f"ua:{node.rule.value}"))
        self.refer(node.id, ways)

    def refer(self, source: str, ways: Iterable[tuple[str, str]]) -> None:
        """References from a node, as (type, target), in both directions."""
        for kind, target in ways:
            here, there = self.id(source), self.id(target)
            for start, end, forward in ((here, there, True), (there, here, False)):
                item = ua.AddReferencesItem()
                item.SourceNodeId, item.TargetNodeId, item.IsForward = start, end, forward
                item.ReferenceTypeId = ua.NodeId(ua.Int32(REFERENCES[kind]))
                item.TargetNodeClass = ua.NodeClass.Unspecified
                self._nodes.add_references([item])[0].check()

    def _define(self, node: Node) -> None:
        """DataTypeDefinition, which generic clients decode by."""
        prefix = node.id.partition(":")[0]
        definition: Any
        if isinstance(node.source, Enumeration):
            definition = ua.EnumDefinition()
            definition.Fields = [
                ua.EnumField(ua.Int64(value), ua.LocalizedText(name), Name=name)
                for value, name in node.source.values.items()
            ]
        else:
            definition = ua.StructureDefinition()
            definition.DefaultEncodingId = self.id(f"{prefix}:{node.source.encoding}")
            definition.BaseDataType = self.id("ua:22")
            definition.Fields = [self._field(each, prefix) for each in node.source.fields]
            optional = any(each.optional for each in node.source.fields)
            kinds = ua.StructureType
            definition.StructureType = kinds.StructureWithOptionalFields if optional else kinds.Structure
        written = ua.DataValue(ua.Variant(definition, ua.VariantType.ExtensionObject))
        data = self._server.iserver.aspace[self.id(node.id)]
        data.attributes[AttributeIds.DataTypeDefinition] = AttributeValue(written)

    def initial(self, node: Node) -> ua.Variant | None:
        """The value that a variable has from the beginning, by the table."""
        if node.value is None:
            return None
        match node.data_type:
            case "ua:296":
                return arguments(self, node.value)
            case "ua:7594":
                values = [
                    ua.EnumValueType(ua.Int64(number), ua.LocalizedText(name)) for number, name in node.value.items()
                ]
                return ua.Variant(values, ua.VariantType.ExtensionObject)
            case "ua:20":
                return ua.Variant(self.name(node.value), ua.VariantType.QualifiedName)
            case "ua:13":
                return ua.Variant(datetime.fromisoformat(node.value), ua.VariantType.DateTime)
            case data_type:
                return ua.Variant(node.value, ua.VariantType(int(data_type.partition(":")[2])))

    def limit(self, numbers: Mapping[str, int]) -> None:
        """Tell clients the limits of requests, by the names of the standard's OperationLimits."""
        for name, most in numbers.items():
            number = getattr(ObjectIds, f"Server_ServerCapabilities_OperationLimits_{name}")
            data = self._server.iserver.aspace[self.id(f"ua:{number}")]
            written = ua.DataValue(ua.Variant(most, ua.VariantType.UInt32))
            data.attributes[AttributeIds.Value] = AttributeValue(written)

    def emits_events(self, reference: str) -> None:
        """Clients may listen for events at this object."""
        data = self._server.iserver.aspace[self.id(reference)]
        written = ua.DataValue(ua.Variant(ua.Byte(1), ua.VariantType.Byte))
        data.attributes[AttributeIds.EventNotifier] = AttributeValue(written)

    def _field(self, each: Any, prefix: str) -> ua.StructureField:
        field = ua.StructureField()
        field.Name, field.IsOptional, field.ValueRank = each.name, each.optional, each.rank
        field.DataType = self.id(data_type_of(each.data_type, prefix))
        field.ArrayDimensions = [ua.UInt32(0)] if each.rank == 1 else []
        return field


def arguments(space: Space, wanted: Sequence[tuple[str, str, int]]) -> ua.Variant:
    """The value of InputArguments or OutputArguments."""
    made = []
    for name, data_type, rank in wanted:
        argument = ua.Argument(Name=name, DataType=space.id(data_type), ValueRank=ua.Int32(rank))
        argument.ArrayDimensions = [ua.UInt32(0)] if rank == 1 else []
        made.append(argument)
    return ua.Variant(made, ua.VariantType.ExtensionObject)
