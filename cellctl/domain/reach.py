"""Who reaches what, where carriers come and go. Pure functions of the plan."""

from cellctl.domain.work import Carrier, Place, Plan, Station, station_of


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
