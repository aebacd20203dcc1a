"""The $ commands (system.c)."""

import re
from typing import TYPE_CHECKING, Final

from cellctl_sim.board import Task
from cellctl_sim.grbl import reports, work
from cellctl_sim.grbl.cycle import State
from cellctl_sim.grbl.memory import Refused
from cellctl_sim.grbl.parser import understand

if TYPE_CHECKING:
    from cellctl_sim.grbl.device import Grbl

_NUMBER: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)")
_AT_REST: Final = frozenset({"Idle", "Alarm"})


def execute(board: "Grbl", line: str, now_s: float) -> Task | None:
    """One line that begins with "$". Raises Refused."""
    match line[1:2]:
        case "":
            board.say(reports.HELP)
        case "J":
            return _jog(board, line, now_s)
        case "$" | "G" | "C" | "X":
            if len(line) != 2:
                raise Refused(3)
            _switch(board, line[1], now_s)
        case _:
            if board.memory.grblhal and line == "$SLP":
                raise Refused(3)  # where the hardware does not offer it
            if board.cycle.shown not in _AT_REST:
                raise Refused(8)
            return _at_rest(board, line, now_s)
    return None


def start_up(board: "Grbl", now_s: float) -> Task:
    """The stored start-up lines; their answers carry a ">" and belong to no line of the host's."""
    for line in filter(None, board.memory.startup):
        try:
            yield from work.perform(board, understand(line, board.modes, board.memory), now_s)
            board.say(f">{line}:ok")
        except Refused as refusal:
            board.say(f">{line}:error:{refusal.code}")


def _switch(board: "Grbl", letter: str, now_s: float) -> None:
    state = board.cycle.shown
    if letter == "$":
        if state == "Run" or state.startswith("Hold"):
            raise Refused(8)
        board.say(*board.memory.listing())
    elif letter == "G":
        board.say(reports.parser_state(board.modes, board.memory))
    elif letter == "X":
        if state == "Alarm":
            _door_must_be_shut(board)
            board.cycle.state = State.IDLE
            board.say("[MSG:Caution: Unlocked]")
    elif state == "Check":
        board.restart(now_s)  # leaving the check mode is a reset
        board.say("[MSG:Disabled]")
    else:
        if state != "Idle":
            raise Refused(8)
        board.cycle.state = State.CHECK
        board.say("[MSG:Enabled]")


def _jog(board: "Grbl", line: str, now_s: float) -> Task:
    if board.cycle.shown not in ("Idle", "Jog"):
        raise Refused(8)
    if line[2:3] != "=":
        raise Refused(3)
    step = understand(line[3:], board.modes, board.memory, jog=True)
    board.cycle.state = State.JOG
    return _jog_to(board, step.target, step.feed, now_s)


def _jog_to(board: "Grbl", target: tuple[float, float, float], feed: float, now_s: float) -> Task:
    """A jog that waits for room is planned even if a cancel has made the room; it then jogs on, as Grbl does."""
    now_s = yield from work.line(board, target, feed, now_s)
    if board.cycle.state is State.IDLE and board.planner.busy:
        board.cycle.state = State.JOG
    board.cycle.settle(now_s)


def _at_rest(board: "Grbl", line: str, now_s: float) -> Task | None:
    if line == "$#":
        board.say(*reports.parameters(board.modes, board.memory))
    elif line == "$H":
        if not board.memory.homing:
            raise Refused(5)
        _door_must_be_shut(board)
        return _home(board, now_s)
    elif line == "$SLP":
        board.cycle.sleep(now_s)
    elif line == "$I":
        board.say(*reports.build(board.router.config, board.memory.build_info))
    elif line == "$N":
        board.say(*(f"$N{number}={text}" for number, text in enumerate(board.memory.startup)))
    else:
        return _store(board, line, now_s)
    return None


def _home(board: "Grbl", now_s: float) -> Task:
    yield from work.go_home(board, now_s)
    yield from start_up(board, now_s)


def _store(board: "Grbl", line: str, now_s: float) -> Task:
    """Everything that writes the EEPROM."""
    if line.startswith("$I="):
        board.memory.build_info = line[3:]
    elif line.startswith("$RST"):
        _restore(board, line, now_s)
    elif line.startswith("$N"):
        _store_start_up(board, line[2:])
    else:
        number, value = _assignment(line[1:])
        rest = _NUMBER.match(value)
        if rest is None:
            raise Refused(2)
        if rest.end() != len(value) or number > 255:
            raise Refused(3)
        board.memory.store(int(number), float(value))
        board.planner.limits = board.memory.limits
    return _written(board, now_s)


def _written(board: "Grbl", now_s: float) -> Task:
    yield board.intake.write_eeprom(now_s)


def _store_start_up(board: "Grbl", text: str) -> None:
    if board.cycle.shown != "Idle":
        raise Refused(8)
    number, line = _assignment(text)
    understand(line, board.modes, board.memory)
    if int(number) >= len(board.memory.startup):
        raise Refused(3)
    board.memory.startup[int(number)] = line


def _assignment(text: str) -> tuple[float, str]:
    """ "110=500" as number and text."""
    number = _NUMBER.match(text)
    if number is None:
        raise Refused(2)
    if text[number.end() : number.end() + 1] != "=":
        raise Refused(3)
    return float(number[0]), text[number.end() + 1 :]


def _restore(board: "Grbl", line: str, now_s: float) -> None:
    if len(line) != 6 or line[4] != "=" or line[5] not in "$#*":
        raise Refused(3)
    board.memory.restore(line[5])
    board.planner.limits = board.memory.limits
    board.say("[MSG:Restoring defaults]")
    board.restart(now_s)


def _door_must_be_shut(board: "Grbl") -> None:
    if board.router.door_open:
        raise Refused(13)
