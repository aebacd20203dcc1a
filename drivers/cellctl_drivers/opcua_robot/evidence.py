"""What is known of the arm, and what one carry has proved so far."""

from dataclasses import dataclass, field
from typing import Any, Final

from cellctl.domain.work import Operation, OperationState

from .facts import AT_REST, AUTOMATIC_EXTERNAL, COUNTER_RANGE, MODES, Signal, TaskState

_KINDS: Final = {
    Signal.STATE: int,
    Signal.PROGRAM_NAME: str,
    Signal.PROGRAM_LOADED: bool,
    Signal.MODE: int,
    Signal.STOP_CHAIN_OPEN: bool,
    Signal.PROTECTIVE_STOP: bool,
    Signal.GRIPPER_HOLDS: bool,
    Signal.IN_ZONE: str,
    Signal.PROGRAMS_ENDED: int,
}
# Without these no program is started.
_VITAL: Final = (
    Signal.STATE, Signal.MODE, Signal.STOP_CHAIN_OPEN, Signal.PROTECTIVE_STOP, Signal.GRIPPER_HOLDS,
    Signal.PROGRAMS_ENDED,
)  # fmt: skip


@dataclass(slots=True)
class Picture:
    """The present value of every signal; None: unknown, because it is absent, Bad, Uncertain or of a wrong type."""

    values: dict[Signal, Any] = field(default_factory=dict)

    def hear(self, signal: Signal, value: Any, *, good: bool) -> None:
        """Take a value from the server."""
        self.values[signal] = value if good and type(value) is _KINDS[signal] else None

    def __getitem__(self, signal: Signal) -> Any:
        return self.values.get(signal)

    @property
    def unknown(self) -> str:
        """The first variable that would have to be known before a program is started; empty if all are."""
        return next((signal.value for signal in _VITAL if self[signal] is None), "")

    @property
    def at_rest(self) -> bool:
        """The robot says that no program runs. False also when it does not say."""
        return self[Signal.STATE] in AT_REST

    @property
    def halted_by_itself(self) -> str:
        """Which stop of its own the robot shows; empty if none that is known of."""
        if self[Signal.STOP_CHAIN_OPEN]:
            return "its stop chain is open"
        return "its protective stop is active" if self[Signal.PROTECTIVE_STOP] else ""

    @property
    def against_moving(self) -> str:
        """Why a program may not be resumed, as far as the robot's own variables tell; empty if it may."""
        if self.unknown:
            return f"its {self.unknown} is not known"
        if self.halted_by_itself:
            return self.halted_by_itself
        if self[Signal.MODE] != AUTOMATIC_EXTERNAL:
            mode = MODES.get(self[Signal.MODE], "unknown to us")
            return f"its operational mode is {mode}, not {MODES[AUTOMATIC_EXTERNAL]}"
        return "" if self.at_rest else "a program is running"

    @property
    def against_start(self) -> str:
        """Why no new carry may begin; empty if the arm proves that one may."""
        holds = "its gripper holds a part" if self[Signal.GRIPPER_HOLDS] else ""
        return self.against_moving or holds

    @property
    def has_program(self) -> bool:
        """There is, or may be, a program that must be unloaded before another one can be loaded."""
        return bool(self[Signal.STATE] != TaskState.IDLE or self[Signal.PROGRAM_NAME] != "")

    def shows_loaded(self, program: str) -> bool:
        """This program, and no other one, is ready to be started."""
        ready = self[Signal.STATE] == TaskState.READY and self[Signal.PROGRAM_LOADED] is True
        return bool(ready and self[Signal.PROGRAM_NAME] == program)

    @property
    def whereabouts(self) -> str:
        """In whose zone the arm stands, as the end of a sentence; empty if in none."""
        zone = self[Signal.IN_ZONE]
        return f"; it stands in the zone of {zone}" if zone else ""


@dataclass(slots=True)
class Carry:
    """One carry and its evidence. `ended_before` is the robot's count of ended programs when it began.

    `sent`: a call was made that changes what the robot has loaded. `started`: the robot took, or may have
    taken, the start. `seen_executing`: it was seen to run since the last start.
    """

    operation: Operation
    ended_before: int = 0
    sent: bool = False
    started: bool = False
    seen_executing: bool = False
    gripped: bool = False

    @property
    def program(self) -> str:
        """The taught program that does it."""
        return f"carry:{self.operation.source}>{self.operation.target}"

    @property
    def unfinished(self) -> OperationState:
        """What the operation is if nothing more becomes known."""
        if self.started:
            return OperationState.UNKNOWN
        return OperationState.FAILED if self.sent else OperationState.NOT_BEGUN

    def counted(self, picture: Picture) -> bool:
        """Exactly one program has ended since it began."""
        return bool(picture[Signal.PROGRAMS_ENDED] == (self.ended_before + 1) % COUNTER_RANGE)

    def missing(self, picture: Picture) -> str:
        """What is not proved of a carry that has ended; empty if everything is."""
        proofs = {
            "its program is not known to have ended": picture.at_rest,
            "its count of ended programs has not gone up by one": self.counted(picture),
            "its gripper was not seen to hold the part": self.gripped,
            "its gripper is not known to be empty": picture[Signal.GRIPPER_HOLDS] is False,
        }
        return " and ".join(what for what, proved in proofs.items() if not proved)
