"""Numbered lines over a bad wire: each arrives once and in order, or the trouble is named.

Below the session: knows nothing of printing. What makes it work is that Marlin refuses a number that it has had
already, so that sending a line twice can never execute it twice; where a dialect does not, nothing is said twice
unless the session asks for it.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cellctl.domain.errors import StoreFailed
from cellctl_drivers.marlin import facts
from cellctl_drivers.marlin.dialects import Dialect, Repeats
from cellctl_drivers.marlin.ledger import REPORTS, Ledger, Own, Verdict
from cellctl_drivers.marlin.patience import Patience
from cellctl_drivers.marlin.progress import Progress
from cellctl_drivers.marlin.trouble import VOID, Pause, Trouble
from cellctl_drivers.marlin.window import Window
from cellctl_drivers.serial_quality import Meter

SEAL: Final = b"M105"
# One line alone may be as long as the firmware takes lines; that is seen to where it is read.
UNLIMITED: Final = 1 << 20

Line = tuple[bytes, Own | None]
# The next line of the program, if there is one of at most so many bytes, frame and newline included.
Pull = Callable[[int], Line | None]


@dataclass(slots=True)
class Outbox:
    """What of ours goes out. Urgent bytes go ahead of everything and are not numbered."""

    urgent: bytes = b""
    queue: deque[Line] = field(default_factory=deque)


class Wire:
    """One line counter, from M110 on."""

    def __init__(self, dialect: Dialect, patience: Patience, window: Window, meter: Meter) -> None:
        self.dialect = dialect
        self.ledger = Ledger(numbered=dialect.numbered)
        self.patience = patience
        self.window = window
        self.meter = meter
        self.progress = Progress()
        self.outbox = Outbox()
        self._trouble = Trouble()

    # ---- out -----------------------------------------------------------------------------------------------------

    def say(self, *commands: str, own: Own = Own.PLAIN) -> None:
        """Queue lines of our own, ahead of the program's."""
        self.outbox.queue.extend((command.encode("ascii"), own) for command in commands)

    def prove_rest(self) -> None:
        """Queue an M400 and an M105 behind it: a plain `ok` is never taken for its answer, so a stray one is found."""
        self.say("M400", own=Own.STAND)
        self.outbox.queue.append((SEAL, Own.SEAL))

    def seal(self) -> None:
        """Queue an M105 whose answer can be no other's."""
        self.outbox.queue.append((SEAL, Own.SEAL))

    def ask_report(self) -> None:
        """Queue an M105 for the sake of its temperatures, unless one waits already."""
        if (SEAL, Own.REPORT) not in self.outbox.queue:
            self.outbox.queue.append((SEAL, Own.REPORT))

    def speak(self, dialect: Dialect) -> None:
        """The firmware has said who it is."""
        self.dialect = dialect
        self.ledger.numbered = dialect.numbered
        self.window.proves(dialect.unhurried_lines)
        self.window.rx_bytes = max(self.window.rx_bytes, dialect.rx_bytes)

    @property
    def probes(self) -> int:
        """How often what is in flight was said again because no answer came."""
        return self._trouble.probes

    def call(self, *commands: str) -> None:
        """Say at once, without numbers, past all that waits. The newline ends what may be half said."""
        self.outbox.urgent += "".join(f"\n{command}" for command in commands).encode("ascii") + b"\n"
        self._trouble.expect_strays(len(commands), self.ledger.cursor)

    def forget(self) -> None:
        """Drop what was queued and not yet numbered."""
        self.outbox.queue.clear()

    def forget_but_return(self) -> None:
        """The same, but for what leads back from where it was parked."""
        queue = self.outbox.queue
        self.outbox.queue = deque(line for line in queue if line[1] is Own.RETURN)

    def transmit(self, pull: Pull, now_s: float) -> bytes:
        """What may go out; program lines are pulled as the window opens. What `pull` raises goes through, and what
        was numbered before goes out the next time."""
        outbox, ledger, window = self.outbox, self.ledger, self.window
        chunk = outbox.urgent
        if chunk:
            outbox.urgent = b""
        if self._trouble.pause is not None:
            return chunk
        began = ledger.cursor
        try:
            while (lines := ledger.cursor - ledger.first) < window.slots:
                room = window.room_bytes(ledger.in_flight_bytes) if lines else UNLIMITED
                if ledger.cursor == ledger.next and not self._number_next(pull, room):
                    break
                line = ledger.out(room)
                if not line:
                    break
                chunk += line
        except StoreFailed:
            outbox.urgent = chunk
            raise
        if ledger.cursor != began:
            self.meter.sent(began, ledger.cursor, now_s)
            if self.patience.due_s == math.inf:
                self.extend(now_s)
        return chunk

    # ---- in ------------------------------------------------------------------------------------------------------

    def plain_ok(self, now_s: float) -> bool:
        """An `ok` that does not say which line it is for. True if a SEAL is among what it acknowledges."""
        ledger, trouble = self.ledger, self._trouble
        if (trouble.named or not trouble.calm) and self._is_void(now_s):
            return False
        first = ledger.first
        # An M105 is never acknowledged without temperatures: this `ok` would be one too many.
        if first == ledger.cursor or ledger.own(first) in REPORTS:
            return False
        return self._credit(first, now_s)

    def unnamed_ok(self, now_s: float) -> bool:
        """`ok P15 B3`: where others name their lines, this one is for a line without a number."""
        trouble = self._trouble
        if not trouble.named or not (trouble.requests.torn.suspected or trouble.pause is Pause.PROOF):
            return self.plain_ok(now_s)
        if trouble.requests.torn.is_certain():
            self.patience.due_s = now_s
        return False

    def named_ok(self, number: int, free_blocks: int, free_slots: int, now_s: float) -> bool:
        """`ok N12 P15 B3` acknowledges everything up to that line. True if a SEAL is among it; -1: not said."""
        ledger = self.ledger
        if not ledger.first <= number < ledger.cursor:
            return False
        own = ledger.own(number)
        if own is not None and own in REPORTS:
            return False
        self._trouble.named = True
        if free_slots >= self.window.proved:
            self.window.proves(free_slots + 1)  # The slot of the command itself becomes free behind its `ok`.
        self.meter.lost_acknowledgements += number - ledger.first
        sealed = self._credit(number, now_s)
        if free_blocks >= 0:
            stands = own is not None and own in (Own.BARRIER, Own.STAND)
            self.progress.planner(free_blocks, ledger.acknowledged, stands=stands)
        return sealed

    def report_ok(self, now_s: float) -> bool:
        """The answer to an M105, whichever is the oldest."""
        ledger = self.ledger
        for number in range(ledger.first, ledger.cursor):
            if ledger.is_report(number):
                self._trouble.requests.arrived = number + 1
                return self._credit(number, now_s)
        return False

    def complain(self, last_taken: int, *, cut: bool) -> None:
        """A line was damaged: an `ok` that comes now acknowledges nothing, even if the request itself is lost.

        `cut`: it may have been the first piece of one.
        """
        ledger, wanted, trouble = self.ledger, last_taken + 1, self._trouble
        if trouble.pause is None and not trouble.probes:
            torn = trouble.requests.torn
            trusted = self.dialect.executes_rests and not torn.unheard and wanted >= torn.trusted_from
            torn.suspected, torn.excused = cut and trusted, 0
        self._trouble.doubt(wanted if ledger.first <= wanted <= ledger.cursor else ledger.first)

    def skipped(self) -> None:
        """Repetier passes over a line that was under way behind a damaged one, and says `ok` to that."""
        self._trouble.doubt(VOID)

    def resend(self, number: int, now_s: float) -> bool:
        """The firmware asks for a line. False if it cannot be had."""
        trouble, requests, ledger = self._trouble, self._trouble.requests, self.ledger
        trouble.void = None
        if trouble.pause is Pause.TRAILING_OK and requests.asked == number:
            return True  # Repetier says it twice.
        others = trouble.behind(ledger.cursor - max(ledger.first, number))
        verdict = ledger.asked_for(number, requests.arrived)
        if verdict is Verdict.MISSED:
            return self._missed(now_s)
        if trouble.probes:
            self._arrived()
        if trouble.pause is None:
            requests.torn.said_again(ledger.next)
            self.window.shrink()
            self.meter.resends += ledger.next - ledger.cursor
        if not requests.heard(number, echo=trouble.pause is Pause.STORM):
            return False
        trouble.settled()
        requests.others = others
        if others:
            self._pause(Pause.STORM, now_s)
        elif trouble.named or not requests.brings_ok:
            self._go_on(now_s)
        else:
            self._pause(Pause.TRAILING_OK, now_s)
        return True

    def extend(self, now_s: float) -> None:
        """The machine is at work: be patient anew."""
        trouble, patience, ledger = self._trouble, self.patience, self.ledger
        if trouble.pause is not None:
            return
        if ledger.cursor == ledger.first:
            patience.due_s = math.inf
        elif patience.lively and not trouble.probes and patience.lively_s < patience.full_s:
            patience.due_s = now_s + patience.lively_s
        else:
            patience.due_s = now_s + patience.full_s

    def starve(self, now_s: float) -> None:
        """Queue and receive buffer are empty over there: what is in flight was lost, unless it crossed with this."""
        if now_s - self.meter.last_sent_s >= self.patience.crossing_s:
            self.probe(now_s)

    def probe(self, now_s: float) -> bool:
        """Find out about a missing `ok`: say it again. False if that was done often enough, or must not be done.

        A line that never came is taken now; one that came is refused, with a request for the line behind it.
        """
        if self.dialect.repeats is not Repeats.REFUSED:
            return False
        return self.say_again(now_s)

    def say_again(self, now_s: float) -> bool:
        """Say all that is in flight once more. False if that was done often enough."""
        trouble, ledger = self._trouble, self.ledger
        if ledger.in_flight and trouble.pause is None:
            if trouble.probes >= facts.MAX_PROBES:
                return False
            trouble.probed(ledger.in_flight)
            trouble.requests.torn.trusted_from = ledger.next + 1
            self.meter.resends += ledger.in_flight
            ledger.again()
            if self.dialect.repeats is Repeats.REFUSED:
                # Ends a line that has lost its newline: what is said three times in one line passes its own XOR.
                self.outbox.urgent += b"\n"
            self.patience.due_s = now_s + self.patience.full_s
        return True

    def tick(self, now_s: float) -> bool:
        """Time has passed. False when an answer is overdue although it was asked for again, or must not be; whether
        to go on asking is for the session to decide."""
        if now_s < self.patience.due_s:
            return True
        trouble = self._trouble
        if self.is_torn:
            return False
        if trouble.pause is None:
            return not trouble.probes and self.probe(now_s)
        if trouble.pause is Pause.TRAILING_OK:
            trouble.requests.trailing_missed += 1
        if trouble.pause is Pause.PROOF:
            if trouble.probes < facts.MAX_PROBES:
                self._prove(now_s)
                return True
            trouble.requests.torn.unheard = True
            trouble.settled()
        self._go_on(now_s)
        return True

    @property
    def is_torn(self) -> bool:
        """Whether a piece of a line was executed by itself."""
        return self._trouble.requests.torn.certain

    def unknown(self, command: str, now_s: float) -> None:
        """A command was not known over there."""
        trouble = self._trouble
        if trouble.pause is Pause.PROOF and not self.is_torn and command == facts.NO_COMMAND:
            trouble.settled()
            trouble.doubt(VOID)
            self._go_on(now_s)
        else:
            trouble.requests.torn.excused += 1

    # ---- inside --------------------------------------------------------------------------------------------------

    def _number_next(self, pull: Pull, room: int) -> bool:
        queue = self.outbox.queue
        if not queue:
            line = pull(room)
            if line is not None:
                self.ledger.add(line[0], line[1])
                return True
            if not queue:  # The end of the program may have queued something.
                return False
        self.ledger.add(*queue.popleft())
        return True

    def _is_void(self, now_s: float) -> bool:
        """Whether a plain `ok` acknowledges nothing."""
        trouble = self._trouble
        if trouble.pause is Pause.PROOF:
            return self._is_too_many(now_s)
        void, trouble.void = trouble.void, None
        if void is not None and void is not VOID:
            self.resend(void, now_s)
        if trouble.pause is Pause.TRAILING_OK:
            trouble.requests.trailing_ok = True
            self._go_on(now_s)
            return True
        if void is not None or trouble.named or trouble.pause is not None:
            return True
        return trouble.is_stray(self.ledger.first)

    def _credit(self, through: int, now_s: float) -> bool:
        trouble = self._trouble
        latencies = self.meter.latencies
        if through >= latencies.watched:
            latencies.answered(now_s)
        sealed = self.ledger.credit(through)
        if self.window.slots < self.window.proved:
            self.window.widen()
        if not trouble.calm:
            copies = trouble.acknowledged()
            if copies and trouble.pause is None:
                # Either line or copy was acknowledged. If it was the line, the copies will be refused in a moment.
                trouble.requests.others = copies
                self._pause(Pause.STORM, now_s)
        self.extend(now_s)
        return sealed

    def _missed(self, now_s: float) -> bool:
        """A line is asked for that cannot be had. Noise may have written that number: a firmware that is healthy
        names another one when it hears again what is in flight."""
        trouble, ledger = self._trouble, self.ledger
        if trouble.pause is not None:
            return True
        trouble.requests.misses += 1
        if trouble.requests.misses == facts.MAX_MISSES or not ledger.in_flight:
            return False
        trouble.requests.others, trouble.requests.torn.suspected = 0, False
        trouble.copies = ledger.in_flight - 1
        ledger.again()
        self._pause(Pause.STORM, now_s)
        return True

    def _arrived(self) -> None:
        """What is still in flight was said again and is not asked for: it was acknowledged, only we did not hear it."""
        self.meter.lost_acknowledgements += self.ledger.in_flight
        if self.ledger.in_flight and self.ledger.credit(self.ledger.cursor - 1):
            self.outbox.queue.appendleft((SEAL, Own.SEAL))  # Arrived is not yet answered.

    def _pause(self, pause: Pause, now_s: float) -> None:
        trouble, patience = self._trouble, self.patience
        trouble.pause, trouble.calm = pause, False
        patience.due_s = now_s + (patience.storm_s if pause is Pause.STORM else patience.trailing_s)

    def _go_on(self, now_s: float) -> None:
        trouble = self._trouble
        torn = trouble.requests.torn
        torn.late_copies, trouble.requests.others = trouble.requests.others, 0
        if torn.suspected:
            torn.suspected = False
            trouble.pause = Pause.PROOF
            self._prove(now_s)
            return
        trouble.pause = None
        self.extend(now_s)

    def _prove(self, now_s: float) -> None:
        """Find out whether the rest of a line was executed."""
        trouble = self._trouble
        trouble.calm = False
        trouble.probes += 1
        self.outbox.urgent += f"\n{facts.NO_COMMAND}\n".encode("ascii")
        self.patience.due_s = now_s + self.patience.full_s

    def _is_too_many(self, now_s: float) -> bool:
        """Whether an `ok` ahead of the proof is for no line that was acknowledged by its number."""
        if self._trouble.named:
            return True
        if self.ledger.first < self.ledger.cursor:
            return False
        if self._trouble.requests.torn.is_certain():
            self.patience.due_s = now_s
        return True
