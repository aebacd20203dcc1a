"""From a server's value to what a profile calls it, and from what is to be written to a value of exactly one type."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from .profile import Pick, Scalar, Signal, Words

PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")

# Least and greatest number of each whole type.
WHOLE: Final[Mapping[str, tuple[int, int]]] = {
    **{f"Int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (16, 32, 64)},
    **{f"UInt{bits}": (0, 2**bits - 1) for bits in (16, 32, 64)},
    "SByte": (-128, 127),
    "Byte": (0, 255),
}
REAL: Final = frozenset({"Float", "Double"})
TEXT: Final = frozenset({"String", "LocalizedText", "NodeId", "QualifiedName", "Guid", "DateTime", "ExpandedNodeId"})
BUILTIN: Final = frozenset({"Boolean", "ByteString", "StatusCode", *WHOLE, *REAL, *TEXT})
STRUCTURE: Final = "structure"

# There is no such element; and: what is there cannot have elements, so nothing can be said about them.
_NOTHING: Final = object()
_WRONG: Final = object()


class Unfit(ValueError):
    """A value that is not of the type that it must have; the text says why."""


def same_type(wanted: str, found: str) -> bool:
    """Whether a server's type is the one that a profile names."""
    if not wanted.startswith(STRUCTURE):
        return wanted == found
    plain = found.removesuffix("[]")
    return wanted.endswith("[]") is found.endswith("[]") and plain not in BUILTIN


def filled(value: Any, words: Words) -> Any:
    """A value with its {words} filled in; a text that is nothing but one word becomes that word's own value.

    Raises KeyError for a word that is not known.
    """
    if isinstance(value, str):
        whole = PLACEHOLDER.fullmatch(value)
        return words[whole[1]] if whole else PLACEHOLDER.sub(lambda found: str(words[found[1]]), value)
    if isinstance(value, Mapping):
        return {key: filled(each, words) for key, each in value.items()}
    if isinstance(value, Sequence):
        return [filled(each, words) for each in value]
    return value


def fitting(value: Any, type_name: str) -> Any:
    """The value, if it is exactly of this type (a whole number is good for a real one). Raises Unfit."""
    plain = type_name.removesuffix("[]")
    if type_name.endswith("[]"):
        if not isinstance(value, list | tuple):
            raise Unfit(f"{value!r} is no list, as {type_name} must be")
        return [fitting(each, plain) for each in value]
    if plain in WHOLE:
        return _whole(value, plain)
    if plain in REAL and isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    wanted = bool if plain == "Boolean" else str if plain in TEXT else dict if plain not in BUILTIN else None
    if wanted is not None and type(value) is wanted:
        return value
    raise Unfit(f"{value!r} is no {plain}")


def _whole(value: Any, type_name: str) -> int:
    least, most = WHOLE[type_name]
    if type(value) is not int or not least <= value <= most:
        raise Unfit(f"{value!r} is no {type_name}: {least} to {most}")
    return value


def decoded(signal: Signal, raw: Any, words: Words) -> Scalar | None:
    """What a signal shows; None where that is unknown: of another type, or a number without a name."""
    value = _picked(raw, signal.picks, words) if signal.picks else raw
    if value is _WRONG:
        return None
    if value is _NOTHING:
        value = signal.absent
    if signal.bit is not None:
        return bool(value >> signal.bit & 1) if type(value) is int else None
    if signal.names:
        return signal.names.get(str(value)) if type(value) in (int, str) else None
    if signal.picks:
        return value if isinstance(value, bool | int | float | str) else None
    try:
        known: Scalar = fitting(value, signal.type)
    except Unfit:
        return None
    return known


def _picked(value: Any, picks: Sequence[Pick], words: Words) -> Any:
    for pick in picks:
        value = _one(value, pick, words)
        if value is _NOTHING or value is _WRONG:
            break
    return value


def _one(value: Any, pick: Pick, words: Words) -> Any:
    if pick.name:
        return value.get(pick.name, _NOTHING) if isinstance(value, Mapping) else _WRONG
    if not isinstance(value, list | tuple):
        return _WRONG
    if pick.at is not None:
        return value[pick.at] if pick.at < len(value) else _NOTHING
    try:
        wanted = str(filled(pick.equals, words))
    except KeyError:
        return _NOTHING
    shown = [_picked(each, pick.where, words) for each in value]
    if any(each is _WRONG for each in shown):
        return _WRONG
    return next((whole for whole, each in zip(value, shown, strict=True) if str(each) == wanted), _NOTHING)


def picks_of(text: str) -> tuple[Pick, ...]:
    """The way into a structure: "A.0.B", "[A.Id={operation}].B". Raises Unfit."""
    parts = re.findall(r"\[([^\[\]=]+)=([^\[\]]*)\]|([^.\[\]=]+)", text)
    spelled = ".".join(f"[{way}={value}]" if way else name for way, value, name in parts)
    if not parts or spelled != text:
        raise Unfit("must be names, indexes and [name=value] with dots between them")
    return tuple(
        Pick(where=picks_of(way), equals=value) if way else Pick(at=int(name)) if name.isdigit() else Pick(name)
        for way, value, name in parts
    )
