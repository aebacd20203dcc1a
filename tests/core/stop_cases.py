"""Every stop against every state of a station: what machines are told, and what they must never be told."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cellctl.core import zones
from cellctl.core.instructions import Start, Tell
from cellctl.core.invariants import broken, broken_by
from cellctl.domain import events as ev
from cellctl.domain.commands import (
    ClearAlarm,
    Command,
    CommandMachine,
    CommandZone,
    Envelope,
    RaiseAlarm,
    Reply,
    ReportStop,
)
from cellctl.domain.machine import NEXT, MachineCommand, MachineState, after
from cellctl.domain.stop_events import StopSeen
from cellctl.domain.stops import AlarmClass, Reach, Rung, Zone, ZoneCommand, ZonePhase
from cellctl.domain.work import OperationState, Plan

from .shop import PLAN, Shop, one_step_directive

_C, _S = MachineCommand, MachineState
# What makes a machine move, or lets it.
MOVES = frozenset({_C.START, _C.UNHOLD, _C.UNSUSPEND, _C.RESET, _C.COMPLETE})
MOST_TOLD = 200
ZONE = "print"
STATION = "printer-1"
BESIDE = "arm-1"
STATES: tuple[MachineState | None, ...] = (*MachineState, None)
LEVELS = tuple((rung, reach) for rung in Rung for reach in Reach)


def plan(*, suspends: bool = False) -> Plan:
    """The shop with a zone of both printers, and a kind of alarm for every rung and reach."""
    alarms = {name: AlarmClass(name, rung, reach) for rung, reach in LEVELS for name in [kind(rung, reach)]}
    stations = {name: replace(each, suspends=suspends) for name, each in PLAN.stations.items()}
    return replace(PLAN, stations=stations, zones={ZONE: Zone(ZONE, ("printer-1", "printer-2"))}, alarms=alarms)


def kind(rung: Rung, reach: Reach) -> str:
    return f"{rung.value}-{reach.value}"


class Watched(Shop):
    """A shop in which a stop is in force: it notes whatever moves against it."""

    def __init__(self, of: Plan) -> None:
        super().__init__(of)
        self.moved: list[str] = []
        self.guarded: set[str] = set()

    def take(self, stimulus: object, *, person: bool = False) -> None:
        """Feed, and look at everything that came of it. What a person's own command tells is not held against it."""
        before = self.cell
        todo = self.feed(stimulus)  # type: ignore[arg-type]
        self.moved += broken_by(before, todo, self.cell)
        for each in todo:
            if isinstance(each, Start) and each.operation.station in self.guarded:
                self.moved.append(f"{each.operation.id} is started at {each.operation.station}")
            if isinstance(each, Tell) and each.station in self.guarded and each.command in MOVES and not person:
                self.moved.append(f"{each.station} is told to {each.command.value}")

    def says(self, command: Command, *, person: bool = False) -> Reply:
        self.reply = None
        self._ids += 1
        self.take(Envelope(f"id-{self._ids}", "ada", command), person=person)
        assert self.reply is not None
        return self.reply

    def pursue(self) -> None:
        """Machines do what they are told, step by step, until they are told nothing more."""
        for _ in range(MOST_TOLD):
            if not self.told:
                return
            each = self.told.pop(0)
            state = self.cell.stations[each.station].state
            if not isinstance(each, Tell) or state is None or (state, each.command) not in NEXT:
                continue
            state = after(state, each.command)
            self.take(ev.StationChanged(each.station, state))
            self._give_up(each)
            while (state, _C.STATE_COMPLETE) in NEXT and state is not _S.EXECUTE:
                state = after(state, _C.STATE_COMPLETE)
                self.take(ev.StationChanged(each.station, state))
        self.moved.append("machines are told something for ever")

    def _give_up(self, tell: Tell) -> None:
        for operation in list(self.cell.operations.values()):
            told = operation.station == tell.station and tell.command in (_C.ABORT, _C.STOP)
            if told and operation.state is not OperationState.UNKNOWN:
                self.take(ev.OperationEnded(operation.id, OperationState.UNKNOWN, "it was broken off"))


def at_state(state: MachineState | None, *, suspends: bool = False) -> Watched:
    """Two parts ordered; the first printer has begun one and shows this state; more waits for both printers."""
    shop = Watched(plan(suspends=suspends))
    shop.wake()
    shop.order(quantity=4, directive=one_step_directive())
    for operation in list(shop.started):
        shop.feed(ev.OperationStarted(operation.id))
        shop.feed(ev.StationChanged(operation.station, _S.EXECUTE))
    if state is None:
        shop.feed(ev.ContactLost(STATION, "unplugged"))
    elif state is not _S.EXECUTE:
        shop.feed(ev.StationChanged(STATION, state))
    shop.told.clear()
    shop.started.clear()
    return shop


@dataclass(frozen=True, slots=True)
class Case:
    """A stop, pressed in one of its ways, while a station is in a state."""

    way: str
    state: MachineState | None
    rung: Rung = Rung.ABORT
    reach: Reach = Reach.ZONE
    suspends: bool = False

    @property
    def name(self) -> str:
        state = self.state.name if self.state else "unheard"
        return f"{self.way} {self.rung.value} {self.reach.value}{' suspends' * self.suspends} {state}"


def cases() -> Iterator[Case]:
    """Every level by an alarm; zones by a command, by a report and by a machine's own signal; every state."""
    for state in STATES:
        for suspends in (False, True):
            yield from (Case("alarm", state, rung, reach, suspends) for rung, reach in LEVELS)
            yield from (Case(way, state, suspends=suspends) for way in ("zone", "report", "seen"))


def press(shop: Watched, case: Case) -> None:
    match case.way:
        case "alarm":
            assert shop.says(RaiseAlarm(kind(case.rung, case.reach), STATION, "smoke")).accepted
        case "zone":
            assert shop.says(CommandZone(ZONE, ZoneCommand.STOP)).accepted
        case "report":
            assert shop.says(ReportStop(ZONE, True)).accepted
        case "seen":
            shop.take(StopSeen("printer-2", True, "its stop button"))


def play(case: Case) -> list[str]:
    """Press, let everything happen that happens by itself, try everything that a person might, then lead back.

    Returns what moved against the stop, and what else was wrong.
    """
    shop = at_state(case.state, suspends=case.suspends)
    shop.guarded = _guarded(case)
    press(shop, case)
    shop.pursue()
    if case.rung is Rung.WARN:
        return shop.moved
    wrong = _try_everything(shop, case)
    wrong += _stands_right(shop, case)
    wrong += _lead_back(shop, case)
    return [*shop.moved, *wrong, *broken(shop.cell)]


def _guarded(case: Case) -> set[str]:
    """Whom nothing may set in motion."""
    if case.rung is Rung.WARN:
        return set()
    zoned = case.reach is Reach.ZONE
    inside = {"printer-1", "printer-2"} if zoned else {STATION}
    beside = {BESIDE} if zoned and case.rung in (Rung.STOP, Rung.ABORT) else set()
    return inside | beside


def _try_everything(shop: Watched, case: Case) -> list[str]:
    """Whatever happens, and whatever a person tells a machine, nothing that is guarded moves."""
    for name in sorted(shop.guarded):
        shop.take(ev.ContactLost(name, "a cable"))
        shop.take(ev.ContactFound(name, "twin"))
        shown = shop.cell.stations[name].state or (_S.IDLE if case.rung is Rung.SUSPEND else _S.EXECUTE)
        shop.take(ev.StationChanged(name, _S.HELD if name == BESIDE else shown))
        shop.pursue()
        # What lets a machine move again is refused while a stop is in force there.
        for command in (_C.RESET, _C.UNHOLD, _C.CLEAR):
            if command is _C.CLEAR and case.rung in (Rung.SUSPEND, Rung.HOLD):
                continue  # clearing moves nothing; no stop of the zone waits for it
            if command is _C.CLEAR and name == BESIDE:
                continue
            reply = shop.says(CommandMachine(name, command))
            if reply.accepted:
                return [f"{name} took {command.value} against {case.name}"]
    # After a start of the daemon nothing is forgotten.
    shop.take(ev.ControllerStarted("again"))
    for name in shop.cell.stations:
        shop.take(ev.ContactFound(name, "twin"))
        state = _S.ABORTED if name in shop.guarded and case.rung is Rung.ABORT and name != BESIDE else _S.IDLE
        shop.take(ev.StationChanged(name, state))
    shop.pursue()
    return []


def _stands_right(shop: Watched, case: Case) -> list[str]:
    """An aborted zone's stations are ABORTED, and stay so."""
    if case.rung is not Rung.ABORT:
        return []
    inside = sorted(shop.guarded - {BESIDE})
    states = {name: shop.cell.stations[name].state for name in inside}
    return [f"{name} is {state} in {case.name}" for name, state in states.items() if state is not _S.ABORTED]


def _lead_back(shop: Watched, case: Case) -> list[str]:
    """Clear, then Reset, by a person, in this order and no other; then it works again."""
    alarms = list(shop.cell.stops.alarms.values())
    if not shop.cell.stops.zones:
        return [
            f"{alarm.id} could not be cleared"
            for alarm in alarms
            if not shop.says(ClearAlarm(alarm.id), person=True).accepted
        ]
    wrong = [f"{command.value} too early" for command in ZoneCommand if _too_early(shop, command, case)]
    if wrong:
        return wrong
    for alarm in alarms:
        if case.way == "report":
            shop.says(ReportStop(ZONE, False))
        elif case.way == "seen":
            shop.take(StopSeen("printer-2", False))
        else:
            shop.says(ClearAlarm(alarm.id))
    if shop.cell.stops.zones[ZONE].phase is not ZonePhase.STOPPED:
        wrong.append("the zone opened by itself")
    if shop.says(CommandZone(ZONE, ZoneCommand.RESET)).accepted:
        wrong.append("Reset before Clear")
    clear = shop.says(CommandZone(ZONE, ZoneCommand.CLEAR))
    if not clear.accepted:
        return [*wrong, f"no Clear: {clear.message}"]
    shop.pursue()
    shop.guarded = set()
    reset = shop.says(CommandZone(ZONE, ZoneCommand.RESET), person=True)
    if not reset.accepted:
        wrong.append(f"no Reset: {reset.message}")
    shop.pursue()
    return wrong + [f"{name} is still stopped" for name in shop.cell.stations if zones.against(shop.cell, name)]


def _too_early(shop: Watched, command: ZoneCommand, case: Case) -> bool:
    """Whether a zone may be led back while what has stopped it still stands."""
    if command is ZoneCommand.STOP or (command is ZoneCommand.CLEAR and case.way == "zone"):
        return False
    return shop.says(CommandZone(ZONE, command)).accepted
