"""What a program asks of a printer's heaters: ceilings, whether the nozzle may extrude, and how long it is waited."""

from typing import Final

from cellctl.gcode.rules import Heat
from cellctl.gcode.verdict import Findings, Reason

_ABOVE_AMBIENT_CELSIUS: Final = 10.0
_NONE: Final = Heat(nozzle_max_celsius=0.0)


class Heaters:
    """The heaters of one printer. `hot`: nozzles that may extrude; `heating_s`: waits so far, where rates are known."""

    __slots__ = ("_findings", "_heat", "_since", "_warm", "bed_celsius", "heating_s", "hot", "nozzle_celsius")

    def __init__(self, heat: Heat | None, findings: Findings) -> None:
        self.heating_s = 0.0
        self.nozzle_celsius = 0.0
        self.bed_celsius = 0.0
        self._heat = heat or _NONE
        self._findings = findings
        self.hot: set[int] = set()
        self._warm: set[int] = set()  # have been hot, so that they may at least pull back
        # Heater -> (when it got its target, its temperature then, target).
        self._since: dict[str, tuple[float, float, float]] = {}

    def may_extrude(self, tool: int, *, back: bool = False) -> bool:
        """Whether plastic may go out of this nozzle (`back`: into it)."""
        return tool in self.hot or (back and tool in self._warm)

    def nozzle(self, tool: int, celsius: float, *, wait: bool, now_s: float) -> None:
        """M104 and M109."""
        if not self._check("nozzle", celsius, self._heat.nozzle_max_celsius):
            return
        self.nozzle_celsius = max(self.nozzle_celsius, celsius)
        if celsius < self._heat.extrude_from_celsius:
            self.hot.discard(tool)
        elif wait:
            self.hot.add(tool)
            self._warm.add(tool)
        self._set(f"nozzle {tool}", celsius, self._heat.nozzle_celsius_per_s, now_s, wait=wait)

    def bed(self, celsius: float, *, wait: bool, now_s: float) -> None:
        """M140 and M190."""
        if self._check("bed", celsius, self._heat.bed_max_celsius):
            self.bed_celsius = max(self.bed_celsius, celsius)
            self._set("bed", celsius, self._heat.bed_celsius_per_s, now_s, wait=wait)

    def waits_for_ever(self, celsius: float) -> bool:
        """Whether a wait for cooling (R) down to this would never end. A program with such a wait is refused."""
        coolest = self._heat.ambient_celsius + _ABOVE_AMBIENT_CELSIUS
        if celsius >= coolest:
            return False
        self._findings.refuse_word(
            Reason.OUT_OF_RANGE,
            "R",
            f"a wait for cooling down to {celsius:g} C",
            f"the room is warm, so that allowed is {coolest:g} C and more",
            "Wait for a higher temperature, or not at all",
        )
        return True

    def chamber(self, celsius: float) -> None:
        """M141 and M191."""
        self._check("chamber", celsius, self._heat.chamber_max_celsius)

    def _check(self, heater: str, celsius: float, most: float) -> bool:
        if 0 <= celsius <= most:
            return True
        found = f"the {heater} would be heated to {celsius:g} C"
        if not most and celsius:
            allowed, remedy = f"this machine has no heated {heater}", "Use a profile that belongs to this machine"
        else:
            allowed, remedy = f"allowed is 0 to {most:g} C", "Use a material that this machine can bear, or its limit"
        self._findings.refuse_word(Reason.TOO_HOT, "S", found, allowed, remedy)
        return False

    def _set(self, heater: str, target: float, rate: float | None, now_s: float, *, wait: bool) -> None:
        """Heats at an even rate. A wait ends when the target was kept for a while; cooling is not waited for (S)."""
        if not rate:
            return
        now_s += self.heating_s
        cold = self._heat.ambient_celsius
        begun_s, was, aim = self._since.get(heater, (now_s, cold, cold))
        here = min(aim, was + rate * (now_s - begun_s)) if aim > was else aim
        if wait and target >= here:
            wait_s = (target - here) / rate + self._heat.settle_s
            self.heating_s += wait_s
            now_s, here = now_s + wait_s, target
        self._since[heater] = (now_s, here, max(target, cold))
