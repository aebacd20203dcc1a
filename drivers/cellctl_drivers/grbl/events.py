"""What a Grbl session tells beyond what every serial session does: a closer word for one of those events."""

from dataclasses import dataclass

from cellctl_drivers.serial_session import Greeted


@dataclass(frozen=True, slots=True)
class FoundAtWork(Greeted):
    """The machine answers, and is at work that is not ours. It was left alone, and not even asked who it is.

    `held`: it stands, and would go on. It is then held, resumed, stopped and halted like a program of ours; when it
    comes to its end by itself, that is a FaultRaised.
    """

    held: bool = False
    what: str = ""
