from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest
from pydantic import ValidationError

from cellctl_drivers.grbl.driver import FAMILY
from cellctl_drivers.grbl.facts import Mode, Realtime
from cellctl_drivers.grbl.states import BRANCH, NEXT, Ask, Heard, Purpose, State, after, heard_in
from cellctl_drivers.grbl.status import Report, parse_report
from cellctl_drivers.grbl.texts import ALARMS, ERRORS, GRBLHAL_ALARMS, Texts
from cellctl_drivers.serial_shell import SerialDriver


def test_every_documented_error_and_alarm_of_grbl_has_a_meaning() -> None:
    assert {*range(1, 18), *range(20, 39)} <= ERRORS.keys()
    assert {*range(1, 11)} <= ALARMS.keys()
    assert all(alarm.what and alarm.do_next for alarm in ALARMS.values())
    assert Texts().error(22) == "no feed rate has been set"
    assert Texts().error(4711) == "an error this driver does not know"
    assert Texts().alarm(99).do_next


def test_what_grblhal_adds_is_known_and_ten_means_another_thing_there() -> None:
    # 0-92 with gaps, and 253; alarms to 21.
    assert {40, 46, 50, 53, 60, 77, 79, 84, 253} <= ERRORS.keys()
    assert set(range(1, 22)) == GRBLHAL_ALARMS.keys()
    texts = Texts()
    plain = texts.alarm(10)
    texts.grblhal = True
    assert texts.alarm(10) != plain


def test_settings_are_called_by_a_name() -> None:
    assert Texts().setting(132) == "Z: travel"
    assert Texts().setting(9999) == ""


@pytest.mark.parametrize("line", ['"', '"x","y","z"', '"20"', "[ERRORCODE:|]", "[SETTING:1]", "garbage", '"20","",""'])
def test_texts_that_are_damaged_are_left_out(line: str) -> None:
    texts = Texts()
    for topic in ("ERROR", "ALARM", "SETTING"):
        texts.hear(topic, line)
    assert texts.error(20) == ERRORS[20]
    assert not texts.told


def test_realtime_bytes_are_single_and_raw() -> None:
    assert all(len(signal.value) == 1 for signal in Realtime)
    assert len({signal.value for signal in Realtime}) == len(Realtime)
    assert Realtime.JOG_CANCEL.value == b"\x85"


# ---- status reports ----------------------------------------------------------------------------------------------


def test_fields_of_a_report_come_in_any_order_and_unknown_ones_are_ignored() -> None:
    report = parse_report("<Run|MPos:1.0,-2.5,3|FS:600,0|Ln:99|XX:1:2,3|Bf:12,100|Pn:XD|WCO:0,0,5>")
    assert report == Report(
        Mode.RUN,
        "Run",
        machine_position=(1.0, -2.5, 3.0),
        work_offset=(0.0, 0.0, 5.0),
        blocks_free=12,
        bytes_free=100,
        executing_line=99,
        spindle_rpm=0.0,
        pins="XD",
    )


def test_two_fields_are_enough_and_the_position_may_be_that_of_the_work() -> None:
    assert parse_report("<Hold:1|WPos:0.000,0.000>") == Report(Mode.HOLD, "Hold", 1, work_position=(0.0, 0.0))
    assert parse_report("<Idle>") == Report(Mode.IDLE, "Idle")


def test_overrides_accessories_and_the_pendant_are_read() -> None:
    report = parse_report("<Idle|MPos:0,0,0|FS:0,0|Ov:120,50,90|A:SFM|MPG:1>")
    assert report is not None
    assert (report.overrides_percent, report.accessories, report.pendant) == ((120, 50, 90), "SFM", True)
    assert report.spindle_turns


def test_a_word_that_is_not_known_is_neither_idle_nor_standing() -> None:
    report = parse_report("<Dreaming|MPos:0,0,0>")
    assert report is not None
    assert report.mode is Mode.OTHER
    assert heard_in(report) is Heard.CHANGING


@pytest.mark.parametrize(
    "line",
    ["", "<", "<>", "Idle|MPos:0,0,0>", "<Idle|MPos:0,0,0", "<Id1e|MPos:0,0,0>", "<Idle|MPos:0,0,x>", "<Hold:x>",
     "<Idle|Bf:15>", "<Idle|Bf:1,2,3>", "<Run|Ln:>", "<Idle|FS:0>", "<Idle|Ov:a,1,1>"],
)  # fmt: skip
def test_a_damaged_report_is_no_report(line: str) -> None:
    assert parse_report(line) is None


@pytest.mark.parametrize(
    ("line", "heard"),
    [
        ("<Idle>", Heard.IDLE),
        ("<Run:2>", Heard.MOVING),
        ("<Jog>", Heard.MOVING),
        ("<Home>", Heard.MOVING),
        ("<Hold:0>", Heard.STAND),
        ("<Hold:1>", Heard.CHANGING),
        ("<Hold>", Heard.CHANGING),
        ("<Door:0>", Heard.STAND),
        ("<Door:1>", Heard.BLOCKED),
        ("<Door:2>", Heard.CHANGING),
        ("<Door:3>", Heard.CHANGING),
        ("<Tool>", Heard.STAND),
        ("<Alarm:10>", Heard.LOCKED),
        ("<Sleep>", Heard.LOCKED),
        ("<Check>", Heard.CHECKING),
    ],
)
def test_what_a_report_amounts_to(line: str, heard: Heard) -> None:
    report = parse_report(line)
    assert report is not None
    assert heard_in(report) is heard


# ---- the table ---------------------------------------------------------------------------------------------------


def test_every_state_can_be_reached_and_left() -> None:
    edges = {(state, target) for (state, _), target in NEXT.items()}
    edges |= {(state, target) for (state, _, _), target in BRANCH.items()}
    reached = {State.NEW}
    while more := {target for source, target in edges if source in reached} - reached:
        reached |= more
    assert reached == set(State)
    assert {source for source, _ in edges} == set(State) - {State.LOST}


def test_every_exception_leads_elsewhere_than_the_rule() -> None:
    for state, signal, purpose in BRANCH:
        assert NEXT.get((state, signal)) is not after(state, signal, purpose)


def test_nothing_leads_out_of_a_lost_session() -> None:
    for signal, purpose in product((*Ask, *Heard), Purpose):
        assert after(State.LOST, signal, purpose) is None


# ---- options -----------------------------------------------------------------------------------------------------


class RefusedLinks:
    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Mapping[str, Any]]] = []

    def bytes_to(self, machine: str, address: str, options: Mapping[str, Any]) -> Any:
        self.asked.append((machine, address, options))


class SlowWire:
    """A demo's clock: sixty of its seconds pass in one of the wire's."""

    def wall_s(self) -> float:
        return 0.0

    def wire_s(self, duration_s: float) -> float:
        return duration_s * 60


class Ports:
    def __init__(self) -> None:
        self.clock, self.links, self.files = SlowWire(), RefusedLinks(), None

    def report(self, fact: object) -> None:
        raise AssertionError(fact)


def test_a_driver_is_made_from_its_options_and_does_nothing_yet() -> None:
    tools: Any = Ports()
    options = FAMILY.options(port="cell/router-1")
    driver = FAMILY.driver("router-1", options, tools)
    assert isinstance(driver, SerialDriver)
    assert tools.links.asked == [("router-1", "cell/router-1", {"baud": 115200})]


@pytest.mark.parametrize(
    "options", [{}, {"port": "p", "speed": 1}, {"port": "p", "ack_timeout_s": 0}, {"port": "p", "homing": "often"}]
)
def test_options_that_are_wrong_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FAMILY.options(**options)
