"""What the pre-flight check has said, remembered: a program that is ordered a hundred times is checked once."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from typing import Final

from cellctl.gcode.preflight import Piecewise, checking
from cellctl.gcode.rules import MachineRules
from cellctl.gcode.verdict import Verdict

_KEPT: Final = 512
_RULES_KEPT: Final = 64

Key = tuple[str, int]


class Verdicts:
    """By the content of a program (SHA-256) and the rules it was held against; the latest few hundred.

    `lines` gives those of a stored program, see `ports.Files.lines`.
    """

    def __init__(self, lines: Callable[[str], Iterator[str]]) -> None:
        self._lines = lines
        self._known: OrderedDict[Key, Verdict] = OrderedDict()
        self._rules: OrderedDict[int, MachineRules] = OrderedDict()
        self._numbered = 0
        # Checks under way. Whoever else asks meanwhile drives the same one on.
        self._open: dict[Key, Piecewise[None]] = {}
        self._askers: Counter[Key] = Counter()

    def asking(self, sha256: str, rules: MachineRules) -> Piecewise[Verdict]:
        """The verdict; what is known is answered at once. Raises StoreFailed if the program cannot be read."""
        key = sha256, self._number(rules)
        self._askers[key] += 1
        try:
            while key not in self._known:
                work = self._open.get(key)
                if work is None:
                    work = self._open[key] = self._check(key, rules)
                next(work, None)
                if key not in self._known:
                    yield
        finally:
            self._leave(key)
        self._known.move_to_end(key)
        return self._known[key]

    def _leave(self, key: Key) -> None:
        """What nobody asks for any more is not read on."""
        self._askers[key] -= 1
        if not self._askers[key]:
            del self._askers[key]
            if key in self._open:
                self._open[key].close()

    def _check(self, key: Key, rules: MachineRules) -> Piecewise[None]:
        try:
            self._known[key] = yield from checking(self._lines(key[0]), rules)
        finally:
            del self._open[key]
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)

    def _number(self, rules: MachineRules) -> int:
        """Equal rules have the same number."""
        for number, known in self._rules.items():
            if known is rules or known == rules:
                self._rules.move_to_end(number)
                return number
        self._numbered += 1
        self._rules[self._numbered] = rules
        if len(self._rules) > _RULES_KEPT:
            self._rules.popitem(last=False)
        return self._numbered
