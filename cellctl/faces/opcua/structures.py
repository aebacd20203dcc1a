"""The structures of the table as Python classes, and as bytes.

They are not registered with asyncua: its registry is one for the whole process and goes by namespace index, so the
structures of a machine's server would shadow ours. What goes out is packed here; what comes in is unpacked here.
"""

from collections.abc import Mapping
from dataclasses import field, make_dataclass
from typing import Any, Final, Optional

from asyncua import ua
from asyncua.common.utils import Buffer, NotEnoughData
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary
from asyncua.ua.uaerrors import UaError

from cellctl.faces.opcua.types import MODELS
from cellctl.faces.opcua.types.table import BUILT_IN, Field, Structure

_NAMES: Final = {f"ua:{number}": name for name, number in BUILT_IN.items()}


class Malformed(ValueError):
    """The bytes are not the structure that they claim to be."""


def _classes() -> dict[str, type[Any]]:
    made: dict[str, type[Any]] = {}
    for model in MODELS:
        for each in model.types:
            if isinstance(each, Structure):
                made[f"{model.prefix}:{each.number}"] = _class(each, model.prefix, made)
    return made


def _class(each: Structure, prefix: str, made: Mapping[str, type[Any]]) -> type[Any]:
    """A dataclass as asyncua's coder wants it: the hints say types, optional fields are Optional."""
    itself = f"{prefix}:{each.number}"
    members: list[tuple[str, Any, Any]] = []
    if any(one.optional for one in each.fields):
        members.append(("Encoding", ua.UInt32, field(default=0, repr=False, compare=False)))
    members += [(one.name, Any, _default(one)) for one in each.fields]
    cls: type[Any] = make_dataclass(each.name, members)
    known = {**made, itself: cls}
    cls.__annotations__.update({one.name: _hint(one, prefix, known) for one in each.fields})
    return cls


def _default(one: Field) -> Any:
    return field(default_factory=list) if one.rank == 1 and not one.optional else None


def _hint(one: Field, prefix: str, known: Mapping[str, type[Any]]) -> Any:
    name = one.data_type
    kind = getattr(ua, name) if name in BUILT_IN else known[name if ":" in name else f"{prefix}:{name}"]
    hint = list[kind] if one.rank == 1 else kind  # type: ignore[valid-type]
    return Optional[hint] if one.optional else hint  # noqa: UP045 - what asyncua's coder looks for


CLASSES: Final = _classes()
ENCODINGS: Final[Mapping[str, str]] = {
    f"{model.prefix}:{each.number}": f"{model.prefix}:{each.encoding}"
    for model in MODELS
    for each in model.types
    if isinstance(each, Structure)
}


def pack(value: Any, encoding: ua.NodeId) -> ua.ExtensionObject:
    """A structure as it goes out, encoded once for whoever will read it."""
    return ua.ExtensionObject(TypeId=encoding, Body=ua.ByteString(struct_to_binary(value)))


def unpack(data_type: str, sent: Any, encoding: ua.NodeId) -> Any:
    """The structure of this data type that a client has sent. Raises Malformed."""
    if not isinstance(sent, ua.ExtensionObject) or sent.TypeId != encoding or sent.Body is None:
        raise Malformed(f"expected {CLASSES[data_type].__name__}")
    try:
        return struct_from_binary(CLASSES[data_type], Buffer(sent.Body))
    except (NotEnoughData, UaError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as wrong:
        raise Malformed(f"{CLASSES[data_type].__name__}: {wrong}") from None
