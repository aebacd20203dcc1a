"""Counting that cannot lie: however long the lines and however the answers come, no byte is lost in a full buffer."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.domain.errors import StoreFailed
from cellctl.domain.work import Evidence
from cellctl_drivers.grbl.session import GrblSession
from cellctl_drivers.grbl.settings import Settings
from cellctl_drivers.grbl.stream import LineRefused, Stream, frame, program
from cellctl_drivers.grbl.window import Window
from cellctl_drivers.serial_session import Acknowledged, FaultRaised, ProgramDrained, SessionEvent
from tests.drivers.grbl_dialogue import BANNER, IDLE, RUN, plain, ready, running
from tests.drivers.transcript import Replay

program_lines = st.one_of(
    st.integers(1, 75).map(lambda length: "G1X" + "1" * length),
    st.sampled_from(["G54", "G10 L20 P1 X0", "G4 P0.5", "M3 S1000", "G28"]),
)


ANSWERS = {b"$G\n": b"[GC:G0 G54 G21 G90]\r\nok\r\n", b"$#\n": b"[G54:0.000,0.000,0.000]\r\nok\r\n"}


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
        return b"".join(ANSWERS.get(line, b"ok\r\n") for line in taken)


@given(lines=st.lists(program_lines, max_size=60), rx_bytes=st.sampled_from([100, 128, 256, 1024]), data=st.data())
def test_the_buffer_never_overflows_and_every_line_arrives_once_and_in_order(
    lines: list[str], rx_bytes: int, data: st.DataObject
) -> None:
    replay = ready(Settings(), rx_bytes=rx_bytes)
    session, buffer, told = replay.session, Buffer(rx_bytes), list[SessionEvent]()
    session.load(iter(lines), len(lines), 0.0)
    assert session.transmit(0.0) == b"\x18"
    session.receive(f"{BANNER}\r\n{IDLE}\r\n".encode(), 0.0)
    session.transmit(0.0)
    session.receive(f"{IDLE}\r\n".encode(), 0.0)
    buffer.receive(session.transmit(0.0))
    while buffer.waiting:
        count = data.draw(st.integers(1, len(buffer.waiting)))
        told += session.receive(buffer.answers(count), 0.0)
        buffer.receive(session.transmit(0.0))
    marked = [sent for line in lines for sent in (["$G", line] if line.startswith("G10") else [line])]
    assert buffer.taken == ["", "$G", "$#", *marked, "G4P0.01", "$G"]
    course = end_of(lines)
    told += session.receive(f"<Idle|MPos:{course},0.000,0.000|FS:0,0>\r\n".encode(), 0.0)
    assert ProgramDrained() in told
    assert (session.sent, session.acknowledged, session.executed) == (len(lines),) * 3


def end_of(lines: list[str]) -> float:
    """Where X is after these lines: each either begins with G1X, or stores an origin, or goes to the stored place."""
    at = origin = 0.0
    for line in lines:
        if line.startswith("G1X"):
            at = origin + float(line[3:])
        elif line.startswith("G10"):
            origin = at
        elif line == "G28":
            at = 0.0
    return at


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

    window, stream = Window(128), Stream(program(broken(), 80, None, numbers=False))
    assert stream.feed(window) == b"\n"
    stream.answered(1, window)
    assert stream.feed(window) == b"G1 X1\n"
    with pytest.raises(StoreFailed):
        stream.feed(window)


# ---- line numbers ------------------------------------------------------------------------------------------------


def fed(text: str, longest_bytes: int = 80) -> list[bytes]:
    """A program with line numbers, without our lines around it."""
    return [data for data, _ in program(text.split(" | "), longest_bytes, None, numbers=True)][1:-2]


def test_line_numbers_of_ours_replace_those_of_the_program() -> None:
    assert fed("N10 G1 X1 | n 20G1 X2 | G1 X3") == [b"N1 G1 X1\n", b"N2 G1 X2\n", b"N3 G1 X3\n"]


def test_a_line_that_a_number_would_make_too_long_goes_without() -> None:
    longest = "G1 X" + "1" * 75
    assert fed(f"G0 X1 | {longest} | G0 X2") == [b"N1 G0 X1\n", longest.encode() + b"\n", b"N3 G0 X2\n"]


def test_lines_are_numbered_where_the_firmware_says_that_it_reports_them() -> None:
    running("G1 X1 | G1 X2", options="VN").run(r"< ok" "\n" r">> N1 G1 X1\nN2 G1 X2\n")
    running("G1 X1 | G1 X2", plain(line_numbers=False), options="VN").run(r"< ok" "\n" r">> G1 X1\nG1 X2\n")


def numbers_running(count: int = 40) -> Replay:
    return running(" | ".join(["G1X1"] * count), plain(line_numbers=True), 1024).run("< ok\n >> " + "".join(
        rf"N{number} G1X1\n" for number in range(1, count + 1)
    ))  # fmt: skip


def test_the_line_in_work_proves_what_is_executed_before_it() -> None:
    session = numbers_running().session
    for _ in range(30):
        session.receive(b"ok\r\n", 1.0)
    session.receive(b"<Run|MPos:0,0,0|Ln:26>\r\n", 1.0)
    # Ten of them may still be in the step buffer.
    assert session.evidence is Evidence.LINE_NUMBER
    assert (session.sent, session.acknowledged, session.executed) == (40, 30, 15)


@pytest.mark.parametrize("number", [41, 99, 19, 3])
def test_a_line_number_whose_turn_it_is_not_was_damaged_on_its_way(number: int) -> None:
    replay = numbers_running()
    replay.session.receive(b"ok\r\n" * 30 + b"<Run|MPos:0,0,0|Ln:20>\r\n", 0.0)
    what = f"has line number {number} in work, which is not its turn: a line was damaged"
    replay.run(f"""
        < <Run|MPos:0,0,0|Ln:{number}>
        + 0s
        >> !?
        ! {FaultRaised(what, "Check program and cable, look at the part, then clear")!r}
    """)


def test_two_numbered_lines_that_noise_has_merged_are_refused_by_the_controller() -> None:
    # N1 G1X1N2 G1X1: a word twice in one line.
    numbers_running(2).run(
        """
        < error:25
        >> !?
        ! FaultRaised(what="refused line 1 'N1 G1X1': a word occurs twice in one line (error:25)", \
do_next='Correct the program, look at the part, then clear')
    """.replace("\\\n", "")
    )


# ---- builds that repeat what they receive ------------------------------------------------------------------------


def test_a_line_that_is_repeated_as_it_was_sent_is_as_it_should_be() -> None:
    replay = running("g1 x1 y2 | G1X3").run(r"""
        < [echo: ]
        < ok
        >> g1 x1 y2\nG1X3\n
        < [echo: G1X1Y2]
        < ok
        < [echo: G1X3]
        < ok
        > G4P0.01
    """)
    assert replay.session.acknowledged == 2


def test_a_line_that_is_repeated_otherwise_was_damaged_and_stops_the_program() -> None:
    what = "received 'G1X9' where 'G1X1' was sent: it was damaged on its way"
    running("G1 X1 | G1 X2").run(f"""
        < [echo: ]
        < ok
        >> G1 X1\\nG1 X2\\n
        < [echo: G1X9]
        >> !?
        ! {FaultRaised(what, "Check program and cable, look at the part, then clear")!r}
    """)


def test_a_line_that_is_not_repeated_by_a_build_that_repeats_was_lost() -> None:
    what = "acknowledged a line that it did not repeat: one was damaged on its way"
    running("G1 X1 | G1 X2").run(f"""
        < [echo: ]
        < ok
        >> G1 X1\\nG1 X2\\n
        < [echo: G1X1]
        << ok\\r\\nok\\r\\n
        >> !?
        ! {FaultRaised(what, "Check program and cable, look at the part, then clear")!r}
    """)


# ---- what is executed --------------------------------------------------------------------------------------------


def test_an_empty_planner_while_idle_proves_that_everything_acknowledged_is_executed() -> None:
    session = running("G1X1 | G1X2").run(r"< ok" "\n" r">> G1X1\nG1X2\n").session
    session.receive(b"ok\r\n<Run|MPos:0,0,0|Bf:15,120>\r\n<Idle|MPos:0,0,0|Bf:14,120>\r\n<Idle|MPos:0,0,0>\r\n", 1.0)
    assert session.executed == 0
    session.receive(b"<Idle|MPos:0,0,0|Bf:15,120>\r\n", 1.0)
    assert session.executed == 1


def test_a_planner_that_tells_how_full_it_is_makes_a_likely_position_and_every_proof_says_what_it_is() -> None:
    lines = " | ".join(f"G1X{number}" for number in range(1, 31))
    session = running(lines, rx_bytes=1024).session
    session.receive(b"ok\r\n", 0.0)
    session.transmit(0.0)
    session.receive(b"ok\r\n" * 20, 0.0)
    assert (session.acknowledged, session.executed, session.estimated) == (20, 0, 5), "as if its planner were full"
    session.receive(b"<Run|MPos:0,0,0|Bf:11,900>\r\n", 0.0)
    assert (session.estimated, session.evidence) == (16, Evidence.NONE)
    session.receive(b"<Idle|MPos:0,0,0|Bf:15,1024>\r\n", 0.0)
    assert (session.executed, session.estimated, session.evidence) == (20, 20, Evidence.PLANNER_EMPTY)
