"""Machines behind a socket: bytes as they are, and RFC 2217 against the server half of pyserial."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import serial
from serial.rfc2217 import PortManager

from cellctl.domain.errors import LinkLost
from cellctl.links.real import RealLinks
from cellctl.links.rfc2217 import ComPort, Rfc2217Link
from cellctl.links.tcp import TcpLink
from cellctl.ports import ByteLink
from tests.links.ends import DEADLINE_S, Ear

EVERY_BYTE = bytes(range(256))
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[int]:
    """A server on this computer; its port. Connections that are still open at the end are closed."""
    writers: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await serve(reader, writer)
        writer.close()

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for writer in writers:
            writer.transport.abort()
        # Streams that were aborted end their tasks in the turns that follow.
        for _ in range(5):
            await asyncio.sleep(0)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(1000):
        writer.write(chunk)


def link_to(port: int, scheme: str = "tcp") -> ByteLink:
    return RealLinks(Path("/dev")).bytes_to("router-1", f"{scheme}://127.0.0.1:{port}", {"baud": 250_000})


# ---- bytes as they are -------------------------------------------------------------------------------------------


def test_every_byte_value_goes_through_unchanged_both_ways() -> None:
    async def main() -> None:
        async with server(echo) as port:
            link, ear = link_to(port), Ear()
            await link.open(ear)
            link.write(EVERY_BYTE[:100])
            link.write(EVERY_BYTE[100:])
            await ear.until(EVERY_BYTE)
            assert (bytes(ear.heard), link.unsent) == (EVERY_BYTE, 0)
            link.close()

    asyncio.run(main())


def test_small_writes_go_out_at_once_and_a_far_end_without_power_is_noticed() -> None:
    async def main() -> None:
        async with server(echo) as port:
            link = TcpLink("router-1", "127.0.0.1", port)
            await link.open(Ear())
            assert link._wire is not None
            end = socket.socket(fileno=link._wire._fd)
            assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert end.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 11_000
            end.detach()
            link.close()

    asyncio.run(main())


def test_a_connection_that_ends_is_told_once_and_never_from_inside_write() -> None:
    async def main() -> None:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)

        async with server(hang_up) as port:
            link, ear = link_to(port), Ear()
            await link.open(ear)
            link.write(b"G0 X1\n")
            assert f"127.0.0.1:{port}" in await ear.until_lost()
            link.write(b"G0 X2\n")
            link.close()
            link.close()
            await asyncio.sleep(0)
            assert len(ear.lost_because) == 1

    asyncio.run(main())


def test_a_machine_that_takes_nothing_any_more_is_lost_before_memory_is() -> None:
    async def main() -> None:
        async def ignore(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            await done.wait()

        done = asyncio.Event()
        async with server(ignore) as port:
            link, ear = link_to(port), Ear()
            await link.open(ear)
            for _ in range(200):
                link.write(bytes(100_000))
            assert "takes no more bytes" in await ear.until_lost()
            done.set()

    asyncio.run(main())


def test_nobody_at_home_is_named_and_silence_has_a_limit() -> None:
    async def main() -> None:
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            port = full.getsockname()[1]
            with pytest.raises(LinkLost, match=f"router-1: cannot connect to 127.0.0.1:{port}: .*refused.*Check its"):
                await link_to(port).open(Ear())
            # A server whose queue is full answers nobody, as one without power would.
            full.listen(0)
            link = TcpLink("router-1", "127.0.0.1", port, connect_s=0.1)
            with socket.create_connection(("127.0.0.1", port)), pytest.raises(LinkLost, match=r"no answer in 0\.1 s"):
                await link.open(Ear())

    asyncio.run(main())


# ---- RFC 2217 ----------------------------------------------------------------------------------------------------


class SerialServer:
    """pyserial's own half of the protocol, on a port that gives back what it gets."""

    def __init__(self, greeting: bytes = b"") -> None:
        self.port = serial.serial_for_url("loop://")
        self.got = bytearray()
        self._greeting = greeting

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        manager = PortManager(self.port, writer)
        writer.write(self._greeting)
        while chunk := await reader.read(1000):
            data = b"".join(manager.filter(chunk))
            self.got += data
            writer.write(b"".join(manager.escape(data)))


def test_a_serial_server_is_given_the_settings_and_passes_every_byte() -> None:
    async def main() -> None:
        far = SerialServer(greeting=b"start\n")
        far.port.parity, far.port.bytesize, far.port.stopbits, far.port.rtscts = "E", 7, 2, True
        async with server(far.serve) as port:
            link, ear = link_to(port, "rfc2217"), Ear()
            await link.open(ear)
            link.write(EVERY_BYTE)
            await ear.until(EVERY_BYTE)
            link.close()
        assert bytes(ear.heard) == bytes(far.got) == EVERY_BYTE
        settings = (far.port.baudrate, far.port.parity, far.port.bytesize, far.port.stopbits, far.port.rtscts)
        assert settings == (250_000, "N", 8, 1, False)

    asyncio.run(main())


def test_a_serial_server_that_goes_away_is_told_once() -> None:
    async def main() -> None:
        far = SerialServer()
        ear = Ear()
        async with server(far.serve) as port:
            link = link_to(port, "rfc2217")
            await link.open(ear)
        await ear.until_lost()
        link.write(b"x")
        link.close()
        assert len(ear.lost_because) == 1

    asyncio.run(main())


IAC_DONT, IAC_WONT = b"\xff\xfe", b"\xff\xfc"


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (IAC_DONT + b"\x2c", r"its server does not speak RFC 2217\. .*tcp://"),
        (IAC_DONT + b"\x00", "its server takes text only"),
        (IAC_WONT + b"\x00", "its server gives text only"),
        (b"\xff\xfa\x2c\x65\x00\x01\xc2\x00\xff\xf0", "its server has set the baud rate to 115200, not to 250000"),
        (b"login: ", r"no agreement in 0\.2 s on all bytes to it, all bytes from it, the COM-PORT option, the baud"),
        (None, "was hung up"),
    ],
)
def test_a_server_that_cannot_do_it_is_refused_with_the_reason(says: bytes | None, why: str) -> None:
    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            if says is not None:
                writer.write(says)
                await reader.read(-1)

        async with server(serve) as port:
            link = Rfc2217Link("router-1", TcpLink("router-1", "127.0.0.1", port), 250_000, agree_s=0.2)
            with pytest.raises(LinkLost, match=why):
                await link.open(Ear())

    asyncio.run(main())


def test_an_opening_that_is_cancelled_leaves_no_connection_behind() -> None:
    async def main() -> None:
        connected, gone = asyncio.Event(), asyncio.Event()

        async def serve(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            connected.set()
            await reader.read(-1)
            gone.set()

        async with server(serve) as port, asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
            opening = tasks.create_task(link_to(port, "rfc2217").open(Ear()))
            await connected.wait()
            opening.cancel()
            await gone.wait()

    asyncio.run(main())


# ---- the protocol without a socket -------------------------------------------------------------------------------

AGREED = (
    b"\xff\xfb\x2c\xff\xfd\x2c\xff\xfd\x00\xff\xfb\x00"
    b"\xff\xfa\x2c\x65\x00\x00\x25\x80\xff\xf0\xff\xfa\x2c\x66\x08\xff\xf0"
    b"\xff\xfa\x2c\x67\x01\xff\xf0\xff\xfa\x2c\x68\x01\xff\xf0"
)


def test_the_dialogue_is_the_same_wherever_it_is_cut() -> None:
    text = AGREED + b"a\xff\xff\xff\xf1b\xff\xfa\x2c\x6b\xff\xff\xff\xf0c"
    for step in range(1, 10):
        port = ComPort(9600)
        port.greet()
        data = b"".join(port.receive(text[at : at + step]) for at in range(0, len(text), step))
        assert (data, port.missing, port.refusal) == (b"a\xffbc", "", ""), step


def test_agreeing_ends() -> None:
    port = ComPort(9600)
    port.greet()
    assert port.take_replies() == b"\xff\xfb\x00\xff\xfb\x03\xff\xfb\x2c\xff\xfd\x00\xff\xfd\x03"
    port.receive(AGREED + b"\xff\xfb\x01\xff\xfd\x18")
    settings = b"\x01\x00\x00\x25\x80", b"\x02\x08", b"\x03\x01", b"\x04\x01", b"\x05\x01"
    set_up = b"".join(b"\xff\xfa\x2c" + setting + b"\xff\xf0" for setting in settings)
    assert port.take_replies() == b"\xff\xfd\x2c" + set_up + b"\xff\xfe\x01" + b"\xff\xfc\x18"
    port.receive(AGREED + b"\xff\xfb\x01\xff\xfd\x18")
    assert not re.search(rb"\xff[\xfb-\xfe]", port.take_replies())


def test_talk_without_an_end_takes_no_memory() -> None:
    port = ComPort(9600)
    port.receive(b"\xff\xfa" + b"\x2c" * 1_000_000)
    assert len(port._talk) < 100
