"""The cell at program level: drivers that report what a whole program comes to, without a line on any wire."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cellctl.app.config import CellConfig, MachineConfig
from cellctl.domain.errors import ConfigError, LinkLost, NotAllowed
from cellctl.domain.events import Fact
from cellctl.domain.machine import MachineCommand
from cellctl.domain.work import Operation
from cellctl.gcode.preflight import finish
from cellctl.gcode.rules import AXES, MachineRules
from cellctl.gcode.verdict import Refused
from cellctl.ports import ByteLink, Driver, DriverFamily, Tools
from cellctl.ports.nodes import NodeAccess, NodeLink
from cellctl.ports.programs import Nature, ProgramDevice, Script


def at_program_level(config: CellConfig, devices: Mapping[str, ProgramDevice]) -> CellConfig:
    """The same cell with other drivers for the machines that are simulated at program level; rules stay the same."""
    machines = dict(config.machines)
    for name in machines.keys() & devices.keys():
        family, options = machines[name].family, machines[name].options
        machines[name] = MachineConfig(ProgramFamily(family, devices[name], family.rules(options)), options)
    return replace(config, machines=machines)


@dataclass(frozen=True, slots=True)
class ProgramFamily:
    """A `ports.DriverFamily` in front of a real one, for one machine; its rules are made once."""

    family: DriverFamily
    device: ProgramDevice
    made_rules: MachineRules | None

    @property
    def options(self) -> type[Any]:
        """Those of the real family."""
        return self.family.options

    def rules(self, options: Any) -> MachineRules | None:
        """Those of the real family."""
        return self.made_rules

    def driver(self, machine: str, options: Any, tools: Tools) -> Driver:
        """A driver for one connection."""
        return ProgramDriver(machine, self.device, self.made_rules, tools)


class NoLinks:
    """`ports.Links` of a cell that has none."""

    def bytes_to(self, machine: str, address: str, options: Mapping[str, Any]) -> ByteLink:
        """There is no wire. Raises ConfigError."""
        raise ConfigError([f"machines.{machine}: has no twin at program level"])

    def nodes_of(self, machine: str, access: NodeAccess) -> NodeLink:
        """There is no network. Raises ConfigError."""
        raise ConfigError([f"machines.{machine}: has no twin at program level"])

    async def appeared(self, machine: str) -> None:
        """Never; whoever waits sets a limit."""
        await asyncio.Event().wait()


class ProgramDriver:
    """Passes on, and sleeps until something is due."""

    def __init__(self, machine: str, device: ProgramDevice, rules: MachineRules | None, tools: Tools) -> None:
        self._machine = machine
        self._device = device
        self._rules = rules
        self._tools = tools
        self._changed = asyncio.Event()

    async def serve(self) -> None:
        """Until the cable is pulled. Raises LinkLost."""
        device, clock = self._device, self._tools.clock
        facts = device.meet(clock.now_s())
        try:
            self._require_contact()
            self._report(facts)
            while True:
                self._require_contact()
                await self._pause()
                self._report(device.advance(clock.now_s()))
        finally:
            device.part(clock.now_s())

    def start(self, operation: Operation) -> None:
        """Begin. Raises NotAllowed."""
        self._report(self._device.start(operation, self._script(operation), self._tools.clock.now_s()))

    def command(self, command: MachineCommand) -> None:
        """Obey. Raises NotAllowed."""
        self._report(self._device.command(command, self._tools.clock.now_s()))

    def proceed(self, operation_id: str) -> None:
        """What touches the part may begin. Raises NotAllowed."""
        self._report(self._device.proceed(operation_id, self._tools.clock.now_s()))

    def adopt(self, operation: Operation) -> None:
        """What the machine shows of unknown work."""
        self._report(self._device.adopt(operation, self._tools.clock.now_s()))

    def answer(self, operation_id: str, choice: str, by: str) -> None:
        """It asks nothing. Raises NotAllowed."""
        raise NotAllowed(f"{self._machine} has asked nothing about {operation_id}")

    def _script(self, operation: Operation) -> Script | None:
        program, verdicts, rules, files = operation.program, self._tools.verdicts, self._rules, self._tools.files
        if program is None or not program.sha256 or verdicts is None or rules is None:
            return None
        verdict = finish(verdicts.asking(program.sha256, _as_it_is(rules, self._device.nature)))
        if isinstance(verdict, Refused):
            raise NotAllowed(f"{self._machine} must not run {program.name}: {verdict}")
        return Script(program.sha256, verdict, lambda: files.lines(program.sha256))

    async def _pause(self) -> None:
        """Until something happens by itself, or something was asked of the machine."""
        clock, wakeup_s = self._tools.clock, self._device.wakeup_s
        self._changed.clear()
        waits_s = None if wakeup_s is None else max(0.0, wakeup_s - clock.now_s()) / clock.speed
        try:
            async with asyncio.timeout(waits_s):
                await self._changed.wait()
        except TimeoutError:
            return

    def _require_contact(self) -> None:
        why = self._device.unheard
        if why:
            raise LinkLost(self._machine, why, do_next="Check its cable; switch it off and on")

    def _report(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            self._tools.report(fact)
        self._changed.set()


def _as_it_is(rules: MachineRules, nature: Nature | None) -> MachineRules:
    """The same rules, with the machine's own pace in place of what the cell file says of it."""
    if nature is None:
        return rules
    zero = {} if nature.work_zero_mm is None else {54: nature.work_zero_mm}
    envelope = rules.limits.envelope
    envelope = replace(
        envelope,
        starts_at_mm=nature.stands_at_mm or envelope.starts_at_mm,
        work_offsets_mm={**envelope.work_offsets_mm, **zero},
    )
    pace = replace(nature.pace, feed_ceiling_mm_per_min=rules.limits.pace.feed_ceiling_mm_per_min)
    homing_s = {f"G28 {axis}": seconds for axis, seconds in zip(AXES, nature.homing_s, strict=True)}
    limits = replace(rules.limits, envelope=envelope, pace=pace)
    return replace(rules, limits=limits, fixed_s={**rules.fixed_s, **homing_s})
