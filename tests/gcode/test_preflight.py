"""What the pre-flight check lets pass, what it refuses, and what it says."""

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.gcode.gate import sendable_lines
from cellctl.gcode.preflight import check
from cellctl.gcode.rules import Envelope, Kind, MachineRules, Pace
from cellctl.gcode.verdict import LISTED_FOR_EACH_REASON, Box, Passed, Reason, Refused
from tests.gcode.machines import BY_DIALECT, ENGINEERS_PRINTER, ENGINEERS_ROUTER, PRINTER, ROUTER, ROUTER_LIMITS

HOT = ["G28", "M109 S210", "G21", "G90", "M82", "G92 E0"]
CUTTING = ["G21 G90 G94 G17 G54", "M3 S10000", "G0 Z3", "G0 X10 Y10", "G1 Z-0.5 F300"]


def passed(program: list[str], rules: MachineRules = PRINTER) -> Passed:
    verdict = check(program, rules)
    assert isinstance(verdict, Passed), str(verdict)
    return verdict


def refused(program: list[str], rules: MachineRules = PRINTER) -> Refused:
    verdict = check(program, rules)
    assert isinstance(verdict, Refused)
    return verdict


# ---- what a verdict says -----------------------------------------------------------------------------------------


def test_a_print_says_what_it_will_take() -> None:
    end = ["G1 X20 Y30 Z0.3 F6000", "G1 X120 E5 F1200", "G1 E3 F2100", "M140 S60", "M104 S0", "", "; the end"]
    verdict = passed([*HOT, *end])
    assert verdict.lines == len(HOT) + 5
    assert verdict.box_mm == Box((20, 30, 0.3), (120, 30, 0.3))
    assert (verdict.extruded_mm, verdict.tools) == (5, (0,))
    assert (verdict.nozzle_celsius, verdict.bed_celsius, verdict.feed_mm_per_min) == (210, 60, 6000)
    assert verdict.heating_s == pytest.approx((210 - 22) / 3 + 10)


def test_a_cut_says_where_it_goes_in_machine_coordinates() -> None:
    verdict = passed([*CUTTING, "X20 Y5", "T1", "M5"], ROUTER)
    assert verdict.box_mm == Box((-240, -145, -38), (0, 0, -34.5))
    assert (verdict.spindle_rpm, verdict.tools, verdict.heating_s) == (10000, (1,), 0)


def test_a_refusal_names_line_column_and_remedy() -> None:
    verdict = refused([*HOT, "; a comment", "G1 X10 Y230 (too far) F600", "M502"])
    first, second = verdict.refusals
    assert (first.line, first.column, first.reason) == (8, 8, Reason.OUT_OF_TRAVEL)
    assert str(first) == (
        "line 8, column 8, out_of_travel: Y would come to 230.000 mm (machine coordinates); "
        "this machine reaches from 0 to 220. Move the part in Y, or the work offset"
    )
    assert (second.line, second.reason, second.found) == (9, Reason.DANGEROUS_CODE, "M502")
    assert "settings" in second.allowed


def test_a_cause_that_repeats_itself_is_counted_and_listed_a_few_times() -> None:
    verdict = refused([*HOT, *["G1 X300", "G1 X10"] * 1000, "G5"])
    assert verdict.counts == {Reason.OUT_OF_TRAVEL: 1000, Reason.UNKNOWN_CODE: 1}
    assert len(verdict.refusals) == LISTED_FOR_EACH_REASON + 1
    assert "and 995 more places" in str(verdict)


def test_a_program_without_a_code_is_no_program() -> None:
    for nothing in ([], [""], ["; a comment", "(another)", "  "]):
        assert refused(nothing).refusals[0].reason is Reason.NOTHING_TO_DO


def test_lines_may_end_as_files_do() -> None:
    assert passed([f"{line}\r\n" for line in CUTTING] + ["M30\n"], ROUTER).lines == len(CUTTING) + 1


# ---- bytes, S3 and T6: all of them, in every place of a line -----------------------------------------------------

PLACES = ("{}G1 X20", "G{}1 X20", "G1{} X20", "G1 {}X20", "G1 X{}20", "G1 X2{}0", "G1 X20{}", "G1 X20 {} Y30", "{}")


@pytest.mark.parametrize("dialect", BY_DIALECT)
@pytest.mark.parametrize("place", PLACES)
def test_no_byte_that_a_controller_obeys_passes_anywhere(dialect: str, place: str) -> None:
    beginning = HOT if dialect == "marlin" else CUTTING
    for number in range(256):
        verdict = check([*beginning, place.format(chr(number)), "M5" if beginning is CUTTING else "M105"],
                        BY_DIALECT[dialect])  # fmt: skip
        if isinstance(verdict, Passed):
            harmless = " " <= chr(number) <= "}" and chr(number) not in "?!"
            line_end = chr(number) in "\r\n\t" and (place.startswith("{}") or place.endswith("{}"))
            assert harmless or line_end, f"0x{number:02X}"


def test_what_is_in_a_comment_is_not_sent_and_does_not_matter() -> None:
    passed([*CUTTING, "X20 ; fast! \u00e4 \x84 ~", "(why? \x18) X10", "M5 ; $X"], ROUTER)


@pytest.mark.parametrize(("dialect", "longest"), [("marlin", 81), ("grbl", 70), ("grblhal", 246)])
def test_a_line_may_be_as_long_as_the_controller_takes_and_no_longer(dialect: str, longest: int) -> None:
    beginning = HOT if dialect == "marlin" else CUTTING
    end = [] if dialect == "marlin" else ["M5"]
    fits = "G1 X20.".ljust(longest, "0")
    assert isinstance(check([*beginning, f"{fits} ; {'x' * 300}", *end], BY_DIALECT[dialect]), Passed)
    assert Reason.LINE_TOO_LONG in refused([*beginning, f"{fits}0", *end], BY_DIALECT[dialect]).counts


# ---- any text at all ---------------------------------------------------------------------------------------------

SOUP = st.text(st.characters(max_codepoint=255), max_size=30)
WORDS = st.lists(
    st.sampled_from("GMXYZEFIJKRPSTNLA").flatmap(
        lambda letter: st.sampled_from(["", "0", "1", "2", "3", "28", "-1", "1.5", "90", "92", "109", "21", "1e3"]).map(
            lambda number: letter + number
        )
    ),
    max_size=5,
).map(" ".join)


@given(st.sampled_from(sorted(BY_DIALECT)), st.lists(st.one_of(SOUP, WORDS), max_size=8), st.booleans())
def test_any_text_is_answered_and_what_passes_may_be_sent(dialect: str, lines: list[str], begun: bool) -> None:
    beginning = (HOT if dialect == "marlin" else CUTTING) if begun else []
    program = [*beginning, *lines]
    verdict = check(program, BY_DIALECT[dialect])
    if isinstance(verdict, Passed):
        sent = list(sendable_lines(program))  # which raises for a byte that must not go out
        assert len(sent) == verdict.lines
        assert all(len(line) <= BY_DIALECT[dialect].longest_line for line in sent)


# ---- the plain move and the long way round come to the same ------------------------------------------------------

NUMBER = st.decimals(0, 99, places=3).map(str)


@given(st.lists(st.tuples(st.sampled_from("XYZ"), NUMBER, st.booleans()), min_size=1, max_size=12))
def test_a_plain_move_means_what_its_words_mean(moves: list[tuple[str, str, bool]]) -> None:
    plain = [f"G{int(fast)} {axis}{number} F900" for axis, number, fast in moves]
    # A plus sign is no plain move, and means nothing.
    assert passed([*HOT, *plain]) == passed([*HOT, *(line.replace(line[3], line[3] + "+") for line in plain)])
    routed = [f"G{int(fast)} {axis}{float(number) / 10:.3f} F900" for axis, number, fast in moves]
    slow = [line.replace(line[3], line[3] + "+") for line in routed]
    assert passed([*CUTTING, *routed, "M5"], ROUTER) == passed([*CUTTING, *slow, "M5"], ROUTER)


# ---- modes -------------------------------------------------------------------------------------------------------


def end_of(program: list[str], rules: MachineRules = ROUTER) -> tuple[float, float, float]:
    """Where a program that only goes upward from the machine's low corner arrives."""
    box = passed([*program, "M2"], rules).box_mm
    assert box is not None
    return box.most_mm


LOW = ["G90 G21", "G53 G0 Z-45", "G53 G0 X-300 Y-180"]
FROM_BELOW = replace(
    ROUTER, kind=Kind.LASER, limits=replace(ROUTER_LIMITS, envelope=replace(ROUTER_LIMITS.envelope, starts_at_mm=None))
)


@pytest.mark.parametrize(
    ("lines", "end"),
    [
        (["G0 X0 Y0 Z0"], (-250, -150, -37.5)),
        (["G91", "G0 X10", "X10 Y5", "G90"], (-280, -175, -45)),
        (["G92 X0 Y0", "G0 X30 Y20", "G92.1"], (-270, -160, -45)),
        (["G92 X5", "G0 X30", "G92.1", "G0 X0"], (-250, -180, -45)),
        (["G53 G0 X-200", "G53 Y-100"], (-200, -100, -45)),
        (["G91", "G53 G0 X-200", "X1", "G90"], (-199, -180, -45)),
    ],
)
def test_relative_moves_and_offsets_lead_where_the_firmware_goes(
    lines: list[str], end: tuple[float, float, float]
) -> None:
    assert end_of([*LOW, *lines], FROM_BELOW) == pytest.approx(end)


def test_inches_are_inches() -> None:
    assert end_of(["G20 G90", "G0 X1 Y-1 Z1"], FROM_BELOW) == pytest.approx((-224.6, -175.4, -12.1))


def test_a_position_that_nobody_knows_is_no_beginning() -> None:
    for line in ("G91 G0 X5", "G92 X0", "G2 X5 Y5 I5 F100"):
        verdict = refused(["G21 G90", line], FROM_BELOW)
        assert not verdict.counts.keys().isdisjoint({Reason.POSITION_UNKNOWN, Reason.BAD_ARC})


def test_a_code_of_the_engineer_is_none_of_the_operator() -> None:
    for line in ("M201 X500 Y500", "M203 X100"):
        passed([*HOT, line], ENGINEERS_PRINTER)
        assert refused([*HOT, line]).refusals[0].reason is Reason.DANGEROUS_CODE
    assert refused([*HOT, "M201 X9000"], ENGINEERS_PRINTER).refusals[0].reason is Reason.OUT_OF_RANGE
    for line in ("G10 L20 P1 Z0", "G38.2 Z-3 F50"):
        passed([*CUTTING, line, "M5"], ENGINEERS_ROUTER)
        assert refused([*CUTTING, line, "M5"], ROUTER).refusals[0].reason is Reason.DANGEROUS_CODE


def test_rules_that_make_no_sense_are_no_rules() -> None:
    with pytest.raises(ValueError, match="travel of Y must go from a lower to a higher number"):
        Envelope((0, 10, 0), (1, 5, 1))
    with pytest.raises(ValueError, match="max_feed_mm_per_min must be three or four numbers above 0"):
        Pace((0, 1, 1), (1, 1, 1))


# ---- memory ------------------------------------------------------------------------------------------------------


def long_print(moves: int) -> Iterator[str]:
    yield from HOT
    for index in range(moves):
        yield f"G1 X{50 + index % 100} Y{60 + index % 7} E{index * 0.01:.2f} F1800"


def test_memory_does_not_grow_with_the_program() -> None:
    peaks = []
    for moves in (5_000, 40_000):
        tracemalloc.start()
        assert isinstance(check(long_print(moves), PRINTER), Passed)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2 + 50_000
