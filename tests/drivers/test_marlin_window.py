"""More than one line under way: when it may be, how much, and what a damaged line then costs."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellctl_drivers.marlin.ledger import Ledger, Own, Verdict
from cellctl_drivers.marlin.session import MarlinSession
from cellctl_drivers.marlin.window import Window
from cellctl_drivers.serial_session import FaultRaised, FellSilent, ProgramDrained
from tests.drivers.marlin_dialogue import Dialogue, framed, met, printing, session

MARLIN_2 = "FIRMWARE_NAME:Marlin 2.1.2 MACHINE_TYPE:X UUID:1"
PLANNER = 15


def advanced(program: str = "G1 X0 | G1 X1", **limits: object) -> Dialogue:
    """Marlin 2 with ADVANCED_OK, at rest; the first line, N6, is on its way."""
    return met(
        MARLIN_2,
        f"""
        < ok N1 P15 B3
        > N2 M105
        < ok T:20.0 /0.0
        ! Greeted(identity='X 1')
        > N3 M576 S10
        < ok N3 P15 B3
        > N4 M400
        < ok N4 P15 B3
        > N5 M105
        < ok T:20.0 /0.0
        ! Rested()
        ? load {program}
        > N6 {program.partition(" |")[0]}
        """,
        **{"window": 8, "rx_bytes": 1024} | limits,
    )


class Stream:
    """A long program on ADVANCED_OK; `chunk` is what is under way."""

    def __init__(self, **limits: object) -> None:
        self.replay = advanced(LONG, **limits)
        self.chunk = b"N6 G1 X0*0\n"

    @property
    def numbers(self) -> list[int]:
        return [int(line.split()[0][1:]) for line in self.chunk.splitlines()]

    @property
    def window(self) -> int:
        return self.replay.session.quality.window

    def go(self, turns: int) -> "Stream":
        """All that is under way is acknowledged, so often."""
        for _ in range(turns):
            said = "".join(f"ok N{number} P5 B3\n" for number in self.numbers)
            self.replay.session.receive(said.encode(), self.replay.now_s)
            self.chunk = self.replay.session.transmit(self.replay.now_s)
        return self


LONG = " | ".join(f"G1 X{n}" for n in range(2000))


def test_one_line_is_under_way_until_the_firmware_proves_that_it_takes_more() -> None:
    assert Stream().go(10).window == 1


def test_the_window_grows_to_the_command_slots_that_advanced_ok_shows_and_no_further() -> None:
    """ADVANCED_OK: `ok N<line> P<free planner blocks> B<free command slots>`; default BUFSIZE 4."""
    stream = Stream().go(200)
    assert (stream.window, len(stream.numbers)) == (4, 4)
    assert stream.go(200).window == 4


def test_the_integrators_ceiling_is_not_passed() -> None:
    assert Stream(window=2).go(300).window == 2


def test_without_advanced_ok_the_window_stays_at_one_line() -> None:
    """Nothing in the stream says which command an `ok` is for (ADVANCED_OK is off by default)."""
    replay = printing(LONG, window=8)
    for _ in range(500):
        replay.session.receive(b"ok\n", 0.0)
        assert replay.session.transmit(0.0).count(b"\n") == 1
    assert replay.session.quality.window == 1


def test_bytes_under_way_never_fill_the_receive_buffer() -> None:
    """RX overflow: bytes beyond the serial buffer are lost silently (MarlinFirmware/Marlin#20367)."""
    stream = Stream(rx_bytes=60).go(300)
    assert stream.window == 4
    assert 30 < len(stream.chunk) < 60


def test_an_ok_that_was_lost_is_made_good_by_the_next_one() -> None:
    stream = Stream().go(200)
    printer, last = stream.replay.session, stream.numbers[-1]
    before = printer.acknowledged
    printer.receive(f"ok N{last} P5 B3\n".encode(), stream.replay.now_s)
    assert printer.acknowledged == before + 4
    assert printer.quality.lost_acknowledgements == 3


def test_an_ok_without_a_number_is_for_nothing_where_all_others_have_one() -> None:
    advanced().run("< ok\n < ok N6 P15 B3\n > N7 G1 X1")


def damaged(stream: Stream) -> tuple[Dialogue, int, str]:
    """The oldest of four lines is damaged: the dialogue, its number, and what Marlin says about it."""
    first = stream.go(200).numbers[0]
    assert len(stream.numbers) == 4
    return stream.replay, first, f"< Error:checksum mismatch, Last Line: {first - 1}\n < Resend: {first}\n < ok\n"


def test_all_behind_a_damaged_line_goes_again_and_their_own_requests_are_waited_out() -> None:
    """Everything in flight is lost: each line may produce its own further resend request that must be ignored
    ("resend death loop" on high-latency links: MarlinFirmware/Marlin#24972). With pipelining, each line already in
    flight behind a corrupt one causes its own Error/Resend/ok triple naming the same n."""
    replay, first, triple = damaged(Stream(storm_s=0.25))
    text = [f"G1 X{first - 6 + n}" for n in range(3)]
    replay.run(f"{triple} + 0.1s\n {triple} + 0.1s\n {triple}")
    # The fourth one was thrown away with the receive buffer and says nothing; the window has shrunk to two.
    replay.run(f"+ 0.25s\n > N{first} {text[0]}\n > N{first + 1} {text[1]}")
    replay.run(f"< ok N{first} P5 B3\n > N{first + 2} {text[2]}")


def test_when_all_that_was_under_way_has_asked_nothing_is_waited_for() -> None:
    replay, first, triple = damaged(Stream(storm_s=1000.0))
    replay.run(triple * 3)
    replay.run(
        f"""
        < Error:checksum mismatch, Last Line: {first - 1}
        < Resend: {first}
        > N{first} G1 X{first - 6}
        > N{first + 1} G1 X{first - 5}
        < ok
        """
    )


def test_the_window_shrinks_on_a_resend() -> None:
    stream = Stream()
    replay, first, _ = damaged(stream)
    replay.run(f"< Resend: {first}")
    assert (stream.window, replay.session.quality.resends) == (2, 4)


# ---- the ledger and the window by themselves -------------------------------------------------------------------


def ledger(in_flight: int, lines: int) -> Ledger:
    """So many lines, and as many of them under way."""
    book = Ledger()
    for _ in range(lines):
        book.add(b"G4", None)
    for _ in range(in_flight):
        book.out(1000)
    return book


def test_a_request_credits_nothing_and_goes_back_to_its_line() -> None:
    book = ledger(in_flight=4, lines=6)
    book.credit(0)
    assert book.asked_for(2) is Verdict.AGAIN
    # N1 has arrived and waits in the queue; N2 and N3 go again.
    assert (book.first, book.cursor, book.in_flight) == (1, 2, 1)


def test_a_request_that_was_noise_takes_nothing_away_for_good() -> None:
    book = ledger(in_flight=4, lines=6)
    book.credit(2)
    assert book.asked_for(1) is Verdict.AGAIN
    assert book.acknowledged == 1
    assert book.asked_for(3) is Verdict.AGAIN
    assert (book.first, book.acknowledged) == (3, 3)


@pytest.mark.parametrize("number", [0, 7, 91, 200, -5])
def test_no_line_is_given_out_that_a_healthy_firmware_cannot_ask_for(number: int) -> None:
    """History misses: what lies further back than an `ok` too many can explain means that the counter began anew."""
    book = ledger(in_flight=1, lines=1)
    for _ in range(89):
        book.credit(book.first)
        book.add(b"G4", None)
        book.out(1000)
    assert book.asked_for(number) is Verdict.MISSED


def test_own_lines_are_not_counted_as_the_programs() -> None:
    book = ledger(in_flight=1, lines=1)
    book.add(b"M105", Own.SEAL)
    book.out(1000)
    assert not book.credit(0)
    assert book.credit(1)
    assert book.acknowledged == 1


@given(st.lists(st.sampled_from(["good", "bad", "proof"]), max_size=400), st.integers(1, 32))
def test_the_window_is_never_wider_than_proved_and_allowed(happens: list[str], ceiling: int) -> None:
    window = Window(ceiling, 128)
    proved = 1
    for event in happens:
        if event == "proof":
            window.proves(4)
            proved = 4
        elif event == "bad":
            window.shrink()
        elif window.slots < window.proved:
            window.widen()
        assert 1 <= window.slots <= min(ceiling, proved)


# ---- a firmware with a queue, and a wire that loses ------------------------------------------------------------


class Queue:
    """Marlin's queue.cpp with ADVANCED_OK: lines come in, the queue takes four, each is answered when it is done."""

    def __init__(self) -> None:
        self.last = 0
        self.taken: list[bytes] = []
        self.numbers: list[int] = []

    def hear(self, chunk: bytes) -> str:
        said, rest = "", chunk.split(b"\n")[:-1]
        for line in rest:
            said += self._line(line) if line else ""
        return said

    def _line(self, line: bytes) -> str:
        body, star, _ = line.rpartition(b"*")
        number, _, command = body.partition(b" ")
        whole = star and number[1:].isdigit() and framed(int(number[1:]), command.decode("latin-1")).encode("latin-1")
        if not whole or whole != line:
            return self._again("checksum mismatch")
        if b"M110" in command:
            self.last = 0
            return "ok N0 P15 B3\n"
        if int(number[1:]) != self.last + 1:
            return self._again("Line Number is not Last Line Number+1")
        self.last += 1
        self.taken.append(command)
        self.numbers.append(self.last)
        if command == b"M115":
            return f"{MARLIN_2}\nok N{self.last} P15 B3\n"
        return "ok T:20.0 /0.0\n" if command == b"M105" else f"ok N{self.last} P15 B3\n"

    def _again(self, why: str) -> str:
        return f"Error:{why}, Last Line: {self.last}\nResend: {self.last + 1}\nok\n"


LINES = [f"G1 X{n}" for n in range(150)]
FRAME = re.compile(rb"N(\d+) ([^*\n]*)\*\d+\n")


def run_wide(damage: dict[int, int], losses: set[int]) -> tuple[list[str], MarlinSession, list[object]]:
    """`damage`: which byte we send is flipped, and how; `losses`: which of its answers are damaged. A late one.

    Returns first what the program meant with each of its lines that the firmware took, whatever noise made of them.
    """
    printer, firmware = session(boot_s=1.0, window=8, rx_bytes=512, acknowledge_s=10.0), Queue()
    told: list[object] = []
    meant: dict[int, str] = {}
    printer.greet(0.0)
    now_s, sent_bytes, answers = 0.0, 0, 0
    for _ in range(6000):
        chunk = bytearray(printer.transmit(now_s))
        meant |= {int(number): text.decode() for number, text in FRAME.findall(chunk)}
        if printer.sent:
            for place in range(len(chunk)):
                chunk[place] ^= damage.get(sent_bytes + place, 0)
            sent_bytes += len(chunk)
        lines = firmware.hear(bytes(chunk)).splitlines(keepends=True)
        for line in lines:
            answers += bool(printer.sent)
            heard = line.replace("ok", "o\x80").replace("Re", "\x80e") if answers in losses else line
            told += printer.receive(heard.encode("latin-1"), now_s)
        if printer.at_rest and not printer.sent:
            printer.load(iter(LINES), len(LINES), now_s)
        elif (told and isinstance(told[-1], FaultRaised | FellSilent)) or printer.at_rest:
            break
        elif not chunk and printer.deadline_s is not None:
            now_s = max(now_s, printer.deadline_s)
            told += printer.tick(now_s)
    made = [meant[number] for number in firmware.numbers if meant[number].startswith("G1")]
    return made, printer, told


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.integers(0, 2600), st.sampled_from([1, 2, 4, 8, 16, 64, 128]), max_size=8),
    st.sets(st.integers(1, 200), max_size=8),
)
def test_no_line_is_executed_twice_or_left_out_with_a_wide_window(damage: dict[int, int], losses: set[int]) -> None:
    made, _, told = run_wide(damage, losses)
    # Two flips may cancel out in an 8-bit XOR: such a line arrives with another text, in the right place.
    assert made == LINES[: len(made)]
    if any(isinstance(event, ProgramDrained) for event in told):
        assert made == LINES
    else:
        assert isinstance(told[-1], FaultRaised | FellSilent)


def test_a_clean_wire_brings_every_line_and_a_wide_window() -> None:
    made, printer, _ = run_wide({}, set())
    assert made == LINES
    assert printer.quality.window == 4
    assert (printer.sent, printer.acknowledged, printer.executed) == (150, 150, 150)


# ---- three positions -------------------------------------------------------------------------------------------


def positions(replay: Dialogue) -> tuple[int, int, int, int]:
    printer = replay.session
    return printer.sent, printer.acknowledged, printer.estimated, printer.executed


def test_a_planner_that_is_half_full_leads_to_an_estimate_and_proves_nothing() -> None:
    """`ok` timing: sent when the command is handled; a G1 is acknowledged when planned, not when moved."""
    replay = advanced(LONG, window=1)
    for n in range(6, 36):
        replay.run(f"< ok N{n} P5 B3\n > N{n + 1} G1 X{n - 5}")
    assert positions(replay) == (31, 30, 20, 0)


def test_a_planner_that_is_empty_by_its_own_count_proves_all_that_was_acknowledged() -> None:
    replay = advanced("G1 X0 | G1 X1 | G1 X2")
    replay.run("< ok N6 P14 B3\n > N7 G1 X1\n < ok N7 P15 B3\n > N8 G1 X2")
    assert positions(replay) == (3, 2, 2, 2)


@pytest.mark.parametrize("barrier", ["M400", "G4 P100", "G28"])
def test_a_named_ok_for_a_line_that_waits_for_motion_proves_all_before_it(barrier: str) -> None:
    """M400 `ok` means motion finished."""
    replay = advanced(f"G1 X0 | {barrier} | G1 X2")
    replay.run(f"< ok N6 P14 B3\n > N7 {barrier}")
    assert positions(replay)[3] == 0
    replay.run("< ok N7 P15 B3\n > N8 G1 X2")
    assert positions(replay)[3] == 2


def test_a_plain_ok_proves_nothing() -> None:
    """A late `ok` is easily credited to the next command."""
    replay = printing("M400 | G1 X1").run("< ok\n > N7 G1 X1")
    assert positions(replay) == (2, 1, 0, 0)
