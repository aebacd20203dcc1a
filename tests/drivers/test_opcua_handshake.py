"""Variables instead of methods: a scripted PLC, and what every kind of step does on the wire."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from cellctl.domain.errors import LinkLost, MachineFault, NotAllowed
from cellctl.domain.machine import MachineCommand
from cellctl.domain.machine import MachineState as S
from cellctl.domain.work import OperationState
from cellctl.ports.nodes import NodePath
from tests.drivers import scripted_nodes
from tests.drivers.scripted_nodes import Server, Shop, fails, machine, never, runs

OURS: Final = "urn:mine"
KEYS: Final[dict[str, Any]] = {
    "profile": "handshake",
    "parameters": {"namespace": OURS, "prefix": ""},
    "without": ["gripper_holds"],
}
MILL: Final = runs("12")


def at(name: str) -> NodePath:
    return (f"node:{OURS};s={name}",)


SHOWN: Final[dict[str, tuple[str, Any]]] = {
    "ProgramNumber": ("Int16", 0), "ProgramEcho": ("Int16", 0), "ProgramsEnded": ("UInt32", 5),
    "CellLife": ("UInt16", 65534), "MachineLife": ("UInt16", 0), "External": ("Boolean", True),
    "StopChainClosed": ("Boolean", True),
    **dict.fromkeys(
        ("Start", "Hold", "Stop", "Reset", "StartAcknowledged", "Busy", "Held", "Done", "Fault", "ProtectiveStop"),
        ("Boolean", False),
    ),
}  # fmt: skip


class Plc(Server):
    """It acknowledges a start for as long as the bit is set, and runs until `end`. Its heart beats with ours."""

    def __init__(self) -> None:
        super().__init__(
            {at(name): value for name, (_, value) in SHOWN.items()},
            {at(name): kind for name, (kind, _) in SHOWN.items()},
        )
        self.deaf: set[str] = set()
        self.beats = True

    def tell(self, **values: Any) -> None:
        self.show({at(name): value for name, value in values.items()})

    def see(self, name: str) -> Any:
        return self.shown[at(name)].value

    def end(self) -> None:
        self.tell(Busy=False, Done=True, ProgramsEnded=self.see("ProgramsEnded") + 1)

    @property
    def written(self) -> list[tuple[Any, ...]]:
        """Everything but our heartbeat."""
        return [(name.removeprefix("s="), value) for name, value in self.asked if not name.endswith("CellLife")]

    async def act(self, path: NodePath, arguments: Sequence[Any]) -> tuple[Any, ...]:
        name, value = path[0].rpartition("s=")[2], arguments[0]
        self.tell(**{name: value})
        if name in self.deaf:
            return ()
        match name, value:
            case "CellLife", _ if self.beats:
                self.tell(MachineLife=value)
            case "ProgramNumber", _:
                self.tell(ProgramEcho=value)
            case "Start", True:
                self.tell(StartAcknowledged=True, Done=False, Busy=True)
            case "Start", False:
                self.tell(StartAcknowledged=False)
            case "Hold", _:
                self.tell(Held=value)
            case "Stop", True:
                self.tell(Busy=False, Held=False)
            case "Reset", True:
                self.tell(Fault=False)
        return ()


def play(scene: Callable[[Any], Awaitable[None]], plc: Plc | None = None, **keys: Any) -> Any:
    return scripted_nodes.play(lambda: Shop(plc or Plc(), machine("arm-1", **{**KEYS, **keys})), scene)


START: Final = [("ProgramNumber", 12), ("Start", True), ("Start", False)]


def test_the_number_goes_first_and_is_echoed_then_start_is_set_acknowledged_and_taken_back() -> None:
    async def scene(shop: Shop) -> None:
        await shop.working(MILL)
        shop.server.end()  # type: ignore[attr-defined]
        await shop.until(S.COMPLETE)

    shop = play(scene)
    assert shop.server.written == START
    assert shop.outcome.state is OperationState.DONE


def test_hearts_beat_both_ways_and_begin_again_at_zero() -> None:
    async def scene(shop: Shop) -> None:
        await shop.until(S.IDLE)
        await asyncio.sleep(10)

    beats = [value for name, value in play(scene).server.asked if name.endswith("CellLife")]
    assert beats[:4] == [65535, 0, 1, 2]
    assert 8 <= len(beats) <= 10


def test_a_heart_that_stops_is_a_lost_contact() -> None:
    async def scene(shop: Shop) -> None:
        await shop.working(MILL)
        shop.server.beats = False  # type: ignore[attr-defined]
        await shop.gone.wait()

    shop = play(scene)
    assert isinstance(shop.ended, LinkLost)
    assert "its heartbeat machine_life has not changed for 5 s" in str(shop.ended)
    assert shop.outcome.state is OperationState.UNKNOWN
    assert shop.server.closed == 1


def test_a_number_that_is_not_echoed_is_never_started() -> None:
    plc = Plc()
    plc.deaf.add("ProgramNumber")

    async def scene(shop: Shop) -> None:
        await shop.until(S.IDLE)
        shop.driver.start(MILL)
        await shop.until(S.STOPPING)
        await shop.until(S.STOPPED)

    shop = play(scene, plc)
    assert shop.server.written == START[:1]
    assert (shop.outcome.state, shop.outcome.reason) == (
        OperationState.FAILED, "it does not show the echo of program_number",
    )  # fmt: skip


def test_a_start_that_is_not_acknowledged_is_taken_back_and_never_set_again() -> None:
    plc = Plc()
    plc.deaf.add("Start")

    async def scene(shop: Shop) -> None:
        await shop.until(S.IDLE)
        shop.driver.start(MILL)
        await shop.until(S.ABORTED)

    shop = play(scene, plc)
    assert shop.server.written[:3] == START
    assert shop.server.written.count(("Start", True)) == 1
    assert shop.outcome.state is OperationState.UNKNOWN


def test_a_write_without_an_answer_ends_the_contact_and_nothing_is_written_any_more() -> None:
    plc = Plc()
    plc.replies[at("Start")] = never

    async def scene(shop: Shop) -> None:
        await shop.until(S.IDLE)
        shop.driver.start(MILL)
        await shop.gone.wait()

    shop = play(scene, plc)
    assert shop.server.written == START[:2]
    assert shop.outcome.state is OperationState.UNKNOWN


def test_a_write_that_is_refused_as_of_the_wrong_type_is_told_so() -> None:
    plc = Plc()
    plc.replies[at("ProgramNumber")] = fails(MachineFault("arm-1", "BadTypeMismatch", do_next=""))

    async def scene(shop: Shop) -> None:
        await shop.until(S.IDLE)
        shop.driver.start(MILL)
        await shop.until(S.STOPPING)

    assert "BadTypeMismatch" in play(scene, plc).reason


@pytest.mark.parametrize(("name", "why"), [("MAIN", "needs the number of the work"), ("70000", "is no Int16")])
def test_a_program_that_is_no_number_of_its_type_is_refused_before_anything_is_written(name: str, why: str) -> None:
    async def scene(shop: Shop) -> None:
        await shop.until(S.IDLE)
        with pytest.raises(NotAllowed, match=why):
            shop.driver.start(runs(name))

    assert play(scene).server.written == []


def test_a_name_may_stand_for_a_number() -> None:
    async def scene(shop: Shop) -> None:
        await shop.working(runs("MAIN"))

    assert play(scene, programs={"MAIN": 12}).server.written[:3] == START


def test_hold_and_unhold_are_a_level() -> None:
    async def scene(shop: Shop) -> None:
        await shop.working(MILL)
        shop.driver.command(MachineCommand.HOLD)
        await shop.until(S.HELD)
        shop.facts.clear()
        shop.driver.command(MachineCommand.UNHOLD)
        await shop.until(S.EXECUTE)
        shop.server.end()  # type: ignore[attr-defined]
        await shop.until(S.COMPLETE)

    shop = play(scene)
    assert shop.server.written == [*START, ("Hold", True), ("Hold", False)]
    assert shop.outcome.state is OperationState.DONE


def test_a_machine_that_is_paused_by_hand_is_held_and_goes_on_by_hand() -> None:
    async def scene(shop: Shop) -> None:
        await shop.working(MILL)
        shop.server.tell(Held=True)  # type: ignore[attr-defined]
        await shop.until(S.HELD)
        shop.facts.clear()
        shop.server.tell(Held=False)  # type: ignore[attr-defined]
        await shop.until(S.EXECUTE)

    assert play(scene).server.written[:3] == START


def test_a_fault_is_an_end_that_failed_and_clear_acknowledges_it() -> None:
    async def scene(shop: Shop) -> None:
        await shop.working(MILL)
        shop.server.tell(Fault=True, Busy=False)  # type: ignore[attr-defined]
        await shop.until(S.ABORTED)
        shop.driver.command(MachineCommand.CLEAR)
        await shop.until(S.STOPPED)
        shop.driver.command(MachineCommand.RESET)
        await shop.until(S.IDLE)

    shop = play(scene)
    assert (shop.outcome.state, shop.outcome.reason) == (OperationState.FAILED, "it shows a fault")
    assert shop.server.written == [*START, ("Reset", True), ("Reset", False)]


def test_a_start_bit_that_was_left_behind_keeps_the_machine_stopped_until_a_person_resets_it() -> None:
    plc = Plc()
    plc.tell(Start=True)

    async def scene(shop: Shop) -> None:
        await shop.until(S.STOPPED)
        assert shop.reason == "the last start's handshake has not ended"
        shop.driver.command(MachineCommand.RESET)
        await shop.until(S.IDLE)

    assert play(scene, plc).server.written == [("Start", False)]


def test_values_that_nobody_confirms_grow_old_and_nothing_is_started_on_them() -> None:
    async def scene(shop: Shop) -> None:
        await shop.until(S.IDLE)
        shop.server.subscribe = never  # type: ignore[method-assign]
        await shop.gone.wait()

    shop = play(scene)
    assert "no answer to the request for fresh values" in str(shop.ended)
    assert shop.server.written == []


@pytest.mark.parametrize("kind", ["Int32", "Boolean", "String"])
def test_a_server_with_other_types_is_told_apart_and_never_written_to(kind: str) -> None:
    plc = Plc()
    plc.types[at("ProgramNumber")] = kind

    async def scene(shop: Shop) -> None:
        await shop.gone.wait()

    shop = play(scene, plc)
    assert f"program_number is {kind}, not Int16" in str(shop.ended)
    assert shop.server.asked == []


# ---- other kinds of step, by a profile beside the cell file --------------------------------------------------------

OWN: Final = """
[profile]
about = "toggle, sequence counter, control token, bit of a word"
identity = "mine"

[signals.token]
node = ["node:urn:mine;s=Token"]
type = "UInt16"
bit = 2
written = true
[signals.granted]
node = ["node:urn:mine;s=Granted"]
type = "Boolean"
[signals.go]
node = ["node:urn:mine;s=Go"]
type = "Boolean"
written = true
[signals.sequence]
node = ["node:urn:mine;s=Sequence"]
type = "Byte"
written = true
[signals.echo]
node = ["node:urn:mine;s=Echo"]
type = "Byte"
[signals.busy]
node = ["node:urn:mine;s=Busy"]
type = "Boolean"
[signals.ended]
node = ["node:urn:mine;s=Ended"]
type = "Byte"

[states]
executing = { busy = true }
resting = { busy = false }

[control]
owned = { granted = true }

[proof]
counter = "ended"
live = { counted = true }

[[commands.take_control]]
do = "write"
signal = "token"
value = true
until = { granted = true }
[[commands.give_control]]
do = "write"
signal = "token"
value = false

[[commands.start]]
do = "next"
signal = "sequence"
echo = "echo"
[[commands.start]]
do = "toggle"
signal = "go"
moves = true
until = { busy = true }
"""


class Tokens(Server):
    def __init__(self) -> None:
        shown = {
            "Token": ("UInt16", 0b1000_0001), "Granted": ("Boolean", False), "Go": ("Boolean", True),
            "Sequence": ("Byte", 255), "Echo": ("Byte", 255), "Busy": ("Boolean", False), "Ended": ("Byte", 255),
        }  # fmt: skip
        super().__init__(
            {at(n): value for n, (_, value) in shown.items()}, {at(n): kind for n, (kind, _) in shown.items()}
        )

    async def act(self, path: NodePath, arguments: Sequence[Any]) -> tuple[Any, ...]:
        name, value = path[0].rpartition("s=")[2], arguments[0]
        follows = {"Token": ("Granted", bool(value & 4)), "Sequence": ("Echo", value), "Go": ("Busy", True)}
        follower, shown = follows[name]
        self.show({path: value, at(follower): shown})
        return ()


def test_control_is_taken_before_the_start_and_given_back_at_its_end(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(OWN)
    server = Tokens()

    async def scene(shop: Shop) -> None:
        await shop.working(MILL)
        server.show({at("Busy"): False, at("Ended"): 0})
        await shop.until(S.COMPLETE)

    shop = scripted_nodes.play(lambda: Shop(server, machine("arm-1", tmp_path, profile="own.toml")), scene)
    assert [(name.removeprefix("s="), value) for name, value in server.asked] == [
        ("Token", 0b1000_0101), ("Sequence", 0), ("Go", False), ("Token", 0b1000_0001),
    ]  # fmt: skip
    assert shop.outcome.state is OperationState.DONE


def test_what_a_profile_cannot_do_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(OWN)
    server = Tokens()

    async def scene(shop: Shop) -> None:
        await shop.working(MILL)
        with pytest.raises(NotAllowed, match=r"its profile own\.toml cannot hold; stop it instead"):
            shop.driver.command(MachineCommand.HOLD)
        with pytest.raises(NotAllowed, match=r"its profile own\.toml cannot stop it; stop it at"):
            shop.driver.command(MachineCommand.STOP)

    scripted_nodes.play(lambda: Shop(server, machine("arm-1", tmp_path, profile="own.toml")), scene)


# ---- reading only --------------------------------------------------------------------------------------------------


def test_a_machine_that_is_only_read_shows_its_states_and_takes_no_command() -> None:
    cnc = "http://opcfoundation.org/UA/CNC"
    channel = (f"first:{cnc};i=1007", f"{cnc};CncChannelList", f"first:{cnc};i=1002")

    def of(name: str) -> NodePath:
        return (*channel, f"{cnc};{name}")

    shown = {of("ActStatus"): 2, of("ActProgramStatus"): 0, of("ActOperationMode"): 2}
    server = Server(shown, dict.fromkeys(shown, "Int32"))
    without = ["program_name", "program_line", "feed_hold"]

    async def scene(shop: Shop) -> None:
        await shop.until(S.STOPPED)
        for number, state in ((1, S.EXECUTE), (2, S.SUSPENDED), (3, S.HELD), (4, S.ABORTED), (9, S.STOPPED)):
            server.show({of("ActProgramStatus"): number})
            await shop.until(state)
            assert shop.states[-1] is state
        for command in (MachineCommand.ABORT, MachineCommand.RESET, MachineCommand.HOLD):
            with pytest.raises(NotAllowed, match="is only read: its profile cnc-channel has no commands"):
                shop.driver.command(command)
        with pytest.raises(NotAllowed, match="is only read"):
            shop.driver.start(MILL)

    shop = scripted_nodes.play(lambda: Shop(server, machine("arm-1", profile="cnc-channel", without=without)), scene)
    assert shop.server.asked == []
    assert S.IDLE not in shop.states
