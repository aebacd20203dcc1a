"""Profiles: what they may say, and that every mistake in one is told in one go, by file and key."""

from pathlib import Path
from typing import Any

import pytest

from cellctl.app.config import load
from cellctl.domain.errors import ConfigError
from cellctl.ports.nodes import NodeRef
from cellctl_drivers.opcua.conditions import asked, condition_of
from cellctl_drivers.opcua.library import built_in, profile_for
from cellctl_drivers.opcua.profile import AwaitAct, CallAct, Profile, Signal, WriteAct
from cellctl_drivers.opcua.values import Unfit, decoded, fitting, picks_of, same_type

WHERE = "cell.toml: machines.m-1"
SMALL = """
[profile]
about = "a machine"
identity = "{namespace}"

[parameters]
namespace = { about = "its namespace" }

[namespaces]
own = "{namespace}"

[signals.busy]
node = ["own;Line", "own;Busy"]
type = "Boolean"

[signals.go]
node = ["node:own;s=Go"]
type = "Boolean"
written = true

[signals.ended]
node = ["node:own;i=7"]
type = "UInt16"
optional = true

[states]
executing = { busy = true }
resting = { busy = false }

[proof]
counter = "ended"
live = { counted = true, busy = false }

[[commands.start]]
do = "toggle"
signal = "go"
moves = true
until = { busy = true }
"""


def bound(text: str, tmp_path: Path, without: tuple[str, ...] = (), **given: Any) -> Profile:
    (tmp_path / "mine.toml").write_text(text)
    return profile_for("m-1", "mine.toml", {"namespace": "urn:mine", **given}, without, tmp_path, WHERE)


def mistakes(text: str, tmp_path: Path, without: tuple[str, ...] = (), **given: Any) -> list[str]:
    with pytest.raises(ConfigError) as error:
        bound(text, tmp_path, without, **given)
    return list(error.value.mistakes)


@pytest.mark.parametrize("name", built_in())
def test_every_profile_that_is_built_in_is_in_order_and_reads_or_controls(name: str) -> None:
    given = {} if name in ("umati-monitor", "cnc-channel") else {"namespace": "urn:mine"}
    profile = profile_for("m-1", name, given, (), Path(), WHERE)
    assert profile.reading is not bool(profile.commands)
    assert profile.refs
    assert not [step for ref in profile.refs for step in ref.path if "{" in step]
    commands = [act for stages in profile.commands.values() for stage in stages for act in stage.acts]
    assert profile.reading or any(isinstance(act, CallAct | WriteAct) for act in commands)


def test_there_is_one_for_each_kind_that_is_promised() -> None:
    promised = {"robotics-1.02", "handshake", "machinery-jobs", "umati-monitor", "cnc-channel"}
    assert promised <= set(built_in())


def test_ways_are_by_uri_and_have_no_index(tmp_path: Path) -> None:
    profile = bound(SMALL, tmp_path)
    assert profile.refs == (
        NodeRef(("urn:mine;Line", "urn:mine;Busy")), NodeRef(("node:urn:mine;s=Go",)), NodeRef(("node:urn:mine;i=7",)),
    )  # fmt: skip
    assert profile.identity == "urn:mine"


@pytest.mark.parametrize(
    ("right", "wrong", "mistake"),
    [
        ('about = "a machine"', "", "mine.toml: profile.about is missing"),
        ('about = "a machine"', 'abuot = "a"', "mine.toml: profile.abuot is not a key that is known here"),
        ('type = "UInt16"', 'type = "Int61"', "mine.toml: signals.ended.type: must be structure or one of Boolean"),
        ('"own;Line", ', '"owm;Line", ', "mine.toml: signals.busy.node: 'owm' in 'owm;Line' is neither a namespace's"),
        ('"own;Line", ', '"@line", ', "mine.toml: signals.busy.node: there is no place line; there are: none"),
        (
            '"node:own;s=Go"',
            '"own;A", "node:own;s=Go"',
            "mine.toml: signals.go.node: 'node:own;s=Go' must be the first",
        ),
        (
            '"node:own;i=7"',
            '"node:own;Ended"',
            "mine.toml: signals.ended.node: 'node:own;Ended' must end with a node id",
        ),
        (
            "{ busy = false }\n\n[proof]",
            "{ bussy = 1 }\n\n[proof]",
            "mine.toml: states.resting: there is no signal bussy",
        ),
        (
            "executing = { busy = true }",
            "executing = { busy = 1 }",
            "mine.toml: states.executing: busy: 1 is no Boolean",
        ),
        ("executing = { busy", "running = { busy", "mine.toml: states.running"),
        (
            'counter = "ended"',
            'counter = "endet"',
            "mine.toml: proof.counter: there is no signal endet; there are: busy",
        ),
        ("live = { counted = true, busy = false }", "", "mine.toml: proof.live is missing"),
        (
            'do = "toggle"',
            'do = "wiggle"',
            "mine.toml: commands.start.0: do must be one of: call, write, pulse, toggle",
        ),
        ('do = "toggle"', 'do = "next"', "mine.toml: commands.start.0.signal: to next it must be a whole number"),
        ('signal = "go"', 'signal = "busy"', "mine.toml: commands.start.0.signal: busy is not ours; say signals.busy"),
        ("moves = true", "", "mine.toml: commands.start: one step must say moves = true"),
        ("[[commands.start]]", "[[commands.begin]]", "mine.toml: commands.begin"),
        ("[profile]", "[profile", "mine.toml: is not valid TOML"),
    ],
)
def test_a_mistake_is_told_by_file_and_key(right: str, wrong: str, mistake: str, tmp_path: Path) -> None:
    assert SMALL.count(right) >= 1
    found = mistakes(SMALL.replace(right, wrong, 1), tmp_path)
    assert any(each.startswith(mistake) for each in found), found


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = SMALL.replace('"own;Line", ', '"@line", ').replace('counter = "ended"', 'counter = "endet"')
    found = mistakes(text.replace('type = "UInt16"', 'type = "Int61"'), tmp_path)
    assert len(found) == 3
    assert all(each.startswith("mine.toml: ") for each in found)


def test_what_the_cell_file_gives_is_checked_by_its_own_keys(tmp_path: Path) -> None:
    assert mistakes(SMALL, tmp_path, speed=3) == [
        f"{WHERE}.parameters.speed is no parameter of the profile; it has: namespace"
    ]
    with pytest.raises(ConfigError, match=r"cell.toml: machines.m-1.parameters.namespace is missing: its namespace"):
        profile_for("m-1", "mine.toml", {}, (), tmp_path, WHERE)
    assert mistakes(SMALL, tmp_path, ("busy",)) == [
        f"{WHERE}.without: busy is no optional signal of mine.toml; there are: ended"
    ]
    with pytest.raises(ConfigError, match=r"machines.m-1.profile must be one of: cnc-channel, handshake"):
        profile_for("m-1", "robotiks", {}, (), tmp_path, WHERE)
    with pytest.raises(ConfigError, match=r"machines.m-1.profile: absent.toml cannot be read"):
        profile_for("m-1", "absent.toml", {}, (), tmp_path, WHERE)


def test_a_machine_without_an_optional_signal_is_neither_read_nor_asked_for_it(tmp_path: Path) -> None:
    profile = bound(SMALL, tmp_path, ("ended",))
    assert (list(profile.signals), profile.proof.counter) == (["busy", "go"], "")
    assert [test.signal for tests in profile.proof.live.any_of for test in tests] == ["busy"]
    nothing_left = SMALL.replace("live = { counted = true, busy = false }", "live = { ended = 1 }")
    assert "proof.live is missing, or nothing of it is left" in mistakes(nothing_left, tmp_path, ("ended",))[0]


def test_a_proof_after_a_loss_is_never_made_weaker(tmp_path: Path) -> None:
    text = SMALL.replace("[[commands", "after_loss = { ended = 1, busy = false }\n\n[[commands", 1)
    assert bound(text, tmp_path).proof.after_loss
    assert not bound(text, tmp_path, ("ended",)).proof.after_loss


def test_a_pulse_is_set_acknowledged_taken_back_and_released(tmp_path: Path) -> None:
    text = SMALL.replace('do = "toggle"', 'do = "pulse"\nacknowledged = { busy = true }\nreleased = { busy = false }')
    (stage,) = bound(text, tmp_path).commands["start"]
    assert [type(act) for act in stage.acts] == [WriteAct, AwaitAct, WriteAct, AwaitAct, AwaitAct]
    assert (stage.acts[0].value, stage.acts[2].value, stage.undo) == (True, False, stage.acts[2])  # type: ignore[union-attr]


def test_a_cell_file_with_a_profile_beside_it_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(SMALL.replace("busy = true", "bussy = true"))
    keys = 'profile = "mine.toml"\nurl = "opc.tcp://h:1"\nparameters = { namespace = "urn:mine" }'
    text = f'[cell]\nname = "c"\n[machines.m-1]\ndriver = "opcua"\n{keys}\n'
    (tmp_path / "cell.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"mine.toml: states.executing: there is no signal bussy"):
        load(tmp_path / "cell.toml")
    (tmp_path / "mine.toml").write_text(SMALL)
    assert load(tmp_path / "cell.toml").machines["m-1"].options.profile.name == "mine.toml"


def test_a_machine_that_is_only_read_may_not_be_given_work(tmp_path: Path) -> None:
    keys = 'driver = "opcua"\nprofile = "cnc-channel"\nurl = "opc.tcp://h:1"\ncapabilities = ["mill"]\nslots = ["vise"]'
    (tmp_path / "cell.toml").write_text(f'[cell]\nname = "c"\n[machines.m-1]\n{keys}\n')
    with pytest.raises(
        ConfigError, match=r"machines.m-1.capabilities: a machine with the profile cnc-channel takes no"
    ):
        load(tmp_path / "cell.toml")


# ---- values ------------------------------------------------------------------------------------------------------


def signal(kind: str, **keys: Any) -> Signal:
    return Signal("x", NodeRef(("A",)), kind, **keys)


JOBS = [
    {"JobOrder": {"JobOrderID": "a"}, "State": [{"StateNumber": 5}]},
    {"JobOrder": {"JobOrderID": "op-1"}, "State": [{"StateNumber": 3}]},
]


@pytest.mark.parametrize(
    ("what", "raw", "shown"),
    [
        (signal("Boolean"), True, True),
        (signal("Boolean"), 1, None),
        (signal("Int16"), 32767, 32767),
        (signal("Int16"), 32768, None),
        (signal("Int16"), True, None),
        (signal("Double"), 3, 3.0),
        (signal("Double"), float("nan"), None),
        (signal("String"), "#MAIN", "#MAIN"),
        (signal("LocalizedText", names={"Bereit": "Ready"}), "Bereit", "Ready"),
        (signal("NodeId", names={"urn:x;i=5006": "Executing"}), "urn:x;i=5006", "Executing"),
        (signal("Int32", names={"4": "AUTOMATIC_EXTERNAL"}), 4, "AUTOMATIC_EXTERNAL"),
        (signal("Int32", names={"4": "AUTOMATIC_EXTERNAL"}), 3, None),
        (signal("UInt16", bit=3), 0b1000, True),
        (signal("UInt16", bit=3), "8", None),
        (signal("structure[]", picks=picks_of("[JobOrder.JobOrderID={operation}].State.0.StateNumber")), JOBS, 3),
        (signal("structure[]", picks=picks_of("[State.0.StateNumber=5].JobOrder.JobOrderID")), JOBS, "a"),
        (signal("structure[]", picks=picks_of("[State.0.StateNumber=9].JobOrder.JobOrderID"), absent=""), JOBS, ""),
        (signal("structure[]", picks=picks_of("[State.0.StateNumber=9].JobOrder.JobOrderID"), absent=""), 5, None),
        (signal("structure[]", picks=picks_of("[State.0.StateNumber=9].JobOrder.JobOrderID"), absent=""), [5], None),
        (signal("structure", picks=picks_of("A.1")), {"A": [1, 2]}, 2),
        (signal("structure", picks=picks_of("A.7")), {"A": [1, 2]}, None),
    ],
)
def test_a_value_is_what_its_profile_calls_it_or_unknown(what: Signal, raw: Any, shown: Any) -> None:
    assert decoded(what, raw, {"operation": "op-1"}) == shown


@pytest.mark.parametrize("text", ["", "A..B", "[A]", "[A=1", "A.[B=1]]", "A.", "=1"])
def test_a_field_that_is_no_way_is_refused(text: str) -> None:
    with pytest.raises(Unfit):
        picks_of(text)


@pytest.mark.parametrize(
    ("value", "kind"),
    [(1, "Boolean"), (-1, "UInt16"), (70000, "Int16"), ("1", "Int16"), (1, "String"), (5, "String[]"), ("a", "Double")],
)
def test_what_is_not_exactly_of_its_type_is_never_written(value: Any, kind: str) -> None:
    with pytest.raises(Unfit):
        fitting(value, kind)


def test_a_servers_type_must_be_the_profiles() -> None:
    assert same_type("Int16", "Int16")
    assert not same_type("Int16", "Int32")
    assert same_type("structure[]", "ISA95JobOrderAndStateDataType[]")
    assert same_type("structure[]", "ExtensionObject[]")
    assert not same_type("structure[]", "String[]")
    assert not same_type("structure[]", "ExtensionObject")


def test_what_is_not_known_is_neither_true_nor_false() -> None:
    signals = {name: signal("Boolean") for name in ("a", "b")}
    values: dict[str, Any] = {"a": True, "b": None}
    both = condition_of({"a": True, "b": True}, signals, (), whole=False)
    assert asked(both, values.get, {}) is None
    assert asked(both, {"a": False, "b": None}.get, {}) is False
    either = condition_of([{"b": True}, {"a": True}], signals, (), whole=False)
    assert asked(either, values.get, {}) is True
    assert asked(condition_of({"a": {"not": False}}, signals, (), whole=False), values.get, {}) is True
