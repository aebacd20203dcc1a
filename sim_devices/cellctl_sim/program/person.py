"""A person who looks before answering: what is true of the part is seen in the world, and done by hand where asked."""

from collections.abc import Callable
from typing import Final

from cellctl.domain.work import GONE, Operation, OperationKind, OperationState, Prompt
from cellctl_sim.program.bodies import NO_GOOD
from cellctl_sim.world import FLOOR, World

# What is said of a shared build whose parts differ.
_ONE_BY_ONE: Final = "one by one"


class Eyes:
    """Sees one world. `moving` tells whether a machine is at work, where one can see that."""

    def __init__(self, world: World, moving: Callable[[str], bool]) -> None:
        self._world = world
        self._moving = moving
        self._judged = ""
        # What they took out of the cell because it was not whole: asked once more, they still know.
        self._scrapped: set[str] = set()

    def says(self, prompt: Prompt, operation: Operation | None, place: str, now_s: float) -> str | None:
        """Do what is asked and say what is true. None: not now, because something moves there; ask again later.

        `place` is where the part of the prompt is believed to be; "": it is made now, out of a raw piece.
        """
        places = [place] if operation is None else [operation.source, operation.target]
        if self._in_the_way(operation, [each for each in places if each]):
            return None
        if operation is None and _of_a_run(prompt):
            return self._what_is(prompt, prompt.serial, place, (f"finished by {prompt.station}",), now_s)
        if operation is None:
            self._take(place, GONE, now_s)
            return prompt.question.choices[0]
        if operation.kind is OperationKind.CHANGE:
            return prompt.question.choices[0]
        return self._of_a_part(prompt, operation, place, now_s)

    def _of_a_part(self, prompt: Prompt, operation: Operation, place: str, now_s: float) -> str:
        if operation.state is OperationState.UNKNOWN:
            carried = operation.kind is OperationKind.CARRY
            return self._where(prompt, operation, now_s) if carried else self._what(prompt, operation, now_s)
        if operation.kind is OperationKind.CARRY:
            return self._carry(prompt, operation, now_s)
        if not place and self._world.part_at(operation.target) is None:
            self._world.person_moves("", operation.target, now_s)
        part = self._world.part_at(operation.target)
        self._judged = part.id if part else ""
        good = part is not None and not any(NO_GOOD in line for line in part.history)
        return prompt.question.choices[0 if good else -1]

    def clear_away(self, place: str, now_s: float) -> None:
        """What was judged last is taken out of the cell, if it is still there."""
        part = self._world.part_at(place)
        if part is not None and part.id == self._judged:
            self._take(place, GONE, now_s)

    def _in_the_way(self, operation: Operation | None, places: list[str]) -> bool:
        if operation is not None and self._moving(operation.station):
            return True
        arms = [arm for place in places for arm in self._world.arms_in(self._world.station_of(place))]
        return any(self._moving(arm) for arm in arms)

    def _what(self, prompt: Prompt, operation: Operation, now_s: float) -> str:
        """Is the work done? Only of a part that is whole can that be said."""
        marks = (f"finished by {operation.station}", f"cut {operation.step} by {operation.station}")
        if not operation.mates:
            return self._what_is(prompt, operation.serial, operation.target, marks, now_s)
        found = {self._state(alone.serial, alone.target, marks) for alone in operation.each()}
        if len(found) > 1:
            return _ONE_BY_ONE
        choices = [self._what_is(prompt, alone.serial, alone.target, marks, now_s) for alone in operation.each()]
        return choices[0]

    def _what_is(self, prompt: Prompt, serial: str, place: str, marks: tuple[str, ...], now_s: float) -> str:
        """Of the part at a place; what is not whole is taken away."""
        state = self._state(serial, place, marks)
        if state == 1:
            self._take(place, GONE, now_s)
            self._scrapped.add(serial)
        return prompt.question.choices[state]

    def _state(self, serial: str, place: str, marks: tuple[str, ...]) -> int:
        """Which of the choices is true: whole (0), left unfinished (1), or nothing done (-1): "not begun", or scrap
        where a program was gone on with."""
        part = self._world.part_at(place)
        if part is None:
            return 1 if serial in self._scrapped else -1
        if any("left unfinished" in line for line in part.history):
            return 1
        return 0 if any(mark in line for mark in marks for line in part.history) else -1

    def _where(self, prompt: Prompt, operation: Operation, now_s: float) -> str:
        """Out of the gripper the part is put to where it was to go; an arm that stands is pushed aside."""
        world = self._world
        self.clear_away(operation.target, now_s)  # What was judged there before is not what was carried.
        gripper = f"{operation.station}.gripper"
        for station in map(world.station_of, (operation.source, operation.target)):
            world.leave(operation.station, station, now_s)
        if world.part_at(gripper) is not None:
            target = operation.target if world.part_at(operation.target) is None else operation.source
            world.person_moves(gripper, target, now_s)
        if operation.carrier and world.carriers[operation.carrier].place == FLOOR:
            world.person_moves(operation.carrier, operation.source, now_s)
        for place in (operation.target, operation.source):
            if world.part_at(place) is not None:
                return str(place)
        return prompt.question.choices[-1]

    def _carry(self, prompt: Prompt, operation: Operation, now_s: float) -> str:
        if operation.source and self._world.part_at(operation.source) is None:
            return prompt.question.choices[-1]  # from nowhere they bring a raw piece
        self._world.person_moves(operation.source, operation.target, now_s)
        return prompt.question.choices[0]

    def _take(self, place: str, to: str, now_s: float) -> None:
        if place in self._world.places and self._world.part_at(place) is not None:
            station = self._world.station_of(place)
            for arm in self._world.arms_in(station):
                self._world.leave(arm, station, now_s)  # it stands, and is pushed aside
            self._world.person_moves(place, to, now_s)


def _of_a_run(prompt: Prompt) -> bool:
    """Whether it asks about one part of a shared build, after its run."""
    return prompt.question.choices[0] == "made"
