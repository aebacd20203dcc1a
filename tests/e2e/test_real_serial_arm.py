"""The nameplate cell with a serial arm, as real processes: the arm is on a pty like the printers and the router."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.app.kills import quick_product
from tests.broker import mosquitto
from tests.e2e.real_cell import RealCell

CELL = Path(__file__).parents[2] / "examples" / "nameplate" / "cell-serial-arm.toml"
SPEED = 240.0


@pytest.mark.broker
def test_a_part_passes_printer_arm_vise_arm_rack_and_bench_over_real_lines(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, ExitStack() as running:
        cell = RealCell(running, tmp_path, broker, SPEED, f'["{quick_product(tmp_path)}"]', CELL)
        order = cell.submit("nameplate", "ADA")
        cell.answer_bench()
        cell.until("job.state", lambda event: event["state"] == "ENDED")
        report = cell.cellctl("order", "show", order)
        held = [line.split()[1:3] for line in report.partition("held by\n")[2].splitlines() if line.strip()]
        assert held[:5] == [
            ["printer-1.bed", "recorded"],
            ["arm-1.gripper", "observed"],
            ["router-1.vise", "observed"],
            ["arm-1.gripper", "observed"],
            ["outfeed.1", "observed"],
        ]
        assert cell.world()["violations"] == []
        said = bytes(cell.taps.lines["arm-1"].said)
        assert said.index(b"$I\n") < said.index(b"$H\n") < said.index(b"G1 X-300")
