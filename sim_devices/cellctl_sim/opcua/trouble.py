"""What goes wrong with a machine behind an OPC UA server: the plan of `faults`, with kinds of its own.

    {kind = "refuse", nth = 1, line = "call Start"}                 the first call of Start is refused
    {kind = "drop-after", nth = 1, line = "write"}                  cut, when a write has had its effect
    {kind = "stop-chain", at_s = 30.0, amount = 5.0}                somebody presses the stop for 5 s
    {kind = "restart", nth = 3, line = "call", amount = 4.0}        the server comes back after 4 s, renumbered

What happens to a request is told by `meet` to whichever server received it (asyncua's, or the one in memory), before
it does anything; what happens to the server itself is for whoever runs it (`plug`); the rest is the machine's.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random  # noqa: TID251 - seeded by the caller
from typing import Final

from cellctl_sim.faults import Fault, FaultPlan, Trap


class NodeKind(StrEnum):
    """What can happen to a machine behind an OPC UA server. Requests are named "call Start", "write Go", "read"…"""

    # requests
    REFUSE = "refuse"  # no effect; `text`: with this StatusCode, else in the machine's own way
    HANG = "hang"  # no effect, and no answer ever
    HANG_AFTER = "hang-after"  # it has its effect, and no answer ever
    SLOW = "slow"  # it has its effect, and the answer comes so many seconds later
    LATE = "late"  # it has its effect only so many seconds later, and then the answer
    DROP = "drop"  # the connection is cut before it has any effect
    DROP_AFTER = "drop-after"  # the connection is cut after its effect, before the answer
    # the server, for so many seconds; 0: until the end of time
    CUT = "cut"  # connections are cut, and none is made
    RESTART = "restart"  # so too; then namespaces have other indexes, while the machine went on
    REBOOT = "reboot"  # so too; and the machine has forgotten its program
    FULL = "full"  # all seats are taken by others, and connections are cut
    CERTIFICATE = "certificate"  # connections are cut; then it shows another certificate
    # values whose browse name begins with `line`, for so many seconds
    BAD = "bad"
    UNCERTAIN = "uncertain"
    STALE = "stale"  # they stay as they are, whatever happens
    HUGE = "huge"  # strings of a million letters
    WRONG_TYPE = "wrong-type"  # text where a number was, a number where text was
    # the machine
    WRONG_MODE = "wrong-mode"  # somebody turns the key, for so many seconds
    STOP_CHAIN = "stop-chain"  # somebody presses the stop, for so many seconds
    PROTECTIVE_STOP = "protective-stop"  # a fence opens, for so many seconds
    ALARM = "alarm"  # its program fails


REQUESTS: Final = frozenset(
    {
        NodeKind.REFUSE,
        NodeKind.HANG,
        NodeKind.HANG_AFTER,
        NodeKind.SLOW,
        NodeKind.LATE,
        NodeKind.DROP,
        NodeKind.DROP_AFTER,
    }
)
SERVER: Final = frozenset({NodeKind.CUT, NodeKind.RESTART, NodeKind.REBOOT, NodeKind.FULL, NodeKind.CERTIFICATE})
VALUES: Final = frozenset({NodeKind.BAD, NodeKind.UNCERTAIN, NodeKind.STALE, NodeKind.HUGE, NodeKind.WRONG_TYPE})
STATUS: Final[Mapping[str, str]] = {NodeKind.BAD: "BadNoCommunication", NodeKind.UNCERTAIN: "UncertainLastUsableValue"}


@dataclass(frozen=True, slots=True)
class Reception:
    """How a server treats one request.

    `refused`: with which StatusCode, without effect. `before_s`: seconds until its effect, `after_s`: from then until
    the answer; inf: never. `hangs_up`: the connection is cut where effect, or answer, would have been.
    """

    refused: str = ""
    before_s: float = 0.0
    after_s: float = 0.0
    hangs_up: bool = False


GRANTED: Final = Reception()
_RECEPTIONS: Final[Mapping[str, Callable[[Fault], Reception]]] = {
    NodeKind.REFUSE: lambda fault: Reception(refused=fault.text),
    NodeKind.HANG: lambda _: Reception(before_s=math.inf),
    NodeKind.HANG_AFTER: lambda _: Reception(after_s=math.inf),
    NodeKind.SLOW: lambda fault: Reception(after_s=fault.amount),
    NodeKind.LATE: lambda fault: Reception(before_s=fault.amount),
    NodeKind.DROP: lambda _: Reception(before_s=math.inf, hangs_up=True),
    NodeKind.DROP_AFTER: lambda _: Reception(after_s=math.inf, hangs_up=True),
}


class NodeTrouble:
    """Waits for what is planned for one machine, and says when it happens.

    `plug` is called with what happens to the server: its kind, for how long nobody gets in (inf: never again), and
    when. Without anybody there it does not happen.
    """

    def __init__(self, faults: Iterable[Fault], rng: Random) -> None:
        self.plug: Callable[[str, float, float], None] | None = None
        self.happened = 0
        """How many faults have happened so far."""
        self._rng = rng
        self._traps: list[Trap] = []
        self._struck: list[Fault] = []
        self._struck_s = 0.0
        self._full_until_s = -math.inf
        self._refuses = False
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> None:
        """One more; its requests are counted from now on."""
        self._traps.append(Trap(fault, self._rng))

    def admits(self, now_s: float) -> bool:
        """Whether the server has a seat for one more session."""
        return now_s >= self._full_until_s

    def fill(self, until_s: float) -> None:
        """Others take all seats until then."""
        self._full_until_s = until_s

    def meet(self, request: str, now_s: float) -> Reception:
        """A request has come. How it is treated; to be asked once for each."""
        hit = [trap.fault for trap in self._traps if trap.springs(request.encode(), now_s)]
        # What waited for an instant, and for a request from then on, happens once.
        self._traps = [trap for trap in self._traps if not (trap.fault.at_s is not None and trap.fault in hit)]
        self.happened += len(hit)
        later = [fault for fault in hit if fault.kind not in REQUESTS]
        self._struck, self._struck_s = [*self._struck, *later], now_s
        self._refuses = any(fault.kind == NodeKind.REFUSE and not fault.text for fault in hit)
        return next((_RECEPTIONS[fault.kind](fault) for fault in hit if fault.kind in _RECEPTIONS), GRANTED)

    def refuses(self) -> bool:
        """Whether the machine refuses, in its own words, what it is asked now."""
        refuses, self._refuses = self._refuses, False
        return refuses

    def strike(self, now_s: float) -> Sequence[Fault]:
        """What happens to machine and server now."""
        due = [trap for trap in self._traps if self._due_s(trap) <= now_s]
        self._traps = [trap for trap in self._traps if trap not in due]
        self.happened += len(due)
        struck, self._struck = [*self._struck, *(trap.fault for trap in due)], []
        return struck

    @property
    def strikes_s(self) -> float:
        """When `strike` has something to tell; inf: nobody knows."""
        return self._struck_s if self._struck else min(map(self._due_s, self._traps), default=math.inf)

    def _due_s(self, trap: Trap) -> float:
        return math.inf if trap.fault.kind in REQUESTS else trap.due_s


def node_plan(seed: int, kind: str, requests: Sequence[str], last_s: float, values: Sequence[str] = ()) -> FaultPlan:
    """A plan of one kind, at an instant up to `last_s` or with one of the requests; all drawn from the seed.

    A kind that is about values hits all of them, or those whose names begin as one of `values` says.
    """
    rng = Random(f"{seed}/{kind}")  # noqa: S311 - repeatable on purpose
    amount = round(rng.choice((0.1, 0.5, 2.0, 5.0, 20.0)) * rng.uniform(0.5, 1.5), 3)
    text = rng.choice(("", "BadUserAccessDenied", "BadInternalError")) if kind == NodeKind.REFUSE else ""
    if kind not in VALUES and (kind in REQUESTS or rng.random() < 0.5):
        line = rng.choice(requests)
        # What is read is read often; a command comes once.
        nth = 1 + (rng.randrange(4) if line == "read" else 0)
        return FaultPlan(seed, (Fault(kind, nth=nth, line=line, amount=amount, text=text),))
    line = rng.choice(("", *values)) if kind in VALUES else ""
    # Half of them at the very beginning, where most is decided.
    at_s = round(rng.uniform(0.0, rng.choice((0.06, 1.0, last_s, last_s))), 3)
    return FaultPlan(seed, (Fault(kind, at_s=at_s, amount=amount, text=text, line=line),))
