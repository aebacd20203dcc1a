"""Records to rows and back, and to lines of JSON. What cannot be written is refused before it reaches a disk."""

import json
from enum import Enum
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from cellctl.domain.errors import StoreFailed
from cellctl.domain.events import BY_NAME, CommandAnswered, Record
from cellctl.stores.older import reshaped

Row = tuple[int, str, float, str, str, str]
"""seq, at, mono_s, actor, name of the event, its content as JSON."""


def encode(record: Record) -> Row:
    """The row of a record; enums by value. Raises StoreFailed for what JSON or UTF-8 cannot hold."""
    name = record.event.NAME
    try:
        content = _adapter(name).dump_python(record.event, warnings="error")
        payload = _JSON.encode(content)
        f"{record.actor}{payload}".encode()
    except (ValueError, TypeError) as error:
        what = f"record {record.seq} ({name}) cannot be written: {error}"
        raise StoreFailed(f"{what}. This is a defect of cellctl: report it") from error
    return record.seq, record.at, record.mono_s, record.actor, name, payload


def decode(row: Row) -> Record:
    """The record of a row. Raises StoreFailed if this version cannot read it."""
    seq, at, mono_s, actor, name, payload = row
    try:
        event = _event(name, payload)
    except (KeyError, TypeError, ValueError) as error:
        what = f"record {seq} ({name}) cannot be read: {error}"
        raise StoreFailed(f"{what}. Start the version of cellctl that wrote it, or restore a backup") from error
    return Record(seq, at, mono_s, actor, event)


def decode_answer(content: str) -> CommandAnswered:
    """What was answered to a command, out of its record's content."""
    return CommandAnswered(**json.loads(content))


def _event(name: str, payload: str) -> Any:
    try:
        return _adapter(name).validate_json(payload)
    except ValidationError:
        before = reshaped(name, payload)
        if before is None:
            raise
        return _adapter(name).validate_json(_JSON.encode(before))


def to_json_line(record: Record) -> str:
    """One JSON object for people and their tools: seq, at, t_s, actor, event, then the event's own fields.

    Numbers are rounded to a thousandth (a time to the millisecond). The same record gives the same bytes.
    """
    seq, at, mono_s, actor, name, payload = encode(record)
    line = {"seq": seq, "at": at, "t_s": round(mono_s, 3), "actor": actor, "event": name}
    line |= json.loads(payload, parse_float=lambda digits: round(float(digits), 3))
    return _JSON.encode(line)


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(BY_NAME[name])


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{value!r} is not JSON")


_JSON: Final = json.JSONEncoder(default=_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
