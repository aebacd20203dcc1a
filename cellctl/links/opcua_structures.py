"""Data types that a server brings of its own: which built-in type they rest on, and how structures are spelled.

Structures are read by their definitions (attribute DataTypeDefinition), for one session only, and become dicts. Nothing
a server says becomes code or a class, as it would in asyncua.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.object_ids import ObjectIdNames
from asyncua.ua.ua_binary import Primitives, pack_uatype, struct_from_binary, unpack_uatype, unpack_uatype_array
from asyncua.ua.uaerrors._base import UaError

from cellctl.links.opcua_values import VT, Names, Unfit, inferred, plain, plain_variant, variant
from cellctl.links.opcua_wire import BoundedBuffer

_MOST_TYPES: Final = 500
_MOST_STEPS: Final = 12  # of a type up to a built-in one, and of structures into each other
_HIGHEST_BUILT_IN: Final = 25
_ABSTRACT: Final = {24: VT.Variant, 22: VT.ExtensionObject, 29: VT.Int32}  # BaseDataType, Structure, Enumeration


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a structure."""

    name: str
    data_type: ua.NodeId
    array: bool
    optional: bool


@dataclass(frozen=True, slots=True)
class Structure:
    """How a structure is encoded."""

    encoding: ua.NodeId
    fields: tuple[Field, ...]
    union: bool


ReadDefinitions = Callable[[Sequence[ua.NodeId]], Awaitable[list[Any]]]
Parents = Callable[[Sequence[ua.NodeId]], Awaitable[list[ua.NodeId | None]]]


class Types:
    """What is known of the data types of one session."""

    def __init__(self, names: Names, read: ReadDefinitions, parents: Parents) -> None:
        self._names = names
        self._read = read
        self._parents = parents
        self._kinds: dict[ua.NodeId, Any] = {}
        self._structures: dict[ua.NodeId, Structure] = {}
        self._encodings: dict[ua.NodeId, Structure] = {}

    def kind(self, data_type: ua.NodeId) -> Any:
        """The built-in type that values of this data type have on the wire; None where that is not known."""
        if data_type.NamespaceIndex == 0 and isinstance(data_type.Identifier, int):
            number = data_type.Identifier
            if number in _ABSTRACT:
                return _ABSTRACT[number]
            if 0 < number <= _HIGHEST_BUILT_IN:
                return VT(number)
        return self._kinds.get(data_type)

    async def learn(self, data_types: Sequence[ua.NodeId]) -> None:
        """Read what these types are made of, and what those are made of."""
        wanted = self._unknown(data_types)
        while wanted and len(self._kinds) < _MOST_TYPES:
            inner: list[ua.NodeId] = []
            vague: list[ua.NodeId] = []
            for data_type, definition in zip(wanted, await self._read(wanted), strict=True):
                if isinstance(definition, ua.StructureDefinition):
                    inner += self._keep(data_type, definition)
                elif isinstance(definition, ua.EnumDefinition):
                    self._kinds[data_type] = VT.Int32
                else:
                    vague.append(data_type)
            await self._climb(vague)
            wanted = self._unknown(inner)

    def _unknown(self, data_types: Sequence[ua.NodeId]) -> list[ua.NodeId]:
        return [each for each in dict.fromkeys(data_types) if self.kind(each) is None and each not in self._kinds]

    def _keep(self, data_type: ua.NodeId, definition: ua.StructureDefinition) -> list[ua.NodeId]:
        union = int(definition.StructureType) in (ua.StructureType.Union, 4)
        fields = tuple(
            Field(str(each.Name), each.DataType, each.ValueRank >= 0, bool(each.IsOptional) and not union)
            for each in definition.Fields or ()
        )
        structure = Structure(definition.DefaultEncodingId, fields, union)
        self._kinds[data_type] = VT.ExtensionObject
        self._structures[data_type] = self._encodings[structure.encoding] = structure
        return [field.data_type for field in fields]

    async def _climb(self, vague: list[ua.NodeId]) -> None:
        """Types without a definition have the built-in type that they descend from."""
        at = {each: each for each in vague}
        for _ in range(_MOST_STEPS):
            if not at:
                break
            parents = await self._parents(list(at.values()))
            steps = {each: parent for each, parent in zip(at, parents, strict=True) if parent is not None}
            self._kinds |= {each: self.kind(parent) for each, parent in steps.items()}
            at = {each: parent for each, parent in steps.items() if self._kinds[each] is None}
        self._kinds |= {each: self._kinds.get(each) for each in vague}

    # ---- decoding ------------------------------------------------------------------------------------------------

    def decode(self, value: ua.ExtensionObject) -> Any:
        """A structure as a dict. Raises UaError if its type is not known."""
        structure = self._encodings.get(value.TypeId)
        if structure is None and not value.TypeId.Identifier:
            return None
        if structure is None:
            raise UaError(f"its structure {self._names.spell_id(value.TypeId)} is not known")
        return self._read_fields(structure, BoundedBuffer(bytes(value.Body or b"")))

    def _read_fields(self, structure: Structure, data: Buffer) -> dict[str, Any]:
        fields = structure.fields
        if structure.union:
            chosen = Primitives.UInt32.unpack(data)
            fields = fields[chosen - 1 : chosen] if chosen else ()
        mask = Primitives.UInt32.unpack(data) if any(field.optional for field in fields) else 0
        found: dict[str, Any] = {}
        for field in fields:
            if field.optional:
                mask, there = mask >> 1, mask & 1
                if not there:
                    continue
            found[field.name] = self._read_field(field, data)
        return found

    def _read_field(self, field: Field, data: Buffer) -> Any:
        structure = self._structures.get(field.data_type)
        # Of the standard's own structures (RelativePath) servers often give no definition.
        standard = _standard(field.data_type)
        if structure is not None or standard is not None:
            if not field.array:
                return self._read_structure(structure, standard, data)
            length = max(0, Primitives.Int32.unpack(data))
            if length > len(data):
                raise UaError(f"{length} structures in {len(data)} bytes")
            return [self._read_structure(structure, standard, data) for _ in range(length)]
        kind = self._known(field)
        if field.array:
            return plain(unpack_uatype_array(kind, data) or [], self._names, self.decode)
        return plain_variant(ua.Variant(unpack_uatype(kind, data), kind), self._names, self.decode)

    def _read_structure(self, structure: Structure | None, standard: Any, data: Buffer) -> Any:
        if structure is not None:
            return self._read_fields(structure, data)
        return plain(struct_from_binary(standard, data), self._names, self.decode)

    def _known(self, field: Field) -> Any:
        kind = self.kind(field.data_type)
        if kind is None:
            raise UaError(f"the type of {field.name} is not known")
        return kind

    # ---- encoding ------------------------------------------------------------------------------------------------

    def variant(self, value: Any, data_type: ua.NodeId, kind: Any = None) -> ua.Variant:
        """A value in exactly this type. Raises Unfit."""
        kind = kind or self.kind(data_type)
        if kind is None or kind is VT.Variant:
            return inferred(value)
        return variant(value, kind, self._names, lambda fields: self._encode(data_type, fields))

    def _encode(self, data_type: ua.NodeId, values: Mapping[str, Any]) -> ua.ExtensionObject:
        structure = self._structures.get(data_type)
        if structure is None:
            raise Unfit(f"the structure {self._names.spell_id(data_type)} is not known")
        return ua.ExtensionObject(structure.encoding, ua.ByteString(self._pack_fields(structure, values)))

    def _pack_fields(self, structure: Structure, values: Mapping[str, Any]) -> bytes:
        names = [field.name for field in structure.fields]
        strange = sorted(set(values) - set(names))
        if strange:
            raise Unfit(f"it has no field {', '.join(strange)}; there are {', '.join(names)}")
        if structure.union:
            chosen = [number for number, name in enumerate(names, start=1) if name in values]
            head = Primitives.UInt32.pack(chosen[0] if chosen else 0)
            return head + b"".join(self._pack_field(structure.fields[n - 1], values) for n in chosen[:1])
        options = [field.name for field in structure.fields if field.optional]
        mask = sum(1 << bit for bit, name in enumerate(options) if name in values)
        present = [field for field in structure.fields if not field.optional or field.name in values]
        head = Primitives.UInt32.pack(mask) if options else b""
        return head + b"".join(self._pack_field(field, values) for field in present)

    def _pack_field(self, field: Field, values: Mapping[str, Any]) -> bytes:
        if field.name not in values:
            raise Unfit(f"its field {field.name} is missing")
        each = values[field.name]
        if field.array:
            return Primitives.Int32.pack(len(each)) + b"".join(self._pack_one(field, one) for one in each)
        return self._pack_one(field, each)

    def _pack_one(self, field: Field, value: Any) -> bytes:
        structure = self._structures.get(field.data_type)
        if structure is not None:
            return self._pack_fields(structure, value)
        kind = self.kind(field.data_type)
        if kind is VT.Variant:
            return bytes(pack_uatype(kind, inferred(value)))
        return bytes(pack_uatype(kind, self.variant(value, field.data_type).Value))


def _standard(data_type: ua.NodeId) -> Any:
    """asyncua's class of a structure of namespace 0; None for anything else."""
    number = data_type.Identifier
    if data_type.NamespaceIndex or not isinstance(number, int) or number <= _HIGHEST_BUILT_IN:
        return None
    made = getattr(ua, ObjectIdNames.get(number, ""), None)
    return made if getattr(made, "data_type", None) == data_type else None
