"""Facts of the handbook's tables that no other test here names (queue.cpp, language.h, MarlinCore.cpp, M576.cpp and the
behaviour seen on running firmware). What the simulated firmware holds to is in tests/sim."""

import pytest

from cellctl_drivers.marlin.answers import Kind, read, starvation
from cellctl_drivers.marlin.dialects import COMMON, recognise
from cellctl_drivers.marlin.ledger import frame, framed_bytes
from cellctl_drivers.serial_session import ResetSeen
from tests.drivers.marlin_dialogue import met, printing

# ---- starvation (M576, BUFFER_MONITORING) ----------------------------------------------------------------------


def test_the_firmwares_own_count_of_an_empty_planner_is_kept() -> None:
    """`D576 P:<free> -<underruns> (<ms>) B:<free> -<underruns> (<ms>)`: the queue's are no starvation at window 1."""
    replay = printing()
    replay.run("< D576 P:16 -3 (775) B:4 -28 (1297)\n < D576 P:2 -1 (20) B:3 0 (0)")
    quality = replay.session.quality  # type: ignore[attr-defined]
    assert (quality.underruns, round(quality.starved_s, 3)) == (4, 0.795)
    assert starvation("D576 P:16 0 (0) B:4 -28 (1297)") == (0, 0.0)


def test_a_machine_at_rest_is_idle_and_not_starved() -> None:
    replay = met("FIRMWARE_NAME:Marlin 2.1.2", "< ok\n > N2 M105\n < D576 P:16 -3 (775) B:4 0 (0)")
    assert replay.session.quality.underruns is None  # type: ignore[attr-defined]


def test_it_is_asked_for_every_ten_seconds_where_it_may_be_there() -> None:
    assert recognise("Marlin 2.1.2 (Sep 1 2022)").telemetry == "M576 S10"
    assert recognise("Marlin 1.1.9").telemetry == ""


# ---- boots -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cause", ["PowerUp", " External Reset", " Brown out Reset", " Watchdog Reset", " Software Reset"]
)
def test_a_boot_whose_start_was_lost_is_seen_by_its_cause(cause: str) -> None:
    told = printing().session.receive(f"{cause}\n".encode(), 10.0)
    assert told == [ResetSeen(f"the printer restarted ({cause.strip()}): position and heat are gone")]


@pytest.mark.parametrize("said", [b"start", b"\x80start", b"\xff\xfestart"])
def test_start_may_come_with_a_byte_of_garbage_before_it(said: bytes) -> None:
    assert read(said).kind is Kind.START


# ---- temperatures ----------------------------------------------------------------------------------------------


def test_a_bare_line_of_temperatures_is_the_only_sign_of_life_of_some_waits_for_heat() -> None:
    """OctoPrint's virtual printer and old firmware: no `busy`, no `W:`, one `T:` a second during M109."""
    replay = printing("M109 S200 | G1 X1", acknowledge_s=5.0)
    replay.session._printer.portrait.capabilities.clear()  # type: ignore[attr-defined]
    for _ in range(20):
        replay.run("+ 1s\n < T:20.0 /200.0")
    replay.run("< ok\n > N7 G1 X1")


# ---- frames ----------------------------------------------------------------------------------------------------


def test_a_checksum_has_no_more_than_three_digits() -> None:
    """RepRapFirmware takes five digits behind the star for a CRC16."""
    sums = {frame(number, b"G1 X1").rpartition(b"*")[2].strip() for number in range(2000)}
    assert max(map(len, sums)) <= 3
    assert all(len(frame(n, b"G1 X1")) - 1 <= framed_bytes(n, "G1 X1") for n in (0, 9, 10, 99_999))


def test_the_number_is_the_first_character_of_a_line() -> None:
    assert frame(12, b"G28").startswith(b"N12 ")


# ---- who it is -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("firmware", ["Ultimaker2", "ANET A8 V1.1", "Teacup", ""])
def test_a_firmware_that_is_in_no_row_gets_numbered_lines_one_at_a_time(firmware: str) -> None:
    dialect = recognise(firmware)
    assert dialect is COMMON
    assert dialect.numbered
    assert dialect.unhurried_lines == 1
