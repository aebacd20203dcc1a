"""The real-time server, seen from outside: a real pty, a real OPC UA client, the real program."""

import argparse
import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random  # noqa: TID251 - seeded
from typing import Any

import pytest
import serial
from asyncua import Client, ua

from cellctl.domain.errors import ConfigError
from cellctl_sim.asking import ask
from cellctl_sim.cell import Cell, simulate
from cellctl_sim.config import ArmTwin, PrinterTwin
from cellctl_sim.control import answer
from cellctl_sim.machine_time import MachineTime
from cellctl_sim.main import _faults
from cellctl_sim.marlin import Marlin
from cellctl_sim.node_server import NodeServer
from cellctl_sim.opcua.robot import Robot
from cellctl_sim.opcua.shelf import NodePath
from cellctl_sim.serial_ports import READ_BYTES, UNREAD_BYTES, SerialPort
from cellctl_sim.serve import serve
from cellctl_sim.world import World

NAMEPLATE = Path(__file__).parents[2] / "examples" / "nameplate" / "cell.toml"
PLACES = ("printer-1.bed", "router-1.vise")
CARRY = "carry:printer-1.bed>router-1.vise"
WIRE_S = 10.0  # far above what anything here takes


class Parrot:
    """A device that says every line back, and `said` by itself once `says_at_s` has come."""

    def __init__(self, said: bytes = b"", says_at_s: float = 0.0) -> None:
        self._out = b""
        self._said = said
        self._says_at_s = says_at_s

    def receive(self, chunk: bytes, now_s: float) -> None:
        self._out += chunk

    def transmit(self, now_s: float) -> bytes:
        out, self._out = self._out, b""
        return out

    def advance(self, now_s: float) -> None:
        if now_s >= self._says_at_s:
            self._out, self._said = self._out + self._said, b""

    @property
    def wakeup_s(self) -> float | None:
        return self._says_at_s if self._said else None


def host(link: Path) -> serial.Serial:
    return serial.Serial(str(link), 115200, timeout=WIRE_S)


def test_bytes_pass_a_pty_unchanged_and_a_host_may_come_again(tmp_path: Path) -> None:
    every_byte = bytes(range(256))

    async def scenario() -> None:
        port = SerialPort(Parrot(), tmp_path / "cell" / "printer-1", MachineTime(1.0))
        port.open()
        for _ in range(2):
            with host(tmp_path / "cell" / "printer-1") as line:
                line.write(every_byte)
                assert await asyncio.to_thread(line.read, 256) == every_byte
        port.close()

    asyncio.run(scenario())
    assert list((tmp_path / "cell").iterdir()) == []


def test_a_device_is_woken_in_machine_time(tmp_path: Path) -> None:
    async def scenario() -> float:
        time = MachineTime(1000.0)
        port = SerialPort(Parrot(b"wait\n", says_at_s=100.0), tmp_path / "p", time)
        port.open()
        with host(tmp_path / "p") as line:
            assert await asyncio.to_thread(line.readline) == b"wait\n"
        port.close()
        return time.now_s()

    assert asyncio.run(scenario()) >= 100.0


def test_what_the_host_does_not_read_is_bounded_and_blocks_nobody(tmp_path: Path) -> None:
    async def scenario() -> int:
        port = SerialPort(Parrot(b"x" * 2_000_000), tmp_path / "p", MachineTime(1.0))
        with_reader = SerialPort(Parrot(), tmp_path / "q", MachineTime(1.0))
        port.open()
        with_reader.open()
        with host(tmp_path / "q") as line:
            line.write(b"alive\n")
            assert await asyncio.to_thread(line.readline) == b"alive\n"
        with (tmp_path / "p").open("rb", buffering=0) as unread:
            os.set_blocking(unread.fileno(), False)
            got = 0
            while chunk := unread.read(READ_BYTES):
                got += len(chunk)
                await asyncio.sleep(0)
        port.close()
        with_reader.close()
        return got

    # The kernel keeps at most some 64 KiB of its own.
    assert UNREAD_BYTES <= asyncio.run(scenario()) <= UNREAD_BYTES + 65536 + READ_BYTES


@pytest.mark.parametrize("real", ["p.txt", "absent", "/dev/null"])
def test_what_is_in_the_way_of_a_port_is_left_alone(tmp_path: Path, real: str) -> None:
    (tmp_path / "p.txt").write_text("mine")
    (tmp_path / "p").symlink_to(real)

    async def scenario() -> None:
        with pytest.raises(ConfigError, match="in the way"):
            SerialPort(Parrot(), tmp_path / "p", MachineTime(1.0)).open()
        with pytest.raises(ConfigError, match="in the way"):
            SerialPort(Parrot(), tmp_path / "p.txt", MachineTime(1.0)).open()

    asyncio.run(scenario())
    assert str((tmp_path / "p").readlink()) == real


def test_a_link_left_behind_by_a_killed_simulator_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "p").symlink_to("/dev/pts/99999")

    async def scenario() -> None:
        port = SerialPort(Parrot(), tmp_path / "p", MachineTime(1.0))
        port.open()
        assert (tmp_path / "p").exists()
        port.close()

    asyncio.run(scenario())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def node_id(client: Client, path: NodePath) -> Any:
    node = client.nodes.objects
    for name in path:
        uri, _, short = name.rpartition(";")
        index = await client.get_namespace_index(uri) if uri else 0
        node = await node.get_child(ua.QualifiedName(short, index))
    return node


class Watch:
    """What a subscription says, until the programs counted are as many as wanted."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.ended = asyncio.Event()

    def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
        self.numbers.append(value)
        if value == 2 and 3 in self.numbers:
            self.ended.set()


def test_an_opc_ua_client_loads_starts_and_sees_the_end_of_a_program() -> None:
    world = World((*PLACES, "arm-1.gripper"))
    world.deposit("printer-1", "printer-1.bed", 0.0)
    arm = Robot("arm-1", world, PLACES, ArmTwin(model="robot", move_s=6.0))
    paths = {path[-1].rpartition(";")[2]: path for path in arm.methods}

    async def talk(client: Client) -> list[int]:
        start = await node_id(client, paths["Start"])
        load = await node_id(client, paths["LoadByName"])
        machine = await node_id(client, paths["Start"][:-1])
        number = await node_id(client, (*paths["Start"][:-1], "CurrentState", "Number"))

        watch = Watch()
        subscription = await client.create_subscription(20, watch)
        await subscription.subscribe_data_change(number, queuesize=10)
        assert await machine.call_method(start.nodeid) == 1
        assert await machine.call_method(load.nodeid, CARRY) == 0
        assert await number.read_value() == 2
        assert await machine.call_method(start.nodeid) == 0
        assert await number.read_value() == 3
        await watch.ended.wait()

        for wrong in ((), (7,), (CARRY, CARRY)):
            with pytest.raises(ua.UaStatusCodeError) as refused:
                await machine.call_method(load.nodeid, *wrong)
            assert refused.value.code == ua.StatusCodes.BadInvalidArgument
        with pytest.raises(ua.UaStatusCodeError):
            await number.write_value(1, ua.VariantType.UInt32)
        with pytest.raises(ua.UaStatusCodeError) as missing:
            await client.uaclient.session.republish(subscription.subscription_id, 999_999)
        assert missing.value.code == ua.StatusCodes.BadMessageNotAvailable
        await subscription.delete()
        return watch.numbers

    async def scenario() -> list[int]:
        url = f"opc.tcp://127.0.0.1:{free_port()}/arm-1"
        server = NodeServer(arm, MachineTime(100.0))
        await server.open(url)
        try:
            async with asyncio.timeout(WIRE_S), asyncio.TaskGroup() as tasks:
                life = tasks.create_task(server.serve())
                async with Client(url, timeout=WIRE_S, watchdog_intervall=WIRE_S) as client:
                    numbers = await talk(client)
                life.cancel()
        finally:
            await server.close()
        return numbers

    assert asyncio.run(scenario()) == [1, 2, 3, 2]
    assert world.part_at("router-1.vise") is not None


def test_a_robot_is_not_served_to_the_network(tmp_path: Path) -> None:
    cell = simulate(NAMEPLATE, {"machines.arm-1.url": "opc.tcp://0.0.0.0:48401/arm-1"}, seed=1)
    with pytest.raises(ConfigError, match="loopback"):
        asyncio.run(serve(cell, tmp_path, 1.0, print))


@pytest.fixture
def cell() -> Cell:
    return simulate(NAMEPLATE, {}, seed=1)


def asked(cell: Cell, **request: Any) -> dict[str, Any]:
    return answer(cell, json.dumps(request).encode(), 1.0)


def test_the_control_socket_tells_what_is_where(cell: Cell) -> None:
    cell.world.deposit("printer-1", "printer-1.bed", 0.0)
    world = asked(cell, do="world")
    assert world["ok"]
    assert world["places"]["printer-1.bed"] == "w1"
    assert world["places"]["outfeed.3"] is None
    assert world["parts"][0]["history"] == ["t=0.0s printed by printer-1"]
    assert world["doors"]["router-1"] == "closed"
    assert world["violations"] == []


def test_a_person_moves_a_part_and_opens_a_door(cell: Cell) -> None:
    cell.world.deposit("printer-1", "printer-1.bed", 0.0)
    assert asked(cell, do="person-moves", source="printer-1.bed", target="gone") == {"ok": True, "part": "w1"}
    assert asked(cell, do="door", machine="router-1", open=True) == {"ok": True}
    assert cell.world.door_open("router-1")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"no json", "JSON"),
        (b"[]", "object"),
        (b'{"do": "dance"}', "dance"),
        (b'{"do": "person-moves", "source": "printer-1.bed"}', "target"),
        (b'{"do": "person-moves", "source": "printer-1.bed", "target": "gone"}', "no part is at printer-1.bed"),
        (b'{"do": "person-moves", "source": "attic.1", "target": "gone"}', "no place attic.1"),
        (b'{"do": "door", "machine": "attic", "open": true}', "no machine attic"),
    ],
)
def test_a_request_that_cannot_be_done_is_told_why(cell: Cell, line: bytes, why: str) -> None:
    reply = answer(cell, line, 1.0)
    assert reply["ok"] is False
    assert why in reply["why"]


def test_asking_where_nobody_serves_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError, match="no simulated cell answers"):
        asyncio.run(ask(tmp_path / "control", {"do": "world"}))


@pytest.fixture
def program(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`cellctl-sim` serving the nameplate cell below tmp_path."""
    url = f"machines.arm-1.url=opc.tcp://127.0.0.1:{free_port()}/arm-1"
    words = [str(NAMEPLATE), "--devices", str(tmp_path), "--speed", "10", "--set", url]
    command = [sys.executable, "-c", "import sys; from cellctl_sim.main import main; sys.exit(main())", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        yield running
        running.kill()


def test_the_program_serves_the_cell_and_takes_everything_away_again(
    program: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert program.stdout and program.stderr
    said = list(iter(program.stdout.readline, "ready\n"))
    assert [line.split()[:2] for line in said] == [
        ["printer-1", "marlin"],
        ["printer-2", "marlin"],
        ["router-1", "grbl"],
        ["arm-1", "robot"],
    ]
    with host(Path(said[0].split()[2])) as line:
        line.write(b"M115\n")
        assert b"FIRMWARE_NAME:Marlin" in line.read_until(b"ok\n")
    assert stat.S_ISSOCK((tmp_path / "control").stat().st_mode)
    assert asyncio.run(ask(tmp_path / "control", {"do": "world"}))["violations"] == []

    program.send_signal(signal.SIGTERM)
    assert program.wait(WIRE_S) == 0
    assert program.stderr.read() == ""
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []


# ---- what goes wrong -------------------------------------------------------------------------------------------


def test_a_fault_is_a_line_of_a_file_or_asked_for(tmp_path: Path) -> None:
    (tmp_path / "faults.toml").write_text('[[printer-1]]\nkind = "lose"\nnth = 1\nway = "to-host"\nline = "ok"\n')
    assert _faults(str(tmp_path / "faults.toml")) == {
        "machines.printer-1.sim.faults": [{"kind": "lose", "nth": 1, "way": "to-host", "line": "ok"}]
    }
    (tmp_path / "faults.json").write_text('{"printer-1": [{"kind": "reset", "at_s": 5}]}')
    assert _faults(str(tmp_path / "faults.json")) == {"machines.printer-1.sim.faults": [{"kind": "reset", "at_s": 5}]}
    (tmp_path / "bad.toml").write_text("[[printer")
    with pytest.raises(argparse.ArgumentTypeError, match="cannot be read"):
        _faults(str(tmp_path / "bad.toml"))


def test_a_cable_is_pulled_and_found_again_under_another_name(tmp_path: Path) -> None:
    async def scene() -> None:
        device = Marlin("printer-1", "p.bed", World(["p.bed"]), PrinterTwin(model="marlin"), Random(1))
        port = SerialPort(device, tmp_path / "one", MachineTime(1.0))
        port.open()
        host = os.open(tmp_path / "one", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        port.unplug(0.05, "two")
        await asyncio.sleep(0)
        assert not (tmp_path / "one").is_symlink()
        while os.read(host, 4096):  # to its end, which is a hang-up; a line that is only quiet would raise
            pass
        os.close(host)
        await asyncio.sleep(0.2)
        assert (tmp_path / "two").is_symlink()
        assert not (tmp_path / "one").is_symlink()
        port.close()
        assert not (tmp_path / "two").is_symlink()

    asyncio.run(scene())


def test_the_control_socket_strikes_a_machine() -> None:
    cell = simulate(NAMEPLATE, {}, seed=1)
    strike = {"do": "fault", "machine": "printer-1", "fault": {"kind": "reset", "at_s": 0}}
    assert answer(cell, json.dumps(strike).encode(), 1.0) == {"ok": True}
    device = cell.byte_devices["printer-1"]
    device.transmit(1.0)
    device.advance(1.0)
    assert device.transmit(1.0).startswith(b"start\n External Reset")
    refused = answer(cell, json.dumps({**strike, "fault": {"kind": "flood", "at_s": 0}}).encode(), 1.0)
    assert "kind must be one of" in refused["why"]
    nobody = answer(cell, json.dumps({**strike, "machine": "bench"}).encode(), 1.0)
    assert "faults are for machines on a line or a network" in nobody["why"]
    pressed = {**strike, "machine": "arm-1", "fault": {"kind": "stop-chain", "at_s": 0, "amount": 5}}
    assert answer(cell, json.dumps(pressed).encode(), 1.0) == {"ok": True}
    arm = cell.node_devices["arm-1"]
    arm.advance(1.0)
    stop = next(path for path in arm.values() if path[-1].endswith(";EmergencyStop"))
    assert arm.values()[stop] is True
    arm.advance(7.0)
    assert arm.values()[stop] is False
