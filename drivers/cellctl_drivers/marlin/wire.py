"""Numbered lines over a bad wire: each arrives once and in order, or the trouble is named.

Below the session: knows nothing of printing. What makes it work is that Marlin refuses a number that it has had
already, so that sending a line twice can never execute it twice.
"""

from collections import deque
from collections.abc import Callable
from enum import Enum

from cellctl_drivers.marlin.answers import Answer, Kind
from cellctl_drivers.marlin.facts import MAX_PROBES, MAX_REPEATS, TRAILING_TRIES
from cellctl_drivers.marlin.ledger import Ledger, Own, Verdict, Window

SEAL = b"M105"


class Pause(Enum):
    """Why no line goes out for a moment."""

    TRAILING_OK = "the ok behind a resend request acknowledges nothing"
    ECHO_OF_PROBE = "a line was sent twice, and its copy may be refused yet"


class Wire:
    """One line counter, from M110 on. `urgent` goes ahead of everything and is not numbered."""

    def __init__(self, patience_s: float, trailing_ok_s: float, window: Window) -> None:
        self.ledger = Ledger(window)
        self.urgent = b""
        self.sealed = False  # A SEAL was answered; for whoever put it there to set to False.
        self.patience_s = patience_s
        self._grace_s = trailing_ok_s
        self._queue: deque[tuple[bytes, Own]] = deque()
        self._trouble = _Trouble()
        self._due_s: float | None = None

    def say(self, *commands: str) -> None:
        """Queue lines of our own, ahead of the program's."""
        self._queue.extend((command.encode("ascii"), Own.PLAIN) for command in commands)

    def seal(self) -> None:
        """Queue an M105: a plain `ok` is never taken for its answer, so a stray one is found out here."""
        self._queue.append((SEAL, Own.SEAL))

    def ask_report(self) -> None:
        """Queue an M105 for the sake of its temperatures, unless one waits already."""
        if (SEAL, Own.REPORT) not in self._queue:
            self._queue.append((SEAL, Own.REPORT))

    def forget(self) -> None:
        """Drop what was queued and not yet numbered."""
        self._queue.clear()

    def transmit(self, pull: Callable[[], bytes | None], now_s: float) -> bytes:
        """What may go out; program lines are pulled as the window opens."""
        chunks = [self.urgent]
        self.urgent = b""
        ledger = self.ledger
        while ledger.open and self._trouble.pause is None:
            if ledger.cursor == ledger.next and not self._number_next(pull):
                break
            chunks.append(ledger.out())
            if self._due_s is None:
                self._due_s = now_s + self.patience_s
        return b"".join(chunks)

    def ok(self, answer: Answer, now_s: float) -> None:
        """An acknowledgement, if it is one."""
        trouble = self._trouble
        if trouble.pause is Pause.TRAILING_OK:
            trouble.trailing_ok = True
            self._go_on(now_s)
            return
        through = self._meant(answer)
        if through is None:
            return
        self.sealed |= self.ledger.credit(through)
        self.extend(now_s)
        if trouble.probes:
            # Either line or copy was acknowledged. If it was the line, the copies will be refused in a moment.
            trouble.echoes, trouble.probes = trouble.probes, 0
            self._pause(Pause.ECHO_OF_PROBE, now_s)

    def resend(self, number: int, now_s: float) -> bool:
        """The firmware asks for a line. False if it cannot be had."""
        trouble = self._trouble
        if trouble.pause is Pause.TRAILING_OK and trouble.asked == number:
            return True  # Repetier says it twice.
        verdict = self.ledger.asked_for(number)
        trouble.repeats = trouble.repeats + 1 if trouble.asked == number else 0
        trouble.asked = number
        if verdict is Verdict.MISSED or trouble.repeats >= MAX_REPEATS:
            return False
        if verdict is Verdict.NOTHING and trouble.probes:
            self._arrived()
            trouble.echoes = trouble.probes
        trouble.probes = 0
        self._pause(Pause.TRAILING_OK, now_s)
        if trouble.trailing_missed >= TRAILING_TRIES and not trouble.trailing_ok:
            self._go_on(now_s)
        return True

    def extend(self, now_s: float) -> None:
        """The machine is at work: be patient anew."""
        if self._trouble.pause is None:
            self._due_s = now_s + self.patience_s if self.ledger.in_flight else None

    def probe(self, now_s: float) -> bool:
        """Find out about a missing `ok`: say it again. False if that was done often enough.

        A line that never came is taken now; one that came is refused, with a request for the line behind it.
        """
        trouble = self._trouble
        if self.ledger.in_flight and trouble.pause is None:
            if trouble.probes >= MAX_PROBES:
                return False
            trouble.probes += 1
            self.ledger.again()
            self._due_s = now_s + self.patience_s
        return True

    @property
    def due_s(self) -> float | None:
        """When to call `tick`."""
        return self._due_s

    def tick(self, now_s: float) -> bool:
        """Time has passed. False when an answer is overdue although it was asked for again; whether to go on
        asking is for the session to decide."""
        if self._due_s is None or now_s < self._due_s:
            return True
        trouble = self._trouble
        if trouble.pause is None:
            return not trouble.probes and self.probe(now_s)
        if trouble.pause is Pause.ECHO_OF_PROBE:
            trouble.echoes = 0
        else:
            trouble.trailing_missed += 1
        self._go_on(now_s)
        return True

    def _number_next(self, pull: Callable[[], bytes | None]) -> bool:
        if self._queue:
            self.ledger.add(*self._queue.popleft())
            return True
        line = pull()
        if line is not None:
            self.ledger.add(line, None)
        elif self._queue:  # The end of the program may have queued something.
            return self._number_next(pull)
        return line is not None

    def _meant(self, answer: Answer) -> int | None:
        """The line that an acknowledgement is for; None if it is for nothing that is in flight."""
        ledger = self.ledger
        flight = range(ledger.first, ledger.cursor)
        if answer.kind is Kind.OK_REPORT:
            return next((number for number in flight if ledger.is_report(number)), None)
        if not flight:
            return None
        if answer.number is not None:
            return answer.number if answer.number in flight else None
        # An M105 is never acknowledged without temperatures: this `ok` is one too many.
        return None if ledger.is_report(ledger.first) else ledger.first

    def _arrived(self) -> None:
        """The firmware has all that is in flight: it was acknowledged, only we did not hear it."""
        if self.ledger.credit(self.ledger.cursor - 1):
            self._queue.appendleft((SEAL, Own.SEAL))  # Arrived is not yet answered.

    def _pause(self, pause: Pause, now_s: float) -> None:
        self._trouble.pause = pause
        self._due_s = now_s + self._grace_s

    def _go_on(self, now_s: float) -> None:
        trouble = self._trouble
        if trouble.pause is Pause.TRAILING_OK and trouble.echoes > 1:
            trouble.echoes -= 1
            self._pause(Pause.ECHO_OF_PROBE, now_s)
            return
        trouble.pause = None
        trouble.echoes = 0
        self.extend(now_s)


class _Trouble:
    """What is remembered of damaged and missing answers."""

    def __init__(self) -> None:
        self.pause: Pause | None = None
        self.trailing_ok = False  # This firmware prints `ok` behind a resend request.
        self.trailing_missed = 0  # How often it did not.
        self.asked = -1
        self.repeats = 0
        self.probes = 0  # How often the lines in flight were said again.
        self.echoes = 0  # How many refused copies may still be heard of.
