"""Plain values of twins as OPC UA variants of exactly the declared types, and back, for one server's namespaces."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes

from cellctl_sim.opcua.structures import BASE, NAMESPACE, STRUCTURES, Structure

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

    def structure(self, kind: str, value: Mapping[str, Any]) -> Any:
        """A dict as the structure of this name, which asyncua has a class for by now."""
        made = getattr(ua, kind)()
        for each in dataclasses.fields(made):
            if each.name == "Encoding" or value.get(each.name) is None:
                continue
            field = _field(STRUCTURES[kind], each.name)
            setattr(made, each.name, self._field(field, value[each.name]))
        return made

    def _field(self, kind: str, value: Any) -> Any:
        if kind == "Variant":
            return ua.Variant(value, ua.VariantType.Int32) if isinstance(value, int) else ua.Variant(value)
        if kind.endswith("[]"):
            return [self._field(kind[:-2], each) for each in value]
        if kind in STRUCTURES:
            return self.structure(kind, value)
        return ua.LocalizedText(value, ENGLISH) if kind == "LocalizedText" else value


def plain(value: Any) -> Any:
    """What came over the wire, in plain Python: structures as dicts without what is not said."""
    if isinstance(value, ua.LocalizedText):
        return value.Text or ""
    if isinstance(value, ua.Variant):
        return plain(value.Value)
    if isinstance(value, list):
        return [plain(each) for each in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {each.name: getattr(value, each.name) for each in dataclasses.fields(value) if each.name != "Encoding"}
        return {name: plain(each) for name, each in fields.items() if each is not None}
    return value


def is_of(argument: ua.Variant, kind: str) -> bool:
    """Whether a variant has exactly the declared type; an empty array may come as nothing."""
    single, is_array = kind.removesuffix("[]"), kind.endswith("[]")
    if is_array and (argument.Value is None or argument.Value == []):
        return True
    name = "ExtensionObject" if single in STRUCTURES else single
    if single in STRUCTURES and type(argument.Value).__name__ != single and not is_array:
        return False
    return argument.VariantType is ua.VariantType[name] and isinstance(argument.Value, list) is is_array


def status(name: str) -> ua.StatusCode:
    """The status code of this name."""
    return ua.StatusCode(ua.UInt32(getattr(StatusCodes, name)))


def definition(kind: str, namespaces: Namespaces) -> ua.StructureDefinition:
    """What DataTypeDefinition says of a structure."""
    structure, made = STRUCTURES[kind], ua.StructureDefinition()
    fields = [each.split(": ") for each in structure.fields.split(", ")]
    for name, text in fields:
        field = ua.StructureField()
        field.Name, field.IsOptional = name, text.endswith("?")
        field.DataType = namespaces.data_type(text.removesuffix("?"))
        field.ValueRank = ua.ValueRank.OneDimension if "[]" in text else ua.ValueRank.Scalar
        field.ArrayDimensions = [ua.UInt32(0)] if "[]" in text else []
        made.Fields.append(field)
    optional = any(text.endswith("?") for _, text in fields)
    kinds = ua.StructureType
    made.StructureType = kinds.StructureWithOptionalFields if optional else kinds.Structure
    made.BaseDataType = ua.NodeId(ua.Int32(ObjectIds.Structure))
    made.DefaultEncodingId = namespaces.node_id(f"{NAMESPACE};i={structure.encoding}")
    return made


def _field(structure: Structure, name: str) -> str:
    pairs = (each.split(": ") for each in structure.fields.split(", "))
    return next(kind.removesuffix("?") for each, kind in pairs if each == name)
