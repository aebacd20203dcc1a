"""What a cell looks like on the broker: retained topics on change only, events, telemetry."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from cellctl.core.changing import changed
from cellctl.core.view import CellView, MachineView
from cellctl.domain.events import Record
from cellctl.domain.link import LinkQuality
from cellctl.domain.work import Progress
from cellctl.faces.mqtt.body import write
from cellctl.faces.mqtt.topics import Topics
from cellctl.faces.plain import plain
from cellctl.ports import Message

# So many closed jobs and orders of an earlier run are looked after; a retained topic of theirs may be left over.
MOST_LEFTOVERS: Final = 200
_CLOSED_JOB: Final = frozenset({"ENDED", "ABORTED"})
_IN_WORK: Final = ("RUNNING", "INTERRUPTED")
_CLOSED_ORDER: Final = frozenset({"done", "cancelled", "stopped", "aborted"})
_NO_PROGRESS: Final = Progress()
_ENDED: Final = object()
_NOTHING: Final = (_NO_PROGRESS, None)


@dataclass(frozen=True, slots=True)
class Publication:
    """Something to publish. A retained one without content takes its topic away."""

    topic: str
    content: Any = None
    retain: bool = False
    qos: int = 1
    correlation: bytes = b""

    @property
    def message(self) -> Message:
        """As it goes to the broker."""
        payload = b"" if self.content is None else write(self.content)
        return Message(self.topic, payload, correlation=self.correlation)


def event(topics: Topics, record: Record) -> Publication:
    """One line of the log."""
    line = {"seq": record.seq, "at": record.at, "actor": record.actor, "type": record.event.NAME}
    return Publication(topics.event, line | {"event": record.event})


class Board:
    """What stands on the broker, and what has to be published so that it shows the cell as it is.

    Outlives connections: a new one begins with `forget`, after which everything is due again. `news` is set when
    something may have become due.
    """

    def __init__(self, topics: Topics, description: Mapping[str, Any]) -> None:
        self.news = asyncio.Event()
        self.told_seq = 0
        self._alarms: dict[str, str] = {}
        self._topics = topics
        self._description = description
        # What the broker took last, by topic; None if it must be told again, _ENDED where it was told of the end.
        self._standing: dict[str, Any] = {}
        # Each as it was met last, the same without what is telemetry, and what is shown of it.
        self._devices: dict[str, tuple[MachineView, MachineView, Mapping[str, Any]]] = {}
        self._measured: dict[str, tuple[Progress, LinkQuality | None]] = {}

    def begin(self, view: CellView) -> None:
        """Tell of events from now on; look after what an earlier run may have left on the broker."""
        self.told_seq = view.rev
        for closed in (self._closed_orders(view), self._closed_jobs(view)):
            self._standing.update(dict.fromkeys(closed, _ENDED))
            self._standing.update(dict.fromkeys(list(closed)[-MOST_LEFTOVERS:]))

    def forget(self) -> None:
        """The broker may have lost everything; what it still holds must be replaced or withdrawn."""
        self._standing = {topic: known if known is _ENDED else None for topic, known in self._standing.items()}

    def due(self, view: CellView) -> list[Publication]:
        """What has to be published, in order; each is to be confirmed with `stands`."""
        closed = self._closed(view)
        wanted = dict(self._wanted(view, closed))
        changes = [
            Publication(topic, content, retain=True)
            for topic, content in wanted.items()
            # What has not changed is mostly the same object.
            if (known := self._standing.get(topic)) is not content and known != content
        ]
        # What began and ended since the last look has never stood there, and its end is told all the same.
        changes += [Publication(topic, end) for topic, end in closed.items() if topic not in self._standing]
        for topic, known in list(self._standing.items()):
            if known is _ENDED and topic not in closed:
                del self._standing[topic]
            elif known is not _ENDED and topic not in wanted:
                # Whoever listens sees how it ended, and nothing of it stays behind.
                changes += [Publication(topic, closed[topic])] if topic in closed else []
                changes.append(Publication(topic, retain=True))
        return changes

    def stands(self, publication: Publication) -> None:
        """The broker has taken it."""
        if not publication.retain:
            self._standing.setdefault(publication.topic, _ENDED)
        elif publication.content is None:
            self._standing[publication.topic] = _ENDED
        else:
            self._standing[publication.topic] = publication.content

    def alarm(self, name: str, text: str) -> None:
        """Raise an alarm of the face itself, or end it with an empty text."""
        if text != self._alarms.get(name, ""):
            self._alarms[name] = text
            self.news.set()

    def device(self, name: str) -> tuple[str, int] | None:
        """State and rev of a device as shown last; a precondition is about these."""
        known = self._devices.get(name)
        return (known[0].state, known[2]["rev"]) if known else None

    def telemetry(self, view: CellView) -> list[Publication]:
        """What has changed since the last call: the latest value of each device, nothing in between."""
        measured = {each.name: (each.progress, each.link) for each in view.machines}
        moved = [each for each in view.machines if self._measured.get(each.name, _NOTHING) != measured[each.name]]
        self._measured = measured
        return [
            Publication(
                self._topics.telemetry(each.name),
                {"operation_id": each.operation_id, **plain(each.progress), "link": plain(each.link)},
                qos=0,
            )
            for each in moved
        ]

    def _wanted(self, view: CellView, closed: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        yield self._topics.description, self._description
        for machine in view.machines:
            yield self._topics.state("device", machine.name), self._device(machine, view.rev)
        for kind, items in (("order", view.orders), ("job", view.jobs), ("prompt", view.prompts)):
            for item in items:
                topic = self._topics.state(kind, item.id)
                if topic not in closed:
                    yield topic, item
        for kind, things in (("lot", view.stock.lots), ("tool", view.stock.tools), ("fixture", view.stock.fixtures)):
            for thing in things:
                yield self._topics.state(kind, thing.id), thing
        yield self._topics.mode, {"mode": view.mode}
        for zone in view.zones:
            yield self._topics.state("zone", zone.name), zone
        for transfer in view.transfers:
            yield self._topics.state("transfer", transfer.id.replace("/", "-")), transfer
        for raised in view.standing:
            yield self._topics.state("alarm", raised.id), raised
        for alarm in view.alarms:
            yield self._topics.alarm(alarm), {"alarm": alarm}
        for name, alarm in self._alarms.items():
            if alarm:
                yield self._topics.alarm(name), {"alarm": alarm}

    def _device(self, machine: MachineView, rev: int) -> Mapping[str, Any]:
        known = self._devices.get(machine.name)
        if known is not None and known[0] is machine:
            return known[2]
        session = replace(machine.session, oldest_value_at="") if machine.session else None
        still = changed(machine, progress=_NO_PROGRESS, link=None, session=session)
        if known is not None and known[1] == still:
            shown = known[2]
        else:
            shown = {"rev": rev, **plain(still)}
            del shown["progress"], shown["link"]  # they are telemetry
            shown["session"] = session.stage if session else None
        self._devices[machine.name] = (machine, still, shown)
        return shown

    def _closed(self, view: CellView) -> dict[str, Any]:
        return self._closed_orders(view) | self._closed_jobs(view)

    def _closed_orders(self, view: CellView) -> dict[str, Any]:
        over = (each for each in view.orders if each.state in _CLOSED_ORDER and each.job_state not in _IN_WORK)
        return {self._topics.state("order", each.id): each for each in over}

    def _closed_jobs(self, view: CellView) -> dict[str, Any]:
        return {self._topics.state("job", each.id): each for each in view.jobs if each.state in _CLOSED_JOB}
