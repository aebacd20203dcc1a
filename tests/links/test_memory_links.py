"""Links in memory: a machine behind them lives by itself, answers in order, and can be cut off."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from cellctl.app.clock import RealClock, VirtualClock
from cellctl.app.virtual_time import run_virtual
from cellctl.domain.errors import ConfigError, LinkLost, MachineFault
from cellctl.links.memory import MemoryLinks
from cellctl.ports import ByteDevice, ByteLink, Links, SimulatedCell
from cellctl.ports.nodes import NodeAccess, NodeDevice, NodePath, NodeRef, NodeValue

DOOR: NodePath = ("Objects", "2;Door")
COUNT: NodePath = ("Objects", "2;Count")
OPEN: NodePath = ("Objects", "2;OpenDoor")
PRESS = NodeAccess("opc.tcp://in.memory")


class Oven:
    """Answers every line after half a second, and says its temperature once a minute."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, bytes]] = []
        self._out: list[tuple[float, bytes]] = []
        self._next_minute_s = 60.0

    def receive(self, chunk: bytes, now_s: float) -> None:
        self.heard.append((now_s, chunk))
        self._out.append((now_s if chunk == b"?" else now_s + 0.5, b"ok " + chunk))

    def transmit(self, now_s: float) -> bytes:
        due = [chunk for due_s, chunk in self._out if due_s <= now_s]
        self._out = [(due_s, chunk) for due_s, chunk in self._out if due_s > now_s]
        return b"".join(due)

    def advance(self, now_s: float) -> None:
        while self._next_minute_s <= now_s:
            self._out.append((now_s, b"T:20"))
            self._next_minute_s += 60.0

    @property
    def wakeup_s(self) -> float | None:
        return min([self._next_minute_s, *(due_s for due_s, _ in self._out)])


class Press:
    """Counts every ten seconds; its door opens by a method."""

    def __init__(self) -> None:
        self.door = "closed"
        self.count = 0

    def values(self) -> Mapping[NodePath, Any]:
        return {DOOR: self.door, COUNT: self.count}

    def call(self, path: NodePath, arguments: Sequence[Any], now_s: float) -> tuple[Any, ...]:
        if path != OPEN:
            raise KeyError(path)
        (self.door,) = arguments
        return (0,)

    def advance(self, now_s: float) -> None:
        self.count = int(now_s // 10)

    @property
    def wakeup_s(self) -> float | None:
        return (self.count + 1) * 10.0


class Hall:
    """A cell with an oven and a press."""

    def __init__(self) -> None:
        self.oven, self.press = Oven(), Press()
        self.violations: Sequence[str] = ()

    @property
    def byte_devices(self) -> Mapping[str, ByteDevice]:
        return {"oven-1": self.oven}

    @property
    def node_devices(self) -> Mapping[str, NodeDevice]:
        return {"press-1": self.press}

    def person_answers(self, question: str, choices: Sequence[str], station: str) -> tuple[float, str]:
        return 0.0, choices[0]

    def person_moves(self, source: str, target: str, now_s: float) -> None:
        return None


class Ear:
    """Listens to a byte link; answers what it is told to."""

    def __init__(self, clock: VirtualClock | None = None) -> None:
        self.heard: list[tuple[float, bytes]] = []
        self.lost_because: list[str] = []
        self._clock = clock or VirtualClock()

    def received(self, chunk: bytes) -> None:
        self.heard.append((self._clock.now_s(), chunk))

    def lost(self, reason: str) -> None:
        self.lost_because.append(reason)


def hall(latency_s: float = 0.0) -> tuple[Hall, MemoryLinks]:
    cell: SimulatedCell = Hall()
    links = MemoryLinks(cell, VirtualClock(), latency_s=latency_s)
    fits: Links = links
    assert fits is links
    links.start()
    assert isinstance(cell, Hall)
    return cell, links


def test_bytes_go_both_ways_and_answers_come_when_the_machine_gives_them() -> None:
    async def main() -> None:
        cell, links = hall()
        line, ear = links.bytes_to("oven-1", "ignored", {}), Ear()
        await line.open(ear)
        line.write(b"a")
        assert (ear.heard, line.unsent) == ([], 0)
        await asyncio.sleep(1)
        line.write(b"?")
        assert len(ear.heard) == 1, "an answer must not come from inside write"
        await asyncio.sleep(0)
        assert ear.heard == [(0.5, b"ok a"), (1.0, b"ok ?")]
        assert cell.oven.heard == [(0.0, b"a"), (1.0, b"?")]

    run_virtual(main())


def test_machines_live_on_while_nobody_listens() -> None:
    async def main() -> None:
        cell, links = hall()
        await asyncio.sleep(150)
        assert cell.press.count == 15
        ear = Ear()
        await links.bytes_to("oven-1", "", {}).open(ear)
        await asyncio.sleep(60)
        assert ear.heard == [(180.0, b"T:20")]

    run_virtual(main())


def test_machines_stand_still_before_start_and_after_close() -> None:
    async def main() -> None:
        cell = Hall()
        links = MemoryLinks(cell, VirtualClock())
        await asyncio.sleep(100)
        assert cell.press.count == 0
        links.start()
        await asyncio.sleep(10)
        links.close()
        links.close()
        await asyncio.sleep(100)
        assert cell.press.count == 11

    run_virtual(main())


def test_everything_takes_the_latency_in_each_direction_and_keeps_its_order() -> None:
    async def main() -> None:
        cell, links = hall(latency_s=0.25)
        line, ear = links.bytes_to("oven-1", "", {}), Ear()
        await line.open(ear)
        for chunk in (b"1", b"2", b"?"):
            line.write(chunk)
        await asyncio.sleep(2)
        assert cell.oven.heard == [(0.25, b"1"), (0.25, b"2"), (0.25, b"?")]
        assert ear.heard == [(0.5, b"ok ?"), (1.0, b"ok 1ok 2")]

    run_virtual(main())


def test_a_cut_is_told_once_and_what_was_on_its_way_is_lost() -> None:
    async def main() -> None:
        cell, links = hall(latency_s=0.1)
        line, ear = links.bytes_to("oven-1", "", {}), Ear()
        await line.open(ear)
        line.write(b"?")
        await asyncio.sleep(0.05)
        links.cut("oven-1", "somebody tripped")
        assert ear.lost_because == [], "never from inside another call"
        line.write(b"late")
        await asyncio.sleep(100)
        assert (ear.lost_because, ear.heard, cell.oven.heard) == (["somebody tripped"], [], [])
        with pytest.raises(LinkLost, match=r"oven-1: somebody tripped\. .+"):
            await links.bytes_to("oven-1", "", {}).open(Ear())
        links.mend("oven-1")
        again = links.bytes_to("oven-1", "", {})
        await again.open(ear)
        await asyncio.sleep(60)
        assert ear.heard == [(120.1, b"T:20")]

    run_virtual(main())


def test_a_closed_line_says_nothing_more_and_another_may_be_opened() -> None:
    async def main() -> None:
        _, links = hall()
        first, second = Ear(), Ear()
        line = links.bytes_to("oven-1", "", {})
        await line.open(first)
        with pytest.raises(LinkLost, match="another link to it is open"):
            await links.bytes_to("oven-1", "", {}).open(second)
        line.write(b"?")
        line.close()
        line.close()
        links.cut("oven-1")
        links.mend("oven-1")
        await links.bytes_to("oven-1", "", {}).open(second)
        await asyncio.sleep(1)
        assert (first.heard, first.lost_because, second.heard) == ([], [], [])

    run_virtual(main())


def test_a_machine_without_a_twin_is_a_mistake_in_the_cell_file() -> None:
    async def main() -> None:
        _, links = hall()
        with pytest.raises(ConfigError, match=r"machines\.lathe-1\.sim .*there are: oven-1"):
            links.bytes_to("lathe-1", "", {})
        with pytest.raises(ConfigError, match=r"machines\.oven-1\.sim .*there are: press-1"):
            links.nodes_of("oven-1", PRESS)

    run_virtual(main())


def test_variables_are_heard_with_their_present_values_first_and_then_only_when_they_change() -> None:
    async def main() -> None:
        _, links = hall()
        heard: list[tuple[float, NodeValue]] = []
        session = links.nodes_of("press-1", PRESS)
        await session.open(lambda value: heard.append((asyncio.get_running_loop().time(), value)), print)
        await asyncio.sleep(5)
        await session.subscribe([NodeRef(COUNT)])
        assert heard == [(5.0, NodeValue(NodeRef(COUNT), 0))]
        await session.subscribe([NodeRef(DOOR)])
        assert await session.call(OPEN, "open") == (0,)
        await session.call(OPEN, "open")
        await asyncio.sleep(16)
        assert heard[1:] == [
            (5.0, NodeValue(NodeRef(DOOR), "closed")),
            (5.0, NodeValue(NodeRef(DOOR), "open")),
            (10.0, NodeValue(NodeRef(COUNT), 1)),
            (20.0, NodeValue(NodeRef(COUNT), 2)),
        ]
        await session.close()
        await session.close()
        await asyncio.sleep(30)
        assert len(heard) == 5

    run_virtual(main())


def test_what_a_server_does_not_have_or_refuses_is_a_fault_by_name() -> None:
    async def main() -> None:
        _, links = hall()
        session = links.nodes_of("press-1", PRESS)
        await session.open(print, print)
        with pytest.raises(MachineFault, match="press-1: its server has no Objects / 2;Lamp"):
            await session.subscribe([NodeRef(("Objects", "2;Lamp"))])
        with pytest.raises(MachineFault, match="press-1: its server refuses to call CloseDoor"):
            await session.call(("Objects", "2;CloseDoor"))
        with pytest.raises(MachineFault, match="press-1: its server refuses to call OpenDoor"):
            await session.call(OPEN, "much", "too much")

    run_virtual(main())


def test_a_session_that_is_cut_during_a_call_leaves_its_outcome_unknown() -> None:
    async def main() -> None:
        cell, links = hall(latency_s=0.1)
        lost: list[str] = []
        session = links.nodes_of("press-1", PRESS)
        await session.open(print, lost.append)
        asyncio.get_running_loop().call_later(0.15, links.cut, "press-1")
        with pytest.raises(LinkLost, match=r"press-1: the session ended while calling OpenDoor; .* not known"):
            await session.call(OPEN, "open")
        assert (cell.press.door, lost) == ("open", ["the cable was pulled"])
        with pytest.raises(LinkLost):
            await session.subscribe([NodeRef(DOOR)])

    run_virtual(main())


class Stuck(Oven):
    """Says that it is due for ever."""

    @property
    def wakeup_s(self) -> float | None:
        return 7.0


def test_a_twin_that_stops_time_is_found_out() -> None:
    async def main() -> None:
        cell = Hall()
        cell.oven = Stuck()
        MemoryLinks(cell, VirtualClock()).start()
        await asyncio.sleep(100)

    with pytest.raises(RuntimeError, match=r"oven-1 wants to be woken at 7\.0 s for ever"):
        run_virtual(main())


class Sender(Ear):
    """Sends the next line as soon as it has heard something."""

    def __init__(self, line: ByteLink) -> None:
        super().__init__()
        self.line = line

    def received(self, chunk: bytes) -> None:
        super().received(chunk)
        self.line.write(b"next")


def count_callbacks(loop: asyncio.AbstractEventLoop) -> list[object]:
    """Everything that is scheduled from now on."""
    scheduled: list[object] = []

    def counting(schedule: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            scheduled.append(arguments)
            return schedule(*arguments, **options)

        return counted

    for name in ("call_soon", "call_at"):
        setattr(loop, name, counting(getattr(loop, name)))
    return scheduled


def test_one_exchange_costs_at_most_three_turns_of_the_loop() -> None:
    async def main() -> None:
        _, links = hall()
        ear = Sender(links.bytes_to("oven-1", "", {}))
        await ear.line.open(ear)
        ear.line.write(b"first")
        scheduled = count_callbacks(asyncio.get_running_loop())
        await asyncio.sleep(1000)
        assert len(ear.heard) > 1900
        assert len(scheduled) < 3 * len(ear.heard)

    run_virtual(main())


def test_the_same_links_work_in_real_time_with_a_fast_clock() -> None:
    async def main() -> None:
        clock = RealClock(speed=1000.0)
        cell = Hall()
        cell.oven = Oven()
        cell.oven.advance(clock.now_s())  # it has been on since the computer was started
        links = MemoryLinks(cell, clock)
        links.start()
        heard = asyncio.get_running_loop().create_future()

        class First(Ear):
            def received(self, chunk: bytes) -> None:
                if b"ok a" in chunk and not heard.done():
                    heard.set_result(clock.now_s())

        line = links.bytes_to("oven-1", "", {})
        await line.open(First())
        began_s = clock.now_s()
        line.write(b"a")
        assert await asyncio.wait_for(heard, timeout=10) >= began_s + 0.5
        links.close()

    asyncio.run(main())


def test_a_machine_appears_when_its_cable_is_plugged_in_again_and_not_before() -> None:
    async def main() -> None:
        _, links = hall()
        line = links.bytes_to("oven-1", "ignored", {})
        await line.open(Ear())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await links.appeared("oven-1")
        links.cut("oven-1")
        asyncio.get_running_loop().call_later(7.0, links.mend, "oven-1")
        cut_s = VirtualClock().now_s()
        await links.appeared("oven-1")
        assert VirtualClock().now_s() == cut_s + 7.0
        links.close()

    run_virtual(main())


def test_the_machines_at_the_ends_of_two_cut_cables_can_be_exchanged() -> None:
    class TwoOvens(Hall):
        def __init__(self) -> None:
            super().__init__()
            self.other = Oven()

        @property
        def byte_devices(self) -> Mapping[str, ByteDevice]:
            return {"oven-1": self.oven, "oven-2": self.other}

    async def main() -> None:
        cell, ear = TwoOvens(), Ear()
        links = MemoryLinks(cell, VirtualClock())
        links.start()
        links.cut("oven-1")
        links.swap("oven-1", "oven-2")
        links.mend("oven-1")
        line = links.bytes_to("oven-1", "ignored", {})
        await line.open(ear)
        line.write(b"a")
        await asyncio.sleep(1)
        assert (cell.oven.heard, cell.other.heard) == ([], [(0.0, b"a")])
        assert ear.heard == [(0.5, b"ok a")]
        links.close()

    run_virtual(main())
