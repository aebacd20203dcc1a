"""The OPC UA twins as a client meets them: asyncua at both ends, in virtual time."""

import asyncio
from typing import Any, Final

import pytest

from cellctl.domain.errors import LinkLost, MachineFault
from cellctl.ports.nodes import NodeRef, Quality
from cellctl_sim.faults import Fault
from cellctl_sim.opcua.robot import ROBOTICS
from tests.sim.opcua_scene import CARRY, PORT, Scene, handshake, machine_tool, play, robot, world

DI: Final = "http://opcfoundation.org/UA/DI/"
PLC: Final = "urn:cellctl:sim:plc"


# ---- robot -------------------------------------------------------------------------------------------------------


async def carry(there: Scene) -> None:
    link = await there.watching()
    assert await link.call(there.method("LoadByName"), CARRY) == (0,)
    assert await link.call(there.method("Start")) == (0,)
    await there.until("ProgramCounter", 1)
    await link.close()


def test_a_program_runs_to_its_end_in_true_time_and_its_axes_move() -> None:
    around = world()
    there = play(robot(around, axes_every_s=0.5), carry)
    assert around.part_at("router-1.vise") is around.parts[0]
    assert around.violations == []
    assert there.now_s_at_end == pytest.approx(48.0, abs=1.0)
    axis = [(at_s, value) for at_s, name, value in there.told if name == "ParameterSet/ActualPosition"]
    assert len(axis) > 6 * 48
    assert there.server.requests.count("call Start") == 1


def test_the_same_seed_gives_the_same_log() -> None:
    logs = [play(robot(world(), axes_every_s=0.5), carry, seed=7).told for _ in range(2)]
    assert len(logs[0]) > 100
    assert logs[0] == logs[1]


def test_a_cut_is_noticed() -> None:
    async def act(there: Scene) -> None:
        link = await there.watching()
        there.net.cut(PORT)
        assert "lost" in await there.until_lost()
        await link.close()

    play(robot(world()), act)


def test_silence_is_noticed_within_ten_seconds() -> None:
    async def act(there: Scene) -> None:
        link = await there.watching()
        there.net.silence(PORT)
        began_s = there.now_s()
        await there.until_lost()
        assert there.now_s() - began_s < 10.0
        await link.close()

    play(robot(world()), act)


def test_nodes_are_found_by_type_and_by_id() -> None:
    async def act(there: Scene) -> None:
        link = await there.connect()
        device_set = f"node:{DI};i=5001"
        ways = [
            NodeRef((device_set, f"first:{ROBOTICS};i=1025", "CurrentState", "Number")),
            NodeRef((f"first:{ROBOTICS};i=1013", f"{DI};ParameterSet", f"{ROBOTICS};OperationalMode")),
        ]
        assert list(await link.resolve(ways, [(device_set, f"first:{ROBOTICS};i=1025", f"{ROBOTICS};Start")])) == [
            "UInt32",
            "Int32",
        ]
        await link.subscribe(ways)
        assert [there.values[way].value for way in ways] == [1, 4]
        assert [there.device.find(way.path) is not None for way in ways] == [True, True]
        await link.close()

    play(robot(world()), act)


def test_whatever_a_twin_says_of_its_types_its_server_says_too() -> None:
    async def act(there: Scene) -> None:
        link = await there.connect()
        refs = there.refs()
        types = await link.resolve(refs, list(there.device.methods))
        assert dict(zip([ref.path for ref in refs], types, strict=True)) == there.device.types()
        await link.close()

    for device in (robot(world()), handshake(world()), handshake(world(), style="array"), machine_tool(world())):
        play(device, act)


# ---- handshake ---------------------------------------------------------------------------------------------------


def test_a_handshake_runs_a_program_once() -> None:
    around = world()

    async def act(there: Scene) -> None:
        link = await there.watching()
        await link.write(there.ref("ProgramNumber"), 1)
        await there.until("ProgramEcho", 1)
        await link.write(there.ref("Start"), True)
        await there.until("StartAcknowledged", True)
        assert there.value("Busy")
        await link.write(there.ref("Start"), False)
        await there.until("StartAcknowledged", False)
        await there.until("Done", True)
        assert there.value("ProgramsEnded") == 1
        assert not there.value("Busy")
        await link.close()

    there = play(handshake(around), act)
    assert around.part_at("router-1.vise") is not None
    assert around.violations == []
    lives = [value for _, name, value in there.told if name == "m-1/MachineLife"]
    assert len(lives) > 40


def test_what_is_written_is_seen_when_the_next_cycle_begins() -> None:
    async def act(there: Scene) -> None:
        link = await there.watching()
        await link.write(there.ref("ProgramNumber"), 2)
        written_s = there.now_s()
        await there.until("ProgramEcho", 2)
        assert 0.0 <= there.now_s() - written_s < 1.0 + 0.3
        await link.close()

    play(handshake(world(), cycle_s=1.0), act)


def test_one_element_of_an_array_is_written_and_bits_of_a_word_are_read() -> None:
    async def act(there: Scene) -> None:
        link = await there.connect()
        number, start = (NodeRef((f"node:{PLC};i={node}",), "0") for node in (304, 302))
        echo, word = NodeRef((f"node:{PLC};i=303",), "0"), NodeRef((f"node:{PLC};i=306",))
        refs = [number, start, echo, word]
        assert list(await link.resolve(refs, [])) == ["Int16", "Boolean", "UInt16", "UInt16"]
        await link.subscribe(refs)
        await link.write(number, 1)
        await link.write(start, True)
        await asyncio.sleep(1.0)
        assert there.values[echo].value == 1
        assert there.values[word].value & 0b1000001 == 0b1000001
        await link.close()

    play(handshake(world(), style="array"), act)


def test_a_plc_takes_only_its_own_types() -> None:
    async def act(there: Scene) -> None:
        link = await there.watching()
        for name, value in (("ProgramNumber", "one"), ("Busy", True)):
            with pytest.raises((MachineFault, LinkLost)):
                await link.write(there.ref(name), value)
        await link.close()

    play(handshake(world()), act)


# ---- machine tool ------------------------------------------------------------------------------------------------


def order(number: int = 1, program: str = "nameplate") -> dict[str, Any]:
    return {"JobOrderID": f"op-{number}", "WorkMasterID": [{"ID": program}]}


def test_a_job_runs_to_ended_and_every_view_of_the_machine_shows_it() -> None:
    around = world()
    around.person_moves("printer-1.bed", "router-1.vise", 0.0)

    async def act(there: Scene) -> None:
        link = await there.watching()
        assert await link.call(there.method("StoreAndStart"), order(), []) == (1,)
        await there.until("ItemState/Number", 3)
        assert (there.value("ChannelState"), there.value("ActProgramStatus")) == (0, 1)
        assert there.value("JobOrderList")[0]["State"][0]["StateNumber"] == 3
        assert await link.call(there.method("Pause"), "op-1", []) == (1,)
        await there.until("State/Number", 3)
        assert await link.call(there.method("Resume"), "op-1", []) == (1,)
        await there.until("State/Number", 2)
        listed = there.value("JobOrderList")[0]
        assert (listed["JobOrder"]["JobOrderID"], listed["State"][0]["StateNumber"]) == ("op-1", 5)
        [response] = there.value("JobOrderResponseList")
        assert response["JobResponseData"] == [{"ID": "JobResult", "Value": 1}]
        answer, status = await link.call(there.method("RequestJobResponseByJobOrderID"), "op-1")
        assert (answer["JobOrderID"], status) == ("op-1", 1)
        await link.close()

    play(machine_tool(around), act)
    assert around.violations == []
    assert "cut nameplate by m-1" in around.parts[0].history[-1]


def test_what_the_job_table_does_not_allow_is_refused_with_its_bit() -> None:
    async def act(there: Scene) -> None:
        link = await there.watching()
        call = there.method
        assert await link.call(call("StoreAndStart"), order(program="unknown"), []) == (1 << 32,)
        assert await link.call(call("Stop"), "op-9", []) == (2,)
        assert await link.call(call("Store"), order(), []) == (1,)
        assert await link.call(call("Pause"), "op-1", []) == (8,)
        assert await link.call(call("Store"), order(2), []) == (16,)
        assert await link.call(call("Cancel"), "op-1", []) == (1,)
        await link.close()

    play(machine_tool(world(), most_jobs=1), act)


# ---- faults ------------------------------------------------------------------------------------------------------


def test_a_request_that_hangs_has_no_effect_and_one_that_hangs_after_has() -> None:
    for kind, state in (("hang", 1), ("hang-after", 2)):
        device = robot(world())

        async def act(there: Scene) -> None:
            link = await there.watching()
            began_s = there.now_s()
            with pytest.raises(LinkLost):
                await link.call(there.method("LoadByName"), CARRY)
            assert there.now_s() - began_s < 10.0
            await link.close()

        play(device, act, Fault(kind, nth=1, line="call Load"))
        assert device.values()[device.shelf.variables["CurrentState/Number"].path] == state


def test_a_connection_that_is_dropped_leaves_the_effect_unknown_and_says_so() -> None:
    for kind, state in (("drop", 1), ("drop-after", 2)):
        device = robot(world())

        async def act(there: Scene) -> None:
            link = await there.watching()
            with pytest.raises(LinkLost):
                await link.call(there.method("LoadByName"), CARRY)
            await there.until_lost()
            await link.close()

        play(device, act, Fault(kind, nth=1, line="call Load"))
        assert device.values()[device.shelf.variables["CurrentState/Number"].path] == state


def test_slow_is_an_answer_late_and_late_is_an_effect_late() -> None:
    for kind, state in (("slow", 2), ("late", 1)):

        async def act(there: Scene, state: int = state) -> None:
            link = await there.watching()
            async with asyncio.TaskGroup() as tasks:
                asked = tasks.create_task(link.call(there.method("LoadByName"), CARRY))
                await asyncio.sleep(1.0)
                assert not asked.done()
                assert there.device.values()[there.ref("CurrentState/Number").path] == state
            assert asked.result() == (0,)
            await link.close()

        play(robot(world()), act, Fault(kind, nth=1, line="call Load", amount=2.0))


def test_a_refusal_is_the_machines_own_or_a_status_code() -> None:
    async def act(there: Scene) -> None:
        link = await there.watching()
        assert await link.call(there.method("LoadByName"), CARRY) == (2,)
        with pytest.raises(MachineFault, match="BadUserAccessDenied"):
            await link.call(there.method("LoadByName"), CARRY)
        assert await link.call(there.method("LoadByName"), CARRY) == (0,)
        await link.close()

    own, code = Fault("refuse", nth=1, line="call"), Fault("refuse", nth=2, line="call", text="BadUserAccessDenied")
    play(robot(world()), act, own, code)


@pytest.mark.parametrize(("kind", "state"), [("restart", 3), ("reboot", 1)])
def test_after_a_restart_in_mid_program_namespaces_have_other_indexes_and_the_program_went_on_or_is_lost(
    kind: str, state: int
) -> None:
    async def act(there: Scene) -> None:
        link = await there.watching()
        await link.call(there.method("LoadByName"), CARRY)
        await link.call(there.method("Start"))
        await there.until_lost()
        await link.close()
        with pytest.raises(LinkLost):
            await there.connect()
        await asyncio.sleep(5.0)
        link = await there.watching()
        assert there.value("CurrentState/Number") == state
        await link.close()

    there = play(robot(world()), act, Fault(kind, at_s=10.0, amount=4.0))
    assert there.server.shift == 1


def test_no_seat_is_free_while_others_have_them_all() -> None:
    async def act(there: Scene) -> None:
        with pytest.raises(LinkLost, match="TooManySessions"):
            await there.connect()
        await asyncio.sleep(5.0)
        one = await there.connect()
        with pytest.raises(LinkLost, match="TooManySessions"):
            await there.connect()
        await one.close()
        await (await there.connect()).close()

    play(robot(world()), act, Fault("full", at_s=0.0, amount=5.0), seats=1)


def test_values_go_bad_uncertain_stale_huge_and_of_another_type_for_a_while() -> None:
    async def act(there: Scene) -> None:
        link = await there.watching()
        seen = []
        for _ in range(5):
            await asyncio.sleep(2.0)
            mode = there.values[there.ref("OperationalMode")]
            seen.append((mode.quality, mode.value))
            await asyncio.sleep(2.0)
            assert there.value("OperationalMode") == 4
        assert seen[0] == (Quality.BAD, None)
        assert seen[1] == (Quality.UNCERTAIN, None)
        assert seen[2] == (Quality.GOOD, 4)
        assert seen[3][1] in ("4", None)
        await link.close()

    kinds = ("bad", "uncertain", "stale", "wrong-type", "huge")
    play(robot(world()), act, *(Fault(k, at_s=1.0 + 4 * n, amount=2.0) for n, k in enumerate(kinds)))


@pytest.mark.parametrize("kind", ["stop-chain", "protective-stop", "wrong-mode"])
def test_what_stops_the_arm_is_read_back_and_keeps_it_from_starting(kind: str) -> None:
    async def act(there: Scene) -> None:
        link = await there.watching()
        await link.call(there.method("LoadByName"), CARRY)
        await link.call(there.method("Start"))
        await there.until("CurrentState/Number", 2)
        assert there.value("ReadySubstateMachine/CurrentState") == "Suspended"
        shown = (there.value("EmergencyStop"), there.value("ProtectiveStop"), there.value("OperationalMode"))
        assert shown == (kind == "stop-chain", kind == "protective-stop", 1 if kind == "wrong-mode" else 4)
        assert await link.call(there.method("Start")) == (1,)
        await asyncio.sleep(10.0)
        assert await link.call(there.method("Start")) == (0,)
        await there.until("ProgramCounter", 1)
        await link.close()

    play(robot(world()), act, Fault(kind, at_s=9.0, amount=8.0))


def test_a_machine_tool_shows_whether_a_part_is_in_it_and_its_sensor_can_stick() -> None:
    around = world()
    device = machine_tool(around)
    device.trouble.add(Fault("stale", at_s=1.0, amount=10.0, line="PartPresent"))

    def shown_at(now_s: float) -> bool:
        device.advance(now_s)
        (value,) = [value for path, value in device.values().items() if path[-1].endswith(";PartPresent")]
        return bool(value)

    assert shown_at(2.0)
    around.person_moves("router-1.vise", "gone", 3.0)
    assert (shown_at(4.0), shown_at(12.0)) == (True, False)
