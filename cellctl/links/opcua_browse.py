"""Finding nodes of a server by names and types, in requests no larger than it takes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from asyncua import ua
from asyncua.client.ua_session import UaSession
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors._base import UaError

from cellctl.links.opcua_values import Names, Unfit
from cellctl.ports.nodes import NodePath

Item = TypeVar("Item")
Result = TypeVar("Result")

FIRST: Final = "first:"
NODE: Final = "node:"
_MOST_AT_ONCE: Final = 500  # per request where the server sets no limit; CODESYS takes 100
_MOST_REFERENCES: Final = 1_000
_WHOLE_PATH: Final = 0xFFFF_FFFF
_MOST_LOOKED_AT: Final = 20_000  # nodes, in search of one of a type


def in_namespace_0(number: int) -> ua.NodeId:
    """A node of the standard."""
    return ua.NodeId(ua.Int32(number))


OBJECTS: Final = in_namespace_0(ObjectIds.ObjectsFolder)
HIERARCHICAL: Final = in_namespace_0(ObjectIds.HierarchicalReferences)
HAS_SUBTYPE: Final = in_namespace_0(ObjectIds.HasSubtype)


@dataclass(frozen=True, slots=True)
class Batches:
    """How much a server takes in one request, by its OperationLimits; 0: it says nothing."""

    read: int = 0
    write: int = 0
    browse: int = 0
    translate: int = 0
    monitor: int = 0

    async def each(
        self, most: int, items: Sequence[Item], ask: Callable[[list[Item]], Awaitable[Sequence[Result]]]
    ) -> list[Result]:
        """Ask for all items, in as many requests as it takes. Raises UaError if an answer is not one for each."""
        size = min(most, _MOST_AT_ONCE) if most > 0 else _MOST_AT_ONCE
        results: list[Result] = []
        for start in range(0, len(items), size):
            batch = list(items[start : start + size])
            answers = await ask(batch)
            if len(answers or ()) != len(batch):
                raise UaError(f"{len(batch)} were asked for and {len(answers or ())} answered")
            results += answers
        return results


_LIMITS: Final = {
    "read": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
    "write": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerWrite,
    "browse": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
    "translate": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerTranslateBrowsePathsToNodeIds,
    "monitor": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
}


async def read_limits(services: UaSession) -> Batches:
    """The server's OperationLimits; one that it does not have is 0."""
    found = {}
    for name, number in _LIMITS.items():
        # One by one: the smallest limit is not known yet.
        [value] = await services.read_attributes([in_namespace_0(number)], AttributeIds.Value)
        limit = value.Value.Value if value.Value and (value.StatusCode is None or value.StatusCode.is_good()) else 0
        found[name] = limit if isinstance(limit, int) and limit > 0 else 0
    return Batches(**found)


class Finder:
    """Where ways lead to in one session. What was found is kept for this session."""

    def __init__(self, services: UaSession, names: Names, batches: Batches) -> None:
        self._services = services
        self._names = names
        self._batches = batches
        self._found: dict[NodePath, ua.NodeId | None] = {(): OBJECTS}

    async def find(self, paths: Sequence[NodePath]) -> list[ua.NodeId | None]:
        """The nodes that these ways lead to; None for a way that leads nowhere."""
        new = [path for path in dict.fromkeys(paths) if path not in self._found]
        for anchor in dict.fromkeys(_anchor(path) for path in new):
            await self._find_anchor(anchor)
        await self._translate([path for path in new if path not in self._found])
        return [self._found[path] for path in paths]

    def forget(self) -> None:
        """Find everything anew from now on."""
        self._found = {(): OBJECTS}

    async def attributes(self, nodes: Sequence[ua.NodeId], attribute: AttributeIds) -> list[ua.DataValue]:
        """One attribute of many nodes."""

        async def read(some: list[ua.NodeId]) -> Sequence[ua.DataValue]:
            return await self._services.read_attributes(some, attribute)

        return await self._batches.each(self._batches.read, nodes, read)

    async def definitions(self, data_types: Sequence[ua.NodeId]) -> list[Any]:
        """The DataTypeDefinitions of data types; None for one without."""
        values = await self.attributes(data_types, AttributeIds.DataTypeDefinition)
        return [value.Value.Value if value.Value else None for value in values]

    async def parents(self, types: Sequence[ua.NodeId]) -> list[ua.NodeId | None]:
        """The types that these are made from; None for one that is made from none."""
        found = await self._browse(types, HAS_SUBTYPE, inverse=True)
        return [references[0].NodeId if references else None for references in found]

    async def children(self, nodes: Sequence[ua.NodeId]) -> list[list[ua.ReferenceDescription]]:
        """Everything below these nodes, one level deep."""
        return await self._browse(nodes, HIERARCHICAL)

    async def below(self, start: ua.NodeId, most: int = _MOST_LOOKED_AT) -> AsyncIterator[ua.ReferenceDescription]:
        """Everything below a node, level by level, each node once, up to so many."""
        seen, level = {start}, [start]
        while level and len(seen) < most:
            next_level: list[ua.NodeId] = []
            for references in await self.children(level):
                for reference in references:
                    if reference.NodeId in seen or len(seen) >= most:
                        continue
                    seen.add(reference.NodeId)
                    next_level.append(reference.NodeId)
                    yield reference
            level = next_level

    async def subtypes(self, root: ua.NodeId) -> set[ua.NodeId]:
        """A type and all that are made from it."""
        known, level = {root}, [root]
        while level and len(known) < _MOST_LOOKED_AT:
            found = await self._browse(level, HAS_SUBTYPE)
            level = [one.NodeId for references in found for one in references if one.NodeId not in known]
            known.update(level)
        return known

    async def _find_anchor(self, anchor: NodePath) -> None:
        """Where a way up to its last step of a special kind leads to."""
        if anchor in self._found:
            return
        step, before = anchor[-1], anchor[:-1]
        try:
            if step.startswith(NODE):
                self._found[anchor] = self._names.node_id(step.removeprefix(NODE))
                return
            wanted = self._names.node_id(step.removeprefix(FIRST))
        except Unfit:
            self._found[anchor] = None
            return
        [start] = await self.find([before])
        self._found[anchor] = await self._first(start, wanted) if start is not None else None

    async def _first(self, start: ua.NodeId, wanted: ua.NodeId) -> ua.NodeId | None:
        types = await self.subtypes(wanted)
        async for reference in self.below(start):
            if reference.TypeDefinition in types:
                found: ua.NodeId = reference.NodeId
                return found
        return None

    async def _translate(self, paths: list[NodePath]) -> None:
        """Follow browse names from the anchors, which are found already."""
        asked: list[tuple[NodePath, ua.BrowsePath]] = []
        for path in paths:
            anchor = _anchor(path)
            self._found[path] = start = self._found[anchor]
            names = path[len(anchor) :]
            if start is not None and names:
                asked.append((path, self._browse_path(start, names)))

        async def translate(some: list[tuple[NodePath, ua.BrowsePath]]) -> Sequence[ua.BrowsePathResult]:
            return await self._services.translate_browsepaths_to_nodeids([browse_path for _, browse_path in some])

        known = [each for each in asked if each[1].RelativePath.Elements]
        self._found |= {path: None for path, browse_path in asked if not browse_path.RelativePath.Elements}
        for (path, _), result in zip(
            known, await self._batches.each(self._batches.translate, known, translate), strict=True
        ):
            self._found[path] = _target(result)

    def _browse_path(self, start: ua.NodeId, names: Iterable[str]) -> ua.BrowsePath:
        """A way from a node; an empty one if its names are in a namespace that the server does not have."""
        browse_path = ua.BrowsePath()
        browse_path.StartingNode = start
        try:
            browse_path.RelativePath.Elements = [_element(self._names.qualified(name)) for name in names]
        except Unfit:
            browse_path.RelativePath.Elements = []
        return browse_path

    async def _browse(
        self, nodes: Sequence[ua.NodeId], reference: ua.NodeId, *, inverse: bool = False
    ) -> list[list[ua.ReferenceDescription]]:
        async def browse(some: list[ua.NodeId]) -> Sequence[list[ua.ReferenceDescription]]:
            parameters = ua.BrowseParameters()
            parameters.RequestedMaxReferencesPerNode = ua.Counter(_MOST_REFERENCES)
            parameters.NodesToBrowse = [_description(node, reference, inverse=inverse) for node in some]
            results = await self._services.browse(parameters)
            return [await self._all_references(result) for result in results]

        return await self._batches.each(self._batches.browse, nodes, browse)

    async def _all_references(self, result: ua.BrowseResult) -> list[ua.ReferenceDescription]:
        references = list(result.References or ())
        while result.ContinuationPoint and len(references) < _MOST_LOOKED_AT:
            parameters = ua.BrowseNextParameters()
            parameters.ContinuationPoints = [result.ContinuationPoint]
            [result] = await self._services.browse_next(parameters)
            if not result.References:
                break
            references += result.References
        return references


def _description(node: ua.NodeId, reference: ua.NodeId, *, inverse: bool) -> ua.BrowseDescription:
    description = ua.BrowseDescription()
    description.NodeId = node
    description.ReferenceTypeId = reference
    description.IncludeSubtypes = True
    description.BrowseDirection = ua.BrowseDirection.Inverse if inverse else ua.BrowseDirection.Forward
    description.NodeClassMask = ua.UInt32(0)
    description.ResultMask = ua.UInt32(ua.BrowseResultMask.All)
    return description


def _element(name: ua.QualifiedName) -> ua.RelativePathElement:
    element = ua.RelativePathElement()
    element.ReferenceTypeId, element.TargetName = HIERARCHICAL, name
    element.IncludeSubtypes, element.IsInverse = True, False  # type: ignore[assignment]
    return element


def _anchor(path: NodePath) -> NodePath:
    """A way up to and with its last step that is no browse name; empty: it begins at Objects."""
    for end in range(len(path), 0, -1):
        if path[end - 1].startswith((FIRST, NODE)):
            return path[:end]
    return ()


def _target(result: ua.BrowsePathResult) -> ua.NodeId | None:
    if not result.StatusCode.is_good():
        return None
    for target in result.Targets or ():
        if target.RemainingPathIndex == _WHOLE_PATH:
            node: ua.NodeId = target.TargetId
            return node
    return None
