"""Arcs: where they really go."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.gcode.arcs import PLANES, BadArc, arc, centre_by_radius


@given(st.floats(1, 50), st.floats(-3, 3), st.floats(0.1, 6.2), st.sampled_from(sorted(PLANES)), st.booleans())
def test_the_box_of_an_arc_holds_every_point_of_it_and_touches_the_outermost(
    radius: float, begins: float, turn: float, plane: str, clockwise: bool
) -> None:
    first, second = PLANES[plane]
    sweep = -turn if clockwise else turn
    start, end = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]
    start[first], start[second] = radius * math.cos(begins), radius * math.sin(begins)
    end[first], end[second] = radius * math.cos(begins + sweep), radius * math.sin(begins + sweep)
    end[3 - first - second] = 5.0
    bow = arc(tuple(start), tuple(end), PLANES[plane], (-start[first], -start[second]), clockwise)  # type: ignore[arg-type]
    assert bow.length_mm == pytest.approx(math.hypot(radius * turn, 5))
    points = [
        (radius * math.cos(begins + sweep * part / 500), radius * math.sin(begins + sweep * part / 500))
        for part in range(501)
    ]
    for index, axis in enumerate((first, second)):
        values = [point[index] for point in points]
        assert bow.least[axis] == pytest.approx(min(values), abs=radius * 1e-4)
        assert bow.most[axis] == pytest.approx(max(values), abs=radius * 1e-4)


@given(st.floats(-50, 50), st.floats(-50, 50), st.floats(1.0, 3.0), st.booleans(), st.booleans())
def test_an_arc_by_radius_is_the_short_or_the_long_way(
    x: float, y: float, factor: float, clockwise: bool, long: bool
) -> None:
    chord = math.hypot(x, y)
    if chord < 0.1:
        return
    radius = chord / 2 * factor
    offset = centre_by_radius((x, y), -radius if long else radius, clockwise)
    bow = arc((0, 0, 0), (x, y, 0), PLANES["G17"], offset, clockwise)
    half = math.pi * radius
    assert bow.length_mm == pytest.approx(half, rel=1e-3) or (bow.length_mm > half) == long


def test_words_that_give_no_arc_are_named() -> None:
    for away, radius in (((0.0, 0.0), 5.0), ((10.0, 0.0), 4.0)):
        with pytest.raises(BadArc):
            centre_by_radius(away, radius, clockwise=True)
    with pytest.raises(BadArc, match=r"begins 5\.000 mm from its centre and ends 15\.000"):
        arc((0, 0, 0), (20, 0, 0), PLANES["G17"], (5, 0), clockwise=True)
