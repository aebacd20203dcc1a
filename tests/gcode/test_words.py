"""The words of a line, and what is wrong with a line that has none."""

from functools import reduce
from operator import xor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.gcode.words import BadLine, Line, checksum, parse, strip_comment, words


def test_a_move_becomes_letters_and_numbers() -> None:
    assert words("G1 X10.5 Y-.25 E+3. F1800") == (
        ("G", 1.0),
        ("X", 10.5),
        ("Y", -0.25),
        ("E", 3.0),
        ("F", 1800.0),
    )


@pytest.mark.parametrize("line", ["G1X10Y20", "g1 x10 y20", "  G1\tX10  Y20 ", "G 1 X 10 Y 20", "G1(a)X10 Y20;Y30"])
def test_blanks_and_case_do_not_matter(line: str) -> None:
    assert words(line) == (("G", 1), ("X", 10), ("Y", 20))


@pytest.mark.parametrize("line", ["", "   ", "; only a comment", "(only a comment)", "(never closed G1 X1", "/", "N12"])
def test_a_line_without_a_word_has_no_words(line: str) -> None:
    assert words(line) == ()


def test_a_comment_hides_what_is_in_it() -> None:
    assert words("G1 (X9 *3) X1 ; Y2 ! * (") == (("G", 1.0), ("X", 1.0))
    assert strip_comment(" G1 (fast) X1 ; home") == "G1  X1"
    assert strip_comment("M117 hello ") == "M117 hello"


def test_a_frame_is_read_and_left_out_of_the_words() -> None:
    assert parse("/N12 G1 X5*87") == Line((("G", 1.0), ("X", 5.0)), number=12, checksum=87, skippable=True)
    assert words("N12 G1 X5*87") == words("/ G1 X5 ") == words("G1 X5*87 ; x") == (("G", 1.0), ("X", 5.0))


def test_a_number_after_the_first_word_is_a_word() -> None:
    assert parse("N0 M110 N7") == Line((("M", 110.0), ("N", 7.0)), number=0)


@pytest.mark.parametrize(
    ("line", "column", "expected"),
    [
        ("G1 X", 4, "number"),
        ("G1 X Y2", 4, "number"),
        ("G1 X1.2.3", 7, "number"),
        ("G1 X--1", 4, "number"),
        ("G1 X-", 4, "number"),
        ("1", 0, "letter"),
        ("G1 =4", 3, "letter"),
        ("G1 X10 #3", 7, "letter"),
        ("G1 X1,5", 5, "letter"),
        ("G1 ä1", 3, "letter"),
        ("G1 \u01311", 3, "letter"),
        ("G1 Xnan", 4, "number"),
        ("G1 X1_0", 5, "letter"),
        ("N3 (c) G1 X+", 11, "number"),
        ("N3 G1*", 6, "checksum"),
        ("N3 G1*5x", 6, "checksum"),
    ],
)
def test_what_is_no_word_is_named_with_its_column(line: str, column: int, expected: str) -> None:
    with pytest.raises(BadLine) as mistake:
        words(line)
    assert (mistake.value.column, mistake.value.expected) == (column, expected)
    assert f"column {column + 1}: expected a {expected}" in str(mistake.value)


def test_the_checksum_is_the_xor_of_all_bytes() -> None:
    assert checksum(b"N3 T0") == 57  # the example in the RepRap wiki
    assert checksum(b"") == 0


@given(st.binary(max_size=300))
def test_the_folded_checksum_equals_the_plain_one(line: bytes) -> None:
    assert checksum(line) == reduce(xor, line, 0)


@given(st.text(max_size=40))
def test_any_text_is_words_or_a_bad_line(line: str) -> None:
    try:
        found = words(line)
    except BadLine as mistake:
        assert 0 <= mistake.column <= len(line)
    else:
        assert all(letter.isupper() and isinstance(number, float) for letter, number in found)
