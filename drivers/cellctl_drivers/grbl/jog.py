"""Moving a machine by hand."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from cellctl.domain.errors import NotAllowed


@dataclass(frozen=True, slots=True)
class Jog:
    """One move by hand: how far, or with `absolute` where to in work coordinates. It changes no mode of a program."""

    mm: Mapping[str, float]
    feed_mm_per_min: float
    absolute: bool = False

    def line(self, axes: str) -> str:
        """As Grbl takes it; a jog without a feed is error:22. Raises NotAllowed for what no machine could do."""
        if not self.mm or not self.mm.keys() <= set(axes):
            raise NotAllowed(f"a jog names one or more of the axes {axes}, not {', '.join(self.mm) or 'none'}")
        if not all(map(math.isfinite, self.mm.values())) or not 0 < self.feed_mm_per_min < math.inf:
            raise NotAllowed("a jog needs finite distances and a feed above 0")
        words = "".join(f"{axis}{mm:.3f}" for axis, mm in self.mm.items())
        return f"$J={'G90' if self.absolute else 'G91'}G21{words}F{self.feed_mm_per_min:.1f}"
