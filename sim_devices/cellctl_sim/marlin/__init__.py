"""A printer's board with Marlin 2.x, from the firmware's side of the wire."""

from cellctl_sim.marlin.device import Marlin

__all__ = ["Marlin"]
