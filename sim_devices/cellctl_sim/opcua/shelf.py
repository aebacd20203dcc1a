"""What an OPC UA server shows: the variables and methods of one machine, by their ways, with their exact types."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

# Browse names below Objects, each "namespace-uri;name"; a bare name is in namespace 0. As the daemon spells them.
NodePath = tuple[str, ...]

DI: Final = "http://opcfoundation.org/UA/DI/"
MACHINERY: Final = "http://opcfoundation.org/UA/Machinery/"
ROBOTICS: Final = "http://opcfoundation.org/UA/Robotics/"
MACHINE_TOOL: Final = "http://opcfoundation.org/UA/MachineTool/"
CNC: Final = "http://opcfoundation.org/UA/CNC"
ISA95: Final = "http://opcfoundation.org/UA/ISA95-JOBCONTROL_V2/"
JOBS: Final = "http://opcfoundation.org/UA/Machinery/Jobs/"

DEVICE_SET: Final[NodePath] = (f"{DI};DeviceSet",)
MACHINES: Final[NodePath] = (f"{MACHINERY};Machines",)


@dataclass(frozen=True, slots=True)
class Variable:
    """`type` as in "Int16" or "Boolean[]"; a structure by the name of its type."""

    path: NodePath
    type: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Method:
    """What goes in and what comes out, each with its type."""

    path: NodePath
    inputs: tuple[tuple[str, str], ...] = ()
    outputs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Shelf:
    """One machine's part of the address space.

    `variables` and `methods` are found by short names that only this machine's twin uses. `ids` are node ids that
    are no string of ours ("uri;i=301"), `objects` the types of objects ("uri;i=1025"), `bases` what these are made
    from. What has no id is named by its way, in the namespace `vendor`.
    """

    vendor: str
    variables: Mapping[str, Variable]
    methods: Mapping[str, Method]
    ids: Mapping[NodePath, str]
    objects: Mapping[NodePath, str]
    bases: Mapping[str, str]

    def find(self, path: NodePath) -> NodePath | None:
        """The way by browse names to what this way means; None: there is nothing."""
        found: NodePath | None = ()
        for step in path:
            found = None if found is None else self._step(found, step)
        return found if found in self.ways else None

    @cached_property
    def ways(self) -> frozenset[NodePath]:
        """Everything that there is, objects on the way too."""
        ends = [*self.by_path, *(method.path for method in self.methods.values()), *self.objects]
        return frozenset(way[:length] for way in ends for length in range(1, len(way) + 1))

    @cached_property
    def by_path(self) -> Mapping[NodePath, str]:
        """The short name of every variable."""
        return {variable.path: name for name, variable in self.variables.items()}

    @cached_property
    def _by_id(self) -> Mapping[str, NodePath]:
        """Every way by its node id."""
        return {self.id_of(way): way for way in sorted(self.ways, reverse=True)}

    def id_of(self, path: NodePath) -> str:
        """Its node id, "uri;s=…"."""
        return self.ids.get(path) or f"{self.vendor};s={'/'.join(step.rpartition(';')[2] for step in path)}"

    def _step(self, here: NodePath, step: str) -> NodePath | None:
        if step.startswith("node:"):
            return self._by_id.get(step.removeprefix("node:"))
        if step.startswith("first:"):
            wanted = step.removeprefix("first:")
            below = (way for way in self.objects if way[: len(here)] == here and way != here)
            return next((way for way in below if wanted in self._lineage(self.objects[way])), None)
        return (*here, step)

    def _lineage(self, kind: str) -> Iterator[str]:
        while kind:
            yield kind
            kind = self.bases.get(kind, "")


def variables(
    parent: NodePath, uri: str, *names_and_types: str, writable: bool = False
) -> Iterator[tuple[str, Variable]]:
    """Variables "Name: Type" of one namespace, below one object; the short name is the browse name."""
    for each in names_and_types:
        name, kind = each.split(": ")
        yield name, Variable((*parent, f"{uri};{name}" if uri else name), kind, writable)


def methods(parent: NodePath, uri: str, signatures: Mapping[str, tuple[str, str]]) -> Iterator[tuple[str, Method]]:
    """Methods by name, each with its inputs and outputs as "Name: Type, Name: Type"."""
    for name, (inputs, outputs) in signatures.items():
        yield name, Method((*parent, f"{uri};{name}"), tuple(_pairs(inputs)), tuple(_pairs(outputs)))


def _pairs(text: str) -> Iterable[tuple[str, str]]:
    for each in filter(None, text.split(", ")):
        name, kind = each.split(": ")
        yield name, kind
