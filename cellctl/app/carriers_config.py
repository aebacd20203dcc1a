"""[carriers] of a cell file: plates and pallets that are carried with the parts on them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cellctl.app.toml_file import Mistakes
from cellctl.domain.work import Carrier, Place, Station, station_of
from cellctl.products.mistakes import mistakes_in

_Slot = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class CarrierTable(BaseModel):
    """[carriers.NAME]: its slots, the places where it can stand, the one where it is at first, and who can lift it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    slots: tuple[_Slot, ...] = Field(min_length=1)
    fits: tuple[str, ...] = Field(min_length=1)
    at: str
    movers: tuple[str, ...] = ()

    def carrier(self, name: str) -> Carrier:
        """As the core wants it."""
        return Carrier(name, self.slots, tuple(map(Place, self.fits)), Place(self.at), self.movers)


def read(
    file: str, tables: Mapping[str, Any], stations: Mapping[str, Station], mistakes: Mistakes
) -> dict[str, Carrier]:
    """The carriers of a cell file; whatever is wrong with them is added to the mistakes."""
    carriers = {}
    for name, keys in tables.items():
        try:
            carriers[name] = CarrierTable.model_validate(keys).carrier(name)
        except ValidationError as error:
            mistakes += mistakes_in(error, file, f"carriers.{name}")
    mistakes += _contradictions(file, carriers, stations)
    return carriers


def _contradictions(file: str, carriers: Mapping[str, Carrier], stations: Mapping[str, Station]) -> Iterator[str]:
    """What only the whole cell shows."""
    stands = {place: rack for rack in stations.values() if not rack.driver for place in rack.places}
    for name, carrier in carriers.items():
        where = f"{file}: carriers.{name}"
        if name in stations:
            yield f"{where}: there is a station of this name; every carrier needs a name of its own"
        if len(set(carrier.slots)) < len(carrier.slots):
            yield f"{where}.slots: every slot needs a name of its own; found {list(carrier.slots)}"
        for place in carrier.fits:
            if place not in stands:
                yield f"{where}.fits: {place!r} is no place of a rack; there are: {', '.join(stands) or 'none'}"
        if carrier.at not in carrier.fits:
            yield f"{where}.at must be one of fits ({', '.join(carrier.fits)}); found {carrier.at!r}"
        yield from _movers(where, carrier, stations)
    yield from _stands(file, carriers, stands)


def _movers(where: str, carrier: Carrier, stations: Mapping[str, Station]) -> Iterator[str]:
    stands = dict.fromkeys(map(station_of, carrier.fits))
    for mover in carrier.movers:
        station = stations.get(mover)
        if station is None or not station.driver:
            known = ", ".join(name for name, each in stations.items() if each.driver)
            yield f"{where}.movers: there is no person or arm {mover!r}; there are: {known}"
        elif len(set(stands) & set(station.reach)) < 2:
            reached = ", ".join(station.reach) or "nothing"
            yield f"{where}.movers: {mover} must reach two of {', '.join(stands)}; it reaches {reached}"
    if not carrier.movers and len(stands) > 1:
        yield f"{where}.movers is missing: nobody could carry it between {', '.join(stands)}"


def _stands(file: str, carriers: Mapping[str, Carrier], stands: Mapping[Place, Station]) -> Iterator[str]:
    """Where carriers stand nothing else does, and there is room to get past each other."""
    fits = {place for carrier in carriers.values() for place in carrier.fits}
    for station in dict.fromkeys(stands[place].name for place in fits if place in stands):
        others = [place for place, rack in stands.items() if rack.name == station and place not in fits]
        if others:
            yield f"{file}: racks.{station}.slots: carriers stand here, and none fits {', '.join(others)}"
    for place, count in Counter(carrier.at for carrier in carriers.values()).items():
        if count > 1:
            yield f"{file}: carriers: {count} of them are at {place}"
    if carriers and len(fits) > 1 and len(fits) <= len(carriers):
        yield f"{file}: carriers: {len(carriers)} on {len(fits)} places can never be moved; one must be free"
