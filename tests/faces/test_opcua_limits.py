"""What a client may cost: its pace, and what the server does with bytes that are no requests."""

import asyncio
from collections.abc import Iterator

import pytest
from asyncua import ua

from cellctl.faces.opcua.limits import Pace
from tests.faces.opcua_room import Served, Visitor


def test_who_asks_seldom_never_waits() -> None:
    pace = Pace(share=0.2, burst_s=0.1)
    assert all(pace.pause_s("a", 0.001, now_s) == 0 for now_s in range(100))


def test_who_asks_without_end_gets_its_share_of_the_time_and_no_more() -> None:
    pace, now_s, spent_s = Pace(share=0.2, burst_s=0.1), 0.0, 0.0
    while now_s < 10.0:
        now_s += 0.002
        spent_s += 0.002
        now_s += pace.pause_s("a", 0.002, now_s)
    assert spent_s == pytest.approx(2.0 + 0.1, abs=0.05)


def test_many_that_ask_without_end_share_it_and_a_quiet_one_does_not_wait_for_them() -> None:
    pace, now_s = Pace(share=0.2, burst_s=0.1), 0.0
    pauses = dict.fromkeys("abcd", 0.0)
    for _ in range(400):
        now_s += 0.002
        pauses = {name: pace.pause_s(name, 0.002, now_s) for name in pauses}
    assert min(pauses.values()) > 0
    assert pace.pause_s("quiet", 0.002, now_s) == 0
    for name in pauses:
        pace.forget(name)
    assert pace.pause_s("a", 0.002, now_s) == 0


@pytest.fixture(scope="module")
def cell() -> Iterator[Served]:
    with Served() as served:
        yield served


@pytest.mark.parametrize(
    "noise",
    [
        b"GET / HTTP/1.1\r\n\r\n" * 20_000,
        b"MSGF\xff\xff\xff\xff" + bytes(300_000),
        bytes(300_000),
        b"HELF\x00\x00\x00\x00",
    ],
    ids=["http", "four gigabytes announced", "zeros", "shorter than itself"],
)
def test_bytes_that_are_no_requests_end_the_connection_and_nothing_else(cell: Served, noise: bytes) -> None:
    async def shout() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", cell.face.port)
        try:
            writer.write(noise)
            await writer.drain()
            # Either it is hung up on, or it may wait until its time to say who it is has passed.
            await asyncio.wait_for(reader.read(), 15.0)
        except ConnectionError:
            pass
        writer.close()

    asyncio.run(shout())

    async def look(visitor: Visitor) -> None:
        assert (await visitor.part("printer-1.Contact")).Value.Value == "found"

    cell.visit(look)


def test_a_session_is_not_taken_over_by_who_guesses_numbers(cell: Served) -> None:
    async def look(visitor: Visitor) -> None:
        token = visitor.client.uaclient.protocol.authentication_token
        assert token.NodeIdType is ua.NodeIdType.ByteString
        assert len(token.Identifier) == 32

    cell.visit(look)


def test_a_second_session_on_one_connection_is_refused(cell: Served) -> None:
    async def look(visitor: Visitor) -> None:
        with pytest.raises(ua.uaerrors.BadTooManySessions):
            await visitor.client.create_session()

    cell.visit(look)
