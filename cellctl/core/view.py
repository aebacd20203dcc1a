"""CellView: what the cell looks like from outside. The one thing that every face renders."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cellctl.core.stock_view import StockView
from cellctl.domain.link import LinkQuality, SessionState
from cellctl.domain.work import Parameter, Progress


@dataclass(frozen=True, slots=True)
class MachineView:
    """One station with a driver. `state` is the PackML name; `contact` is found, lost or never.

    `estimated_s`: how long the program that it runs takes, as far as it is known (0: it is not). `preflight`: programs
    are checked before they run here.
    `by_hand` is who works on it with the console. `unasked`: it is at work that it was not given by us, or that nobody
    has followed to this moment. `link` is how good its line is, None where nobody counts; `link_warning` is a sentence
    where it is bad. `session` is how far the session with its server is, None for a machine without one.
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
    made at the target.
    """

    id: str
    station: str
    text: str
    choices: tuple[str, ...]
    serial: str = ""
    source: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class CellView:
    """The whole cell. `rev` grows with every journalled event: equal revs, equal views, but for progress and links."""

    cell: str
    rev: int
    machines: tuple[MachineView, ...] = ()
    orders: tuple[OrderView, ...] = ()
    jobs: tuple[JobView, ...] = ()
    prompts: tuple[PromptView, ...] = ()
    alarms: tuple[str, ...] = ()
    stock: StockView = field(default_factory=StockView)
