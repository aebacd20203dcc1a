"""[[commands.NAME]]: every step of a command becomes requests and waits, by its `do`."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from pydantic import ValidationError

from .profile import (
    RUN_WORDS,
    Accepted,
    Act,
    Argument,
    AwaitAct,
    CallAct,
    Condition,
    Signal,
    Stage,
    WriteAct,
)
from .tables import STEPS, CallStep, ChangeStep, ProfileFile, PulseStep, StepTable, WaitStep, WriteStep, mistakes_in
from .values import PLACEHOLDER, WHOLE, fitting
from .ways import way_of

Made = TypeVar("Made")

# Before these the control is taken, where there is one to be taken.
_NEED_CONTROL: Final = ("start", "unhold", "clear", "reset")


class Binder(Protocol):
    """Who holds the parts of a file together, and collects what is wrong with them."""

    def condition(self, where: str, tests: Any, *, whole: bool = False) -> Condition:
        """A condition; NEVER where it makes no sense."""
        ...

    def tried(self, where: str, make: Callable[[], Made], otherwise: Made) -> Made:
        """What `make` makes; otherwise where that is a mistake."""
        ...

    def note(self, where: str, why: str) -> None:
        """This is a mistake."""
        ...


class Commands:
    """The commands of one profile file."""

    def __init__(
        self, file: ProfileFile, signals: Mapping[str, Signal], without: Collection[str], binder: Binder
    ) -> None:
        self._file = file
        self._signals = signals
        self._without = without
        self._binder = binder

    def all(self) -> dict[str, tuple[Stage, ...]]:
        """Every command's stages; control is taken where it must be."""
        made: dict[str, tuple[Stage, ...]] = {}
        for name, steps in self._file.commands.items():
            stages = (self._stage(f"commands.{name}.{at}", keys) for at, keys in enumerate(steps))
            made[name] = tuple(stage for stage in stages if stage is not None)
        for name, other in self._file.same.items():
            if other not in made:
                self._binder.note(f"same.{name}", f"there is no [[commands.{other}]]; there are: {', '.join(made)}")
            made[name] = made.get(other, ())
        owned = self._binder.condition("control.owned", self._file.control.owned)
        taking = tuple(Stage(each.acts, owned) for each in made.get("take_control", ()))
        return {name: (taking if name in _NEED_CONTROL else ()) + stages for name, stages in made.items()}

    def _stage(self, where: str, keys: Mapping[str, Any]) -> Stage | None:
        """One step; None where it is about a signal that the machine does not have."""
        do = keys.get("do")
        if not isinstance(do, str) or do not in STEPS:
            self._binder.note(where, f"do must be one of: {', '.join(STEPS)}; found {do!r}")
            return None
        try:
            step = STEPS[do].model_validate(keys)
        except ValidationError as error:
            self._binder.note(where, "; ".join(mistakes_in(error)))
            return None
        within_s = step.within_s or self._file.times.settle_s
        unless = self._binder.condition(f"{where}.unless", step.unless)
        until = self._binder.condition(f"{where}.until", step.until)
        acts = list(self._acts(where, step, within_s))
        if not acts and not isinstance(step, WaitStep):
            return None
        if until:
            acts.append(AwaitAct(_after(acts), until, within_s))
        elif isinstance(step, WaitStep):
            self._binder.note(where, "until is missing: what is waited for")
            return None
        undo = acts[2] if isinstance(step, PulseStep) and isinstance(acts[2], WriteAct) else None
        about_work = any(word in RUN_WORDS for word in _words(dict(keys)))
        return Stage(tuple(acts), unless, step.moves, undo, about_work)

    def _acts(self, where: str, step: StepTable, within_s: float) -> Iterator[Act]:
        match step:
            case CallStep():
                yield from self._call(where, step)
            case WriteStep():
                yield from self._write(where, step, within_s)
            case PulseStep():
                yield from self._pulse(where, step, within_s)
            case ChangeStep():
                yield from self._change(where, step, within_s)

    def _call(self, where: str, step: CallStep) -> Iterator[Act]:
        file, nowhere = self._file, tuple[str, ...]()
        path = self._binder.tried(f"{where}.method", lambda: way_of(step.method, file.places, file.namespaces), nowhere)
        arguments = []
        for at, each in enumerate(step.arguments):
            self._check(f"{where}.arguments.{at}", each.value, each.type)
            arguments.append(Argument(each.value, each.type))
        yes = step.accepted
        accepted = Accepted(yes.output, yes.values, yes.bits) if yes else None
        gives = {int(output): name for output, name in step.gives.items() if output.isdigit()}
        for name in gives.values():
            if name not in self._signals or self._signals[name].ref is not None:
                self._binder.note(f"{where}.gives", f"{name} is no signal without a node")
        yield CallAct(step.method[-1].rpartition(";")[2], path, tuple(arguments), accepted, gives)

    def _write(self, where: str, step: WriteStep, within_s: float) -> Iterator[Act]:
        signal = self._writable(f"{where}.signal", step.signal)
        if signal is None:
            return
        self._check(f"{where}.value", step.value, "Boolean" if signal.bit is not None else signal.type)
        yield WriteAct(f"{step.signal} = {step.value}", step.signal, step.value)
        yield from self._echo(where, step.echo, step.signal, within_s)

    def _pulse(self, where: str, step: PulseStep, within_s: float) -> Iterator[Act]:
        signal = self._writable(f"{where}.signal", step.signal)
        if signal is None:
            return
        self._check(f"{where}.signal", True, "Boolean" if signal.bit is not None else signal.type)
        acknowledged = self._binder.condition(f"{where}.acknowledged", step.acknowledged)
        if not acknowledged:
            self._binder.note(f"{where}.acknowledged", "says nothing that could be waited for")
        yield WriteAct(f"{step.signal} = True", step.signal, True)
        yield AwaitAct(f"the acknowledgement of {step.signal}", acknowledged, within_s)
        yield WriteAct(f"{step.signal} = False", step.signal, False)
        released = self._binder.condition(f"{where}.released", step.released)
        if released:
            yield AwaitAct(f"the end of the acknowledgement of {step.signal}", released, within_s)

    def _change(self, where: str, step: ChangeStep, within_s: float) -> Iterator[Act]:
        signal = self._writable(f"{where}.signal", step.signal)
        if signal is None:
            return
        toggles = step.do == "toggle"
        is_bit = signal.type == "Boolean" or signal.bit is not None
        if toggles is not is_bit or not (is_bit or signal.type in WHOLE):
            kind = "Boolean" if toggles else "a whole number"
            self._binder.note(f"{where}.signal", f"to {step.do} it must be {kind}, not {signal.type}")
        yield WriteAct(f"{step.do} {step.signal}", step.signal, how=step.do)
        yield from self._echo(where, step.echo, step.signal, within_s)

    def _echo(self, where: str, echo: str, signal: str, within_s: float) -> Iterator[Act]:
        if echo and echo not in self._signals:
            self._binder.note(f"{where}.echo", f"there is no signal {echo}")
        if echo and echo not in self._without:
            yield AwaitAct(f"the echo of {signal}", within_s=within_s, echo=echo)

    def _writable(self, where: str, name: str) -> Signal | None:
        signal = self._signals.get(name)
        if signal is None:
            known = ", ".join(self._signals)
            self._binder.note(where, f"there is no signal {name}; there are: {known}")
            return None
        if not signal.written:
            self._binder.note(where, f"{name} is not ours; say signals.{name}.written = true")
            return None
        return None if name in self._without else signal

    def _check(self, where: str, value: Any, type_name: str) -> None:
        """What is known already must be of its type; words that are filled in later are checked before the start."""
        words = list(_words(value))
        strange = [word for word in words if word not in RUN_WORDS]
        if strange:
            known = ", ".join(RUN_WORDS)
            self._binder.note(where, f"{strange[0]} is no parameter, and none of: {known}")
        elif not words:
            self._binder.tried(where, lambda: fitting(value, type_name), None)


def _after(acts: Sequence[Act]) -> str:
    return f"the effect of {acts[0].name}" if acts else "what must be so first"


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from PLACEHOLDER.findall(value)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _words(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _words(each)
