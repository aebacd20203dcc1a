"""What the names of a profile mean in one session: variables with their types, methods with their arguments."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asyncua import ua
from asyncua.client.ua_session import UaSession
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.uaprotocol_auto import Argument

from cellctl.domain.errors import MachineFault
from cellctl.links.node_ways import bounds, missing, one_element, spell
from cellctl.links.opcua_browse import Batches, Finder
from cellctl.links.opcua_structures import Types
from cellctl.links.opcua_values import VT, Names, Unfit, inferred, spell_type
from cellctl.ports.nodes import NodePath, NodeRef


@dataclass(frozen=True, slots=True)
class Variable:
    """What a ref means in this session. `ranged`: the server knows IndexRange for it."""

    node: ua.NodeId
    data_type: ua.NodeId
    kind: Any
    array: bool
    ranged: bool


@dataclass(frozen=True, slots=True)
class Method:
    """A method of an object; `inputs` is None where the server does not say what it takes."""

    owner: ua.NodeId
    node: ua.NodeId
    inputs: tuple[Argument, ...] | None


class Model:
    """Found by name, read once, and kept for this session only."""

    def __init__(self, machine: str, services: UaSession, names: Names, batches: Batches) -> None:
        self.batches = batches
        self._machine = machine
        self._services = services
        self._finder = Finder(services, names, batches)
        self.types = Types(names, self._finder.definitions, self._finder.parents)
        self.variables: dict[NodeRef, Variable] = {}
        self.methods: dict[NodePath, Method] = {}

    async def resolve(self, refs: Sequence[NodeRef], methods: Sequence[NodePath]) -> list[str]:
        """Find all anew; the data types of `refs`. Raises MachineFault with everything that is missing."""
        self._finder.forget()
        self.variables, self.methods = {}, {}
        await self._find([*(ref.path for ref in refs), *methods, *(path[:-1] for path in methods)])
        await self.learn_variables(refs)
        await self.learn_methods(methods)
        return [self._spell(self.variables[ref], ref) for ref in refs]

    async def learn_variables(self, refs: Sequence[NodeRef]) -> None:
        """Know what these are. Raises MachineFault with every one that is missing, or is no variable."""
        new = [ref for ref in dict.fromkeys(refs) if ref not in self.variables]
        if not new:
            return
        nodes = await self._find([ref.path for ref in new])
        kinds = await self._finder.attributes(nodes, AttributeIds.DataType)
        lost = [ref.path for ref, value in zip(new, kinds, strict=True) if _plain_value(value) is None]
        if lost:
            raise missing(self._machine, lost)
        types = [_plain_value(value) for value in kinds]
        ranks = await self._finder.attributes(nodes, AttributeIds.ValueRank)
        values = await self._finder.attributes(nodes, AttributeIds.Value)
        await self.types.learn(types)
        for ref, node, data_type, rank, value in zip(new, nodes, types, ranks, values, strict=True):
            self.variables[ref] = await self._variable(ref, node, data_type, (_plain_value(rank), value.Value))

    async def _variable(
        self, ref: NodeRef, node: ua.NodeId, data_type: ua.NodeId, shown: tuple[Any, ua.Variant | None]
    ) -> Variable:
        rank, variant = shown
        shows = variant is not None and variant.VariantType is not VT.Null and variant.Value is not None
        kind = variant.VariantType if variant is not None and shows else self.types.kind(data_type)
        array = bool(variant.is_array) if variant is not None and shows else isinstance(rank, int) and rank >= 0
        whole = variant.Value if variant is not None and shows else None
        ranged = bool(ref.index) and await self._knows_ranges(ref, node, whole)
        return Variable(node, data_type, kind, array, ranged)

    async def _knows_ranges(self, ref: NodeRef, node: ua.NodeId, whole: Any) -> bool:
        """Whether the server sends what an index names. Raises MachineFault where there is no such element."""
        low, high = bounds(ref.index)
        if isinstance(whole, list) and high >= len(whole):
            what = f"{spell(ref.path)} has {len(whole)} elements, and no [{ref.index}]"
            raise MachineFault(self._machine, what, do_next="Compare the profile with the variable")
        [part] = await self._services.read(reading([(node, ref.index)]))
        shown = part.Value.Value if part.Value else None
        # Who does not know IndexRange sends the whole array. Where that is what was asked for, it makes no difference.
        return not isinstance(shown, list) or len(shown) == high - low + 1

    async def learn_methods(self, paths: Sequence[NodePath]) -> None:
        """Know what these are. Raises MachineFault with every one that is missing."""
        new = [path for path in dict.fromkeys(paths) if path not in self.methods]
        if not new:
            return
        found = await self._find([each for path in new for each in (path[:-1], path)])
        inputs = await self._arguments(new, "InputArguments")
        outputs = await self._arguments(new, "OutputArguments")
        declared = [each for some in (*inputs, *outputs) for each in some or ()]
        await self.types.learn([argument.DataType for argument in declared])
        for path, owner, node, argument in zip(new, found[::2], found[1::2], inputs, strict=True):
            self.methods[path] = Method(owner, node, argument)

    async def _arguments(self, methods: Sequence[NodePath], name: str) -> list[tuple[Argument, ...] | None]:
        """What methods take or give; None where the server does not say."""
        nodes = await self._finder.find([(*method, name) for method in methods])
        there = [node for node in nodes if node is not None]
        values = iter(await self._finder.attributes(there, AttributeIds.Value))
        return [None if node is None else _declared(next(values)) for node in nodes]

    def arguments(self, path: NodePath, arguments: Sequence[Any]) -> list[ua.Variant]:
        """Each argument in its declared type; inferred where none is declared. Raises MachineFault."""
        inputs = self.methods[path].inputs
        try:
            if inputs is None:
                return [inferred(argument) for argument in arguments]
            if len(inputs) != len(arguments):
                names = ", ".join(str(argument.Name) for argument in inputs)
                raise Unfit(f"it takes {len(inputs)} arguments ({names}), not {len(arguments)}")
            pairs = zip(arguments, inputs, strict=True)
            return [self.types.variant(argument, declared.DataType) for argument, declared in pairs]
        except Unfit as unfit:
            what = f"{spell(path)} does not take these arguments: {unfit}"
            raise MachineFault(self._machine, what, do_next="Compare the profile with the method") from None

    @staticmethod
    def _spell(variable: Variable, ref: NodeRef) -> str:
        kind = VT.Variant if variable.kind is None else variable.kind
        return one_element(spell_type(kind, array=variable.array), ref.index)

    async def _find(self, paths: Sequence[NodePath]) -> list[ua.NodeId]:
        """Raises MachineFault with every way that leads nowhere."""
        found = await self._finder.find(paths)
        lost = [path for path, node in zip(paths, found, strict=True) if node is None]
        if lost:
            raise missing(self._machine, lost)
        return [node for node in found if node is not None]


def reading(nodes: Sequence[tuple[ua.NodeId, str]]) -> ua.ReadParameters:
    """A request for values, each of a whole variable or of what an IndexRange names."""
    parameters = ua.ReadParameters()
    parameters.TimestampsToReturn = ua.TimestampsToReturn.Neither
    for node, index in nodes:
        wanted = ua.ReadValueId()
        wanted.NodeId, wanted.AttributeId = node, AttributeIds.Value
        if index:
            wanted.IndexRange = ua.String(index)
        parameters.NodesToRead.append(wanted)
    return parameters


def _plain_value(value: ua.DataValue) -> Any:
    good = value.StatusCode is None or value.StatusCode.is_good()
    return value.Value.Value if good and value.Value else None


def _declared(value: ua.DataValue) -> tuple[Argument, ...] | None:
    arguments = _plain_value(value)
    if isinstance(arguments, list) and all(isinstance(each, Argument) for each in arguments):
        return tuple(arguments)
    return None
