"""What all simulated machines behind OPC UA have in common, whatever they show: a NodeDevice with its troubles.

One object for every server: asyncua's on loopback or in virtual time (`node_server`), and the daemon's memory link.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from random import Random  # noqa: TID251 - seeded by the caller
from typing import Any, Final

from cellctl_sim.faults import Fault
from cellctl_sim.opcua.shelf import NodePath, Shelf
from cellctl_sim.opcua.trouble import SERVER, STATUS, VALUES, NodeKind, NodeTrouble

_HUGE: Final = "x" * 1_000_000
_FOREVER_S: Final = 0.0


class NodeTwin:
    """A machine with variables and methods. What it does is its subclass's: the methods at the end of this class.

    `trouble` is what goes wrong with it; a server asks it before every request. `certificate` stands for what its
    server shows where no real one is shown.
    """

    def __init__(self, name: str, shelf: Shelf, rng: Random) -> None:
        self.name: Final = name
        self.shelf: Final = shelf
        self.trouble: Final = NodeTrouble((), rng)
        self.certificate = f"{name}, first"
        self._now_s = 0.0
        self._passing: list[tuple[float, Fault]] = []
        self._frozen: dict[NodePath, Any] = {}

    # ---- a NodeDevice ----------------------------------------------------------------------------------------

    def values(self) -> dict[NodePath, Any]:
        """Every variable with its present value; None: it is not known, see `statuses`."""
        present = {self.shelf.variables[name].path: value for name, value in self._present().items()}
        for path, fault in self._touched():
            present[path] = self._spoilt(path, fault, present[path])
        return present

    def statuses(self) -> dict[NodePath, str]:
        """The StatusCode of every variable that is not Good."""
        return {path: STATUS[fault.kind] for path, fault in self._touched() if fault.kind in STATUS}

    def types(self) -> dict[NodePath, str]:
        """The data type of every variable; "ExtensionObject" for a structure."""
        return {variable.path: _plain(variable.type) for variable in self.shelf.variables.values()}

    @property
    def methods(self) -> Mapping[NodePath, Sequence[tuple[str, str]]]:
        """Every method with its input arguments: name and type."""
        return {method.path: method.inputs for method in self.shelf.methods.values()}

    def find(self, path: NodePath) -> NodePath | None:
        """The way by browse names to what a way with "first:" or "node:" steps means; None: there is nothing."""
        return self.shelf.find(path)

    def write(self, path: NodePath, value: Any, index: str, now_s: float) -> None:
        """Write a variable, or elements of an array. Raises KeyError for none, ValueError for what it does not take."""
        found = self.shelf.find(path)
        name = self.shelf.by_path.get(found or ())
        if name is None:
            raise KeyError(path)
        if not self.shelf.variables[name].writable:
            raise ValueError("BadNotWritable")
        self.advance(now_s)
        present = self._present()[name]
        self._take(name, _with(present, value, index) if index else value, refuse=self.trouble.refuses())

    def call(self, path: NodePath, arguments: Sequence[Any], now_s: float) -> tuple[Any, ...]:
        """Call a method. Raises KeyError if there is none, ValueError for wrong arguments."""
        found = self.shelf.find(path)
        name = next((name for name, method in self.shelf.methods.items() if method.path == found), None)
        if name is None:
            raise KeyError(path)
        inputs = self.shelf.methods[name].inputs
        if len(arguments) != len(inputs) or not all(_fits(a, t) for a, (_, t) in zip(arguments, inputs, strict=True)):
            raise ValueError(f"{name} takes {', '.join(f'{n}: {t}' for n, t in inputs) or 'nothing'}")
        self.advance(now_s)
        return self._act(name, arguments, refuse=self.trouble.refuses())

    def advance(self, now_s: float) -> None:
        """Let time pass up to now."""
        while (due_s := self._next_s()) <= now_s:
            self._live(due_s)
            self._now_s = due_s
            self._end_passing()
            for fault in self.trouble.strike(due_s):
                self._suffer(fault)
        self._live(now_s)
        self._now_s = now_s

    @property
    def wakeup_s(self) -> float | None:
        """When something will happen by itself; None for never."""
        due_s = self._next_s()
        return None if due_s == math.inf else due_s

    # ---- troubles --------------------------------------------------------------------------------------------

    def _next_s(self) -> float:
        ends = min((until_s for until_s, _ in self._passing), default=math.inf)
        return max(self._now_s, min(self._due_s(), self.trouble.strikes_s, ends))

    def _suffer(self, fault: Fault) -> None:
        until_s = math.inf if fault.amount == _FOREVER_S else self._now_s + fault.amount
        if fault.kind in SERVER:
            if fault.kind == NodeKind.REBOOT:
                self._reboot()
            if fault.kind == NodeKind.FULL:
                self.trouble.fill(until_s)
            if fault.kind == NodeKind.CERTIFICATE:
                self.certificate = f"{self.name}, second"
            if self.trouble.plug:
                self.trouble.plug(
                    fault.kind, 0.0 if fault.kind == NodeKind.FULL else until_s - self._now_s, self._now_s
                )
            return
        if fault.kind == NodeKind.STALE:
            self._frozen.update({path: value for path, value in self.values().items() if _is_meant(path, fault)})
        self._passing.append((until_s, fault))
        self._begin(fault)

    def _end_passing(self) -> None:
        over = [fault for until_s, fault in self._passing if until_s <= self._now_s]
        self._passing = [(until_s, fault) for until_s, fault in self._passing if until_s > self._now_s]
        for fault in over:
            self._end(fault)

    def _suffers(self, kind: str) -> bool:
        """Whether this is going on now."""
        return any(fault.kind == kind for _, fault in self._passing)

    def _touched(self) -> Iterator[tuple[NodePath, Fault]]:
        """Every variable whose value is not what it should be."""
        for _, fault in self._passing:
            if fault.kind in VALUES:
                yield from ((v.path, fault) for v in self.shelf.variables.values() if _is_meant(v.path, fault))

    def _spoilt(self, path: NodePath, fault: Fault, value: Any) -> Any:
        if fault.kind in STATUS:
            return None
        if fault.kind == NodeKind.STALE:
            return self._frozen.get(path, value)
        if fault.kind == NodeKind.HUGE:
            return _HUGE if isinstance(value, str) else value
        if fault.kind == NodeKind.WRONG_TYPE:
            return 4711 if isinstance(value, str) else str(value)
        return value

    # ---- what a subclass is ----------------------------------------------------------------------------------

    def _present(self) -> Mapping[str, Any]:
        """Every variable by its short name."""
        raise NotImplementedError

    def _act(self, method: str, arguments: Sequence[Any], *, refuse: bool) -> tuple[Any, ...]:
        """A method is called; `refuse`: say no in the machine's own way."""
        raise NotImplementedError

    def _take(self, name: str, value: Any, *, refuse: bool) -> None:
        """A variable is written; `refuse`: say no in the machine's own way, or do nothing."""
        raise NotImplementedError

    def _live(self, now_s: float) -> None:
        """Time passes up to now; nothing is due before."""

    def _due_s(self) -> float:
        """When something happens by itself; inf: never."""
        return math.inf

    def _begin(self, fault: Fault) -> None:
        """Something goes wrong with the machine itself from now on."""

    def _end(self, fault: Fault) -> None:
        """It is over."""

    def _reboot(self) -> None:
        """The controller has started anew."""


def _is_meant(path: NodePath, fault: Fault) -> bool:
    return path[-1].rpartition(";")[2].startswith(fault.line)


# By the first letters of a type's name; a structure is a dict.
_PYTHON: Final = (("Bool", bool), ("Int", int), ("UInt", int), ("Byte", int), ("Double", float), ("Float", float))


def _plain(kind: str) -> str:
    """The name of a built-in type, as it is; of a structure: "ExtensionObject"."""
    known = kind.startswith(("String", "LocalizedText", "NodeId", *(beginning for beginning, _ in _PYTHON)))
    return kind if known else f"ExtensionObject{'[]' if kind.endswith('[]') else ''}"


def _fits(value: Any, kind: str) -> bool:
    if kind.endswith("[]"):
        return isinstance(value, list | tuple) and all(_fits(each, kind[:-2]) for each in value)
    if kind in ("String", "LocalizedText", "NodeId"):
        return isinstance(value, str)
    wanted = next((python for beginning, python in _PYTHON if kind.startswith(beginning)), dict)
    return isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))


def _with(present: Any, value: Any, index: str) -> list[Any]:
    """An array with some elements replaced; `index` is an IndexRange. Raises ValueError."""
    low, _, high = index.partition(":")
    begin, end = int(low), int(high or low) + 1
    if not isinstance(present, list | tuple) or not begin < end <= len(present):
        raise ValueError("BadIndexRangeNoData")
    new = list(value) if isinstance(value, list | tuple) else [value]
    if len(new) != end - begin:
        raise ValueError("BadIndexRangeInvalid")
    return [*present[:begin], *new, *present[end:]]
