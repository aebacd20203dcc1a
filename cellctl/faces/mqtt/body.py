"""The body of a request: one JSON object, read strictly, and replies as JSON."""

import json
import math
from typing import Any, Final, NoReturn

from pydantic_core import PydanticSerializationError, to_json

from cellctl.faces.mqtt.refusal import Refused
from cellctl.faces.plain import plain

MOST_BYTES: Final = 64 * 1024
MOST_DEPTH: Final = 16
# Beyond 2**53 not every language reads the same number.
MOST_DIGITS: Final = 16


def read_object(payload: bytes) -> dict[str, Any]:
    """The JSON object in a payload. Raises Refused for anything that two readers could read differently."""
    if len(payload) > MOST_BYTES:
        raise Refused("invalid", f"the body has {len(payload)} bytes, {MOST_BYTES} are allowed")
    try:
        value = json.loads(
            payload.decode(),
            object_pairs_hook=_unique,
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_no_constant,
        )
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError) as mistake:
        raise Refused("invalid", f"the body is not JSON as we read it: {str(mistake)[:200]}") from None
    if not isinstance(value, dict):
        raise Refused("invalid", "the body must be one JSON object")
    if _deeper(value, MOST_DEPTH):
        raise Refused("invalid", f"the body is nested deeper than {MOST_DEPTH} levels")
    return value


def write(value: Any) -> bytes:
    """A domain value as JSON: dataclasses as objects, PackML and ISA-95 states by name, other enums by value."""
    content = plain(value)
    try:
        return to_json(content)
    except PydanticSerializationError:
        # What came from a machine may hold half a surrogate pair; written as an escape it is JSON all the same.
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        return text.encode(errors="backslashreplace")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, value in pairs:
        if name in read:
            raise ValueError(f"the key {name[:64]!r} is there twice")
        read[name] = value
    return read


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > MOST_DIGITS:
        raise ValueError(f"a whole number of more than {MOST_DIGITS} digits")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits[:20]} is beyond every number")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper(each, levels - 1) for each in inner)
