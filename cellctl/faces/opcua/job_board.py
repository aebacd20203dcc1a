"""The job lists of the cell and its machines as they stand in the address space, and the events of their changes."""

from collections.abc import Mapping
from typing import Any, Final

from asyncua import ua
from asyncua.common.event_objects import BaseEvent

from cellctl.faces.opcua import tree
from cellctl.faces.opcua.board import Board
from cellctl.faces.opcua.guard import FaceServer
from cellctl.faces.opcua.job_structures import JobStructures
from cellctl.faces.opcua.jobs_port import THE_CELL, JobEntry, Jobs, JobsView
from cellctl.faces.opcua.space import OWN, Space
from cellctl.faces.opcua.values import Datum

_SERVER: Final = "ua:2253"
_EVENT_TYPE: Final = "isa95:1006"
_SEVERITY: Final = 100


class JobBoard:
    """Shows jobs. A line of a list is encoded when it changes, and not again for every client."""

    def __init__(self, server: FaceServer, space: Space, board: Board, jobs: Jobs) -> None:
        self._server = server
        self._space = space
        self._board = board
        self._jobs = jobs
        self._structures = JobStructures(space)
        self._views: dict[str, JobsView] = {}
        # Encoded lines by what they were made of.
        self._encoded: dict[str, dict[Any, ua.ExtensionObject]] = {}
        self._events = 0

    async def show(self, name: str, at: str) -> None:
        """Bring the lists of one machine (tree.CELL: the cell) up to now; tell of every job in another state."""
        view = self._jobs.view(THE_CELL if name == tree.CELL else name)
        before = self._views.get(name)
        if view == before:
            return
        self._views[name] = view
        await self._board.write(name, self._lists(name, view), at)
        if before is not None:
            known = {entry.order.id: (entry.state, entry.substate) for entry in before.orders}
            for entry in view.orders:
                if known.get(entry.order.id) != (entry.state, entry.substate):
                    await self._tell(name, entry, view, at)

    def _lists(self, name: str, view: JobsView) -> Mapping[str, Datum]:
        control, results = tree.CONTROL, tree.RESULTS
        make = self._structures
        return {
            f"{control}.CurrentState": Datum("LocalizedText", ""),
            f"{control}.CurrentState.Id": Datum("NodeId", ""),
            f"{control}.JobOrderList": self._list(f"{name}.orders", view.orders, make.entry),
            f"{control}.WorkMaster": self._list(f"{name}.masters", view.work_masters, make.work_master),
            f"{control}.MaxDownloadableJobOrders": Datum("UInt16", min(view.most_orders, 2**16 - 1)),
            f"{results}.JobOrderResponseList": self._list(f"{name}.responses", view.responses, make.response),
            **{
                f"{control}.{part}": Datum("String", ())
                for part, data_type in tree.JOB_LISTS.items()
                if data_type == "String"
            },
        }

    def _list(self, key: str, items: tuple[Any, ...], encode: Any) -> Datum:
        known = self._encoded.get(key, {})
        made = {item: known.get(item) or encode(item) for item in items}
        self._encoded[key] = made
        return Datum("ExtensionObject", tuple(made[item] for item in items))

    async def _tell(self, name: str, entry: JobEntry, view: JobsView, at: str) -> None:
        response = next((each for each in view.responses if each.order_id == entry.order.id), None)
        event: Any = BaseEvent()  # type: ignore[no-untyped-call]
        self._events += 1
        event.EventId = f"{at}/{self._events}".encode()
        event.EventType = self._space.id(_EVENT_TYPE)
        event.SourceNode = self._space.id(f"{OWN}:{name}.{tree.CONTROL}")
        event.SourceName = tree.CONTROL
        event.Time = event.ReceiveTime = self._board.stamp(at)
        event.Message = ua.LocalizedText(f"{entry.order.id}: {entry.state.name} {entry.substate.value}".strip())
        event.Severity = _SEVERITY
        kind = ua.VariantType.ExtensionObject
        event.add_property("JobOrder", self._structures.order(entry.order), kind)
        event.add_property("JobState", self._structures.states(entry.state, entry.substate), kind)
        event.add_property("JobResponse", self._structures.response(response), kind)
        # asyncua hands an event to those who listen at exactly this node, so it is told at both.
        for emitter in (event.SourceNode, self._space.id(_SERVER)):
            event.emitting_node = emitter
            await self._server.iserver.subscription_service.trigger_event(event)
