"""What a battery answers: one line for each claim, with its figure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim, the figure that was measured, the goal, and whether it holds."""

    name: str
    figure: str
    goal: str
    holds: bool

    def line(self) -> str:
        """As it is printed."""
        return f"{self.name:<58} {self.figure:<28} {self.goal:<16} {'holds' if self.holds else 'falls short'}"
