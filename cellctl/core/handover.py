"""Hand-overs in the cell: a carry is one from its source to the carrier, and one from the carrier to its target.

What each side shows is read anew from the cell after every fact, so nothing depends on an edge that was seen. The
phases, and what may be done in them, are the protocol's (`custody`).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from cellctl.core import custody, dispatch, recovery, whereabouts, zones
from cellctl.core.cell import Cell, StationStatus
from cellctl.core.custody import Shown
from cellctl.core.instructions import Permit, Tell, Turn
from cellctl.core.rights import due_s, hand, sensed, standing
from cellctl.core.whereabouts import station_at
from cellctl.domain import events as ev
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.transfer import Phase, Transfer
from cellctl.domain.work import Knowledge, Operation, OperationState, Place, Rung, Station

# A gated carrier has said nothing that moves it before one of these is durable.
_BEGUN: Final = frozenset({Rung.SENT, Rung.ACKNOWLEDGED})
_NEVER_HEARD: Final = StationStatus()
_BUSY: Final = frozenset({MachineState.STARTING, MachineState.EXECUTE, MachineState.UNHOLDING})


# ---- what each side shows ----------------------------------------------------------------------------------------


def _mover(cell: Cell, transfer: Transfer, operation: Operation, *, over: bool) -> Shown:
    """The side that reaches in. Where it has no sensors its word stands for them; without one of zones it is inside."""
    status = cell.stations.get(transfer.mover, _NEVER_HEARD)
    begun = operation.rung in _BEGUN if operation.gated else operation.state is not OperationState.INTENDED
    zone = status.signals.zone
    inside = begun if zone is None or cell.plan.station(transfer.mover).attended else zone == transfer.zone
    return Shown(
        1,
        alive=status.contact == "found" and status.state is not None,
        ready=status.state is MachineState.IDLE or begun,
        # Its shell is told each token before anything else, and asks for the rights right before a motion.
        token=transfer.permit.token if transfer.permit else cell.counts.rev + 1,
        has_part=_in_hand(cell, transfer),
        in_zone=False if over else inside,
    )


def _in_hand(cell: Cell, transfer: Transfer) -> bool | None:
    """Whether the mover has what is carried, by its sensor where it has one, else by its word."""
    takes = transfer.mover == transfer.taker
    seen = sensed(cell, transfer.target if takes else transfer.source)
    if seen is not None:
        return seen
    claimed = transfer.claimed is not None
    return (True if claimed else None) if takes else not claimed


def _fixed(cell: Cell, place: Place) -> Shown:
    # What is told, is told in this process: whoever speaks to a machine asks for the rights at that moment.
    return replace(standing(cell, place), token=cell.counts.rev + 1)


def _shown(cell: Cell, transfer: Transfer, operation: Operation, *, over: bool = False) -> tuple[Shown, Shown]:
    mover = _mover(cell, transfer, operation, over=over)
    if transfer.mover == transfer.taker:
        return _fixed(cell, transfer.source), mover
    fixed = _fixed(cell, transfer.target)
    # Of a place without a sensor the bringer's word is all that there is.
    brought = True if fixed.has_part is None and transfer.claimed is not None else fixed.has_part
    return mover, replace(fixed, has_part=brought)


# ---- the way of a transfer ---------------------------------------------------------------------------------------


def offer(turn: Turn, operation: Operation) -> None:
    """Open the hand-overs of a carry, as far as their permits. To be remembered before its intent."""
    carrier = turn.cell.plan.station(operation.station)
    token = turn.cell.counts.rev + 1
    for transfer in _legs(turn.cell, operation, carrier):
        giver, taker = _shown(turn.cell, transfer, operation)
        _remember(turn, transfer, custody.advance(transfer, giver, taker, token))
    turn.do(Permit(operation.station, token))


def _legs(cell: Cell, operation: Operation, carrier: Station) -> Iterator[Transfer]:
    here, there = station_at(cell, operation.source), station_at(cell, operation.target)
    held, name, what = hand(carrier), carrier.name, operation.carrier or operation.serial
    took = operation.target if there == name else held
    if here != name:
        yield Transfer(f"{operation.id}/take", operation.id, what, operation.source, took, here, name, mover=name)
    gave = operation.source if here == name else held
    if there != name:
        yield Transfer(f"{operation.id}/give", operation.id, what, gave, operation.target, name, there, mover=name)


def follow(turn: Turn) -> None:
    """Bring every hand-over to where the cell is now. After every stimulus."""
    before = None
    while before is not turn.cell.transfers:
        before = turn.cell.transfers
        for name in list(before):
            transfer = turn.cell.transfers[name]
            _follow(turn, transfer, turn.cell.operations.get(transfer.operation_id))


def _follow(turn: Turn, transfer: Transfer, operation: Operation | None) -> None:
    if operation is None:
        _close(turn, transfer)
    elif operation.state is OperationState.UNKNOWN:
        _hold(turn, transfer)
    elif transfer.phase is Phase.DISPUTED:
        # Its carrier is proved to be at it: it has entered, and may be told to go on.
        _renew(turn, operation, Phase.ENTER)
    else:
        _step(turn, transfer, operation)


def _step(turn: Turn, transfer: Transfer, operation: Operation) -> None:
    cell = turn.cell
    giver, taker = _shown(cell, transfer, operation)
    now = custody.advance(transfer, giver, taker, cell.counts.rev + 1) if not _too_early(cell, transfer) else transfer
    fixed = giver if transfer.mover == transfer.taker else taker
    now = custody.kept_up(now, fixed, cell.counts.rev + 1)
    stopped = zones.against(cell, transfer.mover) or zones.against(cell, transfer.zone)
    if stopped is not None:
        now = custody.revoke(now, stopped.sentence, cell.counts.rev + 1)
    _remember(turn, transfer, now)
    against = now.why if now.phase is Phase.DISPUTED else _lost(cell, now)
    heals = now.permit is not None and not now.permit.live and fixed.alive and stopped is None
    if against:
        halt(turn, operation, against)
        return
    if heals:
        _renew(turn, operation)
    if transfer.phase < Phase.LEAVE <= now.phase:
        _arrive(turn, now, operation)


def _too_early(cell: Cell, transfer: Transfer) -> bool:
    """Whether the carrier has yet to take what it is to bring."""
    take = cell.transfers.get(transfer.id.replace("/give", "/take"))
    return take is not None and take.id != transfer.id and take.phase < Phase.LEAVE


def _lost(cell: Cell, transfer: Transfer) -> str:
    """Why what a carrier has taken is not in its gripper, while it is on its way; empty if it is."""
    status = cell.stations.get(transfer.giver)
    under_way = transfer.mover == transfer.giver and transfer.phase is Phase.PERMIT and not _too_early(cell, transfer)
    zone = status.signals.zone if status else None
    if not under_way or zone in (None, transfer.zone) or sensed(cell, transfer.source) is not False:
        return ""
    return f"{transfer.giver} has lost {transfer.carried} on its way to {transfer.target}"


def _arrive(turn: Turn, transfer: Transfer, operation: Operation) -> None:
    """What its carrier claimed is confirmed by the other side: the part is there."""
    if transfer.claimed is None or whereabouts.of(turn.cell, operation.serial) != transfer.source:
        return
    _moved(turn, operation.serial, transfer.target, transfer.claimed, operation.id)


def halt(turn: Turn, operation: Operation, why: str) -> None:
    """The two sides do not agree: the carrier is held, nothing of it is tried again, and a person is asked once."""
    status = turn.cell.stations.get(operation.station)
    if status is not None and status.state in _BUSY and not turn.cell.plan.station(operation.station).attended:
        turn.remember(ev.StationCommanded(operation.station, MachineCommand.HOLD, "cellctl"))
        turn.do(Tell(operation.station, MachineCommand.HOLD))
    recovery.doubt(turn, operation, why)


def _close(turn: Turn, transfer: Transfer) -> None:
    """Its operation is over: done, proved not begun, or settled by a person."""
    holder = station_at(turn.cell, whereabouts.of(turn.cell, transfer.carried)) or transfer.taker
    token = turn.cell.counts.rev + 1
    # That the zone is clear its driver has proved, or a person has said.
    out = Shown(1, alive=True, in_zone=False, token=token)
    _remember(turn, transfer, custody.finished(custody.settled(transfer, holder, token), out))


def _hold(turn: Turn, transfer: Transfer) -> None:
    if transfer.phase is not Phase.DISPUTED:
        _remember(
            turn,
            transfer,
            custody.dispute(transfer, "nobody knows how far the carry has come", turn.cell.counts.rev + 1),
        )


def _renew(turn: Turn, operation: Operation, phase: Phase | None = None) -> None:
    """New permits, with one new token, for all that is open of a carry."""
    token = turn.cell.counts.rev + 1
    for transfer in [each for each in turn.cell.transfers.values() if each.operation_id == operation.id]:
        _remember(turn, transfer, replace(custody.renewed(transfer, token), phase=phase or transfer.phase))
    turn.do(Permit(operation.station, token))


def _remember(turn: Turn, before: Transfer, now: Transfer) -> None:
    if now == before:
        return
    since_s = turn.now_s if now.phase is not before.phase or not before.since_s else before.since_s
    turn.remember(ev.TransferPhase(replace(now, since_s=since_s)))


# ---- what the carrier says -----------------------------------------------------------------------------------------


def claim(turn: Turn, fact: ev.PartMoved) -> None:
    """A carrier says that it has taken the part, or brought it; a sensor that says otherwise is waited for."""
    operation = whereabouts.carried_by(turn.cell, fact.serial)
    agreed = True
    for transfer in [each for each in turn.cell.transfers.values() if operation and each.operation_id == operation.id]:
        takes = transfer.mover == transfer.taker
        if transfer.phase is Phase.DISPUTED or not (takes or fact.place == transfer.target):
            continue
        if transfer.claimed is None:
            turn.remember(ev.TransferPhase(replace(transfer, claimed=fact.knowledge)))
        says = sensed(turn.cell, transfer.source if takes else transfer.target)
        agreed = agreed and says is not takes
    if agreed:
        _moved(turn, fact.serial, fact.place, fact.knowledge, fact.by)


def contradiction(turn: Turn, operation: Operation) -> str:
    """Why a carry that its carrier calls done is not: a sensor says otherwise. Empty if it is."""
    for transfer in [each for each in turn.cell.transfers.values() if each.operation_id == operation.id]:
        told = transfer if transfer.claimed is not None else replace(transfer, claimed=Knowledge.RECORDED)
        giver, taker = _shown(turn.cell, told, replace(operation, state=OperationState.RUNNING))
        inside = custody.advance(told, giver, taker, turn.cell.counts.rev + 1)
        giver, taker = _shown(turn.cell, told, operation, over=True)
        now = custody.advance(inside, giver, taker, turn.cell.counts.rev + 1)
        if now.phase is Phase.DISPUTED:
            return now.why
    return ""


def _moved(turn: Turn, name: str, place: Place, told: Knowledge, by: str) -> None:
    """A part or a carrier is there, known as well as its bringer and the place's own sensor say."""
    known = custody.grade(told, sensed(turn.cell, place))
    turn.remember(whereabouts.moved(turn.cell, name, place, known, by))


# ---- time ----------------------------------------------------------------------------------------------------------


def pass_time(turn: Turn) -> None:
    """Hold what has lasted too long: nobody guesses why."""
    for transfer in list(turn.cell.transfers.values()):
        due, operation = due_s(turn.cell, transfer), turn.cell.operations.get(transfer.operation_id)
        if due is None or operation is None or due > turn.now_s or operation.state is OperationState.UNKNOWN:
            continue
        halt(turn, operation, f"{transfer.phase.name} of hand-over {transfer.id} lasts longer than it may")


def free(turn: Turn) -> None:
    """A machine that has completed its run becomes idle once what it made has left."""
    for name, status in turn.cell.stations.items():
        if status.state is not MachineState.COMPLETE or status.told:
            continue
        if zones.against(turn.cell, name) or dispatch.against_reset(turn.cell, name):
            continue
        turn.remember(ev.StationCommanded(name, MachineCommand.RESET, "cellctl"))
        turn.do(Tell(name, MachineCommand.RESET))
