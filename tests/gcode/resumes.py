"""Programs that go on in their middle, with the simulated firmware as the judge."""

from random import Random  # noqa: TID251 - seeded

from cellctl.domain.work import Knowledge, Progress
from cellctl.gcode.resume import Evidence, NotResumable, Resumable, plan
from cellctl_sim.config import PrinterTwin
from tests.drivers.pauses import Snapshot, Watched, differences, random_program, snapshot
from tests.sim.device_rig import Rig

HOMES_ALL = Resumable(homes=frozenset("XYZ"))


def evidence(at_line: int) -> Evidence:
    """All is known, and the program ended around there."""
    progress = Progress(sent=at_line + 3, acknowledged=at_line, executed=max(0, at_line - 3), total=10_000)
    return Evidence(progress, Knowledge.RECORDED, at_its_place=True)


def behind(lines: list[str] | tuple[str, ...], seed: int) -> Snapshot:
    """What a printer is like behind these lines, from power-up on."""
    board = Watched(seed, PrinterTwin(model="marlin"))
    rig = Rig(board)
    rig.until(0.0)
    rig.stream([*lines, "M400"])
    return snapshot(board)


def battle(seed: int) -> tuple[int, list[str]]:
    """How many plans were made for one random print, and what is wrong with them."""
    rng = Random(seed)
    program = random_program(rng)
    plans, wrong = 0, []
    for at_line in sorted(rng.sample(range(9, len(program)), 3)):
        made = plan(program, at_line, HOMES_ALL, evidence(at_line))
        if isinstance(made, NotResumable):
            wrong += [] if _may_be_refused(program[: at_line - 1], made) else [f"{at_line}: {made.reasons}"]
            continue
        plans += 1
        found = differences(behind(made.preamble, seed), behind(program[: at_line - 1], seed), within_mm=0.0002)
        wrong += [f"seed {seed}, line {at_line}: {each}" for each in found]
    return plans, wrong


def _may_be_refused(before: list[str], made: NotResumable) -> bool:
    """Between G91 and the M82 behind it, E is not the same in all firmware."""
    return before[-1] in ("G091", "G090") or before[-2] == "G091" or "where the axes were" in made.reasons[0]
