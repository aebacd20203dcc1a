"""`cellctl opcua` against a real server, through the command line as a person types it."""

import asyncio
import json
import shutil
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellctl.app.clock import RealClock
from cellctl.app.main import main
from cellctl.app.opcua_draft import ROBOT_PARTS, TASK_STATES, suggestion
from cellctl.links.opcua_keys import Keys, fingerprint
from tests.links.opcua_plant import URI, start_plant

Capture = pytest.CaptureFixture[str]


class Served:
    """Two plants in a thread of their own: the commands have loops of their own. One speaks with everybody."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        server = Keys(folder / "server", folder, RealClock(1.0).utc)
        server.own()
        self.der = server.own_certificate.read_bytes()
        shutil.copy(server.own_certificate, folder / "server.der")
        shutil.copy(server.own_certificate.with_suffix(".pem"), folder / "server.pem")
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.open = self.run(start_plant())
        self.closed = self.run(start_plant(secure=folder))
        lines = [f'[machines.arm-1]\nurl = "{self.closed.url}"', f'[machines.arm-2]\nurl = "{self.open.url}"']
        (folder / "cell.toml").write_text("\n".join([*lines, "insecure = true", ""]))

    def run(self, work):  # type: ignore[no-untyped-def]
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def end(self) -> None:
        self.run(self.open.server.stop())
        self.run(self.closed.server.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def cellctl(self, *words: str) -> int:
        where = ["--cell", str(self.folder / "cell.toml"), "--state", str(self.folder / "state")]
        return main(["opcua", *words, *where])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("served"))
    yield served
    served.end()


def test_trust_shows_the_certificate_before_anything_is_pinned(served: Served, capsys: Capture) -> None:
    pin = served.folder / "state" / "opcua" / "pinned" / "arm-1.der"
    shutil.rmtree(served.folder / "state", ignore_errors=True)
    assert served.cellctl("trust", "arm-1") == 1
    shown = capsys.readouterr().out
    assert fingerprint(served.der) in shown
    assert "Not pinned." in shown and not pin.exists()
    assert served.cellctl("trust", "arm-1", "--fingerprint", "00" * 32) == 1
    assert fingerprint(served.der) in capsys.readouterr().err
    assert not pin.exists()
    assert served.cellctl("trust", "arm-1", "--fingerprint", fingerprint(served.der).lower()) == 0
    assert pin.read_bytes() == served.der
    assert served.cellctl("trust", "arm-1", "--yes") == 0
    assert "It is pinned already." in capsys.readouterr().out


def test_browse_prints_a_tree_with_types_values_and_arguments(served: Served, capsys: Capture) -> None:
    assert served.cellctl("browse", served.open.url) == 0
    tree = capsys.readouterr().out.splitlines()
    assert f"    {URI};Small  Int16 = 5  writable" in tree
    assert f"    {URI};Registers  Int16[] = [10, 11, 12, 13]  writable" in tree
    assert f"    {URI};Job  ExtensionObject = {{'Id': 'J1', 'Steps': [1, 2]}}  writable" in tree
    assert any(line.startswith(f"    {URI};Count(") and line.endswith("Int32") for line in tree)
    assert f"        {URI};Position  Double = 1.5" in tree
    assert served.cellctl("browse", served.open.url, "--from", f"{URI};Plant / {URI};Axes", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["path"][-1] for each in found["below"]] == [f"{URI};A1"]


def test_a_protected_machine_is_browsed_by_its_table_in_the_cell_file(served: Served, capsys: Capture) -> None:
    assert served.cellctl("trust", "arm-1", "--yes") == 0
    assert served.cellctl("browse", "arm-1", "--depth", "1") == 0
    assert f"  {URI};Plant/" in capsys.readouterr().out
    assert served.cellctl("browse", served.closed.url) == 1
    assert "cellctl opcua trust MACHINE" in capsys.readouterr().err


def test_probe_prints_a_profile_that_names_everything_there_is(served: Served, capsys: Capture) -> None:
    assert served.cellctl("probe", "arm-2") == 0
    printed = capsys.readouterr().out
    profile = tomllib.loads(printed)
    assert profile["namespaces"] == {"own": URI}
    assert profile["signals"]["small"] == {"node": ["own;Plant", "own;Small"], "type": "Int16"}
    assert profile["signals"]["registers"]["index"] == "0"
    assert profile["states"] == {"resting": {"level": 1}}
    assert "#   takes Job: ExtensionObject; gives Job: ExtensionObject" in printed
    assert "endpoint     None, log in: Anonymous" in printed


def test_the_draft_is_a_profile_by_the_drivers_own_schema(served: Served, capsys: Capture) -> None:
    from cellctl_drivers.opcua import binding

    assert served.cellctl("probe", served.open.url) == 0
    profile, *mistakes = binding.bound("draft", tomllib.loads(capsys.readouterr().out), "arm-1", {}, ())
    assert profile is not None
    assert [each for some in mistakes for each in some] == []


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("probe", "arm-9"), 78, "machines.arm-9.url is missing; machines with one: arm-1, arm-2"),
        (("browse", "opc.tcp://127.0.0.1:1"), 1, "opc.tcp://127.0.0.1:1: could not look at"),
        (("trust", "arm-2"), 1, "shows no certificate. Switch on an endpoint"),
        (("browse", "arm-2", "--from", f"{URI};Nothing"), 1, "Begin further up: cellctl opcua browse"),
    ],
)
def test_what_goes_wrong_names_the_server_and_the_next_step(
    served: Served, capsys: Capture, words: tuple[str, ...], status: int, said: str
) -> None:
    assert served.cellctl(*words) == status
    assert said in capsys.readouterr().err


def test_a_robot_of_the_standard_gets_its_built_in_profile_with_its_names() -> None:
    parts = {part: ("somewhere", f"urn:robot;{part.title()}") for part in ROBOT_PARTS}
    assert suggestion("arm-1", {TASK_STATES: ("somewhere",)}, parts) == [
        'profile = "robotics-1.02"',
        "[machines.arm-1.parameters]",
        'namespace = "urn:robot"',
        'system = "System"',
        'controller = "Controller"',
        'task = "Task"',
        'safety_state = "Safety_State"',
    ]
