"""The serial link on real pseudo-terminals: the test holds the master end, as a machine would."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellctl.domain.errors import LinkLost
from cellctl.links.real import RealLinks
from cellctl.links.serial import SerialLink
from cellctl.ports import ByteLink, Links
from cellctl.ports.nodes import NodeAccess
from tests.links.ends import DEADLINE_S, Ear, Machine, at


@pytest.fixture
def machine() -> Iterator[Machine]:
    made = Machine()
    yield made
    made.vanish()


async def opened(machine: Machine) -> tuple[SerialLink, Ear]:
    link, ear = SerialLink("router-1", at(machine.path), 115_200), Ear()
    await link.open(ear)
    return link, ear


def test_every_byte_value_goes_through_unchanged_both_ways(machine: Machine) -> None:
    async def main() -> None:
        link, ear = await opened(machine)
        every = bytes(range(256))
        link.write(every[:100])
        link.write(every[100:])
        assert machine.read(256) == every
        os.write(machine.fd, every)
        await ear.until(every)
        assert (bytes(ear.heard), link.unsent) == (every, 0)
        link.close()

    asyncio.run(main())


def test_what_the_kernel_does_not_take_waits_and_keeps_its_order(machine: Machine) -> None:
    async def main() -> None:
        link, _ = await opened(machine)
        sent = bytes(number % 251 for number in range(300_000))
        for start in range(0, len(sent), 30_000):
            link.write(sent[start : start + 30_000])
        assert link.unsent > 0
        received = bytearray()
        machine_has_read = asyncio.Event()

        def read() -> None:
            received.extend(os.read(machine.fd, 65_536))
            if len(received) == len(sent):
                machine_has_read.set()

        asyncio.get_running_loop().add_reader(machine.fd, read)
        async with asyncio.timeout(DEADLINE_S):
            await machine_has_read.wait()
        asyncio.get_running_loop().remove_reader(machine.fd)
        assert bytes(received) == sent
        assert link.unsent == 0
        link.write(b"!")
        assert machine.read(1) == b"!"
        link.close()

    asyncio.run(main())


def test_a_machine_that_takes_nothing_any_more_is_lost_before_memory_is(machine: Machine) -> None:
    async def main() -> None:
        link, ear = await opened(machine)
        for _ in range(20):
            link.write(bytes(100_000))
        assert "takes no more bytes" in await ear.until_lost()
        link.write(b"late")
        assert link.unsent == 0

    asyncio.run(main())


def test_a_hang_up_is_told_once_and_never_from_inside_write(machine: Machine) -> None:
    async def main() -> None:
        link, ear = await opened(machine)
        machine.vanish()
        link.write(b"G0 X1\n")
        assert ear.lost_because == []
        assert str(machine.path) in await ear.until_lost()
        link.write(b"G0 X2\n")
        link.close()
        link.close()
        await asyncio.sleep(0)
        assert len(ear.lost_because) == 1

    asyncio.run(main())


def test_a_hang_up_is_noticed_without_writing(machine: Machine) -> None:
    async def main() -> None:
        _, ear = await opened(machine)
        machine.vanish()
        await ear.until_lost()

    asyncio.run(main())


def test_a_closed_link_says_nothing_more(machine: Machine) -> None:
    async def main() -> None:
        link, ear = await opened(machine)
        machine.vanish()
        link.write(b"x")
        link.close()
        await asyncio.sleep(0)
        assert ear.lost_because == []

    asyncio.run(main())


def test_a_port_serves_one_program_at_a_time_and_is_free_again_after_closing(machine: Machine) -> None:
    async def main() -> None:
        first, _ = await opened(machine)
        with pytest.raises(LinkLost, match=r"cannot open .*: another machine of this cell has it\. End the other"):
            await opened(machine)
        first.close()
        second, _ = await opened(machine)
        second.close()

    asyncio.run(main())


def test_another_program_that_has_the_port_is_named(machine: Machine) -> None:
    lock = (
        "import fcntl, os, sys\n"
        "fcntl.flock(os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY), fcntl.LOCK_EX)\n"
        "print(flush=True)\n"
        "sys.stdin.read()\n"
    )
    line = [sys.executable, "-c", lock, machine.path]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        other.stdout.readline()
        named = rf"router-1: cannot open {machine.path}: another program \(python\S*, process {other.pid}\) has it"
        with pytest.raises(LinkLost, match=named):
            asyncio.run(opened(machine))
        other.stdin.close()


def test_a_port_that_is_not_there_or_not_a_port_is_named(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(LinkLost, match=r"cnc-1: there is no port .*cnc-1\b.*\. Plug in its cable"):
            await SerialLink("cnc-1", at(tmp_path / "cnc-1", "cnc-1"), 115_200).open(Ear())
        (tmp_path / "cnc-1").write_text("a file")
        with pytest.raises(LinkLost, match="cnc-1: cannot open"):
            await SerialLink("cnc-1", at(tmp_path / "cnc-1", "cnc-1"), 115_200).open(Ear())

    asyncio.run(main())


def test_an_opening_that_is_cancelled_leaves_the_port_free(machine: Machine) -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            opening = tasks.create_task(opened(machine))
            await asyncio.sleep(0)
            opening.cancel()
        async with asyncio.timeout(DEADLINE_S):
            while True:
                try:
                    link, _ = await opened(machine)
                except LinkLost:
                    continue
                link.close()
                return

    asyncio.run(main())


def test_ports_in_the_cell_file_are_below_the_devices_folder(machine: Machine, tmp_path: Path) -> None:
    async def main() -> None:
        (tmp_path / "cell").mkdir()
        (tmp_path / "cell" / "printer-1").symlink_to(machine.path)
        links: Links = RealLinks(tmp_path)
        for address in ("cell/printer-1", str(machine.path)):
            link: ByteLink = links.bytes_to("printer-1", address, {"baud": 250_000})
            await link.open(Ear())
            link.write(b"M115\n")
            assert machine.read(5) == b"M115\n"
            link.close()

    asyncio.run(main())


def test_an_address_of_an_opc_ua_server_makes_an_opc_ua_link(tmp_path: Path) -> None:
    from cellctl.links.opcua import OpcUaLink

    access = NodeAccess("opc.tcp://127.0.0.1:1/", insecure=True)
    assert isinstance(RealLinks(tmp_path).nodes_of("arm-1", access), OpcUaLink)
