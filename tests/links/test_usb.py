"""A machine is known by its USB adapter, not by a name that it has today."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellctl.app.clock import RealClock
from cellctl.app.config import MachineConfig
from cellctl.app.supervisor import Supervisor
from cellctl.domain.address import FileAddress, NetworkAddress, UsbAddress, parse_address
from cellctl.domain.errors import ConfigError, LinkLost
from cellctl.domain.events import ContactLost, Fact
from cellctl.links.real import RealLinks
from cellctl.links.usb import usb_ports
from cellctl.ports import Driver, Tools
from cellctl.stores.files import MemoryFiles
from tests.links.ends import DEADLINE_S, Ear, Machine
from tests.links.sysfs import Computer

CH340 = {"idVendor": "1a86", "idProduct": "7523", "product": "USB Serial"}
UNO = {"idVendor": "2341", "idProduct": "0043", "serial": "95530343", "product": "Arduino Uno"}


BY_PATH = "/dev/serial/by-path/pci-0000:00:14.0-usb-0:1.2:1.0"


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    return Computer(tmp_path)


@pytest.fixture
def machines() -> Iterator[list[Machine]]:
    made = [Machine() for _ in range(4)]
    yield made
    for machine in made:
        machine.vanish()


def links(computer: Computer) -> RealLinks:
    return RealLinks(computer.dev, sysfs=computer.sys)


# ---- addresses ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("cell/printer-1", FileAddress("cell/printer-1")),
        (BY_PATH, FileAddress(BY_PATH)),
        ("usb:serial=AB 01%2C", UsbAddress(serial="AB 01,")),
        ("usb:vid=1A86,pid=7523, path=1-1.2,interface=2", UsbAddress("", "1a86", "7523", "1-1.2", "02")),
        ("tcp://10.0.0.5:23", NetworkAddress("10.0.0.5", 23)),
        ("rfc2217://[::1]:2217/", NetworkAddress("::1", 2217, rfc2217=True)),
    ],
)  # fmt: skip
def test_an_address_is_a_device_file_an_adapter_or_a_server(text: str, address: object) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    ["", " ", "usb:", "usb:serial", "usb:serial=", "usb:vendor=1", "usb:vid=86", "usb:vid=1a86,vid=1a86", "tcp://host",
     "tcp://:5", "tcp://host:99999", "tcp://host:1/x", "tcp://me@host:1", "rfc2217://host:0", "http://host:80"],
)  # fmt: skip
def test_an_address_that_means_nothing_is_a_mistake_in_the_cell_file(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^machines\.router-1\.port: .* found "):
        RealLinks(tmp_path).bytes_to("router-1", text, {})


# ---- sysfs -------------------------------------------------------------------------------------------------------


def test_ports_are_read_from_sysfs_with_everything_that_tells_them_apart(computer: Computer) -> None:
    null = Path(os.devnull)
    computer.plug("ttyUSB0", "1-1.2", null, **CH340)
    computer.plug("ttyACM0", "1-1.3", null, **UNO)
    computer.plug("ttyACM1", "1-1.3", null, interface="02", **UNO)
    found = {str(port) for port in usb_ports(computer.sys)}
    assert found == {
        "ttyUSB0 (USB Serial: vid=1a86,pid=7523,path=1-1.2,interface=00, no serial number)",
        "ttyACM0 (Arduino Uno: vid=2341,pid=0043,path=1-1.3,interface=00, serial=95530343)",
        "ttyACM1 (Arduino Uno: vid=2341,pid=0043,path=1-1.3,interface=02, serial=95530343)",
    }


def test_this_computers_own_sysfs_can_be_read() -> None:
    assert all(port.vid and port.path for port in usb_ports())


# ---- finding -----------------------------------------------------------------------------------------------------


async def opens(links: RealLinks, address: str, machine: Machine) -> bool:
    """Whether what is written to this address comes to this machine."""
    line = links.bytes_to("router-1", address, {})
    await line.open(Ear())
    line.write(b"?")
    os.set_blocking(machine.fd, False)
    try:
        return os.read(machine.fd, 10) == b"?"
    except BlockingIOError:
        return False
    finally:
        line.close()


def test_two_equal_adapters_are_told_apart_by_their_socket(computer: Computer, machines: list[Machine]) -> None:
    for number in (0, 1):
        computer.plug(f"ttyUSB{number}", f"1-1.{number}", machines[number].path, **CH340)
    line = links(computer)
    assert asyncio.run(opens(line, "usb:vid=1a86,path=1-1.1", machines[1]))
    with pytest.raises(LinkLost, match=r"2 ports are vid=1a86; .*ttyUSB0.*ttyUSB1.*\. Add path= or interface="):
        asyncio.run(opens(line, "usb:vid=1a86", machines[0]))


def test_a_machine_keeps_its_address_when_it_comes_back_under_another_name(
    computer: Computer, machines: list[Machine]
) -> None:
    line = links(computer)
    computer.plug("ttyACM0", "1-1.2", machines[0].path, **UNO)
    assert asyncio.run(opens(line, "usb:serial=95530343", machines[0]))
    computer.unplug("ttyACM0")
    computer.plug("ttyACM0", "1-1.4", machines[1].path, **CH340)
    computer.plug("ttyACM1", "1-1.3", machines[2].path, **UNO)
    assert asyncio.run(opens(line, "usb:serial=95530343", machines[2]))


@pytest.mark.parametrize("address", ["usb:serial=95530343", "ttyACM0"])
def test_a_machine_that_is_not_there_is_missed_with_what_there_is_instead(computer: Computer, address: str) -> None:
    computer.plug("ttyUSB0", "1-1.2", Path(os.devnull), **CH340)
    instead = r"there is no port .*; USB serial ports plugged in: ttyUSB0 \(USB Serial: vid=1a86.*\. Plug in its cable"
    with pytest.raises(LinkLost, match=instead):
        asyncio.run(links(computer).bytes_to("cnc-1", address, {}).open(Ear()))


# ---- hot-plug ----------------------------------------------------------------------------------------------------


class Talks:
    """A driver that opens its line and stays; a family of them."""

    def __init__(self, address: str) -> None:
        self.options = object
        self._address = address

    def driver(self, machine: str, options: object, tools: Tools) -> Driver:
        self._line, self._news = tools.links.bytes_to(machine, self._address, {}), asyncio.Event()
        self._lost = ""
        return self  # type: ignore[return-value]

    async def serve(self) -> None:
        try:
            await self._line.open(self)
            self._line.write(b"hello")
            await self._news.wait()
            raise LinkLost("router-1", self._lost, do_next="Look")
        finally:
            self._line.close()

    def received(self, chunk: bytes) -> None: ...

    def lost(self, reason: str) -> None:
        self._lost = reason
        self._news.set()


def test_a_machine_that_is_plugged_in_again_is_met_within_two_seconds_whatever_the_back_off(
    computer: Computer, machines: list[Machine]
) -> None:
    """Each time under another name. Left alone, the last attempts would be four and eight seconds away."""

    async def main() -> None:
        losses: asyncio.Queue[Fact] = asyncio.Queue()
        tools = Tools(RealClock(), links(computer), MemoryFiles(), losses.put_nowait)
        supervisor = Supervisor("router-1", MachineConfig(Talks("usb:serial=95530343"), None), tools)
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(supervisor.run())
            for number, machine in enumerate(machines):
                lost = await losses.get()
                assert isinstance(lost, ContactLost)
                assert ("there is no port" in lost.reason) == (number == 0)
                computer.plug(f"ttyACM{number}", "1-1.2", machine.path, **UNO)
                plugged_s = loop.time()
                await hello_at(machine)
                assert loop.time() - plugged_s < 2
                computer.unplug(f"ttyACM{number}")
                machine.vanish()
            running.cancel()

    asyncio.run(main())


async def hello_at(machine: Machine) -> None:
    loop, heard = asyncio.get_running_loop(), asyncio.Event()
    # While nobody has the other end open, a pty's master end is hung up.
    keeper = os.open(machine.path, os.O_RDWR | os.O_NOCTTY)
    loop.add_reader(machine.fd, heard.set)
    async with asyncio.timeout(DEADLINE_S):
        await heard.wait()
    loop.remove_reader(machine.fd)
    os.close(keeper)
    assert os.read(machine.fd, 10) == b"hello"


def test_a_port_that_is_there_but_refused_is_not_tried_again_and_again(
    computer: Computer, machines: list[Machine]
) -> None:
    async def main() -> None:
        computer.plug("ttyACM0", "1-1.2", machines[0].path, **UNO)
        line = links(computer)
        held = line.bytes_to("router-1", "ttyACM0", {})
        await held.open(Ear())
        with pytest.raises(LinkLost, match="another machine of this cell has it"):
            await line.bytes_to("router-1", "ttyACM0", {}).open(Ear())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.6):
                await line.appeared("router-1")
        held.close()

    asyncio.run(main())


def test_nobody_can_see_whether_a_server_has_come_back(tmp_path: Path) -> None:
    async def main() -> None:
        line = RealLinks(tmp_path)
        line.bytes_to("arm-1", "tcp://127.0.0.1:1", {})
        for machine in ("arm-1", "never-heard-of"):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await line.appeared(machine)

    asyncio.run(main())
