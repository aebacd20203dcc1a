"""Who reaches what, where carriers come and go. Pure functions of the plan."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cellctl.domain.work import Carrier, Place, Plan, Station, station_of


@dataclass(frozen=True, slots=True)
class Leg:
    """One carry on the way to a station: who carries, and to where; `on` which carrier a part is put, or stays on.

    `rides`: the mover carries that carrier, with the part on it.
    """

    mover: Station
    to: Station
    on: str = ""
    rides: bool = False


def fitting(plan: Plan, station: str) -> tuple[Carrier, ...]:
    """The carriers that can stand at a station."""
    return tuple(each for each in plan.carriers.values() if station in map(station_of, each.fits))


def handles(station: Station, carrier: Carrier) -> bool:
    """Whether a person or an arm may take parts from a carrier and put parts on it.

    An arm is taught one pose for each place by its name, so it must meet the carrier at one station only.
    """
    met = [place for place in carrier.fits if station_of(place) in station.reach]
    return len(met) == 1 or (station.attended and bool(met))


def within(plan: Plan, station: Station) -> tuple[Place, ...]:
    """Every place that a person or an arm may have to reach into."""
    own = [place for name in station.reach for place in plan.station(name).places]
    stands = {place for each in plan.carriers.values() for place in each.fits}
    lifted = {place for each in plan.carriers.values() if station.name in each.movers for place in each.fits}
    slots = (place for each in plan.carriers.values() if handles(station, each) for place in each.places)
    return (*(place for place in own if place not in stands or place in lifted), *slots)


def ways(plan: Plan, here: Station, goals: Iterable[Station], on: str) -> tuple[Leg, ...]:
    """The first leg of a shortest way to each of these stations that can be reached, nearest first; over racks only.

    `on`: the carrier that the part lies on, "" for none. Where a carrier could be the first to take the part, each that
    could is a way of its own.
    """
    wanted = here.name, frozenset(each.name for each in goals), on
    found: tuple[Leg, ...] | None = plan.known_ways.get(wanted)
    if found is None:
        found = plan.known_ways[wanted] = tuple(_ways(plan, here, wanted[1], on))
    return found


def _ways(plan: Plan, here: Station, goals: frozenset[str], on: str) -> Iterator[Leg]:
    seen = {(here.name, on)}
    queue: deque[tuple[Station, str, Leg | None]] = deque([(here, on, None)])
    while queue:
        station, below, first = queue.popleft()
        for leg in legs(plan, station, below):
            first_leg = first or leg
            # From a carrier there is one way to a station, the shortest: else a part would wander on and off it.
            own = first_leg.on if not on else ""
            spot = leg.to.name, own if leg.to.name in goals else leg.on
            if spot in seen:
                continue
            seen.add(spot)
            if leg.to.name in goals:
                yield first_leg
            elif not leg.to.driver:
                queue.append((leg.to, leg.on, first_leg))


def legs(plan: Plan, here: Station, on: str) -> Iterator[Leg]:
    """Every carry of a part that is at a station, `on` a carrier there or on none."""
    below = plan.carriers.get(on)
    for mover in plan.stations.values():
        if here.name not in mover.reach or (below and not handles(mover, below)):
            continue
        for to in (plan.station(name) for name in mover.reach if name != here.name):
            carriers = fitting(plan, to.name) if plan.carriers else ()
            # Who can carry the whole plate does not carry what is on it piece by piece to another one.
            whole = below is not None and mover.name in below.movers
            onto = (each for each in carriers if handles(mover, each) and each is not below and not whole)
            yield from (Leg(mover, to, each.name) for each in onto)
            if not carriers:
                yield Leg(mover, to)
    if below is not None:
        yield from _rides(plan, here, below)


def _rides(plan: Plan, here: Station, below: Carrier) -> Iterator[Leg]:
    """Every way to carry what a part lies on to another station."""
    for name in dict.fromkeys(station_of(place) for place in below.fits):
        for mover in map(plan.station, below.movers):
            if name != here.name and {name, here.name} <= set(mover.reach):
                yield Leg(mover, plan.station(name), below.name, rides=True)
