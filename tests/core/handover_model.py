"""Every way in which a hand-over can go: an explorer of explicit states over the functions that the daemon runs.

Giver, taker and cell are three processes between which every message ever sent stays in the air: it may arrive at any
moment, again and again, out of order, or never. So loss, delay and doubling are all there. Any of the three may crash
at any moment; a person settles what is disputed. `Protocol` holds the functions under test, so that a defect can be
planted by putting another one in.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from cellctl.core import custody
from cellctl.core.custody import NOTHING_SHOWN, Crash, Found, Shown, Told
from cellctl.domain.transfer import Custody, Phase, Transfer
from cellctl.domain.work import Place


@dataclass(frozen=True)
class Protocol:
    """The functions of the daemon."""

    heard: Callable[[Shown, Shown], Shown] = custody.heard
    obey: Callable[[Told, Told], Told] = custody.obey
    tell: Callable[[Transfer, Told], tuple[Told, Told]] = custody.tell
    advance: Callable[[Transfer, Shown, Shown, int], Transfer] = custody.advance
    withdraw: Callable[[Transfer, str, int], Transfer] = custody.withdraw
    dispute: Callable[[Transfer, str, int], Transfer] = custody.dispute
    settled: Callable[[Transfer, str, int], Transfer] = custody.settled
    answerable: Callable[[Transfer, Shown], bool] = custody.answerable
    finished: Callable[[Transfer, Shown], Transfer] = custody.finished
    kept_up: Callable[[Transfer, Shown, int], Transfer] = custody.kept_up
    restarted: Callable[[Transfer, int], Transfer] = custody.restarted
    after_crash: Callable[[Transfer, Found], Crash] = custody.after_crash


@dataclass(frozen=True)
class Bounds:
    """How far the exploration goes: so many crashes, lost heartbeats and time limits, dropped parts, machine runs."""

    crashes: int = 1
    gives_up: int = 1
    drops: int = 1
    runs: int = 1
    loading: bool = False
    sensors: bool = True
    who: str = "daemon machine arm"  # may crash
    stale: bool = False  # what was said to a daemon that died may still reach the next one


class Side(NamedTuple):
    """The machine, or the arm: what it knows, what it does, and how often it has told what it shows.

    `busy`: the machine moves, or the arm is in its zone. `used`: the token under which it began a motion last.
    """

    told: Told = Told()
    used: int = 0
    busy: bool = False
    failed: bool = False
    shown: Shown = NOTHING_SHOWN


class State(NamedTuple):
    """Everything at one moment. `part`: M at the machine, B gripped by both, A in the arm's gripper, - nowhere."""

    transfer: Transfer
    idle: Told  # what the cell lets the machine do by itself
    token: int
    machine: Side
    arm: Side
    part: str
    seen: tuple[Shown, Shown] = (NOTHING_SHOWN, NOTHING_SHOWN)  # of machine and arm, as the cell believes
    said: tuple[frozenset[Shown], frozenset[Shown]] = (frozenset(), frozenset())  # in the air, to the cell
    orders: tuple[frozenset[Told], frozenset[Told]] = (frozenset(), frozenset())  # in the air, from the cell
    left: tuple[int, int, int, int] = (0, 0, 0, 0)  # crashes, give-ups, drops, runs


MACHINE, ARM = 0, 1
NAMES = ("the machine", "the arm")
STOPPED = custody.STOPPED
CRASH, GIVE_UP, DROP, RUN = range(4)


class Model:
    """The transitions, and what must hold in every state."""

    def __init__(self, protocol: Protocol, bounds: Bounds) -> None:
        self.protocol = protocol
        self.bounds = bounds

    def start(self) -> State:
        machine, gripper = Place("m.slot"), Place("a.gripper")
        ends = (gripper, machine, "a", "m") if self.bounds.loading else (machine, gripper, "m", "a")
        transfer = Transfer("t", "op", "part", *ends, mover="a")
        bounds = self.bounds
        left = (bounds.crashes, bounds.gives_up, bounds.drops, bounds.runs)
        state = State(transfer, Told(), 0, Side(), Side(), "A" if bounds.loading else "M", left=left)
        return self._show(self._show(state, MACHINE), ARM)

    # ---- what may happen next ----------------------------------------------------------------------------------

    def after(self, state: State) -> Iterator[tuple[str, State]]:
        yield from self._arrivals(state)
        yield from self._machine(state)
        yield from self._arm(state)
        yield from self._cell(state)
        yield from self._crashes(state)

    def _arrivals(self, state: State) -> Iterator[tuple[str, State]]:
        for side in (MACHINE, ARM):
            for message in state.said[side]:
                believed = self.protocol.heard(state.seen[side], message)
                if believed != state.seen[side]:
                    seen = (believed, state.seen[ARM]) if side == MACHINE else (state.seen[MACHINE], believed)
                    yield (
                        f"the cell hears {NAMES[side]} {message.seq}",
                        self._think(state._replace(seen=seen)),
                    )
            for told in state.orders[side]:
                known = self.protocol.obey(self._side(state, side).told, told)
                if known != self._side(state, side).told:
                    yield f"{NAMES[side]} hears {told}", self._set(state, side, told=known)

    def _machine(self, state: State) -> Iterator[tuple[str, State]]:
        machine = state.machine
        if self._may_begin(machine):
            yield "the machine starts", self._set(state, MACHINE, busy=True, used=machine.told.token)
        if machine.busy:
            yield "the machine comes to rest", self._set(state, MACHINE, busy=False)

    def _arm(self, state: State) -> Iterator[tuple[str, State]]:
        arm, part = state.arm, state.part
        if self._may_begin(arm):
            yield "the arm enters", self._set(state, ARM, busy=True, used=arm.told.token)
        if not arm.busy or arm.failed:
            return
        yield "the arm leaves", self._set(state, ARM, busy=False)
        for before, now, how in (("M", "B", "grips"), ("B", "A", "lifts"), ("A", "B", "lowers"), ("B", "M", "lets go")):
            if part == before and self._forward(how):
                yield f"the arm {how}", self._show(self._show(state._replace(part=now), MACHINE), ARM)
        if part == "A" and state.left[DROP]:
            lost = self._spend(state._replace(part="-"), DROP)
            yield "the arm drops the part", self._show(self._show(lost, MACHINE), ARM)

    def _forward(self, how: str) -> bool:
        """A carry program goes one way."""
        return how in (("lowers", "lets go") if self.bounds.loading else ("grips", "lifts"))

    def _cell(self, state: State) -> Iterator[tuple[str, State]]:
        protocol, transfer, token = self.protocol, state.transfer, state.token + 1
        if state.left[RUN] and custody.may_start([transfer], "m") and not state.idle.permitted:
            run = self._spend(state._replace(idle=Told(token, permitted=True), token=token), RUN)
            yield "the cell lets the machine start", self._order(run)
        if state.idle.permitted:
            yield "the cell takes that back", self._order(state._replace(idle=Told(token), token=token))
        if (
            state.left[GIVE_UP]
            and transfer.open
            and transfer.permit is not None
            and transfer.phase is not Phase.DISPUTED
        ):
            gives_up = protocol.withdraw if transfer.phase < Phase.PERMIT else protocol.dispute
            late = gives_up(transfer, "it lasts too long", token)
            yield "a phase lasts too long", self._judge(self._spend(state, GIVE_UP), late, token)
            for side in (MACHINE, ARM):
                deaf = replace(state.seen[side], alive=False)
                seen = (deaf, state.seen[ARM]) if side == MACHINE else (state.seen[MACHINE], deaf)
                yield "a heartbeat is missed", self._think(self._spend(state._replace(seen=seen), GIVE_UP))
        if transfer.phase is Phase.DISPUTED and protocol.answerable(transfer, state.seen[ARM]):
            yield "a person settles it", self._person(state, token)

    def _person(self, state: State, token: int) -> State:
        """They look, bring the arm out, and say who has the part; a part that lies about they put at the machine."""
        part = "A" if state.part == "A" else "M"
        out = self._show(self._set(state._replace(part=part), ARM, busy=False, failed=False), MACHINE)
        out = self._set(out, MACHINE, failed=False)
        return self._judge(out, self.protocol.settled(out.transfer, "m" if part == "M" else "a", token), token)

    def _crashes(self, state: State) -> Iterator[tuple[str, State]]:
        if not state.left[CRASH] or not state.transfer.open:
            return
        spent = self._spend(state, CRASH)
        if "daemon" in self.bounds.who:
            yield "the daemon dies and starts", self._restart(spent)
        for side, name in ((MACHINE, "machine"), (ARM, "arm")):
            # A fence is kept over a restart; the permission that was under it is not.
            known = replace(self._side(state, side).told, permitted=False)
            stands = False if side == MACHINE else state.arm.busy
            if name in self.bounds.who:
                yield f"the {name} dies", self._set(spent, side, told=known, busy=stands, failed=True)

    def _restart(self, state: State) -> State:
        token = state.token + 1
        fresh = state._replace(
            seen=(NOTHING_SHOWN, NOTHING_SHOWN), idle=Told(token) if state.idle.permitted else state.idle
        )
        if not state.transfer.open or state.transfer.permit is None:
            return self._order(fresh._replace(token=token))
        return self._judge(fresh, self.protocol.restarted(state.transfer, token), token)

    # ---- inside --------------------------------------------------------------------------------------------------

    def _think(self, state: State) -> State:
        """The cell goes on with what it believes now."""
        protocol, token = self.protocol, state.token + 1
        machine, arm = state.seen
        giver, taker = (arm, machine) if self.bounds.loading else (machine, arm)
        transfer = state.transfer
        if (
            transfer.phase is Phase.DISPUTED
            and transfer.permit is not None
            and transfer.why == "the controller stopped"
        ):
            return self._judge(state, self._evidence(state, giver, taker, token), token)
        if transfer.phase is Phase.IDLE and (state.idle.permitted or machine.token < state.idle.token):
            return state  # The machine may still run.
        now = protocol.kept_up(protocol.advance(transfer, giver, taker, token), machine, token)
        return self._judge(state, now, token)

    def _evidence(self, state: State, giver: Shown, taker: Shown, token: int) -> Transfer:
        transfer, (machine, arm) = state.transfer, state.seen
        permit = transfer.permit
        if permit is None or min(machine.token, arm.token) < permit.token:
            return transfer  # Whatever was shown before the restart proves nothing.
        found = Found(arm.in_zone, None, arm.in_zone is False, giver.has_part, taker.has_part)
        verdict = self.protocol.after_crash(transfer, found)
        holders = {Crash.WITH_GIVER: transfer.giver, Crash.WITH_TAKER: transfer.taker}
        return self.protocol.settled(transfer, holders[verdict], token) if verdict in holders else transfer

    def _judge(self, state: State, transfer: Transfer, token: int) -> State:
        over = self.protocol.finished(transfer, state.seen[ARM])
        if over == state.transfer:
            return state
        # One that was given up, or is over, leaves the machine idle under a newer token.
        idle = Told(token) if not over.open and over.permit is not None else state.idle
        return self._order(state._replace(transfer=over, token=token, idle=idle))

    def _order(self, state: State) -> State:
        """What the cell tells both stays in the air for ever."""
        to_machine, to_arm = self.protocol.tell(state.transfer, state.idle)
        machine, arm = state.orders
        return state._replace(orders=(machine | {to_machine}, arm | {to_arm}))

    def _may_begin(self, side: Side) -> bool:
        return side.told.permitted and side.told.token > side.used and not side.busy and not side.failed

    def _side(self, state: State, side: int) -> Side:
        return state.machine if side == MACHINE else state.arm

    def _set(self, state: State, side: int, **changes: object) -> State:
        changed = self._side(state, side)._replace(**changes)  # type: ignore[arg-type]
        return self._show(state._replace(**{"machine" if side == MACHINE else "arm": changed}), side)

    def _show(self, state: State, side: int) -> State:
        """A side tells all its levels whenever one of them has changed."""
        it, sensors = self._side(state, side), self.bounds.sensors
        has = state.part in ("MB" if side == MACHINE else "AB")
        shown = Shown(
            it.shown.seq,
            alive=True,
            ready=not it.busy and not it.failed,
            token=it.told.token,
            has_part=has if sensors or side == ARM else None,
            in_zone=it.busy if side == ARM else None,
            failed=it.failed,
        )
        if shown == it.shown:
            return state
        shown = replace(shown, seq=shown.seq + 1)
        told = (
            (state.said[MACHINE] | {shown}, state.said[ARM])
            if side == MACHINE
            else (state.said[MACHINE], state.said[ARM] | {shown})
        )
        changed = it._replace(shown=shown)
        return state._replace(said=told, **{"machine" if side == MACHINE else "arm": changed})

    def _spend(self, state: State, what: int) -> State:
        left = tuple(each - (at == what) for at, each in enumerate(state.left))
        return state._replace(left=left)  # type: ignore[arg-type]

    def bare(self, state: State) -> State:
        """The same without what can change nothing any more: messages that are too late, names of tokens and numbers.

        Only the order of tokens and of message numbers counts, so both are counted anew from 0.
        """
        said, seen = state.said, state.seen
        heard, obey, told = self.protocol.heard, self.protocol.obey, (state.machine.told, state.arm.told)
        if not (state.left[CRASH] and self.bounds.stale):
            machine, arm = (frozenset(m for m in said[at] if heard(seen[at], m) != seen[at]) for at in (MACHINE, ARM))
            said = (machine, arm)
        to_machine, to_arm = (frozenset(t for t in state.orders[at] if obey(told[at], t) != told[at]) for at in (0, 1))
        return _renumbered(state._replace(said=said, orders=(to_machine, to_arm)))

    # ---- what must hold ------------------------------------------------------------------------------------------

    def broken(self, state: State) -> str:
        """The rule that a state breaks; empty if none."""
        robot_may = state.arm.busy or self._may_begin(state.arm)
        machine_may = state.machine.busy or self._may_begin(state.machine)
        if robot_may and machine_may:
            return "the robot may enter and the machine may start"
        transfer = state.transfer
        holders = len(transfer.custody.holders)
        if transfer.permit is not None and holders != 1 and not (holders == 2 and self._between(transfer.phase)):
            return f"{holders} have custody in {transfer.phase.name}"
        if transfer.phase is Phase.END and transfer.permit is not None:
            # What the taker drops once it has it is no matter of this hand-over; without sensors nobody sees who grips.
            unseen = "" if self.bounds.sensors else "B"
            holder = {"m": "M", "a": "A-"}[transfer.custody.holders[0]]
            if state.part not in holder + unseen:
                return f"custody is with {transfer.custody.holders[0]}, and the part is {state.part}"
        return ""

    def _between(self, phase: Phase) -> bool:
        return Phase.GRIP <= phase <= Phase.LEAVE or phase is Phase.DISPUTED


def _renumbered(state: State) -> State:
    sides = (state.machine, state.arm)
    shown = [{*state.said[at], state.seen[at], sides[at].shown} for at in (MACHINE, ARM)]
    tokens = {state.token, state.idle.token, *(told.token for orders in state.orders for told in orders)}
    tokens |= {each.token for some in shown for each in some}
    tokens |= {token for side in sides for token in (side.told.token, side.used)}
    transfer = state.transfer
    if transfer.permit is not None:
        tokens.add(transfer.permit.token)
    named = {token: at for at, token in enumerate(sorted(tokens))}
    counted = [{seq: at for at, seq in enumerate(sorted({each.seq for each in some}))} for some in shown]

    def message(each: Shown, at: int) -> Shown:
        return replace(each, seq=counted[at][each.seq], token=named[each.token])

    def told(each: Told) -> Told:
        return Told(named[each.token], each.permitted)

    def side(each: Side, at: int) -> Side:
        return each._replace(told=told(each.told), used=named[each.used], shown=message(each.shown, at))

    permit = transfer.permit and replace(transfer.permit, token=named[transfer.permit.token])
    why = transfer.why if transfer.why == STOPPED else ""
    return state._replace(
        transfer=replace(transfer, permit=permit, custody=Custody(transfer.custody.holders), why=why),
        idle=told(state.idle),
        token=named[state.token],
        machine=side(state.machine, MACHINE),
        arm=side(state.arm, ARM),
        seen=(message(state.seen[MACHINE], MACHINE), message(state.seen[ARM], ARM)),
        said=(
            frozenset(message(each, MACHINE) for each in state.said[MACHINE]),
            frozenset(message(each, ARM) for each in state.said[ARM]),
        ),
        orders=(frozenset(map(told, state.orders[MACHINE])), frozenset(map(told, state.orders[ARM]))),
    )


class Explored(NamedTuple):
    """What an exploration found: how many states, how many ways on, the phases seen, and how a rule was broken."""

    states: int
    steps: int
    phases: frozenset[Phase]
    broken: str
    trace: tuple[str, ...]


def explore(protocol: Protocol | None = None, bounds: Bounds | None = None, most: int = 5_000_000) -> Explored:
    """Every state that can be reached, breadth first, or the shortest way to one that breaks a rule."""
    model = Model(protocol or Protocol(), bounds or Bounds())
    first = model.start()
    came: dict[State, tuple[State | None, str]] = {first: (None, "")}
    queue, steps, phases = deque([first]), 0, set()
    while queue:
        state = queue.popleft()
        phases.add(state.transfer.phase)
        wrong = model.broken(state)
        if wrong:
            return Explored(len(came), steps, frozenset(phases), wrong, _trace(came, state))
        for how, now in model.after(state):
            then = model.bare(now)
            steps += 1
            if then not in came:
                came[then] = (state, how)
                queue.append(then)
        if len(came) > most:
            raise RuntimeError(f"more than {most} states; the bounds are too wide")
    return Explored(len(came), steps, frozenset(phases), "", ())


def _trace(came: dict[State, tuple[State | None, str]], state: State | None) -> tuple[str, ...]:
    way: list[str] = []
    while state is not None:
        state, how = came[state]
        way.append(how)
    return tuple(reversed(way[:-1]))
