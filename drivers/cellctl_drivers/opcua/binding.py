"""From the tables of a profile file to a Profile for one machine: parameters filled in, everything held together.

All mistakes are found in one go.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from cellctl.ports.nodes import NodeRef

from .commands import Commands
from .conditions import condition_of
from .profile import (
    COUNTED,
    RUN_WORDS,
    Condition,
    Gripping,
    Guard,
    Heartbeat,
    Pick,
    Profile,
    Proof,
    Scalar,
    Sensors,
    Signal,
    Times,
)
from .tables import GuardTable, Parameter, ProfileFile, SignalTable, mistakes_in
from .values import BUILTIN, PLACEHOLDER, STRUCTURE, Unfit, picks_of
from .ways import NoWay, way_of

Made = TypeVar("Made")

_NO_COMMAND_NEEDS: Final = ("take_control", "give_control", "look")


def bound(
    name: str, table: Mapping[str, Any], machine: str, given: Mapping[str, Scalar], without: Collection[str]
) -> tuple[Profile | None, list[str], list[str]]:
    """The profile for one machine, the mistakes in the file, and those in what the machine's table gives to it."""
    about = _parameters(table.get("parameters"))
    values, ours = _filled_in(about, machine, given)
    if ours:
        return None, [], ours
    try:
        rest = {key: each for key, each in table.items() if key != "parameters"}
        file = ProfileFile.model_validate({**_with(rest, values), "parameters": table.get("parameters", {})})
    except ValidationError as error:
        return None, mistakes_in(error), []
    binder = _Binder(file, set(without))
    optional = [each for each, signal in file.signals.items() if signal.optional]
    ours = [
        f"without: {each} is no optional signal of {name}; there are: {', '.join(optional) or 'none'}"
        for each in sorted(set(without) - set(optional))
    ]
    profile = binder.profile(name)
    return (None if binder.mistakes or ours else profile), binder.mistakes, ours


def _parameters(table: Any) -> dict[str, Parameter]:
    """What can be read of [parameters]; its mistakes are found with all others."""
    found = {}
    for name, keys in table.items() if isinstance(table, Mapping) else ():
        try:
            found[name] = Parameter.model_validate(keys)
        except ValidationError:
            continue
    return found


def _filled_in(
    about: Mapping[str, Parameter], machine: str, given: Mapping[str, Scalar]
) -> tuple[dict[str, Scalar], list[str]]:
    ours = [
        f"parameters.{name} is missing: {each.about}"
        for name, each in about.items()
        if name not in given and each.default is None
    ]
    known = ", ".join(about) or "none"
    strange = (name for name in given if name not in about)
    ours += [f"parameters.{name} is no parameter of the profile; it has: {known}" for name in strange]
    values: dict[str, Scalar] = {"machine": machine}
    for name, each in about.items():
        value = given.get(name, "" if each.default is None else each.default)
        values[name] = value.replace("{machine}", machine) if isinstance(value, str) else value
    return values, ours


def _with(table: Any, values: Mapping[str, Scalar]) -> Any:
    """A table with its parameters filled in; words that are known only when there is work stay as they are."""
    if isinstance(table, str):
        return PLACEHOLDER.sub(lambda found: str(values.get(found[1], found[0])), table)
    if isinstance(table, Mapping):
        return {key: _with(each, values) for key, each in table.items()}
    if isinstance(table, list):
        return [_with(each, values) for each in table]
    return table


class _Binder:
    """Holds the parts of one file together, and collects what is wrong with them."""

    def __init__(self, file: ProfileFile, without: set[str]) -> None:
        self._file = file
        self._without = without & {name for name, signal in file.signals.items() if signal.optional}
        self._signals: dict[str, Signal] = {}
        self.mistakes: list[str] = []

    def profile(self, name: str) -> Profile:
        """The profile, as far as it makes sense."""
        file = self._file
        for each, table in file.signals.items():
            self._signals[each] = self._signal(each, table)
        profile = Profile(
            name=name,
            identity=file.profile.identity,
            reading=file.profile.reading,
            times=Times(file.times.stale_s, file.times.refresh_s, file.times.settle_s),
            signals={each: signal for each, signal in self._signals.items() if each not in self._without},
            states={each: self.condition(f"states.{each}", tests) for each, tests in file.states.items()},
            guards=tuple(self._guards()),
            shown=self.condition("run.shown", file.run.shown),
            proof=self._proof(),
            gripping=self._gripping(),
            sensors=self._sensors(),
            heartbeat=self._heartbeat(),
            owned=self.condition("control.owned", file.control.owned),
            answers=file.answers,
            commands=Commands(file, self._signals, self._without, self).all(),
        )
        self.mistakes += _contradictions(profile, file)
        return profile

    def note(self, where: str, why: str) -> None:
        """This is a mistake."""
        self.mistakes.append(f"{where}: {why}")

    def tried(self, where: str, make: Callable[[], Made], otherwise: Made) -> Made:
        """What `make` makes; otherwise where that is a mistake."""
        try:
            return make()
        except (Unfit, NoWay) as wrong:
            self.mistakes.append(f"{where}: {wrong}")
            return otherwise

    def condition(self, where: str, tests: Any, *, whole: bool = False) -> Condition:
        """A condition; NEVER where it makes no sense."""
        counter = self._file.proof.counter
        absent = self._without | ({COUNTED} if not counter or counter in self._without else set())
        if not counter and COUNTED in str(tests):
            self.note(where, f"{COUNTED} needs a counter of ended programs: proof.counter")
        return self.tried(where, lambda: condition_of(tests, self._signals, absent, whole=whole), Condition())

    def _signal(self, name: str, table: SignalTable) -> Signal:
        where = f"signals.{name}"
        ref = None
        if table.node is not None:
            steps = table.node
            path = self.tried(
                f"{where}.node", lambda: way_of(steps, self._file.places, self._file.namespaces), tuple[str, ...]()
            )
            ref = NodeRef(path, table.index)
        elif table.written or table.index:
            self.mistakes.append(f"{where}.node is missing: what is written, or has an index, is a variable")
        plain = table.type.removesuffix("[]")
        if plain not in BUILTIN and plain != STRUCTURE:
            known = ", ".join(sorted(BUILTIN))
            self.note(f"{where}.type", f"must be {STRUCTURE} or one of {known}, with or without []; found {plain!r}")
        picks = self.tried(f"{where}.field", lambda: picks_of(table.field), tuple[Pick, ...]()) if table.field else ()
        many = table.type != plain or plain == STRUCTURE
        if many and not picks and not table.index:
            self.mistakes.append(f"{where}.field is missing: which part of {table.type} is meant; or an index")
        if table.written and picks:
            self.mistakes.append(f"{where}.field: a part of a structure cannot be written")
        return Signal(name, ref, table.type, table.bit, picks, table.names, table.absent, table.written)

    def _known(self, where: str, name: str, *, written: bool = False) -> str:
        """The name of a signal, or nothing where the machine has none such."""
        signal = self._signals.get(name)
        if name and signal is None:
            self.mistakes.append(f"{where}: there is no signal {name}; there are: {', '.join(self._signals)}")
        elif signal and written and not signal.written:
            self.mistakes.append(f"{where}: {name} is not written by us; say so: signals.{name}.written = true")
        return "" if name in self._without or signal is None else name

    def _guards(self) -> Iterator[Guard]:
        for at, table in enumerate(self._file.guards):
            must = self.condition(f"guards.{at}.must", table.must)
            self._check_sentence(f"guards.{at}.says", table)
            if must:
                yield Guard(must, table.says, table.halts, table.before == "start", table.outside)

    def _check_sentence(self, where: str, table: GuardTable) -> None:
        known = (*self._signals, *RUN_WORDS)
        strange = [word for word in PLACEHOLDER.findall(table.says) if word not in known]
        if strange:
            self.mistakes.append(f"{where}: {strange[0]} is no signal; there are: {', '.join(self._signals)}")

    def _proof(self) -> Proof:
        table = self._file.proof
        return Proof(
            self._known("proof.counter", table.counter),
            self.condition("proof.live", table.live),
            self.condition("proof.after_loss", table.after_loss, whole=True),
            self.condition("proof.failed", table.failed),
        )

    def _gripping(self) -> Gripping:
        table = self._file.carry
        holding, empty = (
            self.condition(f"carry.{name}", tests)
            for name, tests in (("holding", table.holding), ("empty", table.empty))
        )
        return Gripping(holding, empty, self._known("carry.zone", table.zone))

    def _sensors(self) -> Sensors:
        table = self._file.sensors
        return Sensors(
            {slot: self.condition(f"sensors.holds.{slot}", tests) for slot, tests in table.holds.items()},
            self.condition("sensors.door_open", table.door_open),
            self.condition("sensors.clamped", table.clamped),
        )

    def _heartbeat(self) -> Heartbeat:
        table = self._file.heartbeat
        hears = self._known("heartbeat.hears", table.hears)
        writes = self._known("heartbeat.writes", table.writes, written=True)
        return Heartbeat(hears, table.within_s, writes, table.every_s)


def _contradictions(profile: Profile, file: ProfileFile) -> Iterator[str]:
    if profile.reading:
        tables = {"commands": file.commands, "guards": file.guards, "same": file.same}
        yield from (f"{name}: a profile with reading = true takes no commands" for name, keys in tables.items() if keys)
        return
    for state in ("executing", "resting"):
        if not profile.states.get(state):
            yield f"states.{state} is missing: nothing would show that the machine is {state}"
    if not profile.proof.live:
        yield "proof.live is missing, or nothing of it is left: nothing would prove the end of a program"
    for command in ("start", "unhold"):
        stages = profile.commands.get(command, ())
        if (command == "start" or stages) and not any(stage.moves for stage in stages):
            yield f"commands.{command}: one step must say moves = true, from which on the machine may move"
    if bool(profile.owned) is not bool(profile.commands.get("take_control")):
        yield "control.owned and commands.take_control go together"
    needed = [name for name in profile.commands if name not in _NO_COMMAND_NEEDS]
    if not needed:
        yield "commands: there are none; a profile for reading only says reading = true"
