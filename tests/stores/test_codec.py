"""Every event survives writing and reading; what would not is refused."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from enum import Enum
from types import NoneType, UnionType
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellctl.domain.errors import StoreFailed
from cellctl.domain.events import BY_NAME, CommandAnswered, OperationAdvanced, OrderAccepted, Record, StationChanged
from cellctl.domain.machine import MachineState
from cellctl.domain.work import Directive, Order, Program, Progress, Step, Way
from cellctl.stores.codec import decode, encode, to_json_line

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(),
    int: st.integers(),
    bool: st.booleans(),
    float: FLOATS,
    NoneType: st.none(),
    Any: JSON,
}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Anything that fits a type hint of the domain."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint in SIMPLE:
        return SIMPLE[hint]
    made: st.SearchStrategy[Any]
    if isinstance(hint, NewType):
        made = values(hint.__supertype__)
    elif origin in (Union, UnionType):
        made = st.one_of([values(each) for each in inner])
    elif origin is tuple:
        made = st.lists(values(inner[0]), max_size=3).map(tuple)
    elif origin in (dict, Mapping):
        made = st.dictionaries(values(inner[0]), values(inner[1]), max_size=3)
    elif issubclass(hint, Enum):
        made = st.sampled_from(list(hint))
    else:
        hints = get_type_hints(hint)
        made = st.builds(hint, **{field.name: values(hints[field.name]) for field in fields(hint)})
    return made


RECORDS = {
    name: st.builds(Record, st.integers(0, 2**62), st.text(), FLOATS, st.text(), values(kind))
    for name, kind in BY_NAME.items()
}


@pytest.mark.parametrize("name", BY_NAME)
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_event_survives_writing_and_reading(name: str, data: st.DataObject) -> None:
    record = data.draw(RECORDS[name])
    back = decode(encode(record))
    assert back == record
    assert repr(back) == repr(record), "equal, but of another type: 1 and 1.0, a list and a tuple"
    assert encode(back) == encode(record)


@pytest.mark.parametrize("name", BY_NAME)
@settings(max_examples=10, deadline=None, derandomize=True)
@given(data=st.data())
def test_every_event_has_a_line_that_any_json_reader_understands(name: str, data: st.DataObject) -> None:
    record = data.draw(RECORDS[name])
    line = to_json_line(record)
    assert "\n" not in line
    assert list(json.loads(line))[:5] == ["seq", "at", "t_s", "actor", "event"]


@pytest.mark.parametrize("name", BY_NAME)
def test_no_field_of_an_event_hides_one_of_its_record(name: str) -> None:
    assert not {field.name for field in fields(BY_NAME[name])} & {"seq", "at", "t_s", "actor", "event"}


def test_a_line_reads_like_this() -> None:
    advanced = OperationAdvanced("op-1", Progress(3, 2, 1, 9))
    record = Record(7, "2026-01-05T06:00:01.500Z", 1.5004999, "printer-1", advanced)
    assert to_json_line(record) == (
        '{"seq":7,"at":"2026-01-05T06:00:01.500Z","t_s":1.5,"actor":"printer-1","event":"step.advanced",'
        '"operation_id":"op-1","progress":{"sent":3,"acknowledged":2,"executed":1,"total":9,"estimated":0,"evidence":"",'
        '"used":null}}'
    )
    held = replace(record, event=StationChanged("printer-1", MachineState.HELD))
    assert '"event":"station.state","station":"printer-1","state":11' in to_json_line(held)


def ordered(parameters: Mapping[str, Any]) -> Record:
    order = Order("o-1", "nameplate", "A", parameters)
    return Record(1, "", 0.0, "customer", OrderAccepted(order, Directive("nameplate", "A", parameters, ())))


def answered(result: Any) -> Record:
    return Record(1, "", 0.0, "customer", CommandAnswered("c-1", "", "x", "submit", "accepted", result=result))


@pytest.mark.parametrize(
    "record",
    [
        ordered({"height_mm": float("nan")}),
        ordered({"height_mm": float("inf")}),
        ordered({"text": "\ud800"}),
        ordered({"text": object()}),
        answered({"x": float("-inf")}),
        answered({"x": object()}),
        answered({"x": b"bytes"}),
        replace(answered({}), actor="\udfff"),
    ],
    ids=["nan", "inf", "surrogate", "object", "nested inf", "nested object", "bytes", "actor"],
)
def test_what_json_cannot_hold_is_refused_before_it_is_written(record: Record) -> None:
    with pytest.raises(StoreFailed, match=r"record 1 .* cannot be written"):
        encode(record)


def test_a_row_of_another_version_is_refused_by_name() -> None:
    with pytest.raises(StoreFailed, match=r"record 3 \(station\.exploded\) cannot be read.*version of cellctl"):
        decode((3, "", 0.0, "", "station.exploded", "{}"))
    with pytest.raises(StoreFailed, match=r"record 4 \(station\.state\) cannot be read"):
        decode((4, "", 0.0, "", "station.state", '{"station":"a","state":99}'))


def test_an_order_of_a_journal_from_before_orders_could_be_stored_may_start() -> None:
    seq, at, mono_s, actor, name, payload = encode(ordered({}))
    older = payload.replace(',"released":true', "")
    assert older != payload
    assert decode((seq, at, mono_s, actor, name, older)) == ordered({})


def test_a_step_of_a_journal_from_before_steps_had_several_ways_is_one_way() -> None:
    program = {"sha256": "aa", "name": "base", "lines": 9}
    step = {"name": "print", "capability": "fdm", "program": program, "question": None, "unfit": {"p-1": "too big"}}
    directive = {"product": "plate", "revision": "A", "parameters": {}, "steps": [step]}
    order = {"id": "order-1", "product": "plate", "revision": "A", "parameters": {}}
    payload = json.dumps({"order": order, "directive": directive})
    event = decode((1, "", 0.0, "ada", OrderAccepted.NAME, payload)).event
    assert isinstance(event, OrderAccepted)
    assert event.directive.steps == (Step("print", (Way("fdm", Program("aa", "base", 9), unfit={"p-1": "too big"}),)),)
