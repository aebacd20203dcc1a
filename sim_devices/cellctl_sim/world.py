"""What all simulated devices of a cell share: where each part physically is, who is in which zone, what turns,
moves, stands open or is hot. The world never stops anybody; it notes what must never happen."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

GONE: Final = "gone"
FLOOR: Final = "floor"

# Every rule of the world by its name, with the sentence that is noted when it is broken.
RULES: Final = {
    "arm-in-zone-while-spindle-turns": "{arm} is in the zone of {machine} while its spindle turns",
    "arm-in-zone-while-machine-moves": "{arm} enters the zone of {machine} while it moves",
    "machine-moves-with-arm-in-zone": "{machine} starts to move while {arm} is in its zone",
    "two-arms-in-one-zone": "{arm} enters the zone of {machine}, where {other} is already",
    "person-and-arm-in-one-zone": "a person reaches into {machine} while {arm} is in its zone",
    "spindle-with-door-open": "the spindle of {machine} turns while its door is open",
    "two-parts-in-one-place": "{part} comes to {place}, where {other} is already",
    "part-dropped": "{arm} lets go of {part} at {place}, where nothing can hold it",
    "gripped-nothing": "{arm} closes its gripper at {place}, where no part is",
    "part-gripped-hot": "{arm} takes {part} from {place} at {celsius:.1f} °C",
    "print-on-occupied-bed": "{machine} prints onto {part}, a finished part on {place}",
    "part-on-moving-carrier": "a person takes {part} from or to {place}, on a carrier that {arm} holds",
    "cut-without-part": "{machine} cuts at {place}, where no part is",
}


@dataclass(slots=True)
class PartTwin:
    """A physical piece. `place` is one of the world's places, "gone" (out of the cell) or "floor" (dropped).

    `finished` is False while a printer is still building it up.
    """

    id: str
    place: str
    finished: bool = False
    history: list[str] = field(default_factory=list)

    def note(self, what: str, now_s: float) -> None:
        """Remember that this was done to the part; the same thing many times in a row is one entry."""
        if not self.history or self.history[-1].partition(" ")[2] != what:
            self.history.append(f"t={now_s:.1f}s {what}")


@dataclass(slots=True)
class _Zone:
    """A station and the space around it."""

    moving: bool = False
    spindle: bool = False
    door_open: bool = False
    cuts_air: bool = False
    arms: list[str] = field(default_factory=list)


class World:
    """The physical truth of a cell. Places are "station.slot"; a station's zone has the station's name.

    Machine time `now_s` comes with every change. `violations` holds lines "t=12.3s rule-name: sentence".
    """

    def __init__(
        self, places: Iterable[str], release_celsius: float = 45.0, carriers: Mapping[str, str] | None = None
    ) -> None:
        self.violations: list[str] = []
        self.parts: list[PartTwin] = []
        self.carriers = {name: PartTwin(name, at, finished=True) for name, at in (carriers or {}).items()}
        """Plates and pallets, by name. What is at a slot of one is wherever the carrier is."""
        self._at: dict[str, PartTwin | None] = dict.fromkeys(places)
        self._at |= {carrier.place: carrier for carrier in self.carriers.values()}
        self._zones: dict[str, _Zone] = {}
        self._celsius: dict[str, float] = {}
        self._release_celsius = release_celsius

    @property
    def places(self) -> tuple[str, ...]:
        """Every place where a part can be, in the order of the cell file."""
        return tuple(self._at)

    def part_at(self, place: str) -> PartTwin | None:
        """The part that is at this place now."""
        return self._at.get(place)

    def station_of(self, place: str) -> str:
        """The station that a place is at now: of a slot on a carrier, where that is."""
        station = place.partition(".")[0]
        carrier = self.carriers.get(station)
        return carrier.place.partition(".")[0] if carrier else station

    def arms_in(self, station: str) -> tuple[str, ...]:
        """The arms that reach into the station's zone."""
        return tuple(self._zone(station).arms)

    # ---- machines tell the world -----------------------------------------------------------------------------

    def set_moving(self, machine: str, moving: bool, now_s: float) -> None:
        """An axis of the machine moves from now on, or all stand still."""
        zone = self._zone(machine)
        starts = moving and not zone.moving
        zone.moving = moving
        if starts and zone.arms:
            self._broken("machine-moves-with-arm-in-zone", now_s, machine=machine, arm=zone.arms[0])

    def set_spindle(self, machine: str, turning: bool, now_s: float) -> None:
        """The spindle turns from now on, or stands still."""
        zone = self._zone(machine)
        starts = turning and not zone.spindle
        zone.spindle, zone.cuts_air = turning, zone.cuts_air and turning
        if starts and zone.arms:
            self._broken("arm-in-zone-while-spindle-turns", now_s, machine=machine, arm=zone.arms[0])
        if starts and zone.door_open:
            self._broken("spindle-with-door-open", now_s, machine=machine)

    def set_surface_celsius(self, place: str, celsius: float, now_s: float) -> None:
        """The surface that parts lie on has this temperature."""
        self._celsius[place] = celsius

    def deposit(self, machine: str, place: str, now_s: float) -> None:
        """An extruding move. The first one onto an empty place creates the part."""
        part = self._at[place]
        if part is None:
            part = PartTwin(f"w{len(self.parts) + 1}", place)
            self.parts.append(part)
            self._at[place] = part
        if part.finished:
            self._broken("print-on-occupied-bed", now_s, machine=machine, part=part.id, place=place)
            part.finished = False
        part.note(f"printed by {machine}", now_s)

    def finish_print(self, machine: str, place: str, now_s: float) -> None:
        """Nothing more comes onto the part on the bed: heaters and motors are off."""
        part = self._at[place]
        if part is not None and not part.finished:
            part.finished = True
            part.note(f"finished by {machine}", now_s)

    def break_off(self, machine: str, place: str, now_s: float) -> None:
        """The work on the part at a place has broken off: it will never be whole."""
        part = self._at[place]
        if part is not None:
            part.finished = True
            part.note(f"left unfinished by {machine}", now_s)

    def cut(self, machine: str, place: str, what: str, now_s: float) -> None:
        """A move of the turning tool below the surface; `what` goes into the part's history."""
        part, zone = self._at[place], self._zone(machine)
        if part is not None:
            part.note(f"{what} by {machine}", now_s)
        elif not zone.cuts_air:
            zone.cuts_air = True  # noted once, not for each of a thousand moves
            self._broken("cut-without-part", now_s, machine=machine, place=place)

    def set_door(self, machine: str, is_open: bool, now_s: float) -> None:
        """The door stands open from now on, or is shut. All doors begin shut."""
        zone = self._zone(machine)
        opens = is_open and not zone.door_open
        zone.door_open = is_open
        if opens and zone.spindle:
            self._broken("spindle-with-door-open", now_s, machine=machine)

    def door_open(self, machine: str) -> bool:
        """Whether the door stands open."""
        return self._zone(machine).door_open

    # ---- arms and persons ------------------------------------------------------------------------------------

    def enter(self, arm: str, station: str, now_s: float) -> None:
        """The arm reaches into the station's zone."""
        zone = self._zone(station)
        if zone.spindle:
            self._broken("arm-in-zone-while-spindle-turns", now_s, arm=arm, machine=station)
        if zone.moving:
            self._broken("arm-in-zone-while-machine-moves", now_s, arm=arm, machine=station)
        if zone.arms and arm not in zone.arms:
            self._broken("two-arms-in-one-zone", now_s, arm=arm, machine=station, other=zone.arms[0])
        if arm not in zone.arms:
            zone.arms.append(arm)

    def leave(self, arm: str, station: str, now_s: float) -> None:
        """The arm is out of the station's zone again."""
        arms = self._zone(station).arms
        if arm in arms:
            arms.remove(arm)

    def grip(self, arm: str, place: str, now_s: float) -> bool:
        """The arm closes its gripper; True: a part is in it now. It finds only what is in a zone it has entered."""
        gripper = f"{arm}.gripper"
        held = self._at.get(gripper)
        part = self._at.get(place) if self._reaches(arm, place) else None
        if part is None:
            self._broken("gripped-nothing", now_s, arm=arm, place=place)
        elif held is not None:
            self._broken("two-parts-in-one-place", now_s, part=part.id, place=gripper, other=held.id)
        else:
            self._grip_part(arm, part, now_s)
        return self._at.get(gripper) is not None

    def release(self, arm: str, place: str, now_s: float) -> bool:
        """The arm opens its gripper; True: its part lies at the place now. Elsewhere it falls to the floor."""
        part = self._at.get(f"{arm}.gripper")
        if part is None:
            return False
        if not self._reaches(arm, place):
            self._broken("part-dropped", now_s, arm=arm, part=part.id, place=place or "no place")
            place = FLOOR
        return self._put(part, place, arm, now_s)

    def lose(self, arm: str, place: str, now_s: float) -> None:
        """The part slips out of the gripper, to a place if it is there already. Nobody's command: it breaks no rule."""
        part = self._at.get(f"{arm}.gripper")
        if part is not None:
            self._put(part, place if self._reaches(arm, place) else FLOOR, f"slipping out of {arm}", now_s)

    def person_moves(self, source: str, target: str, now_s: float) -> None:
        """A person takes the part at `source`, if one is there, to `target` ("gone": out of the cell).

        From nowhere ("") they bring a raw piece. Raises KeyError for a place that this cell does not have.
        """
        part = self._taken(source) if source else PartTwin(f"w{len(self.parts) + 1}", "")
        if target != GONE and target not in self._at:
            raise KeyError(target)
        for place in (source, target):
            self._look_at_carrier(part, place, now_s)
        for station in dict.fromkeys((self.station_of(source), self.station_of(target))):
            if arms := self._zone(station).arms:
                self._broken("person-and-arm-in-one-zone", now_s, machine=station, arm=arms[0])
        if not source and part is not None:
            self.parts.append(part)
        if part is not None and source != target:
            self._put(part, target, "a person", now_s)

    # ---- inside ----------------------------------------------------------------------------------------------

    def _taken(self, source: str) -> PartTwin | None:
        """What is at a place; a carrier that fell is picked up by its name."""
        fallen = self.carriers.get(source)
        return fallen if fallen is not None and fallen.place == FLOOR else self._at[source]

    def _look_at_carrier(self, part: PartTwin | None, place: str, now_s: float) -> None:
        carrier = self.carriers.get(place.partition(".")[0])
        if part is not None and carrier is not None and carrier.place.endswith(".gripper"):
            arm = carrier.place.partition(".")[0]
            self._broken("part-on-moving-carrier", now_s, part=part.id, place=place, arm=arm)

    def _grip_part(self, arm: str, part: PartTwin, now_s: float) -> None:
        celsius = self._celsius.get(part.place, 0.0)
        if celsius > self._release_celsius:
            self._broken("part-gripped-hot", now_s, arm=arm, part=part.id, place=part.place, celsius=celsius)
        self._put(part, f"{arm}.gripper", arm, now_s)

    def _put(self, part: PartTwin, target: str, by: str, now_s: float) -> bool:
        """Move the part; onto another one, it falls to the floor."""
        other = self._at.get(target)
        if other is not None:
            self._broken("two-parts-in-one-place", now_s, part=part.id, place=target, other=other.id)
            target = FLOOR
        if part.place in self._at:
            self._at[part.place] = None
        part.place, part.finished = target, True
        part.note(f"{target} by {by}", now_s)
        if target in (GONE, FLOOR):
            return False
        self._at[target] = part
        return True

    def _reaches(self, arm: str, place: str) -> bool:
        return place in self._at and arm in self._zone(self.station_of(place)).arms

    def _zone(self, station: str) -> _Zone:
        return self._zones.setdefault(station, _Zone())

    def _broken(self, rule: str, now_s: float, **names: object) -> None:
        self.violations.append(f"t={now_s:.1f}s {rule}: {RULES[rule].format(**names)}")
