"""What a printer asks a person, and what it is told then.

Marlin asks in two ways: by a dialogue of `//action:prompt_...` lines, answered with M876 S<n>; and by blocking with
`busy: paused for user`, which M108 ends. While it is paused nothing is read except emergency commands, so answers go
out unnumbered.
"""

import re
from dataclasses import dataclass
from typing import Final

CONTINUE: Final = "continue"
_PROMPT: Final = re.compile(r"prompt_(begin|choice|button|show|end)\b ?(.*)")


@dataclass(frozen=True, slots=True)
class Question:
    """`replies` are what to say for each choice; none are needed where we paused the printer ourselves.

    `line` is the number of the line that waits for the answer: when that is acknowledged, somebody has answered.
    """

    text: str
    choices: tuple[str, ...] = (CONTINUE,)
    replies: tuple[str, ...] = ("M108",)
    line: int = -1


class Questions:
    """The question that is open, and the dialogue that is being built."""

    def __init__(self) -> None:
        self.open: Question | None = None
        self.waiting: Question | None = None  # To be asked as soon as the printer stands.
        self.answered_s = float("-inf")
        self._text = ""
        self._buttons: list[str] = []

    def forget(self) -> None:
        """The program is over."""
        self.open = self.waiting = None

    def hear(self, action: str, line: int) -> Question | None:
        """A line of a dialogue. The question, once it is to be shown."""
        found = _PROMPT.match(action)
        if found is None:
            return None
        match found[1]:
            case "begin":
                self._text, self._buttons = found[2], []
            case "choice" | "button":
                self._buttons.append(found[2])
            case "show":
                return self._dialogue(line)
        return None

    def _dialogue(self, line: int) -> Question:
        if not self._buttons:
            return Question(self._text, replies=("M876 S0",), line=line)
        # Klipper's buttons bring their own command: label|command|colour.
        parts = [button.split("|") for button in self._buttons]
        labels = [part[0].strip() or f"button {n}" for n, part in enumerate(parts, start=1)]
        choices = tuple(label if labels.count(label) == 1 else f"{label} ({n})" for n, label in enumerate(labels, 1))
        replies = tuple(part[1] if len(part) > 1 else f"M876 S{n}" for n, part in enumerate(parts))
        return Question(self._text, choices, replies, line)


def about(command: str) -> Question:
    """What to ask a person when this command of the program waits for one."""
    code, _, text = command.partition(" ")
    if code == "M600":
        return Question("Change the filament at the printer, then continue")
    said = re.sub(r"\b[PS]\d+\b", "", text).strip()
    return Question(said or f"The program waits at {code}: continue at the printer or here")
