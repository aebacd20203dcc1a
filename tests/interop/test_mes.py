"""An MES that is not asyncua: a node-opcua client takes a simulated cell through the job state table.

The cell is the whole one of the example, its machines' twins on lines in memory, its clock some hundred times too fast.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cellctl.app.cell import Outside, RunningCell
from cellctl.app.clock import RealClock, SeededIds
from cellctl.app.config import load
from cellctl.app.simulate import simulated_cell
from cellctl.app.twins import Person
from cellctl.domain.commands import CommandMachine, Envelope, content_hash
from cellctl.domain.machine import MachineCommand
from cellctl.faces.mqtt import MqttFace, MqttSettings
from cellctl.faces.opcua import face, tree, users, values
from cellctl.faces.opcua.jobs import CellJobs
from cellctl.links import opcua_keys as keys
from cellctl.links.memory import MemoryLinks
from cellctl.links.memory_bus import MemoryBroker
from cellctl.ports import Will
from cellctl.stores.files import MemoryFiles
from cellctl.stores.memory import MemoryStore
from tests.faces.mqtt_room import Somebody

ROOT = Path(__file__).parents[2]
CELL_FILE = ROOT / "examples" / "nameplate" / "cell.toml"
SPEED = 200.0
WITHIN_S = 240.0
PASSWORD = "let me in"
AS_GOOD_AS_NEW = {"ABORTED": MachineCommand.CLEAR, "STOPPED": MachineCommand.RESET}


async def repair(cell: RunningCell) -> None:
    """A technician: whatever was broken off is cleared and made ready again, as soon as that is allowed."""
    ids = SeededIds(99)
    while True:
        view = cell.desk.view()
        for machine in view.machines:
            if machine.state in AS_GOOD_AS_NEW:
                command = CommandMachine(machine.name, AS_GOOD_AS_NEW[machine.state])
                await cell.desk.submit(Envelope(ids.new(), "technician", command, content_hash(command)))
        await asyncio.sleep(0.2)


@asynccontextmanager
async def speeded_cell(state: Path) -> AsyncIterator[tuple[RunningCell, Any, Somebody]]:
    """The cell with its OPC UA server on loopback and an MQTT broker in memory."""
    clock, config = RealClock(SPEED), load(CELL_FILE, {})
    twin, broker, somebody = simulated_cell(CELL_FILE, {}, 1), MemoryBroker(), Somebody()
    links = MemoryLinks(twin, clock)
    links.start()
    cell = RunningCell(config, Outside(clock, SeededIds(1), links, MemoryStore(clock), MemoryFiles()))
    mqtt = MqttFace(cell.desk, broker.client("cellctl"), clock, SeededIds(2), MqttSettings(config.plan.name))
    opcua = opcua_face(cell, state)
    person = Person(cell.engine, cell.desk, twin, clock, SeededIds(3))
    try:
        async with asyncio.TaskGroup() as tasks:
            will = Will("client/somebody", b"")
            heard = tasks.create_task(broker.client("somebody").session(will, somebody.serve))
            running = tasks.create_task(cell.run([mqtt, opcua], person.work))
            technician = tasks.create_task(repair(cell))
            await opcua.listening.wait()
            await cell.met()
            yield cell, opcua, somebody
            for task in (technician, running, heard):
                task.cancel()
    finally:
        links.close()
    assert list(twin.violations) == []


def opcua_face(cell: RunningCell, state: Path) -> Any:
    mine = keys.Keys(state / "server", state, cell.outside.clock.utc)
    names = (tree.CELL, *cell.config.machines)
    settings = face.OpcuaSettings(
        bind="127.0.0.1",
        port=0,
        uri=mine.own().application_uri,
        version="0",
        plates={name: values.Nameplate("test", name, f"urn:test:{name}") for name in names},
        users=users.Users({"mes": users.with_password(users.Role.OPERATOR, PASSWORD, b"0" * 16)}),
        open=False,
        papers=face.Papers(mine.own_certificate, mine.own_certificate.with_suffix(".pem")),
    )
    jobs = CellJobs(cell.desk, cell.outside.ids, cell.engine.history)
    return face.OpcuaFace(cell.desk, jobs, cell.outside.clock, settings)


async def node(script: Path, told: dict[str, str], node_modules: Path) -> tuple[int, list[str], str]:
    environment = {"NODE_PATH": str(node_modules), "HOME": told["pki"]}
    process = await asyncio.create_subprocess_exec(
        shutil.which("node") or "node", str(script), json.dumps(told),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment,
    )  # fmt: skip
    try:
        async with asyncio.timeout(WITHIN_S):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    found = [json.loads(line)["found"] for line in out.decode().splitlines() if line.startswith("{")]
    return process.returncode or 0, found, out.decode() + err.decode()


def test_an_mes_in_node_opcua_goes_through_the_whole_job_state_table(tmp_path: Path, node_modules: Path) -> None:
    async def main() -> tuple[int, list[str], str]:
        async with speeded_cell(tmp_path) as (cell, opcua, somebody):
            while not somebody.fresh:
                await asyncio.sleep(0.05)
            order = {"product": "nameplate", "parameters": {"text": "ADA"}, "order_id": "MQTT-1"}
            assert (await somebody.ask("job/store", args=order))["code"] == "accepted"
            client = keys.Keys(tmp_path / "client", tmp_path, cell.outside.clock.utc)
            told = {
                "url": f"opc.tcp://127.0.0.1:{opcua.port}/cellctl",
                "cell": cell.config.plan.name,
                "user": "mes",
                "password": PASSWORD,
                "applicationUri": client.own().application_uri,
                "certificate": str(client.own_certificate),
                "key": str(client.own_certificate.with_suffix(".pem")),
                "pki": str(tmp_path / "pki"),
            }
            answer = await node(Path(__file__).with_name("mes.cjs"), told, node_modules)
            if answer[0] == 0:
                stored = await somebody.next("order/+/state", 0, id="WO-5")
                assert (stored["state"], stored["job_state"]) == ("stored", "NOT_ALLOWED_TO_START")
                cancelled = await somebody.next("order/+/state", 0, id="MQTT-1", state="cancelled")
                assert cancelled["job_state"] == ""
            return answer

    code, found, said = asyncio.run(main())
    if code != 0:
        pytest.fail(said)
    assert len(found) == 14, said
