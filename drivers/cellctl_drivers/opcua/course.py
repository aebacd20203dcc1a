"""One command on its way: which request or wait comes next. It repeats nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .picture import Picture
from .profile import Act, AwaitAct, CallAct, Profile, Scalar, Stage, Words, WriteAct
from .values import WHOLE, Unfit, filled, fitting
from .words import Call, Refresh, Request, Write


@dataclass(frozen=True, slots=True)
class RefreshAct:
    """Read every value anew."""

    name: str = "fresh values"


@dataclass(frozen=True, slots=True)
class Fresh:
    """A stage of the session's own: read everything anew."""

    acts: tuple[RefreshAct, ...] = (RefreshAct(),)


class Course:
    """Goes through the stages of a command, one act after the other."""

    def __init__(self, stages: Sequence[Stage | Fresh], words: Words) -> None:
        self._stages = stages
        self._words = words
        self._stage = 0
        self._act = 0
        self._written: Scalar | None = None
        # What must still be taken back: a start bit that was set.
        self.undo: WriteAct | None = None

    def present(self, picture: Picture) -> CallAct | WriteAct | AwaitAct | RefreshAct | None:
        """What is to be done now; None at the end. Stages that are not needed, or that speak of no work, are passed."""
        while self._stage < len(self._stages):
            stage = self._stages[self._stage]
            skipped = self._act == 0 and isinstance(stage, Stage) and self._not_needed(stage, picture)
            if not skipped and self._act < len(stage.acts):
                return stage.acts[self._act]
            self._stage, self._act = self._stage + 1, 0
        return None

    @property
    def moves(self) -> bool:
        """From the present act on the machine may move."""
        stage = self._stages[self._stage] if self._stage < len(self._stages) else None
        return isinstance(stage, Stage) and stage.moves and self._act == 0

    def passed(self) -> None:
        """The present act is over."""
        stage = self._stages[self._stage]
        act = stage.acts[self._act]
        if isinstance(stage, Stage) and stage.undo is not None and isinstance(act, WriteAct):
            self.undo = stage.undo if act is not stage.undo else None
        self._act += 1

    def shown(self, act: AwaitAct, picture: Picture) -> bool:
        """Whether the machine shows what is waited for."""
        if act.echo:
            return self._written is not None and picture.shows(act.echo) == self._written
        return picture.holds(act.until) is True

    def request(self, act: CallAct | WriteAct | RefreshAct, profile: Profile, picture: Picture) -> Request:
        """The request that an act is. Raises Unfit for a value that is not what it must be."""
        match act:
            case RefreshAct():
                return Refresh(profile.refs)
            case CallAct():
                arguments = (fitting(filled(each.value, self._words), each.type) for each in act.arguments)
                return Call(act.name, act.path, tuple(arguments))
        # From here on the bit may be set, also if nobody answers.
        stage = self._stages[self._stage]
        if isinstance(stage, Stage) and stage.undo is not None and act is not stage.undo:
            self.undo = stage.undo
        written = write_of(act, profile, picture, self._words)
        self._written = self._shown_value(act, written, profile)
        return written

    def _shown_value(self, act: WriteAct, written: Write, profile: Profile) -> Any:
        """What an echo must show: the name of a number that has one."""
        signal = profile.signals[act.signal]
        return signal.names.get(str(written.value), written.value) if signal.names else written.value

    def _not_needed(self, stage: Stage, picture: Picture) -> bool:
        return (stage.about_work and not self._words) or picture.holds(stage.unless) is True


def write_of(act: WriteAct, profile: Profile, picture: Picture, words: Words) -> Write:
    """The write of a signal, in exactly its type. Raises Unfit."""
    signal = profile.signals[act.signal]
    if signal.ref is None:
        raise Unfit(f"{act.signal} is no variable")
    shows = picture.shows(act.signal)
    if act.how != "value" and shows is None:
        raise Unfit(f"its {act.signal} is not known, so nothing can follow from it")
    value = _next(shows, signal.type) if act.how == "next" else not shows if act.how == "toggle" else act.value
    value = filled(value, words)
    if signal.bit is None:
        return Write(act.name, signal.ref, fitting(value, signal.type))
    word = picture.raw(signal.ref)
    if type(word) is not int:
        raise Unfit(f"the word of {act.signal} is not known, so no bit of it can be written")
    mask = 1 << signal.bit
    return Write(act.name, signal.ref, fitting(word | mask if value else word & ~mask, signal.type))


def _next(value: Scalar | None, type_name: str) -> int:
    """One more; after the greatest comes the least."""
    least, most = WHOLE[type_name]
    return least if value == most else int(value or 0) + 1


def fits(stages: Sequence[Stage], profile: Profile, words: Words) -> str:
    """Why a command cannot be given with these words; empty if it can. Nothing is sent."""
    for act in (act for stage in stages for act in stage.acts):
        try:
            _check(act, profile, words)
        except KeyError as word:
            return f"{act.name} needs the {word.args[0]} of the work, which has none"
        except Unfit as unfit:
            return f"{act.name}: {unfit}"
    return ""


def _check(act: Act, profile: Profile, words: Words) -> None:
    """Raises Unfit or KeyError for a value that could not be sent."""
    if isinstance(act, CallAct):
        for each in act.arguments:
            fitting(filled(each.value, words), each.type)
    elif isinstance(act, WriteAct) and act.how == "value":
        signal = profile.signals[act.signal]
        fitting(filled(act.value, words), "Boolean" if signal.bit is not None else signal.type)
