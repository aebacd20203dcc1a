"""A first draft of a profile from what a survey has found: right in its names and types, for a person to finish."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from cellctl.links.opcua_survey import Found
from cellctl.ports.nodes import NodePath

DI: Final = "http://opcfoundation.org/UA/DI/"
ROBOTICS: Final = "http://opcfoundation.org/UA/Robotics/"
JOBS: Final = "http://opcfoundation.org/UA/Machinery/Jobs/"
ISA95: Final = "http://opcfoundation.org/UA/ISA95-JOBCONTROL_V2/"
MACHINE_TOOL: Final = "http://opcfoundation.org/UA/MachineTool/"
CNC: Final = "http://opcfoundation.org/UA/CNC"

STANDARDS: Final[Mapping[str, tuple[str, str]]] = {
    DI: ("di", "Devices, OPC 10000-100"),
    "http://opcfoundation.org/UA/IA/": ("ia", "Industrial Automation, stacklight"),
    "http://opcfoundation.org/UA/Machinery/": ("machinery", "Machinery, OPC 40001-1"),
    JOBS: ("jobs", "Machinery Job Management, OPC 40001-3"),
    ISA95: ("isa95", "ISA-95 Job Control, OPC 10031-4"),
    ROBOTICS: ("rob", "Robotics, OPC 40010-1"),
    MACHINE_TOOL: ("mt", "Machine Tools (umati), OPC 40501-1"),
    CNC: ("cnc", "CNC, OPC 40502"),
    "http://opcfoundation.org/UA/PackML/": ("packml", "PackML, OPC 30050"),
}
# The types whose first instances say which of the built-in profiles fits, the best one first.
TASK_STATES: Final = f"{ROBOTICS};i=1025"
JOB_ORDERS: Final = f"{ISA95};i=1002"
TELLING: Final[Mapping[str, str]] = {
    TASK_STATES: "robotics-1.02",
    JOB_ORDERS: "machinery-jobs",
    f"{MACHINE_TOOL};i=13": "umati-monitor",
    f"{CNC};i=1007": "cnc-channel",
}
ROBOT_PARTS: Final = {
    "system": f"{ROBOTICS};i=1002",
    "controller": f"{ROBOTICS};i=1003",
    "task": f"{ROBOTICS};i=1011",
    "safety_state": f"{ROBOTICS};i=1013",
}
_NUMBERS: Final = ("SByte", "Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "Float", "Double")
_TYPES: Final = frozenset(("Boolean", "String", "LocalizedText", *_NUMBERS))
_MOST_SIGNALS: Final = 300


def suggestion(machine: str, found: Mapping[str, NodePath], parts: Mapping[str, NodePath]) -> list[str]:
    """What the cell file could say where a built-in profile fits."""
    for type_id, profile in TELLING.items():
        if type_id not in found:
            continue
        lines = [f'profile = "{profile}"']
        if type_id == TASK_STATES and "system" in parts:
            space = parts["system"][-1].rpartition(";")[0]
            lines += [f"[machines.{machine}.parameters]", f"namespace = {_text(space)}"]
            lines += [f"{part} = {_text(path[-1].rpartition(';')[2])}" for part, path in parts.items()]
        return lines
    return []


def draft(url: str, root: Found) -> list[str]:
    """The lines of a profile that reads everything there is; empty where there is nothing that could be read."""
    spaces = _Spaces()
    every = [each for each in _all(root) if each.kind in ("Variable", "Method")]
    variables = [each for each in every if each.kind == "Variable"]
    names = _named(variables)
    usable = [each for each in variables if _plain_type(each) in _TYPES][:_MOST_SIGNALS]
    signals = [line for each in usable for line in _signal(names[id(each)], each, spaces)]
    remarks = [f"# {_way(each.path, spaces)}: {each.data_type}" for each in variables if each not in usable]
    methods = [line for each in every if each.kind == "Method" for line in _method(each, spaces)]
    if not usable:
        return []
    return [
        "# A draft by cellctl opcua probe: complete in names and types, but what they mean is for you to say.",
        "",
        "[profile]",
        f"about = {_text(f'draft of what {url} shows')}",
        f"identity = {_text(url)}",
        "reading = true  # until there are [[commands.start]] and what proves their end",
        "",
        "[namespaces]",
        *(f"{alias} = {_text(uri)}" for uri, alias in spaces.aliases.items()),
        "",
        *signals,
        *_states(usable, names),
        *(["", "# Structures and other types, which need a field:", *remarks] if remarks else []),
        *(["", '# Methods, for [[commands.…]] with do = "call":', *methods] if methods else []),
    ]


class _Spaces:
    """Short names for namespaces, as they come up."""

    def __init__(self) -> None:
        self.aliases: dict[str, str] = {}

    def alias(self, uri: str) -> str:
        if uri not in self.aliases:
            own = sum(alias.startswith("own") for alias in self.aliases.values())
            known, _ = STANDARDS.get(uri, ("", ""))
            self.aliases[uri] = known or (f"own{own + 1}" if own else "own")
        return self.aliases[uri]


def _all(found: Found) -> Iterator[Found]:
    for each in found.below:
        yield each
        yield from _all(each)


def _plain_type(found: Found) -> str:
    return found.data_type.removesuffix("[]")


def _way(path: NodePath, spaces: _Spaces) -> str:
    steps = []
    for step in path:
        uri, _, name = step.rpartition(";")
        if step.startswith("node:"):
            uri, _, name = step.removeprefix("node:").partition(";")
            steps.append(f"node:{spaces.alias(uri)};{name}" if name else step)
        else:
            steps.append(f"{spaces.alias(uri)};{name}" if uri else name)
    return f"[{', '.join(_text(step) for step in steps)}]"


def _signal(name: str, found: Found, spaces: _Spaces) -> list[str]:
    array = found.data_type.endswith("[]")
    writable = "  # the server would let it be written: written = true" if found.writable else ""
    lines = [f"[signals.{name}]", f"node = {_way(found.path, spaces)}", f'type = "{_plain_type(found)}"{writable}']
    if array:
        length = len(found.value) if isinstance(found.value, list) else 0
        lines.append(f'index = "0"  # one of {length} elements')
    return [*lines, f"# it shows {_shown(found.value)}", ""]


def _method(found: Found, spaces: _Spaces) -> list[str]:
    takes, gives = ", ".join(found.inputs) or "nothing", ", ".join(found.outputs) or "nothing"
    return [f"# method = {_way(found.path, spaces)}", f"#   takes {takes}; gives {gives}"]


def _states(usable: Sequence[Found], names: Mapping[int, str]) -> list[str]:
    """There must be one at least: what the first telling signal shows now, so that it can be tried at once."""
    telling = [
        each for each in usable if not each.data_type.endswith("[]") and isinstance(each.value, bool | int | str)
    ]
    if not telling:
        return ["# [states] needs a signal that shows a state, and none does now"]
    first = telling[0]
    test = f"resting = {{ {names[id(first)]} = {_literal(first.value)} }}"
    return ["[states]  # faulted, paused, waiting, executing, resting: by what the machine shows each", test]


def _named(variables: Sequence[Found]) -> dict[int, str]:
    """A name of its own for each: its browse name, with as many of those above it as it takes."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    for each in variables:
        words = [_snake(step.rpartition(";")[2]) for step in each.path]
        options = ["_".join(words[-count:]) for count in range(1, len(words) + 1)]
        name = next((option for option in options if option not in taken), f"{options[-1]}_{len(taken)}")
        taken.add(name)
        names[id(each)] = name
    return names


def _snake(name: str) -> str:
    parts = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"\W+", "_", parts, flags=re.ASCII).strip("_").lower() or "value"


def _shown(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:60]}…"


def _literal(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else _text(value) if isinstance(value, str) else str(value)


def _text(text: str) -> str:
    """A TOML basic string; JSON's are that, but for the one character that TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
