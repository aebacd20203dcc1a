"""What is told of a machine that stands."""

import re
from typing import Final

from cellctl_drivers.grbl.events import FoundAtWork
from cellctl_drivers.grbl.facts import Mode
from cellctl_drivers.grbl.portrait import Portrait
from cellctl_drivers.serial_session import Asked, Held, SessionEvent

CONTINUE: Final = "continue"

_PAUSE: Final = re.compile(r"M0*[01](?![0-9])")
_TOOL_CHANGE: Final = re.compile(r"M0*6(?![0-9])")
_TOOL: Final = re.compile(r"T([0-9]+)")


def held(portrait: Portrait, line: str, *, asked: bool) -> list[SessionEvent]:
    """Why it stands, and what a person is asked; `line` is what it has in work, `asked`: it was told to hold."""
    code = line.replace(" ", "").upper()
    if portrait.mode is Mode.TOOL:
        tool = _TOOL.search(code) if _TOOL_CHANGE.search(code) else None
        which = f"tool {tool[1]}" if tool else "the next tool"
        text = f"Put {which} into the spindle and set its length as this machine wants it, then {CONTINUE}"
        return [Held("waiting for a tool change"), Asked(text, (CONTINUE,))]
    if portrait.mode is Mode.HOLD and _PAUSE.search(code) and not asked:
        return [Held("paused by the program"), Asked(f"The program has paused itself at '{line}'", (CONTINUE,))]
    unasked = "" if asked else "paused at the machine"
    return [Held(portrait.why_held or unasked)]


def found_at_work(portrait: Portrait, *, stands: bool) -> FoundAtWork:
    """What it was doing when it was met."""
    word = portrait.word
    if portrait.mode is Mode.IDLE:
        word = "Idle, with its spindle on or with lines waiting"
    ways = "resume or halt" if stands else "wait for its end or halt"
    what = (
        f"says {word}: it is at work that this controller did not begin, and is left alone. "
        f"Look at it, {ways} it; after that, clear and reset it"
    )
    return FoundAtWork("Grbl, at work and not asked who it is", stands, what)
