"""Plain values of twins as OPC UA variants of exactly the declared types, and back, for one server's namespaces."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua import ua_binary
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes

from cellctl_sim.opcua.structures import BASE, INSIDE, NAMESPACE, STRUCTURES

ENGLISH: Final = "en"


class Namespaces:
    """The namespace array of one server. Its indexes hold until the server starts anew."""

    def __init__(self, uris: Sequence[str]) -> None:
        self.uris = tuple(uris)

    def node_id(self, text: str) -> ua.NodeId:
        """The node id "uri;s=…" or "uri;i=…"."""
        uri, _, rest = text.rpartition(";")
        index = ua.Int16(self.uris.index(uri))
        if rest.startswith("i="):
            return ua.NodeId(ua.Int32(int(rest[2:])), index)
        return ua.NodeId(ua.String(rest[2:]), index)

    def name(self, step: str) -> ua.QualifiedName:
        """The browse name "uri;Name"; a bare one is in namespace 0."""
        uri, _, name = step.rpartition(";")
        return ua.QualifiedName(name, self.uris.index(uri) if uri else 0)

    def data_type(self, kind: str) -> ua.NodeId:
        """The node of a data type by name; of an array, that of its elements."""
        kind = kind.removesuffix("[]")
        if kind in STRUCTURES:
            return self.node_id(f"{NAMESPACE};i={STRUCTURES[kind].number}")
        return ua.NodeId(ua.Int32(BASE.get(kind) or getattr(ObjectIds, kind)))

    def variant(self, kind: str, value: Any) -> ua.Variant:
        """A value as a variant. What does not fit its type, as whatever it is: that is a fault being played."""
        single, is_array = kind.removesuffix("[]"), kind.endswith("[]")
        vtype = ua.VariantType.ExtensionObject if single in STRUCTURES else ua.VariantType[single]
        try:
            made = [self._made(single, each) for each in value] if is_array else self._made(single, value)
            return ua.Variant(made, vtype, is_array=is_array)
        except (TypeError, ValueError, AttributeError):
            return ua.Variant(value)

    def _made(self, kind: str, value: Any) -> Any:
        if kind == "LocalizedText":
            return ua.LocalizedText(value, ENGLISH)
        if kind == "NodeId":
            return self.node_id(value)
        if kind in STRUCTURES:
            return self.structure(kind, value)
        if isinstance(value, str) is not (kind == "String"):
            raise TypeError(kind)
        return value

    def structure(self, kind: str, value: Mapping[str, Any]) -> ua.ExtensionObject:
        """A dict as the structure of this name. No class is registered for it, so servers do not meet in asyncua."""
        encoding = self.node_id(f"{NAMESPACE};i={STRUCTURES[kind].encoding}")
        return ua.ExtensionObject(encoding, ua.ByteString(self._body(kind, value)))

    def plain(self, value: Any) -> Any:
        """What came over the wire, in plain Python: structures as dicts without what is not said."""
        if isinstance(value, ua.LocalizedText):
            return value.Text or ""
        if isinstance(value, ua.Variant):
            return self.plain(value.Value)
        if isinstance(value, list):
            return [self.plain(each) for each in value]
        if isinstance(value, ua.ExtensionObject) and self.kind_of(value):
            return self._read(self.kind_of(value), Buffer(bytes(value.Body or b"")))
        return value

    def kind_of(self, value: ua.ExtensionObject) -> str:
        """The name of a structure that has come; empty for an unknown one."""
        kinds = (kind for kind, each in STRUCTURES.items() if each.encoding == value.TypeId.Identifier)
        return next(kinds, "")

    def is_of(self, argument: ua.Variant, kind: str) -> bool:
        """Whether a variant has exactly the declared type; an empty array may come as nothing."""
        single, is_array = kind.removesuffix("[]"), kind.endswith("[]")
        if is_array and (argument.Value is None or argument.Value == []):
            return True
        if isinstance(argument.Value, list) is not is_array:
            return False
        if single not in STRUCTURES:
            return argument.VariantType is ua.VariantType[single]
        values = argument.Value if is_array else [argument.Value]
        return all(isinstance(each, ua.ExtensionObject) and self.kind_of(each) == single for each in values)

    def _body(self, kind: str, value: Mapping[str, Any]) -> bytes:
        fields = STRUCTURES[kind].members()
        said = [field for field in fields if not field.optional or value.get(field.name) is not None]
        optional = [field for field in fields if field.optional]
        mask = sum((field in said) << bit for bit, field in enumerate(optional))
        head = ua_binary.Primitives.UInt32.pack(mask) if optional else b""
        return head + b"".join(self._packed(field.kind, value.get(field.name)) for field in said)

    def _packed(self, kind: str, value: Any) -> bytes:
        if kind.endswith("[]"):
            length = ua_binary.Primitives.Int32.pack(len(value or ()))
            return length + b"".join(self._packed(kind[:-2], each) for each in value or ())
        if kind in STRUCTURES:
            return self._body(kind, value)
        if kind == "Variant":
            said = ua.Variant(value, ua.VariantType.Int32) if isinstance(value, int) else ua.Variant(value)
            return bytes(ua_binary.variant_to_binary(said))
        if kind in INSIDE:
            return bytes(ua_binary.struct_to_binary(value if value is not None else getattr(ua, kind)()))
        if kind == "LocalizedText":
            return bytes(ua_binary.struct_to_binary(ua.LocalizedText(value, ENGLISH)))
        return bytes(ua_binary.pack_uatype(ua.VariantType[_wire(kind)], value))

    def _read(self, kind: str, data: Buffer) -> dict[str, Any]:
        fields = STRUCTURES[kind].members()
        mask = ua_binary.Primitives.UInt32.unpack(data) if any(field.optional for field in fields) else 0
        found = {}
        for field in fields:
            there, mask = (mask & 1, mask >> 1) if field.optional else (1, mask)
            if there:
                found[field.name] = self._unpacked(field.kind, data)
        return found

    def _unpacked(self, kind: str, data: Buffer) -> Any:
        if kind.endswith("[]"):
            length = ua_binary.Primitives.Int32.unpack(data)
            return [self._unpacked(kind[:-2], data) for _ in range(length)]
        if kind in STRUCTURES:
            return self._read(kind, data)
        if kind == "Variant":
            return self.plain(ua_binary.variant_from_binary(data))
        if kind in INSIDE:
            return ua_binary.struct_from_binary(getattr(ua, kind), data)
        return self.plain(ua_binary.unpack_uatype(ua.VariantType[_wire(kind)], data))


def _wire(kind: str) -> str:
    return "String" if kind == "DecimalString" else kind


def status(name: str) -> ua.StatusCode:
    """The status code of this name."""
    return ua.StatusCode(ua.UInt32(getattr(StatusCodes, name)))


def definition(kind: str, namespaces: Namespaces) -> ua.StructureDefinition:
    """What DataTypeDefinition says of a structure."""
    structure, made, kinds = STRUCTURES[kind], ua.StructureDefinition(), ua.StructureType
    for member in structure.members():
        field = ua.StructureField()
        field.Name, field.IsOptional = member.name, member.optional
        field.DataType = namespaces.data_type(member.kind)
        is_array = member.kind.endswith("[]")
        field.ValueRank = ua.ValueRank.OneDimension if is_array else ua.ValueRank.Scalar
        field.ArrayDimensions = [ua.UInt32(0)] if is_array else []
        made.Fields.append(field)
    optional = any(member.optional for member in structure.members())
    made.StructureType = kinds.StructureWithOptionalFields if optional else kinds.Structure
    made.BaseDataType = ua.NodeId(ua.Int32(ObjectIds.Structure))
    made.DefaultEncodingId = namespaces.node_id(f"{NAMESPACE};i={structure.encoding}")
    return made
