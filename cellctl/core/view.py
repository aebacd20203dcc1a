"""CellView: what the cell looks like from outside. The one thing that every face renders."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cellctl.core.handover_view import TransferView
from cellctl.core.stock_view import StockView
from cellctl.domain.link import LinkQuality, SessionState
from cellctl.domain.work import Parameter, Progress


@dataclass(frozen=True)  # Without slots: it is made anew with every measurement (core.changing).
class MachineView:
    """One station with a driver. `state` is the PackML name; `contact` is found, lost or never.

    `estimated_s`: how long the program that it runs takes, as far as it is known (0: it is not). `preflight`: programs
    are checked before they run here.
    `by_hand` is who works on it with the console. `unasked`: it is at work that it was not given by us, or that nobody
    has followed to this moment. `link` is how good its line is, None where nobody counts; `link_warning` is a sentence
    where it is bad. `session` is how far the session with its server is, None for a machine without one. `setup` is
    how it is set up, by dimension.
    """

    name: str
    driver: str
    capabilities: tuple[str, ...]
    state: str
    contact: str
    identity: str = ""
    reason: str = ""
    operation_id: str = ""
    job_id: str = ""
    step: str = ""
    progress: Progress = field(default_factory=Progress)
    locked: str = ""
    estimated_s: float = 0.0
    preflight: bool = True
    unasked: bool = False
    by_hand: str = ""
    link: LinkQuality | None = None
    link_warning: str = ""
    session: SessionState | None = None
    setup: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobView:
    """One job; `why` is one sentence about what it does or waits for, `reasons` the same for programs."""

    id: str
    order_id: str
    serial: str
    state: str
    substate: str
    step: str
    place: str
    knowledge: str
    why: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderView:
    """One order; `state` in plain words: stored, open, running, paused, done, cancelled, stopped, aborted.

    `job_state` and `substate` say the same by ISA-95 (names of JobState and JobSubstate); "" once it has left that
    list. They follow when machines have reacted; what was asked for shows in `state` at once.
    """

    id: str
    product: str
    revision: str
    parameters: Mapping[str, Parameter]
    quantity: int
    done: int
    state: str
    accepted_at: str
    customer_reference: str = ""
    jobs: tuple[str, ...] = ()
    priority: int = 0
    due_at: str = ""
    job_state: str = ""
    substate: str = ""


@dataclass(frozen=True, slots=True)
class PromptView:
    """A closed question that waits for a person.

    `source` and `target` say where the part is and where it is to be: "gone" means out of the cell, and "" that it is
    made at the target. `meanwhile` is what happens until it is answered; `due_s` (seconds since the Unix epoch, 0:
    never) when somebody is reminded of it, and `reminders` how often that was done.
    """

    id: str
    station: str
    text: str
    choices: tuple[str, ...]
    serial: str = ""
    source: str = ""
    target: str = ""
    kind: str = ""
    meanwhile: str = ""
    due_s: float = 0.0
    reminders: int = 0


@dataclass(frozen=True, slots=True)
class AlarmView:
    """An alarm that stands; `about` is a station, a zone, or "" for the cell. `rung` is what it does there."""

    id: str
    kind: str
    rung: str
    reach: str
    about: str
    text: str
    by: str


@dataclass(frozen=True, slots=True)
class ZoneView:
    """A zone; `phase` is open, stopped (by `by`) or cleared. `next` is what leads it on."""

    name: str
    stations: tuple[str, ...]
    phase: str = "open"
    by: str = ""
    reason: str = ""
    next: str = ""


@dataclass(frozen=True, slots=True)
class CarrierView:
    """A plate or a pallet: where it is, which part lies in which of its slots, and what it does or waits for."""

    name: str
    place: str
    knowledge: str
    slots: tuple[str, ...]
    parts: Mapping[str, str] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True)  # As MachineView.
class CellView:
    """The whole cell. `rev` grows with every journalled event: equal revs, equal views, but for progress and links.

    `mode`: running, draining or paused. `alarms` are sentences for a person; `standing` are those that were raised.
    """

    cell: str
    rev: int
    machines: tuple[MachineView, ...] = ()
    orders: tuple[OrderView, ...] = ()
    jobs: tuple[JobView, ...] = ()
    prompts: tuple[PromptView, ...] = ()
    alarms: tuple[str, ...] = ()
    stock: StockView = field(default_factory=StockView)
    mode: str = "running"
    zones: tuple[ZoneView, ...] = ()
    standing: tuple[AlarmView, ...] = ()
    transfers: tuple[TransferView, ...] = ()
    carriers: tuple[CarrierView, ...] = ()
