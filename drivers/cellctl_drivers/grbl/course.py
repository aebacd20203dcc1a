"""Where a program leaves the machine, worked out from its lines, to be compared with where the machine says it is.

Machine coordinates, millimetres. Only what is certain counts: after a probe, a tool change or a code that is not
understood here, nothing is compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from cellctl.gcode.words import BadLine, Words, words
from cellctl_drivers.grbl.facts import MM_PER_INCH

Point = Mapping[str, float]
Table = dict[str, dict[str, float]]

_SYSTEMS: Final = ("G54", "G55", "G56", "G57", "G58", "G59", "G59.1", "G59.2", "G59.3")
_STORED: Final = {28.0: "G28", 30.0: "G30"}
# Codes that neither move anything nor change where numbers lead; and of M codes all but these few.
_HARMLESS: Final = frozenset({0, 1, 2, 3, 4, 17, 18, 19, 40, 49, 53, 61, 64, 80, 91.1, 93, 94, 95, 97, 98, 99})
_UNITS: Final = {20.0: MM_PER_INCH, 21.0: 1.0}
_DISTANCES: Final = {90.0: False, 91.0: True}
_NON_MODAL: Final = frozenset({10.0, 28.0, 28.1, 30.0, 30.1, 43.1, 92.0, 92.1})
_END: Final = frozenset({2.0, 30.0})
_KNOWN: Final = _HARMLESS | _NON_MODAL | _UNITS.keys() | _DISTANCES.keys()
# A tool change may shift Z, a macro may do anything.
_UNFOLLOWED: Final = frozenset({6.0, 61.0, 98.0, 99.0})


@dataclass(frozen=True, slots=True)
class _Modes:
    """What the parser remembers from line to line, as far as it decides where a move ends."""

    mm_per_unit: float = 1.0
    relative: bool = False
    system: str = "G54"


@dataclass(frozen=True, slots=True)
class _Block:
    """One line: its G and M codes, and its other words."""

    g: frozenset[float]
    m: frozenset[float]
    values: Mapping[str, float] = field(default_factory=dict)


class Course:
    """Follows a program. `known` is False once something was met that cannot be followed."""

    def __init__(self, axes: str) -> None:
        self.known = True
        self._axes = axes
        self._modes = _Modes()
        self._table: Table = {}
        self._at: dict[str, float] = {}
        self._latest: dict[str, str] = {}

    # ---- where it begins -----------------------------------------------------------------------------------------

    def begin_at(self, position_mm: Point) -> None:
        """Where the machine stands before the first line, in machine coordinates."""
        self._at = dict(position_mm)

    def hear(self, message: str, mm_per_unit: float) -> None:
        """A line of `$#` or `$G`; `mm_per_unit` is that of reports ($13)."""
        name, _, text = message.strip("[]").partition(":")
        if name == "GC":
            self._set_modes(text)
        elif name in _SYSTEMS or name in ("G28", "G30", "G92", "TLO"):
            try:
                numbers = [float(number) * mm_per_unit for number in text.split(",")]
            except ValueError:
                self.known = False
                return
            # Grbl has one tool length, that of Z.
            axes = "Z" if name == "TLO" and len(numbers) == 1 else self._axes
            self._table[name] = dict(zip(axes, numbers, strict=False))

    def _set_modes(self, text: str) -> None:
        codes = text.split()
        system = next((code for code in codes if code in _SYSTEMS), "G54")
        self._modes = _Modes(MM_PER_INCH if "G20" in codes else 1.0, "G91" in codes, system)

    # ---- line by line --------------------------------------------------------------------------------------------

    def plain(self, line: str) -> None:
        """A line with nothing in it but G0 to G3, axis words, arc words, F and S, in capital letters."""
        if self._modes.relative:
            self.line(line)
            return
        latest = self._latest
        for axis in self._axes:
            if axis in line:
                latest[axis] = line

    def line(self, line: str) -> None:
        """Any line."""
        self._settle()
        if not self.known:
            return
        try:
            block = _block(words(line))
        except BadLine:
            self.known = False
            return
        if not self._understood(block):
            self.known = False
            return
        self._switch(block)
        if not (block.g & _NON_MODAL):
            self._move(block)
        for code in block.g & _NON_MODAL:
            self._non_modal(code, block)
        if block.m & _END:
            self._modes = replace(self._modes, relative=False, system="G54")

    def _understood(self, block: _Block) -> bool:
        if block.m & _UNFOLLOWED or len(block.g & _NON_MODAL) > 1:
            return False
        return all(code in _KNOWN or f"G{code:g}" in _SYSTEMS for code in block.g)

    def _switch(self, block: _Block) -> None:
        """Modal words of a line act before its motion."""
        modes = self._modes
        for code in block.g:
            if code in _UNITS:
                modes = replace(modes, mm_per_unit=_UNITS[code])
            elif code in _DISTANCES:
                modes = replace(modes, relative=_DISTANCES[code])
            elif f"G{code:g}" in _SYSTEMS:
                modes = replace(modes, system=f"G{code:g}")
        self._modes = modes
        if 49.0 in block.g:
            self._table["TLO"] = {}

    def _move(self, block: _Block) -> None:
        for axis in self._axes:
            if axis in block.values:
                self._put(axis, self._target(axis, block.values[axis], in_machine=53.0 in block.g))

    def _target(self, axis: str, number: float, *, in_machine: bool = False) -> float | None:
        """Where an axis word leads; None if that is not known."""
        value_mm = number * self._modes.mm_per_unit
        if in_machine:
            return value_mm
        if self._modes.relative:
            return self._at[axis] + value_mm if axis in self._at else None
        shift_mm = self._shift(axis)
        return None if shift_mm is None else value_mm + shift_mm

    def _shift(self, axis: str) -> float | None:
        """Machine coordinate of the work origin; None if it was never told."""
        if self._modes.system not in self._table:
            return None
        return sum(self._table.get(name, {}).get(axis, 0.0) for name in (self._modes.system, "G92", "TLO"))

    def _put(self, axis: str, position_mm: float | None) -> None:
        if position_mm is None:
            self._at.pop(axis, None)
        else:
            self._at[axis] = position_mm

    # ---- lines that move the coordinates -------------------------------------------------------------------------

    def _non_modal(self, code: float, block: _Block) -> None:
        if code == 10.0:
            self._set_coordinates(block)
        elif code in _STORED:
            self._go_to_stored(_STORED[code], block)
        elif code in (28.1, 30.1):
            self._table[f"G{code:.0f}"] = dict(self._at)
        elif code == 43.1:
            lengths = {
                axis: block.values[axis] * self._modes.mm_per_unit for axis in self._axes if axis in block.values
            }
            self._table["TLO"] = self._table.get("TLO", {}) | lengths
        else:
            self._shift_work(block, everything=code == 92.1)

    def _set_coordinates(self, block: _Block) -> None:
        kind, chosen = block.values.get("L"), int(block.values.get("P", 0))
        if kind not in (2, 20) or "R" in block.values or chosen > len(_SYSTEMS):
            self.known = False
            return
        system = _SYSTEMS[chosen - 1] if chosen else self._modes.system
        for axis in self._axes:
            if axis in block.values:
                value_mm = block.values[axis] * self._modes.mm_per_unit
                self._set_origin(system, axis, value_mm, here=kind == 20)

    def _set_origin(self, system: str, axis: str, value_mm: float, *, here: bool) -> None:
        if not here:
            self._table.setdefault(system, {})[axis] = value_mm
        elif axis in self._at:
            others = sum(self._table.get(name, {}).get(axis, 0.0) for name in ("G92", "TLO"))
            self._table.setdefault(system, {})[axis] = self._at[axis] - others - value_mm
        else:
            self.known = False

    def _go_to_stored(self, name: str, block: _Block) -> None:
        stored, named = self._table.get(name), [axis for axis in self._axes if axis in block.values]
        for axis in named or self._axes:
            self._put(axis, None if stored is None else stored.get(axis))

    def _shift_work(self, block: _Block, *, everything: bool) -> None:
        if everything:
            self._table["G92"] = {}
            return
        for axis in self._axes:
            if axis not in block.values:
                continue
            origin = self._table.get(self._modes.system)
            if origin is None or axis not in self._at:
                self.known = False
                return
            base = origin.get(axis, 0.0) + self._table.get("TLO", {}).get(axis, 0.0)
            value_mm = block.values[axis] * self._modes.mm_per_unit
            self._table.setdefault("G92", {})[axis] = self._at[axis] - base - value_mm

    # ---- where it ends -------------------------------------------------------------------------------------------

    @property
    def end_mm(self) -> Point:
        """Where every axis is after all lines so far, as far as it is known."""
        self._settle()
        return self._at if self.known else {}

    def _settle(self) -> None:
        """Of many plain lines only the last mention of each axis counts; so only that is ever read."""
        latest, self._latest = self._latest, {}
        for axis, line in latest.items():
            number = dict(words(line))[axis]
            self._put(axis, self._target(axis, number))


def _block(found: Words) -> _Block:
    g = frozenset(value for letter, value in found if letter == "G")
    m = frozenset(value for letter, value in found if letter == "M")
    return _Block(g, m, {letter: value for letter, value in found if letter not in "GM"})
