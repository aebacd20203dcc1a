"""From bytes to lines, as protocol.c does it: blanks, comments and small letters go, too much is an overflow."""

import math
import re
from enum import Enum
from typing import Final

from cellctl_sim.board import Uart

# LINE_BUFFER_SIZE 80 or 256, less the terminating zero.
LINE_BYTES: Final = {"grbl": 79, "grblhal": 255}
EEPROM_WRITE_S: Final = 0.02
OVERFLOW: Final = "\0"

_COMMENT: Final = re.compile(rb"\([^)]*\)?|;.*", re.DOTALL)
# Blanks, control characters and the block delete are thrown away, small letters become capitals.
_CAPITALS: Final = bytes(range(256)).upper()
_DROPPED: Final = bytes(range(33)) + b"/"
_END: Final = re.compile(rb"[\r\n]")


class Ear(Enum):
    """What the firmware still listens to."""

    OPEN = "everything"
    SAYING_WHY = "nothing: a critical alarm has just been raised"
    RESET_ONLY = "only a reset: after a critical alarm"
    RESTARTING = "nothing: a reset is being carried out"
    STUCK = "nothing, until somebody presses the reset button"


class Intake:
    """The line being read out of the receive buffer, and how much the firmware listens.

    `ear` changes by itself at `ear_due_s`. While the EEPROM is being written nothing is heard at all.
    """

    def __init__(self, uart: Uart, line_bytes: int) -> None:
        self.ear = Ear.OPEN
        self.ear_due_s = math.inf
        self._uart = uart
        self._line_bytes = line_bytes
        self._partial = b""
        self._burst = (0.0, 0)
        self._deaf_until_s = 0.0

    def hear(self, chunk: bytes, now_s: float) -> None:
        """Bytes arrive, all at once: the main loop does not run between the bytes of a burst."""
        stored = 0
        if not self.is_deaf(now_s):
            stored = self._uart.store(chunk)
            before = self._burst[1] if self._burst[0] == now_s else 0
            self._burst = (now_s, before + stored)
        self._uart.lost += len(chunk) - stored

    def is_deaf(self, now_s: float) -> bool:
        """Whether interrupts are off."""
        return now_s < self._deaf_until_s

    def write_eeprom(self, now_s: float) -> float:
        """Interrupts are off now: what comes behind the writing line is lost. Returns until when."""
        if self._burst[0] == now_s:
            behind = min(self._burst[1], len(self._uart.rx))
            self._uart.lost += behind
            del self._uart.rx[len(self._uart.rx) - behind :]
        self._deaf_until_s = now_s + EEPROM_WRITE_S
        return self._deaf_until_s

    def take(self) -> str | None:
        """The next line, without what Grbl drops; OVERFLOW for one that is too long; None if none is complete.

        Each "\\r" and each "\\n" ends a line, so that "\\r\\n" ends two.
        """
        rx = self._uart.rx
        if not rx:
            return None
        end = _END.search(rx)
        if end is None:
            self._partial = (self._partial + rx)[: 16 * self._line_bytes]
            rx.clear()
            return None
        line, self._partial = self._partial + rx[: end.start()], b""
        del rx[: end.end()]
        if b"(" in line or b";" in line:
            line = _COMMENT.sub(b"", line)
        line = line.translate(_CAPITALS, _DROPPED)
        return OVERFLOW if len(line) > self._line_bytes else line.decode("latin-1")

    def forget(self) -> None:
        """A reset: listen to everything, from the beginning of a line."""
        self._partial = b""
        self._deaf_until_s = 0.0
        self.ear, self.ear_due_s = Ear.OPEN, math.inf
