"""Cables that are pulled in mid-job, on real pseudo-terminals; many more of it: `make prove-serial`."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cellctl_drivers.serial_session import Greeted, ProgramDrained, Rested
from tests.drivers.transcript import Recorded
from tests.links.yard import cell_file, daemon, round_of, socket_of, submit, until, yard_of

# With its dwell, half a second of work.
SHORT = ("G21", "G90", "G1 X10 F3000", "G1 X12.5", "G4 P0.2", "G1 X0")
# A clock on a busy computer may be so late, and what it was late for may then come after other things.
LATE_S = 0.3


def test_pulled_cables_end_in_held_work_and_machines_come_back_under_other_names_with_nothing_repeated(
    tmp_path: Path,
) -> None:
    outcomes = asyncio.run(round_of(tmp_path, seed=1, machines=4, strangers=2))
    assert [each.mistakes for each in outcomes] == [()] * 4
    assert all(each.held for each in outcomes)
    # What is wanted is 2 s; other tests share the computer.
    assert max(each.back_s for each in outcomes) < 5, outcomes
    by_name, by_uuid = outcomes[0].refused, outcomes[2].refused
    assert "is the wrong machine: it has no name, and 'm-0' is expected. Plug the right cable in" in by_name
    assert "the cell file expects 00000000-0000-4000-8000-000000000002. Put its cable where it belongs" in by_uuid


@pytest.mark.parametrize("family", ["grbl", "marlin"])
def test_a_run_on_a_real_line_is_recorded_by_the_daemon_and_replays(family: str, tmp_path: Path) -> None:
    path, tape = cell_file(tmp_path, {"m-0": family}), tmp_path / "m-0.transcript"
    (tmp_path / "program.gcode").write_text("\n".join(SHORT))

    async def record() -> Recorded:
        with yard_of(path, tmp_path) as yard:
            if family == "grbl":
                yard.twins["m-0"].memory.build_info = "m-0"
            await yard.plug("m-0", socket_of(0))
            async with daemon(path, yard, {"m-0": tape}) as cell:
                await until(cell, "m-0", lambda view: view.state == "IDLE")
                await submit(cell, family)
                await until(cell, "m-0", lambda view: view.state == "COMPLETE")
                supervisor: Any = cell.engine.supervisors["m-0"]
                # A session like the one that was there, which has never spoken with a machine.
                options = cell.config.machines["m-0"].options
                fresh: Any = cell.config.machines["m-0"].family.driver("m-0", options, supervisor._tools)
        return Recorded(fresh._session, cell.outside.files, LATE_S)

    told = asyncio.run(record()).run(tape.read_text()).told
    kinds = [type(event) for event in told if isinstance(event, Greeted | Rested | ProgramDrained)]
    assert kinds == [Greeted, Rested, ProgramDrained, Rested]
