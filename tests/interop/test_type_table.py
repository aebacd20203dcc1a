"""Our table of types, member by member, against what the standards published."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cellctl.domain.job import JobState
from cellctl.domain.machine import MachineState
from cellctl.faces.opcua.types import MODELS
from cellctl.faces.opcua.types.table import PREFIXES, Enumeration, Kind, Node, Rule, Structure, data_type_of, nodes_of
from tests.interop.nodesets import SPACES, Published, read

NAMES = {uri: prefix for prefix, uri in PREFIXES.items()}
REFERENCES = {
    "Organizes": "ua:35", "HasEncoding": "ua:38", "HasSubtype": "ua:45", "HasProperty": "ua:46",
    "HasComponent": "ua:47", "FromState": "ua:51", "ToState": "ua:52", "HasSubStateMachine": "ua:117",
    "HasInterface": "ua:17603",
}  # fmt: skip
CLASSES = {
    Kind.OBJECT: "Object", Kind.VARIABLE: "Variable", Kind.METHOD: "Method", Kind.OBJECT_TYPE: "ObjectType",
    Kind.DATA_TYPE: "DataType",
}  # fmt: skip
OURS = [node for model in MODELS for node in nodes_of(model)]


@pytest.fixture(scope="module")
def published(node_modules: Path) -> dict[str, Published]:
    return read(node_modules / "node-opcua-nodesets" / "nodesets", NAMES)


def differences(ours: Node, theirs: Published) -> Iterator[str]:
    rule = theirs.first("ua:37")
    pairs = {
        "browse name": (ours.name, theirs.name),
        "node class": (CLASSES[ours.kind], theirs.node_class),
        "type definition": (ours.of, theirs.first("ua:40")),
        "data type": (ours.data_type, theirs.data_type),
        "value rank": (ours.rank, theirs.rank),
        "abstract": (ours.abstract, theirs.abstract),
        "modelling rule": (f"ua:{ours.rule.value}" if ours.rule is not Rule.NONE else "", rule),
    }
    yield from (f"{what}: ours {mine!r}, published {other!r}" for what, (mine, other) in pairs.items() if mine != other)
    claimed = {(REFERENCES[kind], target, True) for kind, target in ours.references}
    claimed.add((REFERENCES[ours.by], ours.parent, False))
    yield from (f"reference {claim} is not published" for claim in claimed - theirs.references)


def test_every_node_of_the_table_is_as_it_was_published(published: dict[str, Published]) -> None:
    wrong = [
        f"{ours.id} {ours.name}: {difference}"
        for ours in OURS
        for difference in (differences(ours, published[ours.id]) if ours.id in published else ["does not exist"])
    ]
    assert not wrong, "\n".join(wrong)
    assert len(OURS) > 400


def test_values_of_the_table_are_as_they_were_published(published: dict[str, Published]) -> None:
    checked = 0
    for ours in OURS:
        if ours.kind is not Kind.VARIABLE or ours.name in ("ua:EnumValues", "ua:IsNamespaceSubset"):
            continue
        assert ours.value == value_of(ours, published[ours.id]), f"{ours.id} {ours.name}"
        checked += ours.value is not None
    assert checked > 150


def value_of(ours: Node, theirs: Published) -> Any:
    found = theirs.element.find("u:Value", SPACES)
    if found is None:
        return None
    if ours.name in ("ua:InputArguments", "ua:OutputArguments"):
        return tuple(
            (
                argument.findtext("t:Name", "", SPACES),
                theirs.resolve(argument.findtext("t:DataType/t:Identifier", "", SPACES)),
                int(argument.findtext("t:ValueRank", "", SPACES)),
            )
            for argument in found.iterfind(".//t:Argument", SPACES)
        )
    if ours.name == "ua:DefaultInstanceBrowseName":
        index = int(found.findtext("t:QualifiedName/t:NamespaceIndex", "0", SPACES))
        prefix = theirs.resolve(f"ns={index};i=1").partition(":")[0]
        return f"{prefix}:{found.findtext('t:QualifiedName/t:Name', '', SPACES)}"
    text = found[0].text
    return int(text) if text and ours.data_type == "ua:7" else text


def test_structures_have_the_published_fields_in_their_order(published: dict[str, Published]) -> None:
    structures = [node for node in OURS if isinstance(node.source, Structure)]
    assert len(structures) == 11
    for node in structures:
        theirs = published[node.id]
        fields = [
            (
                field.get("Name"),
                theirs.resolve(field.get("DataType", "i=24")),
                int(field.get("ValueRank", "-1")),
                field.get("IsOptional") == "true",
            )
            for field in theirs.element.iterfind("u:Definition/u:Field", SPACES)
        ]
        prefix = node.id.partition(":")[0]
        ours = [(f.name, data_type_of(f.data_type, prefix), f.rank, f.optional) for f in node.source.fields]
        assert ours == fields, node.name
        assert ("ua:45", "ua:22", False) in theirs.references


def test_enumerations_have_the_published_names_by_value(published: dict[str, Published]) -> None:
    enumerations = [node for node in OURS if isinstance(node.source, Enumeration)]
    assert len(enumerations) == 4
    for node in enumerations:
        fields = published[node.id].element.iterfind("u:Definition/u:Field", SPACES)
        assert node.source.values == {int(field.get("Value", "")): field.get("Name") for field in fields}, node.name


def test_every_mandatory_member_of_an_exposed_type_is_in_the_table(published: dict[str, Published]) -> None:
    ours = {node.id for node in OURS}
    missing = [
        f"{here}: {node.name} of {published[parent].name}"
        for here, node in published.items()
        for kind, parent, forward in node.references
        if kind in ("ua:46", "ua:47") and not forward and parent in ours and here not in ours
        if node.first("ua:37") == "ua:78"
    ]
    assert not missing, missing


def test_the_cells_own_state_numbers_are_those_of_the_standards() -> None:
    numbers = {node.parent: node.value for node in OURS if node.name == "ua:StateNumber" and node.value is not None}
    names = {node.id: node.name for node in OURS}
    packml = {names[state].partition(":")[2]: number for state, number in numbers.items() if state.startswith("packml")}
    assert {state.name.title(): int(state) for state in MachineState}.items() <= packml.items()
    jobs = {names[s].partition(":")[2]: n for s, n in numbers.items() if s.startswith("isa95:503") or s == "isa95:5040"}
    assert jobs == {state.name.title().replace("_", ""): int(state) for state in JobState}
