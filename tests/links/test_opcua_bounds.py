"""What a server cannot do to us: take memory, keep us waiting, or keep a seat of ours."""

import asyncio
import struct
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from asyncua import ua
from asyncua.common.utils import NotEnoughData
from asyncua.server.address_space import AttributeService
from asyncua.server.internal_session import InternalSession
from asyncua.ua.ua_binary import header_to_binary, struct_to_binary, uatcp_to_binary
from asyncua.ua.uaerrors._base import UaError

from cellctl.app.virtual_time import run_virtual
from cellctl.domain.errors import CellError, LinkLost
from cellctl.links.opcua import OpcUaLink
from cellctl.links.opcua_browse import Batches
from cellctl.links.opcua_ear import Ear
from cellctl.links.opcua_wire import MOST_MESSAGE_BYTES, BoundedBuffer
from cellctl.ports.nodes import NodeAccess, NodeRef, NodeValue

from .opcua_plant import Plant, at, start_plant

LEVEL: Final = NodeRef(at("Level"))
Scene = Callable[[Plant], Awaitable[None]]


@pytest.fixture(scope="module")
def plant() -> Iterator[tuple[asyncio.Runner, Plant]]:
    with asyncio.Runner() as runner:
        plant = runner.run(start_plant())
        yield runner, plant
        runner.run(plant.server.stop())


def play(plant: tuple[asyncio.Runner, Plant], scene: Scene) -> None:
    runner, served = plant

    async def one() -> None:
        async with asyncio.timeout(60):
            await scene(served)

    runner.run(one())


# ---- messages ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("an array of nothing", b"\x80" + struct.pack("<i", 2**31 - 1)),
        ("texts of a length below zero", b"\x8c" + struct.pack("<ii", 2**31 - 1, -4)),
        ("more numbers than there are bytes", b"\x86" + struct.pack("<i", 2**30)),
        ("dimensions for a million", b"\xc6" + struct.pack("<iiiii", 1, 7, 2, 1000, 1000)),
        ("variants in variants without end", b"\x98" + struct.pack("<i", 1) * 1 + b"\x98\x01\x00\x00\x00" * 5000),
    ],
)
def test_a_value_cannot_be_larger_than_its_message(what: str, body: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises((UaError, NotEnoughData, struct.error, RecursionError)):
            _decode(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 32 * MOST_MESSAGE_BYTES, what


def _decode(body: bytes) -> Any:
    from asyncua.ua import ua_binary

    return ua_binary.variant_from_binary(BoundedBuffer(body))


def test_a_structure_of_another_server_is_never_taken_for_one_that_is_known_here() -> None:
    type_id = ua.NodeId(5001, 3)
    known = ua.extension_objects_by_typeid.get(type_id)
    ua.extension_objects_by_typeid[type_id] = ua.Argument
    try:
        sent = ua.ua_binary.variant_to_binary(
            ua.Variant(ua.ExtensionObject(type_id, b"\x01\x02"), ua.VariantType.ExtensionObject)
        )
        assert _decode(sent).Value == ua.ExtensionObject(type_id, b"\x01\x02")
    finally:
        del ua.extension_objects_by_typeid[type_id]
        if known is not None:
            ua.extension_objects_by_typeid[type_id] = known


# ---- servers that mean harm --------------------------------------------------------------------------------------


def _acknowledge(**limits: int) -> bytes:
    answer = ua.Acknowledge()
    for name, limit in limits.items():
        setattr(answer, name, limit)
    return uatcp_to_binary(ua.MessageType.Acknowledge, answer)


def _chunk_header(size: int) -> bytes:
    header = ua.Header(ua.MessageType.SecureOpen, ua.ChunkType.Single, 1)
    return header_to_binary(header)[:4] + struct.pack("<I", size) + struct.pack("<I", 1)


HOSTILE: Final[dict[str, list[bytes]]] = {
    "says nothing": [],
    "hangs up at once": [b"", b"!"],
    "speaks HTTP": [b"HTTP/1.1 400 Bad Request\r\n\r\n" * 100],
    "announces a chunk of 4 GB": [_acknowledge(), _chunk_header(2**32 - 1) + b"x" * 4096],
    "announces a chunk of no bytes": [_acknowledge(), _chunk_header(0) + b"x" * 64],
    "acknowledges with sizes of zero": [_acknowledge(ReceiveBufferSize=0, SendBufferSize=0)],
    "acknowledges with the greatest sizes": [_acknowledge(ReceiveBufferSize=2**32 - 1, MaxMessageSize=2**32 - 1)],
    "answers an error": [uatcp_to_binary(ua.MessageType.Error, ua.ErrorMessage(ua.StatusCode(0x80010000), "no"))],
    "answers noise after acknowledging": [_acknowledge(), bytes(range(256)) * 64],
    "sends one byte at a time, for ever": [_acknowledge()[:1]],
}


@asynccontextmanager
async def hostile(answers: list[bytes]) -> AsyncIterator[str]:
    serving: list[Any] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        for answer in answers:
            await reader.read(65536)
            if answer == b"":
                break
            writer.write(answer)
        else:
            await reader.read(-1)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"opc.tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
        await asyncio.wait(serving, timeout=5)


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_server_is_a_lost_link_within_the_deadline(what: str) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with hostile(HOSTILE[what]) as url:
            link = OpcUaLink("arm-1", NodeAccess(url, insecure=True, call_timeout_s=0.3))
            began_s = loop.time()
            with pytest.raises(LinkLost, match="arm-1"):
                await link.open(lambda _: None, lambda _: None)
            assert loop.time() - began_s < 5

    asyncio.run(main())


def listen(beats_s: list[float], **limits: float) -> list[tuple[float, str]]:
    """When and why an ear gives a server up that publishes at these times."""

    async def main() -> list[tuple[float, str]]:
        loop = asyncio.get_running_loop()
        lost: list[tuple[float, str]] = []
        ear = Ear("arm-1", lambda _: None, lambda reason: lost.append((loop.time(), reason)))
        ear.watch(**limits)
        for at_s in beats_s:
            loop.call_at(at_s, ear.published, ua.PublishResult())
        await asyncio.sleep(100)
        return lost

    return run_virtual(main())


def test_a_server_that_stops_publishing_is_lost_once_and_one_that_does_not_is_kept() -> None:
    (lost,) = listen([2.0, 4.0], silence_s=7.5, interval_s=0.1)
    assert lost == (11.5, "the server has published nothing for 7.5 s, not even that it is there")
    assert listen([float(at_s) for at_s in range(100)], silence_s=7.5, interval_s=0.1) == []


def test_a_server_that_publishes_without_pause_is_lost() -> None:
    (lost,) = listen([1.0] * 1000, silence_s=7.5, interval_s=0.1)
    assert lost == (1.0, "the server publishes more than 120 times a second")


# ---- seats -------------------------------------------------------------------------------------------------------


def seats() -> int:
    return InternalSession._current_connections


def test_cycles_of_every_kind_of_leaving_keep_no_seat_of_two(plant: tuple[asyncio.Runner, Plant]) -> None:
    async def scene(plant: Plant) -> None:
        before, heard = seats(), []
        for cycle in range(20):
            link = OpcUaLink("arm-1", NodeAccess(plant.url, insecure=True))
            turns = cycle * 3
            async with asyncio.TaskGroup() as tasks:
                opening = tasks.create_task(link.open(heard.append, lambda _: None))
                for _ in range(turns if cycle % 2 else 10_000):
                    if opening.done():
                        break
                    await asyncio.sleep(0)
                opening.cancel()
            assert seats() - before <= 2
            await link.close()
            async with asyncio.timeout(2):
                while seats() > before:
                    await asyncio.sleep(0.01)

    play(plant, scene)


def test_when_all_seats_are_taken_it_is_said_what_to_do(plant: tuple[asyncio.Runner, Plant]) -> None:
    async def scene(plant: Plant) -> None:
        most, InternalSession.max_connections = InternalSession.max_connections, seats()
        try:
            with pytest.raises(LinkLost, match=r"BadMaxConnectionsReached\. All its seats are taken"):
                await OpcUaLink("arm-1", NodeAccess(plant.url, insecure=True)).open(lambda _: None, lambda _: None)
        finally:
            InternalSession.max_connections = most

    play(plant, scene)


# ---- structures --------------------------------------------------------------------------------------------------


def test_structures_are_dicts_both_ways_and_enumerations_their_numbers(plant: tuple[asyncio.Runner, Plant]) -> None:
    job, mode = NodeRef(at("Job")), NodeRef(at("Mode"))

    async def scene(plant: Plant) -> None:
        heard: asyncio.Queue[NodeValue] = asyncio.Queue()
        link = OpcUaLink("arm-1", NodeAccess(plant.url, insecure=True, publish_ms=20.0))
        await link.open(heard.put_nowait, lambda _: None)
        try:
            assert list(await link.resolve([job, mode], [at("Take")])) == ["ExtensionObject", "Int32"]
            await link.subscribe([job, mode])
            assert heard.get_nowait() == NodeValue(job, {"Id": "J1", "Steps": [1, 2]})
            assert heard.get_nowait() == NodeValue(mode, 1)
            sent = {"Id": "J2", "Steps": [3], "Note": "late"}
            assert await link.call(at("Take"), sent) == (sent,)
            await link.write(job, sent)
            while (await heard.get()) != NodeValue(job, sent):
                pass
            with pytest.raises(CellError, match="it has no field Colour; there are Id, Steps, Note"):
                await link.call(at("Take"), {"Id": "J3", "Steps": [], "Colour": "red"})
            with pytest.raises(CellError, match="its field Steps is missing"):
                await link.call(at("Take"), {"Id": "J3"})
        finally:
            await link.close()

    play(plant, scene)


def test_a_write_brings_neither_status_nor_timestamps(plant: tuple[asyncio.Runner, Plant]) -> None:
    async def scene(plant: Plant) -> None:
        sent: list[ua.DataValue] = []
        link = OpcUaLink("arm-1", NodeAccess(plant.url, insecure=True))
        await link.open(lambda _: None, lambda _: None)
        services = link._session._services
        write = services.write

        async def watched(parameters: ua.WriteParameters) -> Any:
            sent.extend(each.Value for each in parameters.NodesToWrite)
            return await write(parameters)

        services.write = watched  # type: ignore[method-assign]
        await link.write(NodeRef(at("Small")), 6)
        await link.close()
        (value,) = sent
        assert (value.Value.Value, value.Value.VariantType) == (6, ua.VariantType.Int16)
        assert struct_to_binary(value)[0] == 1, "nothing but the value is encoded"

    play(plant, scene)


# ---- requests ----------------------------------------------------------------------------------------------------


def test_no_request_is_larger_than_the_server_takes_and_every_question_has_its_answer() -> None:
    async def main() -> None:
        asked: list[list[int]] = []

        async def double(some: list[int]) -> list[int]:
            asked.append(some)
            return [2 * each for each in some]

        assert await Batches(read=2).each(2, [1, 2, 3, 4, 5], double) == [2, 4, 6, 8, 10]
        assert asked == [[1, 2], [3, 4], [5]]
        asked.clear()
        await Batches().each(0, list(range(1200)), double)
        assert [len(each) for each in asked] == [500, 500, 200]

        async def forget(some: list[int]) -> list[int]:
            return some[1:]

        with pytest.raises(UaError, match="5 were asked for and 4 answered"):
            await Batches().each(0, [1, 2, 3, 4, 5], forget)

    asyncio.run(main())


def test_small_limits_of_a_server_are_kept(plant: tuple[asyncio.Runner, Plant]) -> None:
    async def scene(plant: Plant) -> None:
        limit = plant.server.get_node(ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead)
        usual = await limit.read_value()
        await limit.write_value(ua.Variant(2, ua.VariantType.UInt32))
        most: list[int] = []
        service = plant.server.iserver.attribute_service
        read = service.read

        def watched(params: ua.ReadParameters) -> Any:
            most.append(len(params.NodesToRead))
            return read(params)

        service.read = watched
        link = OpcUaLink("arm-1", NodeAccess(plant.url, insecure=True))
        try:
            await link.open(lambda _: None, lambda _: None)
            refs = [NodeRef(at(name)) for name in ("Level", "Small", "Byte", "Real", "On")]
            await link.resolve(refs, [at("Count")])
            await link.subscribe(refs)
        finally:
            service.read = read
            await limit.write_value(ua.Variant(usual, ua.VariantType.UInt32))
            await link.close()
        assert max(most) == 2

    play(plant, scene)


def test_where_a_server_does_not_know_index_ranges_elements_are_read_and_never_written(
    plant: tuple[asyncio.Runner, Plant],
) -> None:
    async def scene(plant: Plant) -> None:
        service = plant.server.iserver.attribute_service
        service.read = AttributeService(plant.server.iserver.aspace).read
        heard: list[NodeValue] = []
        element = NodeRef(at("Registers"), "2")
        link = OpcUaLink("arm-1", NodeAccess(plant.url, insecure=True))
        try:
            await link.open(heard.append, lambda _: None)
            await link.subscribe([element])
            assert heard[0] == NodeValue(element, 12)
            with pytest.raises(CellError, match="does not know IndexRange: Registers can only be written as a whole"):
                await link.write(element, 1)
            with pytest.raises(CellError, match=r"Registers has 4 elements, and no \[4\]"):
                await link.resolve([NodeRef(at("Registers"), "4")], [])
        finally:
            del service.read
            await link.close()

    play(plant, scene)
