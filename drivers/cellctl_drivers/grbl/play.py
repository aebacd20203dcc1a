"""The program that a session was given: first in check mode, where that is wanted, then for real."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from cellctl_drivers.grbl.course import Course
from cellctl_drivers.grbl.portrait import Portrait
from cellctl_drivers.grbl.settings import Settings
from cellctl_drivers.grbl.stream import EVERY_LINE, Stream, program, rehearsal


@dataclass(frozen=True, slots=True)
class Script:
    """A program that can be read more than once. `key` names its content; `untouched` lines leave the part as it is."""

    key: str
    lines: Callable[[], Iterator[str]]
    untouched: int = EVERY_LINE


class Play:
    """`stream` is what is fed now; `run` is the program for real, also while it has not begun.

    `interrupted`: it was held before it began, and then resumed.
    """

    def __init__(self, settings: Settings) -> None:
        self.run = self.stream = _nothing()
        self.interrupted = False
        self.course: Course | None = None
        self._settings = settings
        self._lines: Iterator[str] = iter(())
        self._script: Script | None = None
        self._vetted: set[str] = set()

    def announce(self, script: Script) -> None:
        """The lines loaded next are those of this script."""
        self._script = script

    def load(self, lines: Iterator[str]) -> None:
        """These lines are to be run."""
        self._lines = lines
        self.run = self.stream = _nothing()
        self.course = None
        self.interrupted = False

    @property
    def wants_rehearsal(self) -> bool:
        """Whether it is to be played in check mode before it is run."""
        script = self._script
        return self._settings.dry_run and script is not None and script.key not in self._vetted

    def rehearse(self, portrait: Portrait) -> None:
        """The program for the check mode comes next."""
        if self._script is not None:
            self.stream = Stream(rehearsal(self._script.lines(), portrait.firmware.longest_bytes))

    def rehearsed(self) -> None:
        """It was played to the end, and nothing was refused."""
        if self._script is not None:
            self._vetted.add(self._script.key)
        self.stream = self.run

    def begin(self, portrait: Portrait) -> None:
        """The program for real comes next."""
        firmware, settings = portrait.firmware, self._settings
        self.course = Course(firmware.axes) if settings.end_check else None
        if self.course is not None:
            self.course.begin_at(portrait.position_mm)
        numbers = firmware.reports_line_numbers if settings.line_numbers is None else settings.line_numbers
        lines = program(self._lines, firmware.longest_bytes, self.course, numbers=numbers)
        self.run = self.stream = Stream(lines, self._script.untouched if self._script else EVERY_LINE)
        self._script = None

    def proceed(self) -> None:
        """The rest of the program may go out, also where nothing of it has yet."""
        self.run.until(EVERY_LINE)
        if self._script is not None:
            self._script = replace(self._script, untouched=EVERY_LINE)


def _nothing() -> Stream:
    return Stream(iter(()))
