"""Orders, products and the work they lead to: values that travel between all rooms of the house."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from typing import Any, NewType

from cellctl.domain.changeovers import Changeovers as Changeovers  # noqa: PLC0414 - told on
from cellctl.domain.changeovers import ChangeRule as ChangeRule  # noqa: PLC0414 - told on
from cellctl.domain.job import JobState, JobSubstate
from cellctl.domain.material import Claim, Stock
from cellctl.domain.progress import Evidence as Evidence  # noqa: PLC0414 - told on: they are nouns of work, too
from cellctl.domain.progress import Progress as Progress  # noqa: PLC0414
from cellctl.domain.quality import Disposition as Disposition  # noqa: PLC0414 - told on: it is a noun of work, too
from cellctl.domain.quality import Gate, Inspection
from cellctl.domain.stops import BUILT_IN, AlarmClass, Zone

# "station.slot", for example "printer-1.bed"; a part is always at a place, or nowhere yet, or gone.
Place = NewType("Place", str)
NOWHERE = Place("")
GONE = Place("gone")

Parameter = str | int | float


def station_of(place: Place) -> str:
    """The station that a place belongs to: "printer-1.bed" is at "printer-1"."""
    return place.partition(".")[0]


class Knowledge(Enum):
    """How well a physical fact is known, best first."""

    OBSERVED = "observed"
    RECORDED = "recorded"
    CONFIRMED = "confirmed"
    PRESUMED = "presumed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Program:
    """A program file, named by its content. `lines` counts the lines that a machine will be sent.

    `estimated_s`: how long it takes, waiting for heat included; 0 where nobody knows. `resident`: its name or number in
    the controller that it has been taught to; then there is no file, no SHA-256, and nothing to check before it runs.
    """

    sha256: str
    name: str
    lines: int
    estimated_s: float = 0.0
    resident: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A closed question to a person, with every answer that is allowed."""

    text: str
    choices: tuple[str, ...]


@dataclass(frozen=True)  # Without slots: what follows from it is worked out once.
class Way:
    """One way to do a step: what a station must be able to do, and either a program or a question to a person.

    `machine_type`: only stations of this type; "": any with the capability. `setup`: how the station must be set up
    (dimension to value: material, colour, nozzle, tools, fixture, plate). `materials`: how much of each is used up;
    `tools`: minutes of use of each. `by_hand`: a person may do it, too; `instruction` is what that person is told.
    `takes_s`: how long it takes by the product file; 0 where that does not say. `unfit`: why a station must not run
    the program, by the pre-flight check; `estimates_s`: how long it takes at a station that may, by that check.
    `parts`: how many parts one run makes. More than one: a shared build, behind the way for a single part in
    `Step.ways`, and taken in its stead where so many jobs wait for the same.
    """

    capability: str
    program: Program | None = None
    question: Question | None = None
    setup: Mapping[str, str] = field(default_factory=dict)
    materials: Mapping[str, float] = field(default_factory=dict)
    tools: Mapping[str, float] = field(default_factory=dict)
    machine_type: str = ""
    by_hand: bool = True
    instruction: str = ""
    takes_s: float = 0.0
    unfit: Mapping[str, str] = field(default_factory=dict)
    estimates_s: Mapping[str, float] = field(default_factory=dict)
    parts: int = 1

    @cached_property
    def wishes(self) -> str:
        """What it asks of a station, as text: equal for equal wishes."""
        if not (self.setup or self.materials or self.tools or self.machine_type) and self.by_hand:
            return self.capability
        needs = (repr(sorted(each.items())) if each else "" for each in (self.setup, self.materials, self.tools))
        return f"{self.capability} {self.machine_type} {self.by_hand} {' '.join(needs)}"


@dataclass(frozen=True, slots=True)
class Step:
    """One operation of a route, and every way to do it, best first. Which one is taken is decided at dispatch.

    The answer `choices[0]` to a question means that the part may go on; any other answer scraps it, unless `gate` has
    more to say: that is what must be recorded of the part before it goes on.
    """

    name: str
    ways: tuple[Way, ...]
    gate: Gate | None = None


def one_way(name: str, capability: str, program: Program | None = None, question: Question | None = None) -> Step:
    """A step that is done in one way, and needs nothing but the capability."""
    return Step(name, (Way(capability, program, question),))


@dataclass(frozen=True, slots=True)
class Directive:
    """ISA-95 work directive: the frozen copy of product, parameters and programs that a job is made from."""

    product: str
    revision: str
    parameters: Mapping[str, Parameter]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """What a customer asked for. Immutable; its state is derived from its jobs."""

    id: str
    product: str
    revision: str
    parameters: Mapping[str, Parameter]
    quantity: int = 1
    priority: int = 0
    due_at: str = ""
    customer_reference: str = ""
    accepted_at: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """One part on its route. `step` is the index of the next step that is not yet done."""

    id: str
    order_id: str
    serial: str
    state: JobState = JobState.ALLOWED_TO_START
    substate: JobSubstate = JobSubstate.WAITING
    step: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One physical piece with a serial number, and where it is to the best of our knowledge.

    `inspections`: the last result of each gate that it has come to since it was last reworked from before there.
    `held_at`: the gate, or the step whose run broke off, where a person must decide what becomes of it; "": none.
    """

    serial: str
    job_id: str
    place: Place = NOWHERE
    knowledge: Knowledge = Knowledge.RECORDED
    disposition: Disposition = Disposition.IN_WORK
    inspections: tuple[Inspection, ...] = ()
    reworks: Mapping[str, int] = field(default_factory=dict)
    held_at: str = ""

    def inspection(self, step: str) -> Inspection | None:
        """The result that holds for a gate."""
        return next((each for each in self.inspections if each.step == step), None)


class OperationKind(Enum):
    """What an operation asks of the station that does it. A CHANGE (of its set-up) is for no job and no part."""

    PROCESS = "process"
    CARRY = "carry"
    CHANGE = "change"


class OperationState(Enum):
    """How far an operation has come. INTENDED is durable before the first byte goes out.

    NOT_BEGUN is proved: no byte went out, so the work may be given out again without asking anybody.
    """

    INTENDED = "intended"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    NOT_BEGUN = "not-begun"
    UNKNOWN = "unknown"


class Rung(Enum):
    """How far an operation is known to have come, each durable before the next may happen.

    STARTED: its station took it, and heats, homes or looks; the part is as it was. SENT: what touches the part may have
    gone out. ACKNOWLEDGED: the station has taken all of it, and only the proof of its end is missing.
    """

    INTENDED = "intended"
    STARTED = "started"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"


@dataclass(frozen=True, slots=True)
class Mate:
    """Another part that a shared build makes in the same run, its job, and its own place on the machine."""

    job_id: str
    serial: str
    target: Place


@dataclass(frozen=True, slots=True)
class Operation:
    """One station's task for one part: run a program, ask a person, or carry the part from place to place.

    PROCESS happens at `target`; CARRY goes from `source` to `target`; CHANGE brings the station to `setup`.
    `resumes` is the operation that broke off in the middle of this one's work: part of it is done already. `mark`: what
    its machine showed before it began, or will show at its end, by which the driver knows the work again after a loss
    of contact. `way`: which of its step's ways was taken, by its place in `Step.ways`; `prepares`: the job for whose
    sake a set-up is changed. `at_s`: when it was intended, in seconds since the Unix epoch; 0 if the log does not say.
    `gated`: its driver sends nothing that touches the part before SENT is durable. `sought`: its outcome is unknown,
    and its machine is asked before any person is.
    `claims`: what it takes of lots and tools, reserved for as long as it is open. `carrier`: the plate
    that is carried, with all parts on it; it stands in for the serial number, and there is no job. `mates`: what a
    shared build makes in the same run, beside its first part.
    """

    id: str
    job_id: str
    serial: str
    step: str
    kind: OperationKind
    station: str
    target: Place
    source: Place = NOWHERE
    program: Program | None = None
    question: Question | None = None
    state: OperationState = OperationState.INTENDED
    resumes: str = ""
    mark: str = ""
    way: int = 0
    setup: Mapping[str, str] = field(default_factory=dict)
    prepares: str = ""
    at_s: float = 0.0
    rung: Rung = Rung.INTENDED
    gated: bool = False
    sought: bool = False
    claims: tuple[Claim, ...] = ()
    carrier: str = ""
    mates: tuple[Mate, ...] = ()

    def each(self) -> tuple["Operation", ...]:
        """The operation as each of its parts sees it: the same one, for this job and this part, at its place."""
        alone = replace(self, mates=()) if self.mates else self
        others = (replace(alone, job_id=it.job_id, serial=it.serial, target=it.target) for it in self.mates)
        return (alone, *others)

    @property
    def job_ids(self) -> tuple[str, ...]:
        """The jobs that it is for; a change-over is for none, and has an empty name here."""
        return (self.job_id, *(mate.job_id for mate in self.mates)) if self.mates else (self.job_id,)

    @property
    def serials(self) -> tuple[str, ...]:
        """The parts that it is for."""
        return (self.serial, *(mate.serial for mate in self.mates)) if self.mates else (self.serial,)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question that waits for a person. `operation_id` is what waits for the answer.

    `due_s`: when somebody must be reminded, in seconds since the Unix epoch (0: never); `level` counts how often that
    has been done.
    """

    id: str
    station: str
    question: Question
    operation_id: str = ""
    serial: str = ""
    due_s: float = 0.0
    level: int = 0


@dataclass(frozen=True)  # Without slots: what follows from it is worked out once.
class Station:
    """A place of work in the cell file: a machine, an arm, a rack, a bench.

    `reach` names the stations that a carrier can take parts from and bring parts to. Stations without a driver
    (racks) do nothing by themselves; one that is a buffer may take a part whose next machine is busy. `preflight`:
    programs are checked before they run here; `console`: people may send it lines by hand. `type`: what programs of a
    product are made for (the driver's name where the cell file says nothing else); `setup`: how it is set up before
    anything is known to have been changed. `gated`: its driver waits for `step.sent` to be durable before it sends what
    touches a part. `suspends`: it takes PackML's Suspend.
    """

    name: str
    driver: str = ""
    capabilities: tuple[str, ...] = ()
    slots: tuple[str, ...] = ()
    reach: tuple[str, ...] = ()
    buffer: bool = False
    preflight: bool = True
    console: bool = False
    type: str = ""
    setup: Mapping[str, str] = field(default_factory=dict)
    gated: bool = False
    suspends: bool = False

    @cached_property
    def attended(self) -> bool:
        """A person works here: asking again is harmless, and nothing moves by itself."""
        return self.driver == "manual"

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Every place where this station can hold a part."""
        return tuple(Place(f"{self.name}.{slot}") for slot in self.slots)


@dataclass(frozen=True, slots=True)
class Carrier:
    """A plate, a pallet, a tray: it stands at a place, has slots for parts, and is carried with all that lies on it.

    `fits`: every place where it can stand; they hold nothing else. `at`: the one where it is before it was ever moved,
    and its home. `movers`: the stations (arms, persons) that can lift it.
    """

    name: str
    slots: tuple[str, ...]
    fits: tuple[Place, ...]
    at: Place = NOWHERE
    movers: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[Place, ...]:
        """Every place on it."""
        return tuple(Place(f"{self.name}.{slot}") for slot in self.slots)


@dataclass(frozen=True)  # Without slots: what follows from it is worked out once.
class Plan:
    """The cell as its integrator built it: every station, and every carrier, by name, in the order of the cell file.

    `dispatch`: who decides which job is next and where, by its name in `core.sequencing`; what it has planned to begin
    within `frozen_s` stays so. `stock`: what was there when the cell was first started; from then on the log knows
    better. `alarms` are those of its own, and the built-in ones that it changes. `within_s`: how long a question of a
    kind (core.prompts) may wait before somebody is reminded, where the cell file says so. `speed`: seconds of the
    cell's clock in a second outside, of which programs on a busy computer need their share whatever that clock shows.
    """

    name: str
    stations: Mapping[str, Station] = field(default_factory=dict)
    carriers: Mapping[str, Carrier] = field(default_factory=dict)
    changeovers: Changeovers = field(default_factory=Changeovers)
    dispatch: str = "set-up"
    stock: Stock = field(default_factory=Stock)
    zones: Mapping[str, Zone] = field(default_factory=dict)
    alarms: Mapping[str, AlarmClass] = field(default_factory=dict)
    within_s: Mapping[str, float] = field(default_factory=dict)
    speed: float = 1.0
    frozen_s: float = 0.0

    @cached_property
    def by_capability(self) -> Mapping[str, tuple[Station, ...]]:
        """The stations with a driver that have a capability, in the order of the cell file."""
        found: dict[str, tuple[Station, ...]] = {}
        for station in self.stations.values():
            for capability in station.capabilities if station.driver else ():
                found[capability] = (*found.get(capability, ()), station)
        return found

    @cached_property
    def known_ways(self) -> dict[tuple[str, frozenset[str], str], Any]:
        """Ways from a station to others that were looked for before (domain.reach): no event changes them."""
        return {}

    def alarm_class(self, name: str) -> AlarmClass | None:
        """A kind of alarm by name."""
        return self.alarms.get(name) or BUILT_IN.get(name)

    def station(self, name: str) -> Station:
        """A station by name. One that is no longer in the cell file can do nothing, and nobody reaches it."""
        return self.stations.get(name) or Station(name)
