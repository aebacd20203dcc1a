"""What a profile says once it was checked and its parameters were filled in: the tables that drive a session.

Texts in `Words` stand for what is known only when there is work: {program}, {number}, {operation}, {serial},
{source}, {target}.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cellctl.ports.nodes import NodePath, NodeRef

Scalar = bool | int | float | str
Words = Mapping[str, Scalar]

RUN_WORDS: Final = ("program", "number", "operation", "serial", "source", "target")
# In a condition, beside the signals: the counter has gone up by exactly one since the work began.
COUNTED: Final = "counted"


@dataclass(frozen=True, slots=True)
class Pick:
    """One step into a structure: a field, an element of an array, or the first element that shows `equals`."""

    name: str = ""
    at: int | None = None
    where: tuple["Pick", ...] = ()
    equals: str = ""


@dataclass(frozen=True, slots=True)
class Signal:
    """A value of the machine. `ref` is None for what only a method's answer brings.

    `type` is what the server must say of it; "structure" stands for every structure. `names`: what its numbers or
    texts are called here; others are unknown. `absent`: the value where a structure has no such element.
    """

    name: str
    ref: NodeRef | None
    type: str
    bit: int | None = None
    picks: tuple[Pick, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    absent: Scalar | None = None
    written: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """A signal shows one of these values (`negated`: none of them)."""

    signal: str
    values: tuple[Scalar, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """One of these lists of tests, all of whose tests hold."""

    any_of: tuple[tuple[Check, ...], ...] = ()

    @property
    def signals(self) -> Iterator[str]:
        """Every signal that it looks at."""
        return (test.signal for tests in self.any_of for test in tests if test.signal != COUNTED)

    def __bool__(self) -> bool:
        return bool(self.any_of)


NEVER: Final = Condition()


@dataclass(frozen=True, slots=True)
class Guard:
    """What must hold before anything moves, and what is said if not.

    `halts`: if it does not hold, the machine has stopped by itself. `before_start`: it is asked of new work only.
    `outside`: it does not hold while a stop from outside is pressed, which the machine's zone is to know.
    """

    must: Condition
    says: str
    halts: bool = False
    before_start: bool = False
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """When a method's answer means that it was taken: `output` is one of `values`, or has one of `bits`."""

    output: int = 0
    values: tuple[Scalar, ...] = ()
    bits: int = 0


@dataclass(frozen=True, slots=True)
class Argument:
    """A method's argument, checked against its type before anything is sent."""

    value: Any
    type: str


@dataclass(frozen=True, slots=True)
class CallAct:
    """Call a method, once. `gives`: which signals its outputs are."""

    name: str
    path: NodePath
    arguments: tuple[Argument, ...] = ()
    accepted: Accepted | None = None
    gives: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WriteAct:
    """Write a signal: `value`, or by `how` something that follows from what it shows: toggle, next."""

    name: str
    signal: str
    value: Any = None
    how: str = "value"


@dataclass(frozen=True, slots=True)
class AwaitAct:
    """Wait until the machine shows it. `echo`: until this signal shows what was written last."""

    name: str
    until: Condition = NEVER
    within_s: float = 0.0
    echo: str = ""


Act = CallAct | WriteAct | AwaitAct


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a command. `moves`: from its first request on the machine may move.

    `undo` is written when it is given up half way: a start bit must not be left behind. `about_work`: it names the
    work, and is passed where there is none.
    """

    acts: tuple[Act, ...]
    unless: Condition = NEVER
    moves: bool = False
    undo: WriteAct | None = None
    about_work: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """By what it is known how work ended: watched to its end (`live`), or found ended after the contact was lost."""

    counter: str = ""
    live: Condition = NEVER
    after_loss: Condition = NEVER
    failed: Condition = NEVER


@dataclass(frozen=True, slots=True)
class Gripping:
    """By what a carry is seen: the gripper holds a part, it is empty, and in whose zone the arm stands."""

    holding: Condition = NEVER
    empty: Condition = NEVER
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Sensors:
    """What a station shows for hand-overs: by slot whether a part is there, its door, its clamp."""

    holds: Mapping[str, Condition] = field(default_factory=dict)
    door_open: Condition = NEVER
    clamped: Condition = NEVER


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """`hears` changes at least every `within_s`; `writes` is changed by us every `every_s`. Empty: there is none."""

    hears: str = ""
    within_s: float = 5.0
    writes: str = ""
    every_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds on the wire: how old a value may be, how often all are read anew, how soon an effect must show."""

    stale_s: float = 15.0
    refresh_s: float = 5.0
    settle_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Profile:
    """A machine model as its session needs it. `states` are asked in order; none: unknown.

    `refs` is every variable, once: asked for so often that it is made only once.
    """

    name: str
    identity: str
    reading: bool
    times: Times
    signals: Mapping[str, Signal]
    states: Mapping[str, Condition]
    guards: tuple[Guard, ...] = ()
    shown: Condition = NEVER
    proof: Proof = Proof()
    gripping: Gripping = Gripping()
    sensors: Sensors = field(default_factory=Sensors)
    heartbeat: Heartbeat = Heartbeat()
    owned: Condition = NEVER
    answers: Mapping[str, str] = field(default_factory=dict)
    commands: Mapping[str, tuple[Stage, ...]] = field(default_factory=dict)
    refs: tuple[NodeRef, ...] = field(init=False)

    def __post_init__(self) -> None:
        refs = dict.fromkeys(signal.ref for signal in self.signals.values() if signal.ref)
        object.__setattr__(self, "refs", tuple(refs))

    @property
    def methods(self) -> tuple[NodePath, ...]:
        """Every method, once."""
        stages = (stage for stages in self.commands.values() for stage in stages)
        return tuple(dict.fromkeys(act.path for stage in stages for act in stage.acts if isinstance(act, CallAct)))

    @property
    def needed(self) -> frozenset[str]:
        """The signals without which nothing is started."""
        conditions = [*self.states.values(), *(guard.must for guard in self.guards)]
        counter = {self.proof.counter} - {""}
        return frozenset({name for condition in conditions for name in condition.signals} | counter)
