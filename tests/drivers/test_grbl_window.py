"""Counting that cannot lie: however long the lines and however the answers come, no byte is lost in a full buffer."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.domain.errors import StoreFailed
from cellctl_drivers.grbl.memory import Settings
from cellctl_drivers.grbl.session import GrblSession
from cellctl_drivers.grbl.stream import LineRefused, Stream, frame, numbered
from cellctl_drivers.grbl.window import Window
from cellctl_drivers.serial_session import Acknowledged, ProgramDrained, SessionEvent
from tests.drivers.grbl_dialogue import IDLE, RUN, ready, running

program_lines = st.one_of(
    st.integers(1, 75).map(lambda length: "G1X" + "1" * length),
    st.sampled_from(["G54", "G10 L20 P1 X0", "G4 P0.5", "M3 S1000", "G28"]),
)


class Buffer:
    """Nothing but a receive buffer of so many bytes: what does not fit is lost."""

    def __init__(self, rx_bytes: int) -> None:
        self.rx_bytes = rx_bytes
        self.waiting: list[bytes] = []
        self.taken: list[str] = []

    def receive(self, chunk: bytes) -> None:
        self.waiting += [line + b"\n" for line in chunk.replace(b"?", b"").split(b"\n")[:-1]]
        assert sum(map(len, self.waiting)) < self.rx_bytes, "a byte was lost"

    def answers(self, count: int) -> bytes:
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        self.taken += [line.decode().strip() for line in taken]
        return b"".join(b"[GC:G0]\r\nok\r\n" if line == b"$G\n" else b"ok\r\n" for line in taken)


@given(lines=st.lists(program_lines, max_size=60), rx_bytes=st.sampled_from([100, 128, 256, 1024]), data=st.data())
def test_the_buffer_never_overflows_and_every_line_arrives_once_and_in_order(
    lines: list[str], rx_bytes: int, data: st.DataObject
) -> None:
    replay = ready(rx_bytes=rx_bytes)
    session, buffer, told = replay.session, Buffer(rx_bytes), list[SessionEvent]()
    session.load(iter(lines), len(lines), 0.0)
    buffer.receive(session.transmit(0.0))
    while buffer.waiting:
        count = data.draw(st.integers(1, len(buffer.waiting)))
        told += session.receive(buffer.answers(count), 0.0)
        buffer.receive(session.transmit(0.0))
    told += session.receive(f"{IDLE}\r\n".encode(), 0.0)
    assert buffer.taken == ["", *lines, "G4P0.01", "$G"]
    assert ProgramDrained() in told
    assert (session.sent, session.acknowledged, session.executed) == (len(lines),) * 3


tail = st.lists(
    st.sampled_from(
        [b"ok", b"ok", b"ok", RUN.encode(), IDLE.encode(), b"<Hold:0|MPos:0,0,0>", b"<Door:1|MPos:0,0,0>",
         b"[MSG:Pgm End]", b"error:20", b"ALARM:1", b"", b"\xff\xfe", b"<Ru", b"Grbl 1.1h ['$' for help]"]
    ),
    max_size=12,
)  # fmt: skip


@given(lines=tail, cuts=st.lists(st.integers(0, 400)))
def test_the_events_do_not_depend_on_where_the_bytes_are_cut(lines: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(line + b"\r\n" for line in lines)
    places = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    chunks = [stream[start:end] for start, end in pairwise(places)]
    assert heard_from(chunks) == heard_from([stream])


def heard_from(chunks: list[bytes]) -> tuple[list[SessionEvent], object, int]:
    """What a machine that runs a program of one window says, in these chunks, with nothing sent in between."""
    replay = running(" | ".join(["G1X1Y1"] * 12)).run("< ok\n >> " + r"G1X1Y1\n" * 12 + "\n + 0.2s\n >> ?")
    session = replay.session
    assert isinstance(session, GrblSession)
    told = [event for chunk in chunks for event in session.receive(chunk, 1.0)]
    return [event for event in told if not isinstance(event, Acknowledged)], session.state, session.acknowledged


def test_acknowledged_comes_once_for_a_chunk_of_many() -> None:
    replay = running(" | ".join(["G1X1"] * 20)).run("< ok\n >> " + r"G1X1\n" * 20)
    assert list(replay.session.receive(b"ok\r\n" * 20, 1.0)) == [Acknowledged(20)]


# ---- the stream --------------------------------------------------------------------------------------------------


def test_dwells_and_lines_that_touch_the_memory_are_told_apart() -> None:
    assert frame("G1 X1", 80) == (b"G1 X1\n", None)
    assert [alone.dwell_s for line in ("g4 p1.5", "P.25 G04", "G54", "G4") if (alone := frame(line, 80)[1])] == [
        1.5, 0.25, 0.0, 0.0,
    ]  # fmt: skip


def test_lower_case_stays_as_it_is() -> None:
    assert frame("g1 x1 y-2", 80) == (b"g1 x1 y-2\n", None)


@pytest.mark.parametrize("line", ["", "G1 ?", "G1 X1\tY1", "G1\r", "$H", " $X", "G1 X" + "1" * 76])
def test_lines_that_must_not_go_out_are_refused(line: str) -> None:
    with pytest.raises(LineRefused):
        frame(line, 80)


def test_a_file_that_cannot_be_read_on_is_told_after_what_was_read_has_gone_out() -> None:
    def broken() -> Iterator[str]:
        yield "G1 X1"
        raise StoreFailed("gone")

    window, stream = Window(128), Stream(broken(), 80)
    assert stream.feed(window) == b"\n"
    stream.answered(1, window)
    assert stream.feed(window) == b"G1 X1\n"
    with pytest.raises(StoreFailed):
        stream.feed(window)


def test_line_numbers_of_ours_replace_those_of_the_program() -> None:
    assert list(numbered(iter(["N10 G1 X1", "n 20G1 X2", "G1 X3"]))) == ["N1 G1 X1", "N2 G1 X2", "N3 G1 X3"]


def test_the_line_in_work_proves_what_is_executed_before_it() -> None:
    settings = Settings(line_numbers=True)
    replay = running(" | ".join(["G1X1"] * 40), settings, 1024).run("< ok\n >> " + "".join(
        rf"N{number} G1X1\n" for number in range(1, 41)
    ))  # fmt: skip
    for _ in range(30):
        replay.session.receive(b"ok\r\n", 1.0)
    replay.session.receive(b"<Run|MPos:0,0,0|Ln:26>\r\n", 1.0)
    # Ten of them may still be in the step buffer.
    assert (replay.session.sent, replay.session.acknowledged, replay.session.executed) == (40, 30, 15)


def test_an_empty_planner_while_idle_proves_that_everything_acknowledged_is_executed() -> None:
    session = running("G1X1 | G1X2").run(r"< ok" "\n" r">> G1X1\nG1X2\n").session
    session.receive(b"ok\r\n<Run|MPos:0,0,0|Bf:15,120>\r\n<Idle|MPos:0,0,0|Bf:14,120>\r\n<Idle|MPos:0,0,0>\r\n", 1.0)
    assert session.executed == 0
    session.receive(b"<Idle|MPos:0,0,0|Bf:15,120>\r\n", 1.0)
    assert session.executed == 1
