"""`cellctl-hold-all` against machines on pseudo-terminals: what it tells them, and what it leaves alone."""

import asyncio
import fcntl
import os
import re
import select
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
import tomllib
import tty
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cellctl import hold_all
from cellctl.hold_all import MOST_S, Where, main
from cellctl_sim.cell import simulate
from cellctl_sim.machine_time import MachineTime
from cellctl_sim.serial_ports import SerialPort
from tests.links.sysfs import Computer

CELL = Path(__file__).parents[2] / "examples" / "nameplate" / "cell.toml"
Answer = Callable[[bytes], bytes]


class Machine:
    """The far end of a line: answers each byte or line as it is told to, until `close`."""

    def __init__(self, answer: Answer) -> None:
        self.heard = b""
        self._answer = answer
        self._end, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.path = Path(os.ttyname(self.slave))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        # The last one that has the other end open lets go: then reading here ends.
        os.close(self.slave)
        self._thread.join()
        os.close(self._end)

    def _serve(self) -> None:
        try:
            while chunk := os.read(self._end, 1000):
                self.heard += chunk
                os.write(self._end, self._answer(chunk))
        except OSError:
            return


class Grbl:
    """A controller that moves until it is told to hold."""

    def __init__(self, state: str, speed: int = 0, brakes: int = 1) -> None:
        self.state, self.speed, self._brakes = state, speed, brakes

    def __call__(self, chunk: bytes) -> bytes:
        said = b""
        for byte in chunk:
            if byte == ord("!") and not self.state.startswith("Hold"):
                self.state = "Hold:1"
            elif byte == 0x9E and self.state == "Hold:0":
                self.speed = 0 if self.speed else 12_000
            elif byte == ord("?"):
                said += b"<%s|MPos:0.000,0.000,0.000|FS:0,%d>\r\n" % (self.state.encode(), self.speed)
                self._brake()
        return said

    def _brake(self) -> None:
        if self.state == "Hold:1":
            self._brakes -= 1
            self.state = "Hold:1" if self._brakes else "Hold:0"


def silent(_chunk: bytes) -> bytes:
    return b""


def marlin(chunk: bytes) -> bytes:
    return b"ok\n" * (chunk.count(b"\n") - 1)


@pytest.fixture
def at_line(tmp_path: Path) -> Iterator[Callable[[str, Answer], Machine]]:
    made: list[Machine] = []

    def make(name: str, answer: Answer) -> Machine:
        made.append(Machine(answer))
        (tmp_path / name).symlink_to(made[-1].path)
        return made[-1]

    yield make
    for machine in made:
        machine.close()


def run(folder: Path, cell: str) -> dict[str, str]:
    """What it says about each machine of this cell file."""
    (folder / "cell.toml").write_text(cell)
    lines = hold_all.hold_all(folder / "cell.toml", Where(folder, folder / "sys"))
    return dict(line.split(": ", 1) for line in lines)


def table(name: str, driver: str, more: str = "") -> str:
    return f'[machines.{name}]\ndriver = "{driver}"\nport = "{name}"\n{more}\n'


# ---- what each family is told ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "told", "said"),
    [
        (Grbl("Idle"), b"?", "it says Idle"),
        (Grbl("Alarm"), b"?", "it says Alarm"),
        (Grbl("Door:0"), b"?", "it says Door:0"),
        (Grbl("Hold:0"), b"?", "it says Hold:0"),
        (Grbl("Run", brakes=3), b"?!????", "told to hold; it says Hold:0"),
        (Grbl("Jog"), b"?!??", "told to hold; it says Hold:0"),
        (Grbl("Run", speed=8000), b"?!??\x9e?", "told to hold; spindle told to stop; it says Hold:0"),
        (Grbl("Idle", speed=8000), b"?!??\x9e?", "told to hold; spindle told to stop; it says Hold:0"),
        (Grbl("Hold:0", speed=8000), b"?\x9e?", "spindle told to stop; it says Hold:0"),
        (Grbl("Hold:1"), b"??", "it says Hold:0"),
    ],
)
def test_a_grbl_stands_afterwards_its_spindle_too_and_no_line_was_ended(
    answer: Grbl, told: bytes, said: str, at_line: Callable[[str, Answer], Machine], tmp_path: Path
) -> None:
    machine = at_line("router-1", answer)
    assert run(tmp_path, table("router-1", "grbl")) == {"router-1": said}
    assert machine.heard == told


def test_a_grbl_that_does_not_answer_is_told_to_hold_all_the_same(
    at_line: Callable[[str, Answer], Machine], tmp_path: Path
) -> None:
    machine = at_line("router-1", silent)
    assert run(tmp_path, table("router-1", "grbl")) == {"router-1": "told to hold; it says nothing"}
    assert set(machine.heard) == set(b"?!")


@pytest.mark.parametrize(("answer", "said"), [(marlin, "it has answered"), (silent, "it has not answered yet")])
def test_a_printer_goes_cold_and_is_not_moved(
    answer: Answer, said: str, at_line: Callable[[str, Answer], Machine], tmp_path: Path
) -> None:
    machine = at_line("printer-1", answer)
    assert run(tmp_path, table("printer-1", "marlin")) == {"printer-1": f"heaters told to go off; {said}"}
    # The first newline ends what the daemon left half sent: a numbered line without its checksum is refused.
    assert machine.heard == b"\nM104 S0\nM140 S0\n"


@pytest.mark.parametrize(
    ("dialect", "told", "said"),
    [
        ("grbl", b"?!??", "told to hold; it says Hold:0"),
        ("marlin", b"", "left alone: it ends its present move and stands; its gripper stays as it is"),
    ],
)
def test_an_arm_is_told_to_stand_and_its_gripper_is_left_alone(
    dialect: str, told: bytes, said: str, at_line: Callable[[str, Answer], Machine], tmp_path: Path
) -> None:
    machine = at_line("arm-1", Grbl("Run", speed=1000))
    assert run(tmp_path, table("arm-1", "serial_arm", f'dialect = "{dialect}"')) == {"arm-1": said}
    assert machine.heard == told


# ---- what is left alone ------------------------------------------------------------------------------------------


def test_a_port_that_somebody_else_has_locked_is_left_alone(
    at_line: Callable[[str, Answer], Machine], tmp_path: Path
) -> None:
    machine = at_line("router-1", Grbl("Run"))
    fcntl.flock(machine.slave, fcntl.LOCK_EX)
    said = run(tmp_path, table("router-1", "grbl"))
    assert said == {"router-1": "left alone: another program has router-1"}
    assert machine.heard == b""


def test_what_is_not_there_not_known_or_not_serial_hinders_nobody(
    at_line: Callable[[str, Answer], Machine], tmp_path: Path
) -> None:
    machine = at_line("router-1", Grbl("Run"))
    (tmp_path / "a-file").write_text("")
    cell = (
        table("gone", "marlin")
        + table("a-file", "marlin")
        + table("arm-2", "acrobot")
        + '[machines.bench-1]\ndriver = "manual"\n'
        + table("router-1", "grbl")
    )
    said = run(tmp_path, cell)
    assert said["router-1"] == "told to hold; it says Hold:0"
    assert said["gone"].startswith("not reached: [Errno 2]")
    assert said["a-file"].startswith("not reached: ")
    assert said["arm-2"] == "left alone: nothing is known about driver 'acrobot'"
    assert "bench-1" not in said
    assert machine.heard


def test_a_line_that_takes_nothing_more_does_not_keep_us(
    at_line: Callable[[str, Answer], Machine], tmp_path: Path
) -> None:
    stuck, release = threading.Event(), threading.Event()

    def deaf(_chunk: bytes) -> bytes:
        stuck.set()
        release.wait(10)
        return b""

    machine = at_line("printer-1", deaf)
    os.set_blocking(machine.slave, False)
    try:
        os.write(machine.slave, b"x")
        assert stuck.wait(10)
        # The kernel moves bytes on from buffer to buffer until all of them are full.
        while select.select([], [machine.slave], [], 0.1)[1]:
            with suppress(BlockingIOError):
                os.write(machine.slave, bytes(1000))
        # A line with little room says that it has none.
        with suppress(BlockingIOError):
            while os.write(machine.slave, b"x"):
                pass
        began_s = time.monotonic()  # noqa: TID251 - another program's real time
        said = run(tmp_path, table("printer-1", "marlin"))
        assert time.monotonic() - began_s < MOST_S  # noqa: TID251
        assert said == {"printer-1": "not reached: its line takes nothing more"}
    finally:
        release.set()


@pytest.mark.parametrize("text", ["", "machines = 3", "[machines", "[machines]\nx = 1", None])
def test_a_cell_file_that_cannot_be_used_is_said_and_is_no_failure(
    text: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "cell.toml"
    if text is not None:
        file.write_text(text)
    assert main([str(file)]) == 0
    assert "cannot be used" in capsys.readouterr().out or text == "[machines]\nx = 1"


# ---- the ways to a machine ---------------------------------------------------------------------------------------


def test_the_ports_settings_are_the_cell_files_and_dtr_stays_as_it_is(
    at_line: Callable[[str, Answer], Machine], tmp_path: Path
) -> None:
    usual, strange = at_line("a", Grbl("Idle")), at_line("b", Grbl("Idle"))
    run(tmp_path, table("a", "grbl", "baud = 57600") + table("b", "grbl", "baud = 250000"))
    attributes = termios.tcgetattr(usual.slave)
    assert attributes[4:6] == [termios.B57600, termios.B57600]
    assert not attributes[2] & termios.HUPCL
    tcgets2 = 0x802C542A  # the kernel's own, which tells a rate without a name
    assert struct.unpack("36x2I", fcntl.ioctl(strange.slave, tcgets2, bytes(44))) == (250_000, 250_000)


def test_a_usb_adapter_is_found_by_what_it_says(at_line: Callable[[str, Answer], Machine], tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    machine = at_line("unused", Grbl("Run"))
    computer.plug("ttyACM3", "1-1.2", machine.path, idVendor="2341", idProduct="0043", serial="AB,1")
    computer.plug("ttyUSB0", "1-1.3", Path(os.devnull), idVendor="1a86", idProduct="7523")
    text = '[machines.a]\ndriver = "grbl"\nport = "%s"\n'
    (tmp_path / "cell.toml").write_text(text % "usb:serial=AB%2C1,vid=2341,path=1-1.2,interface=0")
    where = Where(computer.dev, computer.sys)
    assert hold_all.hold_all(tmp_path / "cell.toml", where) == ["a: told to hold; it says Hold:0"]
    (tmp_path / "cell.toml").write_text(text % "usb:pid=9999")
    assert hold_all.hold_all(tmp_path / "cell.toml", where) == ["a: not reached: 0 ports are usb:pid=9999"]


def test_a_machine_behind_a_socket_is_told_as_well(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        heard: list[bytes] = []

        def serve() -> None:
            end, _ = server.accept()
            with end:
                heard.append(end.recv(1000))
                end.sendall(b"<Idle|FS:0,0>\n")
                end.recv(1000)

        thread = threading.Thread(target=serve)
        thread.start()
        port = server.getsockname()[1]
        said = run(tmp_path, f'[machines.a]\ndriver = "grbl"\nport = "tcp://127.0.0.1:{port}"\n')
        thread.join()
    assert (said, heard) == ({"a": "it says Idle"}, [b"?"])


# ---- as a program ------------------------------------------------------------------------------------------------


def test_it_runs_without_the_daemon_without_packages_and_without_a_working_folder(tmp_path: Path) -> None:
    """`-I -S`: no site-packages, no cellctl on the path. What breaks the daemon does not break this."""
    (tmp_path / "cell.toml").write_text(table("gone", "marlin"))
    line = [sys.executable, "-I", "-S", hold_all.__file__, tmp_path / "cell.toml", "--devices", tmp_path]
    done = subprocess.run(line, capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.startswith("gone: not reached: [Errno 2]")
    assert done.stderr == ""
    modules = re.findall(r"^(?:from|import) (\w+)", Path(hold_all.__file__).read_text(), re.MULTILINE)
    assert set(modules) <= sys.stdlib_module_names


def test_simulated_machines_in_the_middle_of_their_work_come_to_rest(tmp_path: Path) -> None:
    async def main() -> None:
        twin = simulate(CELL, {}, seed=1)
        clock = MachineTime(1.0)
        ports = [SerialPort(device, tmp_path / "cell" / name, clock) for name, device in twin.byte_devices.items()]
        for port in ports:
            port.open()
        router = os.open(tmp_path / "cell" / "router-1", os.O_RDWR | os.O_NOCTTY)
        printer = os.open(tmp_path / "cell" / "printer-1", os.O_RDWR | os.O_NOCTTY)
        os.write(router, b"G21\nG91\nM3 S9000\nG1 X50 F300\nG1 X5")
        os.write(printer, b"M104 S200\nM140 S60\nN1 G1 X1")
        await asyncio.sleep(0.2)
        line = [sys.executable, hold_all.__file__, str(CELL), "--devices", str(tmp_path)]
        program = await asyncio.create_subprocess_exec(*line, stdout=asyncio.subprocess.PIPE)
        said = (await program.communicate())[0].decode()
        assert "router-1: told to hold; spindle told to stop; it says Hold:0" in said
        assert "printer-1: heaters told to go off; it has answered" in said
        os.write(printer, b"M105\n")
        os.set_blocking(printer, False)
        await asyncio.sleep(0.1)
        assert b" /0.00 B:" in os.read(printer, 4096)
        for end in (router, printer):
            os.close(end)
        for port in ports:
            port.close()

    asyncio.run(main())


def test_the_unit_runs_it_after_every_end_of_the_daemon() -> None:
    root = Path(__file__).parents[2]
    unit = (root / "systemd" / "cellctl.service").read_text().splitlines()
    assert "ExecStopPost=-cellctl-hold-all %E/cellctl/cell.toml" in unit
    scripts = tomllib.loads((root / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts["cellctl-hold-all"] == "cellctl.hold_all:main"
    # Both read the same file, and it has the time that it needs.
    (start,) = (line for line in unit if line.startswith("ExecStart="))
    assert "%E/cellctl/cell.toml" in start
    (limit,) = (line for line in unit if line.startswith("TimeoutStopSec="))
    assert float(limit.partition("=")[2]) > 2 * MOST_S
