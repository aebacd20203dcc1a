"""What a wire remembers of damaged, missing and superfluous answers."""

from collections import deque
from enum import Enum
from typing import Final

from cellctl_drivers.marlin.facts import MAX_REPEATS, TRAILING_TRIES

# The next `ok` is for nothing that we sent.
VOID: Final = -1


class Pause(Enum):
    """Why no line goes out for a moment."""

    TRAILING_OK = "the ok behind a resend request acknowledges nothing"
    STORM = "lines or copies that were under way may make requests of their own"
    PROOF = "the rest of a line that was cut may have been executed by itself"


class Torn:
    """A line that noise has cut in two: the first piece is asked for again, and the second one has no number, so that
    the firmware executes it without a look at the checksum. A word that is no command is answered in its turn: an `ok`
    ahead of that is one too many. (Noise cannot make a command of it, as it could of an M105.)"""

    def __init__(self) -> None:
        self.suspected = False
        self.certain = False
        self.excused = 0  # So many `ok` are for what did nothing.
        self.trusted_from = 0  # Before this line is wanted, a complaint may be about a copy.
        self.late_copies = 0  # So many copies may yet be refused: they were waited for, and were not.
        self.unheard = False  # This firmware does not say what it does not know.

    def said_again(self, following: int) -> None:
        """What is in flight is asked for, up to the line that follows it. Where it was asked for because of a late
        copy it had arrived, and what is said now is a copy of its own."""
        if self.late_copies:
            self.late_copies -= 1
            self.trusted_from = following + 1

    def is_certain(self) -> bool:
        """An `ok` too many, unless it is excused."""
        if self.excused:
            self.excused -= 1
        else:
            self.certain = True
        return self.certain


class Requests:
    """Requests for lines: the last one, and how many of the same kind may follow it."""

    def __init__(self) -> None:
        self.asked = -1
        self.repeats = 0  # How often in a row it was asked for.
        self.misses = 0  # How often in a row a line was asked for that there is not.
        self.others = 0  # Lines and copies behind it that may be refused yet.
        self.trailing_ok = False  # This firmware prints `ok` behind a request.
        self.trailing_missed = 0  # How often it did not.
        self.arrived = 0  # Lines below this one have certainly arrived: they are never asked for.
        self.torn = Torn()

    @property
    def brings_ok(self) -> bool:
        """Whether an `ok` behind a request has to be waited for."""
        return self.trailing_ok or self.trailing_missed < TRAILING_TRIES

    def heard(self, number: int, *, echo: bool) -> bool:
        """A line is asked for. False if that was done too often."""
        if not echo:
            self.repeats = self.repeats + 1 if self.asked == number else 0
        self.asked = number
        return self.repeats < MAX_REPEATS


class Trouble:
    """What is out of the ordinary on a wire; on a good day all of it is zero."""

    def __init__(self) -> None:
        self.pause: Pause | None = None
        self.void: int | None = None  # The line to say again when the next `ok` comes; VOID: only ignore that `ok`.
        self.named = False  # An `ok` names its line here: one that does not is for nothing that has a number.
        self.strays: deque[int] = deque()  # Before these numbers an unnumbered line went out; its `ok` is stray.
        self.probes = 0  # How often the lines in flight were said again.
        self.copies = 0  # How many copies of lines may be refused yet.
        self.calm = False  # The next `ok` needs no second look. Only `acknowledged` sets this to True.
        self.requests = Requests()

    def doubt(self, void: int) -> None:
        """The next `ok` acknowledges nothing."""
        self.void, self.calm = void, False

    def expect_strays(self, count: int, cursor: int) -> None:
        """So many unnumbered lines go out before the line at the cursor."""
        self.strays.extend([cursor] * count)
        self.calm = False

    def acknowledged(self) -> int:
        """A line was acknowledged. How many copies of it may be refused yet."""
        copies = self.copies
        self.settled()
        self.requests.misses = 0
        self.calm = self.pause is None and self.void is None and not (copies or self.strays)
        return copies

    def is_stray(self, first: int) -> bool:
        """Whether a plain `ok` is for an unnumbered line: all that went out before that one are acknowledged."""
        if self.strays and first >= self.strays[0]:
            self.strays.popleft()
            return True
        return False

    def behind(self, in_flight: int) -> int:
        """How many requests may follow the one just heard; `in_flight`: lines from the wanted one on."""
        if self.pause is Pause.STORM:
            return max(0, self.requests.others - 1)
        return max(0, in_flight + self.copies - 1)

    def probed(self, lines: int) -> None:
        """So many lines are said once more."""
        self.probes += 1
        self.copies += lines
        self.void, self.calm = None, False

    def settled(self) -> None:
        """A request was answered, or a line acknowledged."""
        self.probes = self.copies = 0
