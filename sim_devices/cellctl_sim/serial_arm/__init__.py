"""Small robot arms on a serial line, from the firmware's side of the wire."""

from collections.abc import Mapping
from typing import Final

from cellctl_sim.serial_arm.device import SerialArm
from cellctl_sim.serial_arm.grbl_like import GrblArm
from cellctl_sim.serial_arm.marlin_like import MarlinArm

FIRMWARES: Final[Mapping[str, type[GrblArm] | type[MarlinArm]]] = {"grbl": GrblArm, "marlin": MarlinArm}

__all__ = ["FIRMWARES", "GrblArm", "MarlinArm", "SerialArm"]
