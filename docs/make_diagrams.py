"""Draws the state diagrams in ARCHITECTURE.md from the tables in the code: python docs/make_diagrams.py"""

import re
import sys
from enum import Enum
from pathlib import Path
from typing import Any

from cellctl.domain import job, machine

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "ARCHITECTURE.md"


def drawn(document: str) -> str:
    """The document with every diagram between its markers drawn anew."""
    for name, lines in diagrams().items():
        block = f"<!-- diagram: {name} -->\n```mermaid\n" + "\n".join(lines) + "\n```\n<!-- end -->"
        pattern = rf"<!-- diagram: {re.escape(name)} -->.*?<!-- end -->"
        document, found = re.subn(pattern, lambda _: block, document, flags=re.DOTALL)  # noqa: B023 - used at once
        if found != 1:
            raise SystemExit(f"ARCHITECTURE.md must have one place for the diagram {name!r}, found {found}")
    return document


def diagrams() -> dict[str, list[str]]:
    """Mermaid lines of every diagram, by name."""
    simple = {
        (state, command): after
        for (state, command), after in machine.NEXT.items()
        if command not in (machine.MachineCommand.STOP, machine.MachineCommand.ABORT)
    }
    return {
        "machine": [*_mermaid(simple), *_note("Stop leaves every state of Running", machine.RUNNING)],
        "job": _mermaid(job.NEXT),
    }


def _mermaid(table: dict[tuple[Any, Any], Any]) -> list[str]:
    lines = ["stateDiagram-v2"]
    for (state, command), after in table.items():
        target = _name(after) if after is not None else "[*]"
        lines.append(f"    {_name(state)} --> {target}: {command.value}")
    return lines


def _note(text: str, states: frozenset[machine.MachineState]) -> list[str]:
    names = ", ".join(_name(state) for state in sorted(states))
    return [f"    %% {text} ({names}); Abort leaves these and Stopping, Stopped, Clearing."]


def _name(state: Enum) -> str:
    return "".join(word.capitalize() for word in state.name.split("_"))


def main() -> int:
    """Rewrite the document, or with --check only say whether it is up to date."""
    document = DOCUMENT.read_text(encoding="utf-8")
    fresh = drawn(document)
    if "--check" in sys.argv:
        return int(fresh != document)
    DOCUMENT.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
