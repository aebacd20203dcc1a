"""What a Marlin session keeps in mind: its limits, the program, what the machine told of itself, and the clocks."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from cellctl_drivers.marlin import facts
from cellctl_drivers.marlin.answers import bed_celsius


@dataclass(frozen=True, slots=True)
class Limits:
    """Durations in the clock's seconds (those of the wire are scaled already), and when a part may be taken."""

    boot_s: float = 3.0
    quiet_s: float = facts.QUIET_S
    greeting_s: float = facts.GREETING_S
    acknowledge_s: float = 30.0
    trailing_ok_s: float = facts.TRAILING_OK_S
    cooling_s: float = facts.COOLING_LIMIT_S
    release_bed_celsius: float | None = None


@dataclass(slots=True)
class Run:
    """A program under way; `lines` is None when nothing more of it will be sent."""

    lines: Iterator[str] | None = None
    sent: int = 0
    sealed: int = 0


@dataclass(slots=True)
class Portrait:
    """What the machine has told of itself since it was greeted."""

    identity: str = ""
    capabilities: set[str] = field(default_factory=set)
    bed_celsius: float | None = None
    greetings: int = 0

    def hear_report(self, text: str) -> None:
        """Keep the bed's temperature, if the report has one."""
        bed = bed_celsius(text)
        if bed is not None:
            self.bed_celsius = bed

    def bed_above(self, limit_celsius: float | None) -> bool:
        """Whether the bed is known to be warmer than a limit; never for a printer that reports no bed."""
        return limit_celsius is not None and self.bed_celsius is not None and self.bed_celsius > limit_celsius

    @property
    def reports_by_itself(self) -> bool:
        """Whether M155 makes it report temperatures without being asked."""
        return "AUTOREPORT_TEMP" in self.capabilities


@dataclass(slots=True)
class Times:
    """When something was heard last; until when the present state, a boot and the next report are waited for."""

    heard_s: float = 0.0
    wait_s: float | None = None
    boot_until_s: float = 0.0
    report_s: float | None = None
