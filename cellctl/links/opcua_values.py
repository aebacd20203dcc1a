"""Between OPC UA's values and plain Python, both ways, in exactly the type that the server has declared."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from asyncua import ua
from asyncua.ua.ua_binary import variant_to_binary
from asyncua.ua.uaerrors._base import UaError
from asyncua.ua.uatypes import VariantTypeCustom

from cellctl.ports.nodes import Quality

VT = ua.VariantType
AS_THEY_ARE: Final = frozenset({bool, int, float, str, bytes, datetime})
_BASES: Final[tuple[Any, ...]] = (int, float, str, bytes)  # of asyncua's own number types
_WHOLE: Final = frozenset({VT.SByte, VT.Byte, VT.Int16, VT.UInt16, VT.Int32, VT.UInt32, VT.Int64, VT.UInt64})
_INFERRED: Final = {bool: VT.Boolean, int: VT.Int64, float: VT.Double, str: VT.String, bytes: VT.ByteString}
_QUALITIES: Final = (Quality.GOOD, Quality.UNCERTAIN, Quality.BAD, Quality.BAD)  # by the two highest bits

Decode = Callable[[ua.ExtensionObject], Any]


class Unfit(ValueError):
    """A value that a type does not take; nothing has been sent."""


class Names:
    """The namespaces of one session: indexes into URIs and back."""

    def __init__(self, uris: Sequence[str]) -> None:
        self.uris = tuple(uris)

    def index(self, uri: str) -> int:
        """Raises Unfit for a namespace that the server does not have."""
        try:
            return self.uris.index(uri) if uri else 0
        except ValueError:
            raise Unfit(f"namespace {uri}") from None

    def qualified(self, step: str) -> ua.QualifiedName:
        """The browse name "uri;Name". Raises Unfit."""
        uri, _, name = step.rpartition(";")
        return ua.QualifiedName(name, ua.UInt16(self.index(uri)))

    def node_id(self, text: str) -> ua.NodeId:
        """The node id "uri;s=A.B", "i=85" in namespace 0. Raises Unfit."""
        first, _, rest = text.partition(";")
        uri, ident = (first, rest) if rest else ("", text)
        try:
            return ua.NodeId.from_string(f"ns={self.index(uri)};{ident}")
        except UaError:
            raise Unfit(f"node id {text}") from None

    def spell_id(self, node: ua.NodeId) -> str:
        """A node id with its namespace's URI."""
        text = node.to_string().rpartition(";")[2] if not isinstance(node.Identifier, str) else f"s={node.Identifier}"
        return f"{self._uri(node.NamespaceIndex)};{text}" if node.NamespaceIndex else text

    def spell_name(self, name: ua.QualifiedName) -> str:
        """A browse name with its namespace's URI."""
        text = str(name.Name)
        return f"{self._uri(name.NamespaceIndex)};{text}" if name.NamespaceIndex else text

    def _uri(self, index: int) -> str:
        return self.uris[index] if index < len(self.uris) else f"namespace-{index}"


def quality_of(code: int) -> Quality:
    """What a StatusCode says about its value."""
    return _QUALITIES[code >> 30]


def plain(value: Any, names: Names, decode: Decode) -> Any:
    """A value from a server in plain Python; see ports.nodes.NodeValue. Raises UaError for a structure unknown."""
    if type(value) in AS_THEY_ARE or value is None:
        return value
    match value:
        case list() | tuple():
            return [plain(each, names, decode) for each in value]
        case ua.LocalizedText():
            return value.Text or ""
        case ua.QualifiedName():
            return names.spell_name(value)
        case ua.NodeId():
            return names.spell_id(value)
        case ua.StatusCode():
            return value.name
        case ua.Variant() | ua.DataValue():
            return plain(value.Value, names, decode)
        case Enum():
            return value.value
        case uuid.UUID():
            return str(value)
        case ua.ExtensionObject():
            return decode(value)
    if is_dataclass(value):
        named = ((field.name, getattr(value, field.name)) for field in fields(value) if field.name != "Encoding")
        return {name: plain(each, names, decode) for name, each in named}
    for base in _BASES:
        if isinstance(value, base):
            return base(value)
    raise UaError(f"a value of type {type(value).__name__} has no plain form")


def plain_variant(variant: ua.Variant, names: Names, decode: Decode) -> Any:
    """A variant's value; a null text is an empty one."""
    if variant.Value is None and variant.VariantType in (VT.String, VT.LocalizedText):
        return ""
    return plain(variant.Value, names, decode)


def inferred(value: Any) -> ua.Variant:
    """A variant of the type that a value most likely means, where no type is declared. Raises Unfit."""
    one = value[0] if isinstance(value, list | tuple) and value else value
    kind = _INFERRED.get(type(one))
    if kind is None:
        raise Unfit(f"{value!r} has no type by itself")
    return variant(value, kind, Names(()), _no_structure)


def variant(value: Any, kind: Any, names: Names, encode: Callable[[Mapping[str, Any]], Any]) -> ua.Variant:
    """Exactly this type with this value; a list is an array. Raises Unfit."""
    if isinstance(value, list | tuple):
        made = ua.Variant([_exact(each, kind, names, encode) for each in value], kind, is_array=True)
    else:
        made = ua.Variant(_exact(value, kind, names, encode), kind)
    try:
        variant_to_binary(made)
    except (UaError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError) as unfit:
        raise Unfit(f"{value!r} is no {kind.name}") from unfit
    return made


def _exact(value: Any, kind: Any, names: Names, encode: Callable[[Mapping[str, Any]], Any]) -> Any:
    if kind in _WHOLE:
        return _checked(value, isinstance(value, int) and not isinstance(value, bool), kind)
    if kind is VT.Boolean:
        return _checked(value, isinstance(value, bool), kind)
    if kind in (VT.Double, VT.Float):
        return float(_checked(value, isinstance(value, int | float) and not isinstance(value, bool), kind))
    if kind in (VT.String, VT.XmlElement):
        return _checked(value, isinstance(value, str), kind)
    if kind is VT.ExtensionObject:
        return encode(_checked(value, isinstance(value, Mapping), kind))
    return _made_from_text(value, kind, names)


def _made_from_text(value: Any, kind: Any, names: Names) -> Any:
    """Types that have a plain form of another kind. Raises Unfit."""
    try:
        match kind:
            case VT.LocalizedText if isinstance(value, str):
                return ua.LocalizedText(value)
            case VT.QualifiedName if isinstance(value, str):
                return names.qualified(value)
            case VT.NodeId | VT.ExpandedNodeId if isinstance(value, str):
                return names.node_id(value)
            case VT.DateTime if isinstance(value, str):
                return datetime.fromisoformat(value).astimezone(UTC)
            case VT.Guid if isinstance(value, str):
                return uuid.UUID(value)
            case VT.Variant:
                return inferred(value)
    except ValueError as unfit:
        raise Unfit(f"{value!r} is no {kind.name}") from unfit
    return value


def _checked(value: Any, fits: bool, kind: Any) -> Any:
    if not fits:
        raise Unfit(f"{value!r} is no {kind.name}")
    return value


def _no_structure(_value: Mapping[str, Any]) -> Any:
    raise Unfit("a structure has no type by itself")


def spell_type(kind: Any, *, array: bool) -> str:
    """The name of a type: "Int16", "Boolean[]"."""
    name = f"VariantType{kind.value}" if isinstance(kind, VariantTypeCustom) else kind.name
    return f"{name}[]" if array else str(name)
