"""How long a wire waits for answers."""

import math
from dataclasses import dataclass


@dataclass(slots=True)
class Patience:
    """How long answers are waited for, in the clock's seconds, and until when the present one is."""

    full_s: float
    lively_s: float
    trailing_s: float
    storm_s: float
    crossing_s: float
    lively: bool = False  # It says `busy` while it is at work.
    due_s: float = math.inf
