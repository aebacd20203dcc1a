"""An arm behind a PLC, as KUKA, FANUC and most PLC programmers do it: no methods, but numbers and bits.

The host writes the program number and waits for its echo, then sets Start; the PLC acknowledges for as long as Start
is set, is busy, and shows done or a fault. What is written is seen when the next cycle of the PLC begins.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random  # noqa: TID251 - seeded by the caller
from typing import Any, Final

from cellctl_sim.config import HandshakeTwin
from cellctl_sim.faults import Fault
from cellctl_sim.opcua.carrier import Carrier, numbered
from cellctl_sim.opcua.shelf import Shelf, Variable
from cellctl_sim.opcua.trouble import NodeKind
from cellctl_sim.opcua.twin import NodeTwin
from cellctl_sim.world import World

VENDOR: Final = "urn:cellctl:sim:plc"

# The status word, from bit 0.
WORD: Final = (
    "Busy", "Done", "Fault", "External", "StopChainClosed", "ProtectiveStop", "StartAcknowledged", "ControlGranted",
)  # fmt: skip

_BITS: Final = {
    **dict.fromkeys(("ProgramNumber",), "Int16"),
    **dict.fromkeys(("Start", "Hold", "Stop", "Reset", "Toggle"), "Boolean"),
    **dict.fromkeys(("Sequence", "CellLife"), "UInt16"),
}
_SHOWN: Final = {
    "ProgramEcho": "Int16",
    **dict.fromkeys((*WORD[:-1], "Held", "GripperHoldsPart", "ToggleEcho"), "Boolean"),
    "ProgramsEnded": "UInt32",
    **dict.fromkeys(("SequenceEcho", "MachineLife"), "UInt16"),
    "InZone": "String",
}
# FANUC's way: arrays by numbers. Name, type, id, whether the host writes it.
_ARRAYS: Final = (
    ("Coils", "Boolean[]", 302, True),
    ("InputRegisters", "UInt16[]", 303, False),
    ("HoldingRegisters", "Int16[]", 304, True),
    ("Status", "UInt16", 306, False),
)
_STOPS: Final = (NodeKind.STOP_CHAIN, NodeKind.PROTECTIVE_STOP, NodeKind.WRONG_MODE)


class Phase(Enum):
    """What the PLC program is doing."""

    READY = "ready"
    BUSY = "busy"
    HELD = "held"
    FAULT = "fault"


@dataclass(slots=True)
class _Host:
    """What the host has written."""

    program: int = 0
    start: bool = False
    hold: bool = False
    stop: bool = False
    reset: bool = False
    control: bool = False
    toggle: bool = False
    sequence: int = 0
    life: int = 0


@dataclass(slots=True)
class _Plc:
    """The PLC program's own memory. `seen` is what the host had written when it was last looked at."""

    seen: _Host
    phase: Phase = Phase.READY
    done: bool = False
    acknowledged: bool = False
    granted: bool = False
    echo: int = 0
    ended: int = 0


class Handshake(NodeTwin):
    """One arm behind a PLC. A start is a rising Start, another Sequence, or a Toggle that has turned."""

    def __init__(
        self, name: str, world: World, places: Sequence[str], config: HandshakeTwin, rng: Random | None = None
    ) -> None:
        super().__init__(name, handshake_shelf(name, config.style), rng or Random(name))  # noqa: S311 - repeatable
        self._config = config
        self._arm = Carrier(name, world, places, config.move_s)
        self._programs = numbered(config.programs, self._arm.taught)
        self._host, self._plc = _Host(), _Plc(_Host())
        self._looks_s = math.inf
        """When the next cycle begins that has something new to look at; inf: none."""

    # ---- what is seen ----------------------------------------------------------------------------------------

    def _present(self) -> Mapping[str, Any]:
        bits, host, plc = self._states(), self._host, self._plc
        if self._config.style == "array":
            return {
                "Coils": [host.start, host.stop, host.reset, host.control],
                "InputRegisters": [plc.echo, plc.ended & 0xFFFF, 0, 0],
                "HoldingRegisters": [host.program, host.sequence, 0, 0],
                "Status": sum(bits[name] << place for place, name in enumerate(WORD)),
            }
        every_s = self._config.life_every_s
        written = (host.program, host.start, host.hold, host.stop, host.reset, host.toggle, host.sequence, host.life)
        shown = {
            **bits,
            "Held": plc.phase is Phase.HELD,
            "GripperHoldsPart": self._arm.holds_part,
            "ProgramEcho": plc.echo,
            "ProgramsEnded": plc.ended,
            "ToggleEcho": plc.seen.toggle,
            "SequenceEcho": plc.seen.sequence,
            "MachineLife": math.floor(self._now_s / every_s + 1e-9) & 0xFFFF if every_s else 0,
            "InZone": self._arm.zone,
        }
        return dict(zip(_BITS, written, strict=True)) | {name: shown[name] for name in _SHOWN}

    def _states(self) -> dict[str, bool]:
        plc = self._plc
        return {
            "Busy": plc.phase in (Phase.BUSY, Phase.HELD),
            "Done": plc.done,
            "Fault": plc.phase is Phase.FAULT,
            "External": not self._suffers(NodeKind.WRONG_MODE),
            "StopChainClosed": not self._suffers(NodeKind.STOP_CHAIN),
            "ProtectiveStop": self._suffers(NodeKind.PROTECTIVE_STOP),
            "StartAcknowledged": plc.acknowledged,
            "ControlGranted": plc.granted,
        }

    # ---- what is written -------------------------------------------------------------------------------------

    def _take(self, name: str, value: Any, *, refuse: bool) -> None:
        if refuse:
            raise ValueError("BadUserAccessDenied")
        host = self._host
        match name:
            case "Coils":
                host.start, host.stop, host.reset, host.control = value
            case "HoldingRegisters":
                host.program, host.sequence, *_ = value
            case "ProgramNumber":
                host.program = value
            case "CellLife":
                host.life = value
            case _:
                setattr(host, name.lower(), value)
        # In the middle of a cycle the PLC does not look.
        cycle_s = self._config.cycle_s
        self._looks_s = min(self._looks_s, (math.floor(self._now_s / cycle_s + 1e-9) + 1) * cycle_s)

    # ---- the PLC program -------------------------------------------------------------------------------------

    def _due_s(self) -> float:
        every_s = self._config.life_every_s
        lives_s = (math.floor(self._now_s / every_s + 1e-9) + 1) * every_s if every_s else math.inf
        return min(self._looks_s, self._arm.due_s, lives_s)

    def _live(self, now_s: float) -> None:
        end = self._arm.live(now_s)
        if end:
            self._leave(Phase.READY if end == "ended" else Phase.FAULT)
            self._plc.done = end == "ended"
            self._plc.ended += end == "ended"
        if self._looks_s <= now_s:
            self._looks_s = math.inf
            self._cycle()

    def _cycle(self) -> None:
        host, plc = self._host, self._plc
        seen, plc.seen = plc.seen, _Host(**{name: getattr(host, name) for name in _Host.__slots__})
        plc.granted = host.control
        plc.acknowledged = plc.acknowledged and host.start
        if host.stop and plc.phase in (Phase.BUSY, Phase.HELD):
            self._leave(Phase.READY)
        elif host.reset and plc.phase is Phase.FAULT and not any(map(self._suffers, _STOPS)):
            plc.phase = Phase.READY
        elif host.hold and plc.phase is Phase.BUSY:
            self._hold()
        elif seen.hold and not host.hold and plc.phase is Phase.HELD:
            plc.phase, self._arm.moving = Phase.BUSY, True
        starts = (host.start and not seen.start) or host.sequence != seen.sequence or host.toggle != seen.toggle
        if plc.phase in (Phase.READY, Phase.FAULT):
            plc.echo = host.program
        if starts and plc.phase is Phase.READY and not any(map(self._suffers, _STOPS)):
            self._start()

    def _start(self) -> None:
        plc, program = self._plc, self._programs.get(self._host.program)
        plc.acknowledged, plc.done = self._host.start, False
        if program is None:
            plc.phase = Phase.FAULT
            return
        self._arm.load(program)
        self._arm.moving = True
        plc.phase = Phase.BUSY

    def _hold(self) -> None:
        self._plc.phase, self._arm.moving = Phase.HELD, False

    def _leave(self, phase: Phase) -> None:
        """No program any more. The arm stays where it is."""
        self._arm.unload()
        self._plc.phase = phase

    def _begin(self, fault: Fault) -> None:
        busy = self._plc.phase in (Phase.BUSY, Phase.HELD)
        if fault.kind == NodeKind.WRONG_MODE and busy:
            self._leave(Phase.READY)
        elif fault.kind == NodeKind.ALARM or (fault.kind in _STOPS and busy):
            self._leave(Phase.FAULT)

    def _reboot(self) -> None:
        self._arm.unload()
        self._host, self._plc = _Host(), _Plc(_Host(), ended=self._plc.ended)


def handshake_shelf(name: str, style: str) -> Shelf:
    """Where each variable is: by number (FANUC's arrays), or all in one object, by "machine.Name"."""
    if style == "array":
        ways = {each: (f"{VENDOR};{name}", f"{VENDOR};{each}") for each, *_ in _ARRAYS}
        arrays = {each: Variable(ways[each], kind, writable) for each, kind, _, writable in _ARRAYS}
        return Shelf(VENDOR, arrays, {}, {ways[n]: f"{VENDOR};i={number}" for n, _, number, _ in _ARRAYS}, {}, {})
    kinds = {**_BITS, **_SHOWN}
    shown = {n: Variable((f"{VENDOR};{name}", f"{VENDOR};{n}"), kind, n in _BITS) for n, kind in kinds.items()}
    ids = {variable.path: f"{VENDOR};s={name}.{n}" for n, variable in shown.items()}
    return Shelf(VENDOR, shown, {}, ids, {}, {})
