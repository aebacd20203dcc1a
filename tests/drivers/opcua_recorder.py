"""Stands between a driver and its OPC UA link: takes down what is asked, and complains of what must never be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cellctl.app.clock import VirtualClock
from cellctl.domain import events as ev
from cellctl.domain.machine import MachineState
from cellctl.domain.work import OperationState
from cellctl.ports.nodes import NodeLink, NodePath, NodeRef, NodeValue, Quality
from tests.drivers.opcua_yards import Yard

FRESH_S: Final = 15.0
FORGIVEN_S: Final = 0.5


@dataclass(slots=True)
class Outcome:
    """What came of it. `asked`: every write and call, as it left us; `true`: the work is done in truth, when it is said
    to be; `struck`: the trouble did happen; `lost_s`: when the contact was lost first;
    `mistaken`: another certificate than the server's was pinned from the start.
    """

    facts: list[ev.Fact] = field(default_factory=list)
    asked: list[tuple[float, str, Any]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    end: OperationState | None = None
    state: MachineState | None = None
    true: bool = False
    found: bool = False
    struck: bool = False
    lost_s: float | None = None
    mistaken: bool = False


class Recorder:
    """A link that takes down what goes through it, and complains of what must never go through (a NodeLink)."""

    def __init__(self, link: NodeLink, outcome: Outcome, clock: VirtualClock, yard: Yard) -> None:
        self._link = link
        self._outcome = outcome
        self._clock = clock
        self._yard = yard
        self._heard: dict[str, tuple[float, NodeValue]] = {}
        self._open = 0

    async def open(self, on_change: Callable[[NodeValue], None], on_lost: Callable[[str], None]) -> None:
        ends = tuple(self._yard.inputs)

        def heard(value: NodeValue) -> None:
            path = "/".join(step.rpartition(";")[2] for step in value.ref.path)
            for end in ends:
                if path.endswith(end):
                    self._heard[end] = (self._clock.now_s(), value)
            on_change(value)

        await self._link.open(heard, on_lost)

    async def resolve(self, refs: Sequence[NodeRef], methods: Sequence[NodePath]) -> Sequence[str]:
        return await self._link.resolve(refs, methods)

    async def subscribe(self, refs: Sequence[NodeRef]) -> None:
        await self._link.subscribe(refs)

    async def write(self, ref: NodeRef, value: Any) -> None:
        name = ref.path[-1].rpartition(";")[2].rpartition(".")[2]
        self._take_down(f"{name}[{ref.index}]" if ref.index else name, value)
        await self._only(self._link.write(ref, value))

    async def call(self, path: NodePath, *arguments: Any) -> tuple[Any, ...]:
        name = path[-1].rpartition(";")[2]
        self._take_down(name, None if name == "StoreAndStart" or not arguments else arguments[0])
        answer: tuple[Any, ...] = await self._only(self._link.call(path, *arguments))
        return answer

    async def close(self) -> None:
        await self._link.close()

    def _take_down(self, name: str, value: Any) -> None:
        asked, wrong = self._outcome.asked, self._outcome.wrong
        if self._open and "top" not in name:
            wrong.append(f"{name} was asked while another request was open")
        # To take a bit back is no command.
        if name in self._yard.commands and value is not False:
            wrong += [f"{name} was asked twice"] if (name, value) in [each[1:] for each in asked] else []
            wrong += [f"{name} was asked, and {end} was not known to allow it" for end in self._against()]
        asked.append((self._clock.now_s(), name, value))

    def _against(self) -> list[str]:
        """Which of the inputs was not heard just now, with good quality, to be as it must be."""
        return [end for end, fits in self._yard.inputs.items() if not self._allows(end, fits)]

    def _allows(self, end: str, fits: Callable[[Any], bool]) -> bool:
        at_s, heard = self._heard.get(end, (0.0, None))
        known = heard is not None and heard.quality is Quality.GOOD
        return known and self._clock.now_s() - at_s <= FRESH_S + FORGIVEN_S and fits(heard.value)  # type: ignore[union-attr]

    async def _only(self, request: Any) -> Any:
        self._open += 1
        try:
            return await request
        finally:
            self._open -= 1
