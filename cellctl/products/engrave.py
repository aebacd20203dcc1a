"""The generator `engrave_text`: one line of text, in a single-stroke Hershey font, centred on a plate.

The work origin is the plate's lower left corner, Z0 its upper face. Units mm.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from HersheyFonts import HersheyFonts
from pydantic import BaseModel, ConfigDict, Field

from cellctl.domain.errors import OrderRefused

# In the coordinates of the Hershey fonts a capital letter reaches from -12 (its top) to +9 (the base line).
_CAP_TOP = -12
_BASE_LINE = 9

Stroke = tuple[tuple[float, float], ...]


class EngraveText(BaseModel):
    """Settings of the generator, from the product file, after the order's parameters were filled in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    height_mm: float = Field(gt=0)
    font: str = "futural"
    plate_mm: tuple[float, float]
    margin_mm: float = Field(ge=0)
    depth_mm: float = Field(gt=0)
    clearance_mm: float = Field(gt=0)
    feed_mm_per_min: float = Field(gt=0)
    plunge_mm_per_min: float = Field(gt=0)
    spindle_rpm: float = Field(gt=0)


def program(settings: dict[str, Any]) -> list[str]:
    """The lines of the program. Raises OrderRefused when the text does not fit, ValidationError for bad settings."""
    wanted = EngraveText.model_validate(settings)
    strokes = _centred(_strokes(wanted.font, wanted.text, wanted.height_mm), wanted)
    return [*_opening(wanted), *_cuts(strokes, wanted), *_closing(wanted)]


@lru_cache(maxsize=8)
def _font(name: str) -> HersheyFonts:
    font = HersheyFonts()
    if name not in font.default_font_names:
        raise OrderRefused("invalid", f"there is no font {name!r}; there are: {', '.join(font.default_font_names)}")
    font.load_default_font(name)
    return font


def _strokes(font: str, text: str, height_mm: float) -> list[Stroke]:
    """The pen's ways, x to the right and y upwards from the base line."""
    scale = height_mm / (_BASE_LINE - _CAP_TOP)
    face = _font(font)
    return [tuple((x * scale, (_BASE_LINE - y) * scale) for x, y in stroke) for stroke in face.strokes_for_text(text)]


def _centred(strokes: Sequence[Stroke], wanted: EngraveText) -> list[Stroke]:
    if not strokes:
        raise OrderRefused("does_not_fit", f"nothing of {wanted.text!r} can be engraved: it holds no visible character")
    xs = [x for stroke in strokes for x, _ in stroke]
    ys = [y for stroke in strokes for _, y in stroke]
    for axis, size, room in (
        ("wide", max(xs) - min(xs), wanted.plate_mm[0] - 2 * wanted.margin_mm),
        ("high", max(ys) - min(ys), wanted.plate_mm[1] - 2 * wanted.margin_mm),
    ):
        if size > room:
            raise OrderRefused(
                "does_not_fit",
                f"{wanted.text!r} at {wanted.height_mm:g} mm is {size:.1f} mm {axis}, and the plate has room for "
                f"{room:.1f} mm; choose a shorter text or a smaller height",
            )
    dx = wanted.plate_mm[0] / 2 - (min(xs) + max(xs)) / 2
    dy = wanted.plate_mm[1] / 2 - (min(ys) + max(ys)) / 2
    return [tuple((x + dx, y + dy) for x, y in stroke) for stroke in strokes]


def _opening(wanted: EngraveText) -> list[str]:
    return [
        "G21 G90 G94 G17",
        "G54",
        f"G0 Z{_number(wanted.clearance_mm)}",
        f"M3 S{_number(wanted.spindle_rpm)}",
        "G4 P3",
    ]


def _cuts(strokes: Sequence[Stroke], wanted: EngraveText) -> Iterator[str]:
    up = f"G0 Z{_number(wanted.clearance_mm)}"
    down = f"G1 Z-{_number(wanted.depth_mm)} F{_number(wanted.plunge_mm_per_min)}"
    for (x, y), *rest in strokes:
        yield f"G0 X{_number(x)} Y{_number(y)}"
        yield down
        feed = f" F{_number(wanted.feed_mm_per_min)}"
        for x_next, y_next in rest:
            yield f"G1 X{_number(x_next)} Y{_number(y_next)}{feed}"
            feed = ""
        yield up


def _closing(wanted: EngraveText) -> list[str]:
    return ["M5", "G0 X0 Y0"]


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")
