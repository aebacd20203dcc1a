"""Makes bad/lines.tsv anew: python -m tests.corpus.bad_lines

Each row: the reason that is expected, the situation (a beginning that is fine by itself, see SITUATIONS), and the
line, written as JSON so that any byte can stand in it.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cellctl.gcode import forbidden

TABLE: Final = Path(__file__).parent / "bad" / "lines.tsv"

_HOT: Final = ["G28", "M190 S60", "M109 S210", "G21", "G90", "M82", "G92 E0", "G1 X100 Y100 Z10 E1 F3000"]
_CUTTING: Final = ["G21 G90 G94 G17 G54", "M3 S10000", "G0 Z3", "G0 X10 Y10", "G1 Z-0.5 F300"]
# What comes before a bad line: "dialect" or "dialect/what". A situation without its bad line passes.
SITUATIONS: Final[dict[str, list[str]]] = {
    "marlin": _HOT,
    "marlin/relative": [*_HOT, "G91"],
    "marlin/new": ["M105"],
    "marlin/homed": ["G28", "G90", "M82", "G92 E0"],
    "marlin/levelled": ["G28", "G29", "G21", "G90"],
    "marlin/cooled": [*_HOT, "M104 S0"],
    "marlin/warming": ["G28", "G90", "M82", "G92 E0", "M104 S210"],
    "marlin/off": [*_HOT, "M84"],
    "marlin/unstated": ["G28", "M109 S210", "G90", "G92 E5"],
    "grbl": _CUTTING,
    "grbl/relative": [*_CUTTING, "G91"],
    "grbl/new": ["M5"],
    "grbl/standing": ["G21 G90 G94 G17 G54", "G0 Z3", "G0 X10 Y10"],
    "grbl/turned": [*_CUTTING, "G18"],
    "grbl/ended": [*_CUTTING, "G0 Z3", "M5", "M30"],
    "grbl/cancelled": [*_CUTTING, "G80"],
    "grbl/no feed": ["G21 G90", "M3 S10000", "G0 X10 Y10 Z3"],
    "grbl/inverse time": [*_CUTTING, "G93"],
    "grblhal": _CUTTING,
}


def rows() -> Iterator[tuple[str, str, str]]:
    """(reason, situation, line)."""
    yield from _bytes()
    yield from _long_lines()
    yield from _framing()
    yield from _commands()
    yield from _dangerous()
    yield from _unknown()
    yield from _words()
    yield from _ranges()
    yield from _travel()
    yield from _heat()
    yield from _arcs()
    yield from _order()


def _each(reason: str, situation: str, *lines: str) -> Iterator[tuple[str, str, str]]:
    for line in lines:
        yield reason, situation, line


def _bytes() -> Iterator[tuple[str, str, str]]:
    for dialect in ("marlin", "grbl", "grblhal"):
        for char in "?!~":
            yield from _each("bad_byte", dialect, f"{char}", f"G1 X10{char}", f"G1 {char}X10", f"{char}G1 X10 F600")
        for number in (0, 1, 7, 8, 11, 12, 0x18, 0x19, 0x1B, 0x7F, 0x80, 0x84, 0x85, 0x90, 0x9E, 0xA0, 0xC3, 0xFF):
            yield from _each("bad_byte", dialect, f"G1 X{chr(number)}10")
        yield from _each(
            "bad_byte", dialect, "G1\tX10", "G1 X10\rM112", "G1 X10\nG1 X20", "G1 X10 \u00e4", "\u2013G1 X10"
        )
        yield from _each("bad_byte", dialect, "\ufeffG21", "G1 X\u00bd", "G1 X10\u00a0Y10", "; fine\nG1 X10")
    yield from _each("bad_byte", "marlin", "M117 Done!", "M117 Really?", "M117 K\u00e4the", "M0 Ready?", "M117 ~1 h")


def _long_lines() -> Iterator[tuple[str, str, str]]:
    for length in (82, 83, 95, 96, 97, 200, 1000):
        yield from _each("line_too_long", "marlin", "M117 " + "x" * (length - 5))
    for length in (71, 79, 80, 81, 128, 1000):
        yield from _each("line_too_long", "grbl", "G1 X10." + "0" * (length - 7))
    for length in (247, 256, 257, 2000):
        yield from _each("line_too_long", "grblhal", "G1 X10." + "0" * (length - 7))
    yield from _each(
        "line_too_long", "grbl", "G1 X10.00000000000000000000 Y10.00000000000000000000 Z0.00000000000000000000 ; c"
    )


def _framing() -> Iterator[tuple[str, str, str]]:
    yield from _each(
        "framed", "marlin", "N12 G1 X10", "N1 G28*18", "G1 X10*97", "N0 M110 N0", "n7 G28", " N5G1 X1", "N3"
    )
    yield from _each("framed", "grbl", "G1 X10*97", "N3 G1 X10*12", "*", "G1 X10 *")
    yield from _each("framed", "grblhal", "N5 G1 X10 *71")
    for dialect in ("marlin", "grbl", "grblhal"):
        yield from _each("block_delete", dialect, "/G1 X10", "/ G1 X10", " /M3 S1000", "/")


def _commands() -> Iterator[tuple[str, str, str]]:
    settings = ("$X", "$H", "$$", "$#", "$G", "$I", "$N", "$C", "$SLP", "$RST=*", "$RST=$", "$RST=#", "$0=10", "$1=255")
    settings += ("$20=0", "$21=0", "$22=0", "$100=250", "$110=99999", "$130=1000", "$N0=G20", "$N1=G91", "$I=mine")
    settings += ("$J=G91 X10 F100", "$J=X1F1", "$", "$x", "$HX", "$EEG", "$RTC=1", "$REBOOT", "$TPW", " $H")
    for dialect in ("grbl", "grblhal", "marlin"):
        yield from _each("controller_command", dialect, *settings[: 12 if dialect == "marlin" else None])
    macros = (
        "FIRMWARE_RESTART",
        "RESTART",
        "SAVE_CONFIG",
        "SET_PIN PIN=laser VALUE=1",
        "PRINT_START",
        "BED_MESH_CALIBRATE",
    )
    macros += (
        "SET_HEATER_TEMPERATURE HEATER=extruder TARGET=300",
        "SET_KINEMATIC_POSITION X=0",
        "FORCE_MOVE STEPPER=x",
    )
    macros += ("TURN_OFF_HEATERS", "START_PRINT BED=60", "EXCLUDE_OBJECT_START NAME=a", "pause", "Start GCode begin")
    yield from _each("controller_command", "marlin", *macros)
    yield from _each("controller_command", "grblhal", "RESTART", "CANCEL_PRINT")


def _dangerous() -> Iterator[tuple[str, str, str]]:
    for code in sorted(forbidden.MARLIN):
        yield from _each("dangerous_code", "marlin", code)
    yield from _each(
        "dangerous_code", "marlin", "M301 P22 I1 D110", "M303 E0 S210 C8", "M92 X80 Y80", "M201 X9000 Y9000"
    )
    yield from _each("dangerous_code", "marlin", "M203 X500", "M206 X10", "M851 Z-2", "M211 S0", "M302 S0", "M302 P1")
    yield from _each(
        "dangerous_code", "marlin", "M42 P13 S255", "M23 other.gco", "M28 file.gco", "M997 S1", "M421 I99 J99 Z1"
    )
    yield from _each(
        "dangerous_code", "marlin", "M118 E1 ok", "M118 Resend: 1", "M112 ", "  M112", "M0112", "M112.0", "M280 P0 S10"
    )
    for dialect, codes in (("grbl", forbidden.GRBL), ("grblhal", {**forbidden.GRBL})):
        for code in sorted(codes):
            if (dialect, code) != ("grblhal", "M6"):
                yield from _each("dangerous_code", dialect, code)
    yield from _each(
        "dangerous_code", "grbl", "G10 L2 P1 X0 Y0 Z0", "G10 L20 P1 X0", "G10L20P0X0", "G28 X0", "G91 G28 Z0"
    )
    yield from _each(
        "dangerous_code", "grbl", "T1 M6", "M6 T2", "G38.2 Z-10 F100", "G43.1 Z5", "G90.1", "G30 Z0", "G28.1"
    )


def _unknown() -> Iterator[tuple[str, str, str]]:
    yield from _each(
        "unknown_code", "marlin", "G5 X1", "G6", "G7", "G17", "G18", "G19", "G27", "G54", "G60", "G61", "G93"
    )
    yield from _each(
        "unknown_code", "marlin", "G94", "G100", "G999", "M2", "M3 S100", "M4", "M5", "M70", "M98 P1", "M120.5"
    )
    yield from _each(
        "unknown_code", "marlin", "M450", "M558", "M560", "M563 P0", "M584", "M600.1", "M701", "M702", "M911"
    )
    yield from _each(
        "unknown_code", "marlin", "M998", "M1001", "M9999", "G1.5 X10", "G0.999 X1", "G28.1", "M104.1 S200", "G90.1"
    )
    yield from _each(
        "unknown_code", "grbl", "G5", "G33", "G41", "G42", "G43.5", "G64", "G73", "G81 X1 Y1 Z-1 R1", "G82", "G83"
    )
    yield from _each(
        "unknown_code", "grbl", "G95", "G96", "G97", "G98", "G99", "G55", "G59", "G59.1", "G100", "G1.5 X1", "G29"
    )
    yield from _each(
        "unknown_code", "grbl", "M7", "M10", "M19", "M62.5", "M100", "M104 S200", "M106", "M84", "M400", "M140 S60"
    )
    yield from _each(
        "unknown_code", "grbl", "G0.9999999 X1", "G21.5", "M3.5 S100", "G1000000", "M199999", "G90.2", "M04.1"
    )
    yield from _each(
        "unknown_code", "grblhal", "G33 Z1 K1", "G76", "G81 X1 Y1 Z-1 R1", "G5.1", "M104 S200", "M101", "G12.1"
    )


def _words() -> Iterator[tuple[str, str, str]]:
    yield from _each(
        "bad_word", "marlin", "G1 X1.2.3", "G1 X--1", "G1 X-", "G1 X1,5", "G1 X=5", "G1 X#1", "G1 X[1+1]", "123"
    )
    yield from _each(
        "bad_word", "marlin", "G1 X{x}", "G1 X10E5", "G1 X1e3", "g1 x10", "G1 x10", "G1 X+-3", "%", 'G1 X10 "a"'
    )
    yield from _each(
        "bad_word",
        "marlin",
        "G1 X0x10",
        "G1 X123456789",
        "G1 @5",
        "G1 X1 0",
        "G1 'a'",
        "G1 Y{machine_depth}",
        "G1 X10)",
    )
    yield from _each(
        "bad_word",
        "marlin",
        "G1 X(a)1(b)0",
        "(a(b)c) G1 X1",
        "[MSG:hi]",
        "<Idle>",
        "|",
        "G1 X1_0",
        "G1 X1:2",
        "G1 X..5",
    )
    yield from _each(
        "bad_word", "grbl", "G1 X1.2.3", "G1 X--1", "G1 X-", "G1 X1,5", "G1 X=5", "%", "#1=5", "G1 X#1", "G1 X[2+3]"
    )
    yield from _each(
        "bad_word", "grbl", "G1 X123456789", "100", "G1 X1 0", "G1 X10)", "[G54]", "G1 X1:2", "G1 @1", '"G1 X1"', "G1 &"
    )
    yield from _each("bad_word", "grbl", "G1 X.", "G1 X+", "G1 X1-2", "O<sub> call", "G1 X(c)1 2", "{}", "G1 X1|2", "^")
    yield from _each(
        "bad_word", "grblhal", "#<depth>=3", "G1 X#<depth>", "o100 if [1]", "G1 X[1/2]", "%", "G1 X1.1.1", "G1 X'1'"
    )
    yield from _each("no_code", "marlin", "X10 Y10", "E5", "F3000", "S200", "N", "P1 S1", "X", "Y10 G1", "S200 M104")
    yield from _each("no_code", "grbl/new", "X10", "Y10 F300", "Z1", "X1 Y1 Z1")
    yield from _each("no_code", "grbl/cancelled", "X10", "Y10 Z3")
    yield from _each("no_code", "grbl", "G53 G2 X1 I1", "G80 X10", "G53 G80 X1")
    yield from _each(
        "two_codes",
        "marlin",
        "G1 X10 G1 X20",
        "G1 X10 M106",
        "G28 G29",
        "G90 G21",
        "M104 S200 M140 S60",
        "G1 X1 T0",
        "M84 G28",
        "M140 S60 T0",
        "M220 S100 T1",
        "G92 E0 G1 X5",
    )
    yield from _each(
        "two_codes",
        "grbl",
        "G0 G1 X10",
        "G90 G91",
        "G20 G21",
        "G17 G18",
        "M3 M5",
        "M8 M9",
        "G93 G94",
        "M0 M30",
        "G1 X1 G2 X2 I1",
    )
    yield from _each(
        "two_codes",
        "grbl",
        "G1 Y10 G92 X0",
        "G4 P1 G53 G0 X1",
        "G92 X0 G0 Z1",
        "G1 G1 X1",
        "M3 S100 M4",
        "G0 X1 G80",
        "G21 G21",
    )
    yield from _each("two_codes", "grblhal", "G0 G1 X10", "G90 G91", "M3 M4 S1000", "T1 M6 M6")
    yield from _each(
        "repeated_letter",
        "marlin",
        "G1 X10 X20",
        "G1 E1 E2",
        "G1 F100 F200",
        "M104 S200 S210",
        "G4 P100 P200",
        "G28 X X",
        "G92 E0 E1",
    )
    yield from _each(
        "repeated_letter",
        "grbl",
        "G1 X10 X20",
        "G1 X1 F100 F200",
        "M3 S100 S200",
        "T1 T2",
        "G2 X1 I1 I2",
        "G4 P1 P2",
        "X1 Y2 X3",
    )
    yield from _each(
        "letter_not_allowed",
        "marlin",
        "G1 A5",
        "G1 X1 S255",
        "G28 E",
        "G90 X0",
        "M82 S1",
        "M104 S200 X1",
        "M107 S1",
        "G1 X1 P5",
        "T0 S1",
        "M400 S1",
    )
    yield from _each(
        "letter_not_allowed",
        "marlin",
        "G29 P1",
        "M106 S1 X1",
        "G4 X1",
        "G1 X1 I5",
        "G92 F5",
        "M204 X100",
        "M600 X5",
    )
    yield from _each(
        "letter_not_allowed",
        "grbl",
        "G1 X1 A5",
        "G1 X1 B1",
        "G1 X1 C1",
        "G1 X1 U1",
        "G1 X1 E5",
        "G0 X1 D1",
        "G1 X1 H2",
        "G1 X1 Q5",
        "G1 X1 I5",
    )
    yield from _each(
        "letter_not_allowed",
        "grbl",
        "G1 X1 R5",
        "G0 X1 P3",
        "M5 P1",
        "G1 X1 L1",
        "G4 P1 R2",
        "I5",
        "G21 P1",
        "G1 X1 K1",
        "J3",
        "G1 X10 N5",
    )
    yield from _each(
        "missing_letter",
        "marlin",
        "M104",
        "M109",
        "M140",
        "M190",
        "G92",
        "M220",
        "M221",
        "M204",
        "M205",
        "M900",
        "M104 T0",
        "M200",
        "M141",
        "M191",
    )
    yield from _each("missing_letter", "grbl", "G4", "G92", "G4 F100", "G92 F5")
    yield from _each(
        "missing_number",
        "marlin",
        "G1 X",
        "G1 X Y10",
        "M104 S",
        "G1 X10 E",
        "G1 F",
        "G4 P",
        "M106 S",
        "M140 S",
        "G92 E",
        "M109 R",
    )
    yield from _each("missing_number", "grbl", "G1 X", "G1 X Y10", "G", "M", "G1 F", "S", "T", "G4 P", "G0 Z", "F")
    yield from _each("missing_number", "grblhal", "G1 X", "T M6")


def _ranges() -> Iterator[tuple[str, str, str]]:
    yield from _each(
        "out_of_range",
        "marlin",
        "M106 S256",
        "M106 S-1",
        "M106 P10",
        "M109 R9",
        "M190 R20",
        "M220 S5",
        "M220 S500",
        "M221 S10",
        "M221 S999",
        "G4 P-1",
        "G4 S-1",
        "G4 S3601",
    )
    yield from _each(
        "out_of_range",
        "marlin",
        "M204 P6000",
        "M204 S0",
        "M204 T-100",
        "M204 R9999",
        "M205 J1",
        "M205 X60",
        "M205 J-0.1",
        "M73 P101",
        "M73 P-1",
    )
    yield from _each(
        "out_of_range",
        "marlin",
        "M900 K-1",
        "M900 K500",
        "M420 Z50",
        "M420 S2",
        "G1 F0",
        "G1 X10 F0",
        "G1 F-100",
        "G0 X5 F-1",
        "G2 X110 I999999",
        "M200 D1.75",
    )
    yield from _each(
        "out_of_range", "marlin", "G1 X+100001", "M104 S200 T-1", "M300 P99999", "M84 S-1", "G10 S2", "M150 R256"
    )
    yield from _each(
        "out_of_range",
        "grbl",
        "G4 P-1",
        "G4 P3601",
        "G1 X1 F-100",
        "M3 S-100",
        "T-1",
        "S-1",
        "F-1",
        "X+100001",
        "G0 X1 Y+100001",
    )
    yield from _each("feed_too_high", "marlin", "G1 X10 F18001", "G0 F99999", "G1 F20000")
    yield from _each("feed_too_high", "grbl", "G1 X10 F3001", "F99999", "G1 F3000.1", "X5 F5000", "G2 X20 Y10 I5 F9999")
    yield from _each(
        "spindle_speed", "grbl", "M3 S12001", "S99999", "M4 S20000", "M3 S0", "M3 S50", "S99", "M4 S0", "G1 X11 S30000"
    )
    yield from _each("spindle_speed", "grbl/standing", "M3", "M4", "M3 G0 X20", "M3 S0")
    yield from _each("not_fitted", "marlin", "T1", "T5", "T255", "T99", "M104 T1 S200", "M109 T3 S200")
    yield from _each("not_fitted", "grbl", "T2", "T9", "T255", "T1.5", "T3 G0 X20")
    yield from _each("not_fitted", "grblhal", "T5 M6", "M6 T7")


def _travel() -> Iterator[tuple[str, str, str]]:
    yield from _each(
        "out_of_travel",
        "marlin",
        "G1 X220.001",
        "G1 X221",
        "G1 X-0.001",
        "G1 X-1",
        "G1 Y220.5",
        "G1 Y-5",
        "G1 Z240.1",
        "G1 Z-0.01",
        "G0 X1000",
    )
    yield from _each(
        "out_of_travel",
        "marlin",
        "G1 X-10 Y-10 Z-10",
        "G0 X5000",
        "G1 X221 E2",
        "G1 X10 Y10 Z300 F600",
        "G2 X140 Y100 I20 J100",
        "G3 X100 Y100 I-100 J80",
    )
    yield from _each(
        "out_of_travel", "marlin/relative", "G1 X121", "G1 X-101", "G1 Y130", "G1 Z-10.5", "G1 Z231", "G0 X-200 Y-200"
    )
    yield from _each(
        "out_of_travel",
        "grbl",
        "G1 X250.01",
        "G0 X251",
        "G0 X-50.1",
        "G0 Y150.5",
        "G0 Y-31",
        "G0 Z38",
        "G1 Z-8",
        "G0 X999",
        "G53 G0 X1",
        "G53 G0 Z0.5",
    )
    yield from _each(
        "out_of_travel", "grbl", "G53 G0 X-301", "G53 G0 Y-181", "G53 G0 Z-46", "G2 X10 Y10 I-40 J0", "G3 X12 Y10 R-60"
    )
    yield from _each("out_of_travel", "grbl/relative", "X300", "X-61", "Y-41", "Z-8", "G0 Z40", "Y145")
    yield from _each("out_of_travel", "grbl/turned", "G2 X10 Z-0.5 I0 K-6", "G2 X40 Z-0.5 I15 K0")
    yield from _each("out_of_travel", "grblhal", "G0 X251", "G1 Z-8", "G53 G0 X0.01")
    yield from _each(
        "not_homed",
        "marlin/new",
        "G1 X10",
        "G0 Z5",
        "G1 X10 Y10 F3000",
        "G29",
        "G2 X10 I5",
        "G1 Z0.2 F300",
        "G92 X0",
        "G92 X0 Y0 Z0",
        "G0 Y5 F3000",
    )
    yield from _each("not_homed", "marlin/off", "G1 X10", "G1 Z20", "G29", "G92 Z0", "G1 X10 Y10 E2")
    yield from _each("position_unknown", "marlin/levelled", "G92 X5", "G92 Z0", "G92 X0 Y0")


def _heat() -> Iterator[tuple[str, str, str]]:
    yield from _each(
        "too_hot",
        "marlin",
        "M104 S261",
        "M109 S300",
        "M104 S999",
        "M140 S111",
        "M190 S150",
        "M109 R265",
        "M190 R120",
        "M104 S260.5",
        "M140 S110.1",
    )
    yield from _each("too_hot", "marlin", "M141 S50", "M191 S40", "M104 S-5", "M140 S-1", "M109 S1000", "M104 T0 S280")
    yield from _each(
        "too_cold", "marlin/homed", "G1 E5 F100", "G1 X10 E1", "G1 E-2", "G10", "G11", "G1 X10 Y10 E0.5 F1200", "G0 E1"
    )
    yield from _each("too_cold", "marlin/warming", "G1 E5 F100", "G1 X10 E1", "G11")
    yield from _each("too_cold", "marlin/cooled", "G1 X10 E5", "G1 E2 F300", "G11", "G2 X120 Y100 I10 E3")
    yield from _each(
        "extrusion_too_long", "marlin", "G1 E202 F100", "G1 X10 E500", "G1 E3000", "G1 E201.01", "G1 E-250"
    )
    yield from _each("mode_not_stated", "marlin/unstated", "G1 E6 F100", "G1 X10 E1")


def _arcs() -> Iterator[tuple[str, str, str]]:
    yield from _each(
        "bad_arc",
        "marlin",
        "G2 X110",
        "G2 X110 Y100",
        "G2 X110 Y100 I5 R5",
        "G2 R5",
        "G2 X120 R5",
        "G3 X110 I1",
        "G2 X110 I50",
        "G2 X110 Y110 I0 J0",
    )
    yield from _each(
        "bad_arc",
        "grbl",
        "G2 X20",
        "G2 X20 Y10 R2",
        "G2 X10 Y10 R5",
        "G2 X20 I5 R5",
        "G2 X20 Y10 K5",
        "G3 X20 Y10 I1 J1",
        "G2 X20 Y20 I0 J0",
        "G2 Z1 I5",
    )
    yield from _each(
        "bad_arc",
        "grbl",
        "G2 X20 Y10 I5 K2",
        "G18 G2 X20 Y10 I5 J2",
        "G19 G2 X20 I5",
        "G3 X10.5 Y10 I-5",
        "G2 X20 Y10 R0",
        "G18 G2 X20 Z-0.5 J5",
    )
    yield from _each("bad_arc", "grbl/turned", "G2 X20 Y10 I5 J5", "G2 X20 J5", "G3 X20 Z-0.5 R1")


def _order() -> Iterator[tuple[str, str, str]]:
    yield from _each("units_not_stated", "grbl/new", "G90 G0 X10", "G90 G1 Z1 F100", "G90 G53 G0 Z-1", "G90 G92 X0")
    yield from _each("mode_not_stated", "grbl/new", "G21 G0 X10", "G21 G1 X10 F100", "G21 G92 X0", "G20 G0 Z0.1")
    yield from _each("units_changed", "grbl", "G20", "G20 G0 X1", "G20 G1 X1 F10", "M5 G20")
    yield from _each("mode_left", "grbl", "G91", "G18", "G19", "G92 X0", "G93", "G92 Z5", "G91 G18", "M4")
    yield from _each("mode_left", "marlin", "G91")
    yield from _each("after_end", "grbl/ended", "G0 X1", "M5", "G21", "X10", "M30", "S100", "T1", "G4 P1")
    yield from _each(
        "missing_feed",
        "grbl/no feed",
        "G1 X20",
        "G1 X20 Y20",
        "G2 X20 Y10 I5",
        "G1 Z-1",
        "G1 X20 F0",
        "G3 X10 Y10 I5",
        "G1 X20 S5000",
    )
    yield from _each("missing_feed", "grbl/inverse time", "G1 X20", "X20", "G94 X20", "G2 X20 Y10 I5")
    yield from _each(
        "spindle_off",
        "grbl/standing",
        "G1 Z-1 F100",
        "G0 Z-1",
        "G1 X20 Y20 Z-0.5 F300",
        "G1 Z-0.01 F100",
        "M5 G1 Z-1 F100",
    )
    yield from _each("spindle_off", "grbl", "M5 G1 X20", "M5 X20", "G1 X20 S0", "M5 G0 X20 Y20", "M5 G2 X20 Y10 I5")


def main() -> None:
    """Write the table."""
    written = [f"{reason}\t{situation}\t{json.dumps(line)}\n" for reason, situation, line in dict.fromkeys(rows())]
    TABLE.write_text("".join(written))
    sys.stderr.write(f"{len(written)} lines\n")


if __name__ == "__main__":
    main()
