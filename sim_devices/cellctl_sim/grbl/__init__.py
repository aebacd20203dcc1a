"""A router's board with Grbl 1.1, from the firmware's side of the wire."""

from cellctl_sim.grbl.device import Grbl

__all__ = ["Grbl"]
