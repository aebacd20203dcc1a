"""What a machine shows: every value with its quality and the time when it was heard."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from cellctl.ports.nodes import NodeRef, NodeValue, Quality

from .conditions import asked
from .profile import COUNTED, Condition, Guard, Profile, Scalar, Words
from .values import PLACEHOLDER, WHOLE, decoded

NO_WORDS: Final[Words] = {}
_UNKNOWN: Final = object()


class Heard(NamedTuple):
    """A value as the server gave it. `at_s`: when it was heard, which is when it was known to be true."""

    value: Any
    good: bool
    status: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Against:
    """Why something may not be done. `unknown`: only because something is not known at this moment."""

    why: str = ""
    unknown: bool = False

    def __bool__(self) -> bool:
        return bool(self.why)


FREE: Final = Against()


@dataclass(frozen=True, slots=True)
class Index:
    """What is asked for with every value: the signals that each variable shows, and those that a start needs."""

    names: Mapping[NodeRef, Sequence[str]]
    needed: Set[str]

    @classmethod
    def of(cls, profile: Profile) -> "Index":
        """Of this profile."""
        names: dict[NodeRef, list[str]] = {}
        for name, signal in profile.signals.items():
            if signal.ref:
                names.setdefault(signal.ref, []).append(name)
        return cls(names, profile.needed)


class Picture:
    """All signals of one machine. Bad, Uncertain, too old, or of a wrong type: unknown, and never the last value."""

    def __init__(self, profile: Profile, stale_s: float) -> None:
        self.now_s = 0.0
        self._profile = profile
        self._stale_s = stale_s
        # By signal: one value may be that of several.
        self._heard: dict[str, Heard] = {}
        self._index = Index.of(profile)
        self._decoded: dict[str, Scalar | None] = {}
        # For which state and phase the guards were found in order; None since one of their signals has changed.
        self.judged: object = None
        # Of the work: its words, and what the counter of ended programs showed when it began; None: not known.
        self._work: tuple[Words, int | None] = (NO_WORDS, None)

    def about(self, words: Words, mark: int | None) -> None:
        """From now on it is asked about this work."""
        self._work = words, mark
        self._decoded.clear()
        self.judged = None

    def hear(self, heard: NodeValue, now_s: float) -> bool:
        """Take a value from the server; whether it says anything new, or anything again after too long a silence."""
        names = self._index.names.get(heard.ref)
        if not names:
            return False
        before = self._heard.get(names[0])
        good = heard.quality is Quality.GOOD
        now = Heard(heard.value, good, heard.status, now_s)
        for name in names:
            self._heard[name] = now
        same = before is not None and before.good is good and type(before.value) is type(heard.value)
        if same and before is not None and before.value == heard.value and now_s - before.at_s <= self._stale_s:
            return False
        for name in names:
            self._decoded.pop(name, None)
        if not self._index.needed.isdisjoint(names):
            self.judged = None
        return True

    def given(self, name: str, value: Any, now_s: float) -> None:
        """Take a value that a method has brought."""
        self._heard[name] = Heard(value, True, "Good", now_s)
        self._decoded.clear()
        self.judged = None

    def raw(self, ref: NodeRef) -> Any:
        """The value of a whole variable as the server gave it; None where it is unknown."""
        heard = self._heard.get(names[0]) if (names := self._index.names.get(ref)) else None
        fresh = heard is not None and heard.good and self.now_s - heard.at_s <= self._stale_s
        return heard.value if heard is not None and fresh else None

    def shows(self, name: str) -> Scalar | None:
        """What a signal shows now; None where that is unknown."""
        if name == COUNTED:
            return self.counted
        heard = self._heard.get(name)
        if heard is None or not heard.good or self.now_s - heard.at_s > self._stale_s:
            return None
        value = self._decoded.get(name, _UNKNOWN)
        if value is _UNKNOWN:
            value = self._decoded[name] = decoded(self._profile.signals[name], heard.value, self._work[0])
        return value  # type: ignore[return-value]

    @property
    def oldest_s(self) -> float | None:
        """When the oldest of all values was heard; None while one was not."""
        heard = [self._heard.get(names[0]) for names in self._index.names.values()]
        known = [each.at_s for each in heard if each is not None]
        return min(known, default=None) if len(known) == len(heard) else None

    def holds(self, condition: Condition) -> bool | None:
        """Whether the machine shows it; None where too little is known."""
        return asked(condition, self.shows, self._work[0])

    @property
    def state(self) -> str:
        """What the machine's program control does, by the profile's own names; empty where that is unknown."""
        for name, condition in self._profile.states.items():
            answer = self.holds(condition)
            if answer is None:
                return ""
            if answer:
                return name
        return ""

    @property
    def at_rest(self) -> bool:
        """The machine says that no program runs. False also where it does not say."""
        return self.state in ("resting", "faulted")

    @property
    def counter(self) -> int | None:
        """Its count of ended programs."""
        name = self._profile.proof.counter
        value = self.shows(name) if name else None
        return value if type(value) is int else None

    @property
    def counted(self) -> bool | None:
        """Exactly one program has ended since the work began."""
        now = self.counter
        mark = self._work[1]
        if now is None or mark is None:
            return None
        least, most = WHOLE[self._profile.signals[self._profile.proof.counter].type]
        return (now - mark) % (most - least + 1) == 1

    @property
    def halted_by_itself(self) -> str:
        """Which stop of its own the machine shows; empty if none that is known of."""
        guards = (guard for guard in self._profile.guards if guard.halts)
        return next((self._said(guard) for guard in guards if self.holds(guard.must) is False), "")

    @property
    def stopped_from_outside(self) -> str | None:
        """Which stop from outside the machine shows; empty if none, None while that is not known."""
        shown = [(self.holds(guard.must), guard) for guard in self._profile.guards if guard.outside]
        said = next((self._said(guard) for holds, guard in shown if holds is False), "")
        return said if said or all(holds for holds, _ in shown) else None

    def against(self, *, start: bool) -> Against:
        """Why nothing may move, as far as the machine's own values tell. `start`: why no new work may begin."""
        for guard in self._profile.guards:
            if guard.before_start and not start:
                continue
            answer = self.holds(guard.must)
            if answer is not True:
                return Against(self._said(guard)) if answer is False else Against(self._unknown(guard.must), True)
        for name in sorted(self._index.needed):
            if self.shows(name) is None:
                return Against(self._not_known(name), True)
        state = self.state
        return FREE if state else Against("what its program control does is not known", True)

    def _said(self, guard: Guard) -> str:
        words = {**self._work[0], **{name: self.shows(name) for name in self._profile.signals}}
        return PLACEHOLDER.sub(lambda found: str(words.get(found[1], "")), guard.says)

    def _unknown(self, condition: Condition) -> str:
        names = (name for name in condition.signals if self.shows(name) is None)
        return self._not_known(next(names, self._profile.proof.counter))

    def _not_known(self, name: str) -> str:
        heard = self._heard.get(name)
        if heard is None:
            why = "it was not heard yet"
        elif not heard.good:
            why = f"the server says {heard.status}"
        elif self.now_s - heard.at_s > self._stale_s:
            why = f"it was heard {self.now_s - heard.at_s:.0f} s ago"
        else:
            why = f"it shows {str(heard.value)[:40]!r}"
        return f"its {name} is not known: {why}"


def mark_of(text: str) -> int | None:
    """A count from what was written down of it."""
    return int(text) if text.lstrip("-").isdigit() else None
