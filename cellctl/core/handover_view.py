"""Hand-overs that are under way, as a person reads them: who reaches where, how far it is, and what holds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cellctl.core.cell import Cell
from cellctl.domain.transfer import Phase, Transfer

# Filled in with the transfer itself; `why` is what holds it.
_SAYS: Final[Mapping[Phase, str]] = {
    Phase.IDLE: "waits until {giver} offers it",
    Phase.OFFER: "waits until {taker} is ready",
    Phase.CLAIM: "waits until {zone} is known to stand still",
    Phase.PERMIT: "may reach into {zone}",
    Phase.ENTER: "is in {zone}",
    Phase.GRIP: "both {giver} and {taker} have it",
    Phase.RELEASE: "{giver} has let it go",
    Phase.LEAVE: "{taker} has it, and {mover} is not out of {zone} yet",
    Phase.DISPUTED: "disputed, and both sides are held: {why}",
}


@dataclass(frozen=True, slots=True)
class TransferView:
    """One hand-over. `says` is all of it in a sentence; `phase` is the name of a domain.transfer.Phase.

    `mover` reaches into `zone`; `permitted`: it may begin to now. `holders` have the part: two while both grip it.
    `since_s` is when the phase began (seconds since the Unix epoch), `why` what holds it; "" if nothing does.
    """

    id: str
    operation_id: str
    carried: str
    source: str
    target: str
    mover: str
    zone: str
    phase: str
    permitted: bool
    holders: tuple[str, ...]
    since_s: float
    why: str
    says: str


def show(cell: Cell) -> tuple[TransferView, ...]:
    """Those that are open, in the order in which they were offered."""
    return tuple(view_of(each) for each in cell.transfers.values())


def view_of(transfer: Transfer) -> TransferView:
    """One of them."""
    permit = transfer.permit
    return TransferView(
        id=transfer.id,
        operation_id=transfer.operation_id,
        carried=transfer.carried,
        source=transfer.source,
        target=transfer.target,
        mover=transfer.mover,
        zone=transfer.zone,
        phase=transfer.phase.name,
        permitted=permit is not None and permit.live,
        holders=transfer.custody.holders,
        since_s=transfer.since_s,
        why=transfer.why,
        says=_sentence(transfer),
    )


def _sentence(transfer: Transfer) -> str:
    takes = transfer.mover == transfer.taker
    way = f"takes {transfer.carried} from {transfer.source}"
    if not takes:
        way = f"brings {transfer.carried} to {transfer.target}"
    names = {"giver": transfer.giver, "taker": transfer.taker, "mover": transfer.mover, "zone": transfer.zone}
    is_at = _SAYS.get(transfer.phase, "ends").format(**names, why=transfer.why)
    taken_back = transfer.phase is not Phase.DISPUTED and transfer.permit is not None and not transfer.permit.live
    against = f"; its permit was taken back: {transfer.why}" if taken_back and transfer.why else ""
    return f"{transfer.mover} {way}: {is_at}{against}"
