"""The person at the bench, simulated."""

from collections.abc import Sequence
from random import Random  # noqa: TID251 - the type; the seed comes from outside


class Person:
    """Answers every question with its first choice, in about `answer_s` seconds (± 20 %, from a seeded source)."""

    def __init__(self, answer_s: float, rng: Random) -> None:
        self._answer_s = answer_s
        self._rng = rng

    def answers(self, question: str, choices: Sequence[str], station: str) -> tuple[float, str]:
        """How long this person takes, in seconds, and what they choose."""
        return self._answer_s * self._rng.uniform(0.8, 1.2), choices[0]
