"""A machine's shelf as nodes of an asyncua server."""

from collections.abc import Iterator
from typing import Any

from asyncua import ua
from asyncua.server.internal_server import InternalServer
from asyncua.ua.object_ids import ObjectIds

from cellctl_sim.opcua.encoding import Namespaces, definition
from cellctl_sim.opcua.shelf import ISA95, Method, NodePath, Shelf, Variable
from cellctl_sim.opcua.structures import STRUCTURES
from cellctl_sim.opcua.twin import NodeTwin

_READ = 1
_READ_AND_WRITE = 3


class Furnisher:
    """Puts everything that a machine shows into the address space of one server."""

    def __init__(self, machine: NodeTwin, inside: InternalServer, namespaces: Namespaces) -> None:
        self._shelf: Shelf = machine.shelf
        self._machine = machine
        self._inside = inside
        self._names = namespaces
        self._made: set[NodePath] = set()

    async def furnish(self) -> None:
        """Types, objects, variables, methods. Raises UaStatusCodeError for what asyncua refuses."""
        if any(variable.type.startswith("ISA95") for variable in self._shelf.variables.values()):
            await self._structures()
        items = [*self._types()]
        for variable in self._shelf.variables.values():
            items += [*self._way(variable.path[:-1]), self._variable(variable)]
        for method in self._shelf.methods.values():
            items += [*self._way(method.path[:-1]), *self._method(method)]
        for result in await self._inside.isession.add_nodes(items):
            result.StatusCode.check()

    async def _structures(self) -> None:
        """The data types, for clients that read what they are made of."""
        items = []
        for name, structure in STRUCTURES.items():
            attributes = ua.DataTypeAttributes()
            attributes.IsAbstract = False
            attributes.DataTypeDefinition = definition(name, self._names)  # type: ignore[attr-defined]
            attributes.SpecifiedAttributes |= ua.NodeAttributesMask.DataTypeDefinition
            node, encoding = (self._names.node_id(f"{ISA95};i={n}") for n in (structure.number, structure.encoding))
            items.append(self._item(node, f"{ISA95};{name}", ObjectIds.Structure, ua.NodeClass.DataType, attributes))
            binary = self._item(encoding, "Default Binary", node, ua.NodeClass.Object, ua.ObjectAttributes())
            binary.ReferenceTypeId = _id(ObjectIds.HasEncoding)
            binary.TypeDefinition = _id(ObjectIds.DataTypeEncodingType)
            items.append(binary)
        for result in await self._inside.isession.add_nodes(items):
            result.StatusCode.check()

    def _types(self) -> Iterator[ua.AddNodesItem]:
        """The types of objects. Of each only that it is one, not its members."""
        kinds = {
            kind: self._shelf.bases.get(kind, "")
            for kind in (*self._shelf.bases.values(), *self._shelf.objects.values())
        }
        for kind in dict.fromkeys(kinds):
            uri = kind.rpartition(";")[0]
            base = kinds.get(kind) or ""
            parent = self._names.node_id(base) if base else ObjectIds.BaseObjectType
            attributes = ua.ObjectTypeAttributes()
            yield self._item(
                self._names.node_id(kind), f"{uri};{kind[len(uri) + 1 :]}", parent, ua.NodeClass.ObjectType, attributes
            )

    def _way(self, path: NodePath) -> Iterator[ua.AddNodesItem]:
        """Objects on the way that are not there yet."""
        if not path or path in self._made or path in self._shelf.by_path:
            return
        yield from self._way(path[:-1])
        self._made.add(path)
        item = self._item(self.node_id(path), path[-1], self._parent(path), ua.NodeClass.Object, ua.ObjectAttributes())
        kind = self._shelf.objects.get(path)
        item.TypeDefinition = self._names.node_id(kind) if kind else _id(ObjectIds.BaseObjectType)
        yield item

    def _variable(self, variable: Variable) -> ua.AddNodesItem:
        path = variable.path
        value = self._machine.values()[path]
        attributes = ua.VariableAttributes()
        attributes.Value = self._names.variant(variable.type, value)
        attributes.DataType = self._names.data_type(variable.type)
        attributes.ValueRank = ua.ValueRank.OneDimension if variable.type.endswith("[]") else ua.ValueRank.Scalar
        access = _READ_AND_WRITE if variable.writable else _READ
        attributes.AccessLevel = attributes.UserAccessLevel = ua.Byte(access)
        item = self._item(self.node_id(path), path[-1], self._parent(path), ua.NodeClass.Variable, attributes)
        # A variable below a variable (CurrentState/Number) is its property.
        is_property = path[:-1] in self._shelf.by_path
        item.ReferenceTypeId = _id(ObjectIds.HasProperty if is_property else ObjectIds.HasComponent)
        item.TypeDefinition = _id(ObjectIds.PropertyType if is_property else ObjectIds.BaseDataVariableType)
        return item

    def _method(self, method: Method) -> Iterator[ua.AddNodesItem]:
        attributes = ua.MethodAttributes()
        attributes.Executable = attributes.UserExecutable = True
        node = self.node_id(method.path)
        yield self._item(node, method.path[-1], self._parent(method.path), ua.NodeClass.Method, attributes)
        for name, arguments in (("InputArguments", method.inputs), ("OutputArguments", method.outputs)):
            if arguments:
                yield self._arguments(node, name, arguments)

    def _arguments(self, method: ua.NodeId, name: str, arguments: tuple[tuple[str, str], ...]) -> ua.AddNodesItem:
        shown = []
        for argument, kind in arguments:
            made = ua.Argument()
            made.Name, made.DataType = argument, self._names.data_type(kind)
            made.ValueRank = ua.Int32(1 if kind.endswith("[]") else -1)
            shown.append(made)
        attributes = ua.VariableAttributes()
        attributes.Value = ua.Variant(shown, ua.VariantType.ExtensionObject, is_array=True)
        attributes.DataType = _id(ObjectIds.Argument)
        attributes.ValueRank = ua.ValueRank.OneDimension
        attributes.AccessLevel = attributes.UserAccessLevel = ua.Byte(_READ)
        node = ua.NodeId(ua.String(f"{method.Identifier!s}/{name}"), method.NamespaceIndex)
        item = self._item(node, name, method, ua.NodeClass.Variable, attributes)
        item.ReferenceTypeId, item.TypeDefinition = _id(ObjectIds.HasProperty), _id(ObjectIds.PropertyType)
        return item

    def node_id(self, path: NodePath) -> ua.NodeId:
        """The node id of a way."""
        return self._names.node_id(self._shelf.id_of(path))

    def _parent(self, path: NodePath) -> Any:
        return self.node_id(path[:-1]) if path[1:] else ObjectIds.ObjectsFolder

    def _item(self, node: ua.NodeId, name: str, parent: Any, kind: ua.NodeClass, attributes: Any) -> ua.AddNodesItem:
        item = ua.AddNodesItem()
        item.RequestedNewNodeId = node
        item.BrowseName = self._names.name(name)
        item.NodeClass = kind
        item.ParentNodeId = parent if isinstance(parent, ua.NodeId) else _id(parent)
        is_type = kind in (ua.NodeClass.ObjectType, ua.NodeClass.DataType)
        item.ReferenceTypeId = _id(ObjectIds.HasSubtype if is_type else ObjectIds.HasComponent)
        attributes.DisplayName = ua.LocalizedText(item.BrowseName.Name)
        item.NodeAttributes = attributes
        return item


def _id(number: int) -> ua.NodeId:
    return ua.NodeId(ua.Int32(number))
