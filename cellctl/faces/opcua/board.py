"""What stands in the address space, and the writing of what has changed: by the cheap path, and nothing else."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes

from cellctl.core.view import CellView, MachineView
from cellctl.faces.opcua import states, tree
from cellctl.faces.opcua.guard import FaceServer
from cellctl.faces.opcua.space import OWN, Space
from cellctl.faces.opcua.values import Datum, Nameplate, Values, cell_values, last_transition, machine_values

_STATE_MACHINES: Final = {
    "MachineryItemState": states.ITEM_STATE,
    "MachineryOperationMode": states.OPERATION_MODE,
}
_NUMBER: Final = "CurrentState.Number"


class Board:
    """Writes views; every variable only when its value is another than the one that stands there."""

    def __init__(self, server: FaceServer, space: Space, plates: Mapping[str, Nameplate]) -> None:
        self._server = server
        self._space = space
        self._plates = plates
        self._views: dict[str, MachineView | CellView] = {}
        self._standing: dict[str, dict[str, Datum]] = {}
        self._ids: dict[tuple[str, str], ua.NodeId] = {}

    async def show(self, view: CellView, at: str) -> None:
        """Bring everything up to this view; `at` is when it was looked at (UTC)."""
        for machine in view.machines:
            if self._views.get(machine.name) != machine:
                self._views[machine.name] = machine
                await self.write(machine.name, machine_values(machine, self._plates[machine.name]), at)
        if self._views.get(tree.CELL) is not view:
            self._views[tree.CELL] = view
            await self.write(tree.CELL, cell_values(view, self._plates[tree.CELL]), at)

    async def write(self, machine: str, values: Values, at: str) -> None:
        """Write what differs of these values of one machine."""
        standing = self._standing.setdefault(machine, {})
        changed = {part: datum for part, datum in values.items() if standing.get(part) != datum}
        for part, kind in _STATE_MACHINES.items():
            after, before = changed.get(f"{part}.{_NUMBER}"), standing.get(f"{part}.{_NUMBER}")
            if before is not None and after is not None:
                changed.update(last_transition(part, kind, before.value, after.value, at))
        stamp = self.stamp(at)
        for part, datum in changed.items():
            standing[part] = datum
            await self._put(self._id(machine, part), datum, stamp)

    def stamp(self, at: str) -> Any:
        """An instant as asyncua wants it."""
        return datetime.fromisoformat(at)

    async def _put(self, node: ua.NodeId, datum: Datum, stamp: Any) -> None:
        code = ua.StatusCode(ua.UInt32(getattr(StatusCodes, datum.status)))
        value = ua.DataValue(self._variant(datum), code, SourceTimestamp=stamp, ServerTimestamp=stamp)
        await self._server.write_attribute_value(node, value)

    def _variant(self, datum: Datum) -> ua.Variant:
        if datum.value is None:
            return ua.Variant(None, ua.VariantType.Null)
        kind = getattr(ua.VariantType, datum.type)
        if isinstance(datum.value, tuple):
            return ua.Variant([self._plain(datum.type, each) for each in datum.value], kind, is_array=True)
        return ua.Variant(self._plain(datum.type, datum.value), kind)

    def _plain(self, kind: str, value: Any) -> Any:
        match kind:
            case "LocalizedText":
                return ua.LocalizedText(value)
            case "NodeId":
                return self._space.id(value) if value else ua.NodeId()
            case "DateTime":
                return datetime.fromisoformat(value)
            case _:
                return value

    def _id(self, machine: str, part: str) -> ua.NodeId:
        known = self._ids.get((machine, part))
        if known is None:
            known = self._ids[machine, part] = self._space.id(f"{OWN}:{machine}.{part}")
        return known


def plant(space: Space, cell: str, machines: Sequence[str]) -> None:
    """Make the nodes of the cell and of all machines."""
    for name, nodes in [(tree.CELL, tree.cell_nodes(cell)), *((each, tree.machine_nodes(each)) for each in machines)]:
        for node in nodes:
            space.add(node, space.initial(node))
        for source, kind, target in tree.further_references(name):
            space.refer(source, [(kind, target)])
        space.emits_events(f"{OWN}:{name}.{tree.CONTROL}")
