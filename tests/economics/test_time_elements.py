"""Time elements of ISO 22400-2 from the log, from OPC UA states, and that both say the same."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.domain.events import (
    ContactFound,
    ContactLost,
    ControllerStarted,
    Event,
    LineSent,
    OperationEnded,
    OperationIntended,
    Record,
    StationChanged,
)
from cellctl.domain.machine import MachineState
from cellctl.domain.work import Operation, OperationKind, OperationState, Place
from cellctl.economics.time_elements import Element, Heard, element_of, from_journal, from_states, seconds

START = seconds("2030-01-31T12:00:00.000Z")


def at(minute: int) -> str:
    return f"2030-01-31T12:{minute:02d}:00.000Z"


def log(*events: tuple[int, Event]) -> list[Record]:
    return [Record(seq, at(minute), 60.0 * minute, "m", event) for seq, (minute, event) in enumerate(events, start=1)]


def operation(name: str = "op-1") -> Operation:
    return Operation(name, "job-1", "s-1", "print", OperationKind.PROCESS, "m", Place("m.bed"))


# A working day in small: found, an order, a pause, its end, a console, and a cable that is pulled twice.
DAY = log(
    (0, ControllerStarted("1")),
    (1, ContactFound("m", "firmware")),
    (1, StationChanged("m", MachineState.IDLE)),
    (4, OperationIntended(operation())),
    (5, StationChanged("m", MachineState.EXECUTE)),
    (15, StationChanged("m", MachineState.HELD)),
    (18, StationChanged("m", MachineState.EXECUTE)),
    (20, ContactLost("m", "cable")),
    (22, ContactFound("m", "firmware")),
    (22, StationChanged("m", MachineState.EXECUTE)),
    (30, OperationEnded("op-1", OperationState.DONE)),
    (30, StationChanged("m", MachineState.IDLE)),
    (35, LineSent("m", "G28", "ada")),
    (35, StationChanged("m", MachineState.ABORTED)),
    (39, StationChanged("m", MachineState.CLEARING)),
    (40, StationChanged("m", MachineState.IDLE)),
    (50, ContactLost("m", "cable")),
)


def minutes(elements: Any) -> dict[str, float]:
    return {element.name: spent_s / 60 for element, spent_s in elements.items() if spent_s}


def test_the_elements_of_a_day_add_up_to_the_day() -> None:
    found = from_journal(DAY, "m", START + 3600)
    assert minutes(found) == {"APT": 20.0, "ADET": 4.0, "MAINTENANCE": 4.0, "ADOT": 19.0, "UNKNOWN": 13.0}
    assert sum(found.values()) == 3600


def test_another_machines_events_are_not_counted() -> None:
    assert minutes(from_journal(DAY, "other", START + 3600)) == {"UNKNOWN": 60.0}


def test_time_from_the_last_record_before_a_crash_until_the_state_is_known_again_is_unknown() -> None:
    crashed = log(
        (0, ContactFound("m", "firmware")),
        (0, StationChanged("m", MachineState.IDLE)),
        (2, OperationIntended(operation())),
        (2, StationChanged("m", MachineState.EXECUTE)),
        (10, ContactFound("other", "firmware")),
        (25, ControllerStarted("1")),
        (27, ContactFound("m", "firmware")),
        (30, StationChanged("m", MachineState.EXECUTE)),
    )
    assert minutes(from_journal(crashed, "m", START + 2400)) == {"ADOT": 2.0, "APT": 18.0, "UNKNOWN": 20.0}


_ANYTHING = st.one_of(
    st.sampled_from(
        (
            ControllerStarted("1"),
            ContactFound("m", "firmware"),
            ContactLost("m", "cable"),
            LineSent("m", "G28", "ada"),
            OperationIntended(operation()),
            OperationEnded("op-1", OperationState.DONE),
            OperationEnded("op-1", OperationState.UNKNOWN),
        )
    ),
    st.sampled_from(MachineState).map(lambda state: StationChanged("m", state)),
)


@given(st.lists(st.tuples(st.integers(0, 59), _ANYTHING), min_size=1))
def test_whatever_happens_the_elements_partition_the_calendar_and_blind_time_is_unknown(
    happened: list[tuple[int, Event]],
) -> None:
    happened.sort(key=lambda each: each[0])
    found = from_journal(log(*happened), "m", START + 3600)
    assert sum(found.values()) == 3600 - 60 * happened[0][0]
    assert min(found.values()) >= 0
    assert found[Element.UNKNOWN] == sum(60 * _blind(happened, minute) for minute in range(happened[0][0], 60))


def _blind(happened: list[tuple[int, Event]], minute: int) -> bool:
    """Whether this minute was not seen, by what is known before it and after it."""
    after = [event for at, event in happened if at > minute]
    next_at = next((at for at, _ in happened if at > minute), 60)
    together = [event for at, event in happened if at == next_at]
    if after and isinstance(together[0], ControllerStarted):
        return True
    heard = known = False
    for event in (event for at, event in happened if at <= minute):
        if isinstance(event, ControllerStarted | ContactLost):
            heard = known = False
        heard = heard or isinstance(event, ContactFound)
        known = known or isinstance(event, StationChanged)
    return not (heard and known)


@pytest.mark.parametrize(
    "order_of_items", [("state", "mode", "order"), ("mode", "order", "state"), ("order", "mode", "state")]
)
def test_what_a_client_heard_gives_the_same_in_whatever_order_it_was_heard(order_of_items: tuple[str, ...]) -> None:
    states = ((1, 2), (5, 3), (15, 2), (18, 3), (20, 0), (22, 3), (30, 2), (35, 1), (40, 2), (50, 0))
    modes = ((4, 3), (20, 0), (22, 3), (30, 0), (35, 1), (39, 0))
    orders = ((4, "job-1"), (30, ""))
    heard = [Heard(START, "state", 0)]
    heard += [Heard(START + 60 * minute, "state", state) for minute, state in states]
    heard += [Heard(START + 60 * minute, "mode", mode) for minute, mode in modes]
    heard += [Heard(START + 60 * minute, "order", order) for minute, order in orders]
    heard.sort(key=lambda each: (each.at_s, order_of_items.index(each.what)))
    assert from_states(heard, START + 3600) == from_journal(DAY, "m", START + 3600)


@pytest.mark.parametrize(
    ("state", "mode", "order", "element"),
    [
        (3, 3, True, Element.APT),
        (3, 2, True, Element.AUST),
        (1, 3, True, Element.ADET),
        (0, 0, True, Element.UNKNOWN),
        (2, 0, True, Element.ADET),
        (2, 3, True, Element.ADET),
        (2, 0, False, Element.ADOT),
        (1, 0, False, Element.ADOT),
        (0, 0, False, Element.UNKNOWN),
        (1, 1, False, Element.MAINTENANCE),
        (2, 1, False, Element.MAINTENANCE),
    ],
)
def test_annex_c_line_by_line(state: int, mode: int, order: bool, element: Element) -> None:
    assert element_of(state, mode, order) is element
