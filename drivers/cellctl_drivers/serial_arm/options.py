"""What the cell file says about a serial arm."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from cellctl.domain.reach import within
from cellctl.domain.work import Plan
from cellctl_drivers.serial_arm.dialects import BY_NAME, Dialect
from cellctl_drivers.serial_arm.route import Gripper, Hand, Taught
from cellctl_drivers.serial_arm.setup import Setup
from cellctl_drivers.serial_options import Port

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Feed = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Height = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Axis = Annotated[str, Field(pattern=r"^[A-Z]$")]
Number = Annotated[float, Field(allow_inf_nan=False)]
# Printable ASCII without `?`, `!` and `~`, which some arms take out of the middle of a line.
Line = Annotated[str, Field(pattern=r"^[ \"->@-}]{1,95}$")]
Pose = dict[Axis, Number]

_USUAL = Setup(BY_NAME["grbl"], "")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PlaceTable(_Table):
    """A taught place: axis words, or joints. `above` is where the arm comes from, `beyond` to where it draws back; else
    so far above in Z."""

    at: Annotated[Pose, Field(min_length=1)]
    above: Pose = {}
    beyond: Pose = {}
    approach_mm: Height = 40.0
    retreat_mm: Height | None = None
    feed_mm_per_min: Feed = 3000.0
    slow_mm_per_min: Feed = 600.0

    @model_validator(mode="after")
    def _comes_from_somewhere(self) -> "PlaceTable":
        if not self.above and "Z" not in self.at:
            raise ValueError("a place without Z needs `above`: the pose from which the arm comes")
        return self

    @property
    def taught(self) -> Taught:
        """As the session wants it."""
        above = self.above or self.at | {"Z": self.at["Z"] + self.approach_mm}
        retreat_mm = self.approach_mm if self.retreat_mm is None else self.retreat_mm
        beyond = self.beyond or self.above or self.at | {"Z": self.at["Z"] + retreat_mm}
        return Taught(self.at, above, beyond, self.feed_mm_per_min, self.slow_mm_per_min)


class GripperTable(_Table):
    """How the gripper or the pump is worked; `query` and what it answers, where the arm can tell."""

    grip: Annotated[tuple[Line, ...], Field(min_length=1)] = ("M3 S1000",)
    release: Annotated[tuple[Line, ...], Field(min_length=1)] = ("M5",)
    grip_s: Seconds = 1.0
    release_s: Seconds = 1.0
    query: Annotated[str, Field(pattern=r"^[ \"->@-}]{0,95}$")] = ""
    holds: str = ""
    empty: str = ""

    @field_validator("holds", "empty")
    @classmethod
    def _is_a_pattern(cls, text: str) -> str:
        try:
            re.compile(text)
        except re.error as wrong:
            raise ValueError(f"is not a regular expression: {wrong}") from None
        return text

    @model_validator(mode="after")
    def _answers_are_known(self) -> "GripperTable":
        if bool(self.query) != bool(self.holds and self.empty):
            raise ValueError("query, holds and empty go together: a question, and what its answer looks like")
        return self

    @property
    def gripper(self) -> Gripper:
        """As the session wants it."""
        holds, empty = (re.compile(text) if text else None for text in (self.holds, self.empty))
        return Gripper(self.grip, self.release, self.grip_s, self.release_s, self.query, holds, empty)


class ReachTable(_Table):
    """How far the arm may be sent: by axis or joint, in the units of its poses. What is not named is not limited."""

    min: Pose = {}
    max: Pose = {}

    def mistakes(self, name: str, pose: Mapping[str, float]) -> Iterator[str]:
        """Where a pose is beyond them."""
        for axis, value in pose.items():
            least, most = self.min.get(axis, -math.inf), self.max.get(axis, math.inf)
            if not least <= value <= most:
                yield f"{name} has {axis} {value:g}; limits allow {least:g} to {most:g}"


class SerialArmOptions(_Table):
    """What `[machines.<name>]` may say for driver = "serial_arm". Places are named as in the cell: "rack.1"."""

    port: Port
    baud: Annotated[int, Field(gt=0, description="bits per second")] = 115200
    dialect: Annotated[Literal["grbl", "marlin"], Field(description="how the arm speaks")] = "grbl"
    places: Annotated[dict[str, PlaceTable], Field(min_length=2, description="taught positions, by place")]
    home: Annotated[Pose, Field(min_length=1, description="the pose where it rests, and where every carry ends")]
    home_feed_mm_per_min: Feed = 3000.0
    gripper: GripperTable = GripperTable()
    move: Annotated[str, Field(pattern=r"^[ A-Z0-9.]{0,32}$", description="code of a move; empty: the dialect's")] = ""
    barrier: Annotated[str, Field(pattern=r"^[ A-Z0-9.]{0,32}$", description="answered when motion is over")] = ""
    identify: Annotated[str, Field(pattern=r"^[ ->@-}]{0,95}$", description="asks who it is; moves nothing")] = ""
    identity: Annotated[str, Field(description="text that must be in the answer to identify; empty: any")] = ""
    homing: Annotated[tuple[Line, ...], Field(description="brings it to its switches")] = ()
    where: Annotated[str, Field(pattern=r"^[ ->@-}]{0,95}$", description="asks where it stands")] = ""
    position_tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False, description="mm; 0: it cannot tell")] = 1.0
    limits: Annotated[ReachTable, Field(description="taught positions beyond them are mistakes")] = ReachTable()
    fastest_mm_per_min: Annotated[Feed, Field(description="no move is faster")] = 6000.0
    ack_timeout_s: Annotated[Seconds, Field(description="how long a line may stay unanswered")] = _USUAL.answer_s
    move_timeout_s: Annotated[Seconds, Field(description="how long one move may take")] = _USUAL.move_s
    pick_timeout_s: Annotated[Seconds, Field(description="from rest until the part is up")] = _USUAL.pick_s
    place_timeout_s: Annotated[Seconds, Field(description="from there until the arm is at rest")] = _USUAL.place_s
    clear_timeout_s: Annotated[Seconds, Field(description="how long homing may take")] = _USUAL.clear_s

    @model_validator(mode="after")
    def _is_reached(self) -> "SerialArmOptions":
        wrong = list(self._unreached())
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def _unreached(self) -> Iterator[str]:
        for name, pose in self._poses():
            if self.position_tolerance and not pose.keys() & set("XYZ"):
                yield f"{name}: an arm tells X, Y and Z only; with other axes position_tolerance must be 0"
            yield from self.limits.mistakes(name, pose)
        feeds = {"home_feed_mm_per_min": self.home_feed_mm_per_min}
        for name, place in self.places.items():
            feeds |= {f"places.{name}.{key}": getattr(place, key) for key in ("feed_mm_per_min", "slow_mm_per_min")}
        for name, feed in feeds.items():
            if feed > self.fastest_mm_per_min:
                yield f"{name}: {feed:g} is faster than fastest_mm_per_min, {self.fastest_mm_per_min:g}"

    def _poses(self) -> Iterator[tuple[str, Pose]]:
        yield "home", self.home
        for name, place in self.places.items():
            taught = place.taught
            yield f"places.{name}.at", place.at
            yield f"places.{name}.above", dict(taught.above)
            yield f"places.{name}.beyond", dict(taught.beyond)

    def against(self, machine: str, plan: Plan) -> Iterator[str]:
        """What it was taught and the cell does not have, and the other way round."""
        station = plan.station(machine)
        reached = within(plan, station)
        for place in self.places:
            if place not in reached:
                yield f"places.{place}: no station in reach has this place; there are: {', '.join(reached)}"
        for place in reached:
            if place not in self.places:
                yield f"places.{place} is missing: it is in reach, and was not taught"
        if len(station.slots) != 1 or station.slots[0] != "gripper":
            yield f'slots must be ["gripper"] for an arm, got {list(station.slots)}'

    @property
    def spoken(self) -> Dialect:
        """How the arm speaks."""
        return BY_NAME[self.dialect]

    @property
    def hand(self) -> Hand:
        """How the arm is told to move."""
        move, barrier = self.move or self.spoken.move, self.barrier or self.spoken.barrier
        where, tolerance = self.where or self.spoken.where, self.position_tolerance
        gripper, feed = self.gripper.gripper, self.home_feed_mm_per_min
        return Hand(move, barrier, gripper, self.home, feed, self.homing, where, tolerance)

    @property
    def taught(self) -> Mapping[str, Taught]:
        """Every place."""
        return {name: place.taught for name, place in self.places.items()}
