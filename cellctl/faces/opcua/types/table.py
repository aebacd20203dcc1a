"""The words in which types are written down, and their expansion into single nodes.

A reference to a node is "namespace:number"; a bare number is in the namespace of the model that it stands in. A browse
name is "namespace:Name"; a bare one is in the model's own. Namespaces are named by the prefixes in `PREFIXES`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

PREFIXES: Final[Mapping[str, str]] = {
    "ua": "http://opcfoundation.org/UA/",
    "di": "http://opcfoundation.org/UA/DI/",
    "machinery": "http://opcfoundation.org/UA/Machinery/",
    "isa95": "http://opcfoundation.org/UA/ISA95-JOBCONTROL_V2/",
    "jobs": "http://opcfoundation.org/UA/Machinery/Jobs/",
    "packml": "http://opcfoundation.org/UA/PackML/",
}

# Data types of namespace 0, by name.
BUILT_IN: Final[Mapping[str, int]] = {
    "Boolean": 1, "Byte": 3, "Int16": 4, "UInt16": 5, "Int32": 6, "UInt32": 7, "UInt64": 9, "Double": 11,
    "String": 12, "DateTime": 13, "NodeId": 17, "QualifiedName": 20, "LocalizedText": 21, "Structure": 22,
    "Variant": 24, "Enumeration": 29, "Argument": 296, "IdType": 256, "NumericRange": 291, "RelativePath": 540,
    "EUInformation": 887, "EnumValueType": 7594, "DecimalString": 12878,
}  # fmt: skip


class Kind(Enum):
    """The node classes that are used; the value is the standard's number."""

    OBJECT = 1
    VARIABLE = 2
    METHOD = 4
    OBJECT_TYPE = 8
    DATA_TYPE = 64


class Rule(Enum):
    """Modelling rules, with the number of their object in namespace 0."""

    NONE = 0
    MANDATORY = 78
    OPTIONAL = 80


M: Final = Rule.MANDATORY
O: Final = Rule.OPTIONAL  # noqa: E741 - beside M it is read as what it is


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a structure."""

    name: str
    data_type: str
    rank: int = -1
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a method."""

    name: str
    data_type: str
    rank: int = -1


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable or property below a type or an object; `by` is the reference that leads to it."""

    number: int
    name: str
    data_type: str
    rule: Rule = Rule.NONE
    rank: int = -1
    of: str = "ua:63"
    by: str = "HasComponent"
    value: Any = None
    members: tuple["Member", ...] = ()


def prop(number: int, name: str, data_type: str, rule: Rule = Rule.NONE, rank: int = -1, value: Any = None) -> Variable:
    """A property."""
    return Variable(number, name, data_type, rule, rank, "ua:68", "HasProperty", value)


@dataclass(frozen=True, slots=True)
class State:
    """A state of a state machine type, with its number; `machine` is the sub state machine that it opens."""

    number: int
    name: str
    state_number: int
    number_property: int
    rule: Rule = Rule.NONE
    machine: int = 0


@dataclass(frozen=True, slots=True)
class Transition:
    """A transition between two states of the same type."""

    number: int
    name: str
    transition_number: int  # -1: the published model gives none
    number_property: int
    source: int
    target: int


@dataclass(frozen=True, slots=True)
class Method:
    """A method with its arguments, and the numbers of the properties that hold them."""

    number: int
    name: str
    rule: Rule
    inputs_property: int = 0
    inputs: tuple[Argument, ...] = ()
    outputs_property: int = 0
    outputs: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class Object:
    """An object below a type or another object. `under`: where it hangs if it stands alone."""

    number: int
    name: str
    of: str
    rule: Rule = Rule.NONE
    by: str = "HasComponent"
    under: str = ""
    members: tuple["Member", ...] = ()


Member = Variable | State | Transition | Method | Object


@dataclass(frozen=True, slots=True)
class ObjectType:
    """A type of objects, below `base`."""

    number: int
    name: str
    base: str
    abstract: bool = False
    interfaces: tuple[str, ...] = ()
    members: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True)
class Structure:
    """A structure data type with its fields in order, and the number of its binary encoding's node."""

    number: int
    name: str
    encoding: int
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Enumeration:
    """An enumeration, its names by value, and the number of its EnumValues property."""

    number: int
    name: str
    values_property: int
    values: Mapping[int, str]
    rule: Rule = Rule.NONE


@dataclass(frozen=True, slots=True)
class Model:
    """One companion specification, as far as it is exposed. `metadata`: the numbers of its namespace's description."""

    prefix: str
    version: str
    published: str
    metadata: tuple[int, ...]
    types: tuple[ObjectType | Structure | Enumeration | Object, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One node, expanded: every reference and browse name with its prefix. `parent` and `by`: how it is reached.

    `references` are further ones that lead away from it, as (type, target); `source` is what it was made of.
    """

    id: str
    name: str
    kind: Kind
    parent: str
    by: str
    of: str = ""
    rule: Rule = Rule.NONE
    data_type: str = ""
    rank: int = -1
    value: Any = None
    abstract: bool = False
    references: tuple[tuple[str, str], ...] = ()
    source: Any = field(default=None, compare=False)


def nodes_of(model: Model) -> list[Node]:
    """Every node of a model, each after its parent."""
    return list(_Expansion(model.prefix).all(model))


def data_type_of(name: str, prefix: str) -> str:
    """The node that a data type's name means: one of namespace 0 by its name, any other by its number."""
    return f"ua:{BUILT_IN[name]}" if name in BUILT_IN else _full(name, prefix)


def _full(what: str | int, prefix: str) -> str:
    text = str(what)
    return text if ":" in text else f"{prefix}:{text}"


class _Expansion:
    """Writes out one model; bare numbers and names are in its namespace."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def all(self, model: Model) -> Iterator[Node]:
        """Types first, then the description of the namespace."""
        for each in model.types:
            match each:
                case ObjectType():
                    yield from self._object_type(each)
                case Structure():
                    yield from self._structure(each)
                case Enumeration():
                    yield from self._enumeration(each)
                case Object():
                    yield from self._member(each, each.under)
        yield from self._member(_metadata(model), "ua:11715")

    def _object_type(self, each: ObjectType) -> Iterator[Node]:
        here = self._ref(each.number)
        interfaces = tuple(("HasInterface", self._ref(interface)) for interface in each.interfaces)
        yield Node(
            here, self._name(each.name), Kind.OBJECT_TYPE, self._ref(each.base), "HasSubtype",
            abstract=each.abstract, references=interfaces, source=each,
        )  # fmt: skip
        yield from self._members(each.members, here)

    def _structure(self, each: Structure) -> Iterator[Node]:
        here = self._ref(each.number)
        yield Node(here, self._name(each.name), Kind.DATA_TYPE, "ua:22", "HasSubtype", source=each)
        yield Node(self._ref(each.encoding), "ua:Default Binary", Kind.OBJECT, here, "HasEncoding", of="ua:76")

    def _enumeration(self, each: Enumeration) -> Iterator[Node]:
        here = self._ref(each.number)
        yield Node(here, self._name(each.name), Kind.DATA_TYPE, "ua:29", "HasSubtype", source=each)
        values = prop(each.values_property, "ua:EnumValues", "EnumValueType", each.rule, 1, each.values)
        yield from self._member(values, here)

    def _members(self, members: Sequence[Member], parent: str) -> Iterator[Node]:
        for member in members:
            yield from self._member(member, parent)

    def _member(self, each: Member, parent: str) -> Iterator[Node]:
        here, name = self._ref(each.number), self._name(each.name)
        match each:
            case Variable():
                yield Node(
                    here, name, Kind.VARIABLE, parent, each.by, self._ref(each.of), each.rule,
                    data_type_of(each.data_type, self._prefix), each.rank, each.value,
                )  # fmt: skip
                yield from self._members(each.members, here)
            case Object():
                yield Node(here, name, Kind.OBJECT, parent, each.by, self._ref(each.of), each.rule)
                yield from self._members(each.members, here)
            case State():
                opens = (("HasSubStateMachine", self._ref(each.machine)),) if each.machine else ()
                yield Node(here, name, Kind.OBJECT, parent, "HasComponent", "ua:2307", each.rule, references=opens)
                yield from self._number(each.number_property, "ua:StateNumber", each.state_number, here)
            case Transition():
                ways = (("FromState", self._ref(each.source)), ("ToState", self._ref(each.target)))
                yield Node(here, name, Kind.OBJECT, parent, "HasComponent", "ua:2310", references=ways)
                yield from self._number(each.number_property, "ua:TransitionNumber", each.transition_number, here)
            case Method():
                yield Node(here, name, Kind.METHOD, parent, "HasComponent", rule=each.rule, source=each)
                yield from self._arguments(each, here)

    def _number(self, number: int, name: str, value: int, parent: str) -> Iterator[Node]:
        yield from self._member(prop(number, name, "UInt32", M, value=None if value < 0 else value), parent)

    def _arguments(self, each: Method, parent: str) -> Iterator[Node]:
        for number, name, arguments in (
            (each.inputs_property, "ua:InputArguments", each.inputs),
            (each.outputs_property, "ua:OutputArguments", each.outputs),
        ):
            if number:
                whole = tuple((a.name, data_type_of(a.data_type, self._prefix), a.rank) for a in arguments)
                yield from self._member(prop(number, name, "Argument", M, 1, whole), parent)

    def _ref(self, number: str | int) -> str:
        return _full(number, self._prefix)

    def _name(self, name: str) -> str:
        # A namespace's description is named by its URI, which has a colon of its own.
        return name if name.partition(":")[0] in PREFIXES else f"{self._prefix}:{name}"


def _metadata(model: Model) -> Object:
    """What the server says of the namespace; that it holds a part of it only is the truth."""
    members = (
        ("ua:IsNamespaceSubset", "Boolean", True),
        ("ua:NamespacePublicationDate", "DateTime", model.published),
        ("ua:NamespaceUri", "String", PREFIXES[model.prefix]),
        ("ua:NamespaceVersion", "String", model.version),
    )
    numbered = zip(model.metadata[1:], members, strict=True)
    properties = tuple(prop(number, name, kind, value=value) for number, (name, kind, value) in numbered)
    return Object(model.metadata[0], PREFIXES[model.prefix], "ua:11616", members=properties)
