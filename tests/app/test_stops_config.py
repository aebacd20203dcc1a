"""[zones], [alarms] and [prompts] of a cell file."""

from pathlib import Path
from shutil import copytree

import pytest

from cellctl.app.config import load
from cellctl.domain.errors import ConfigError
from cellctl.domain.stops import Reach, Rung

EXAMPLE = Path(__file__).parents[2] / "examples" / "nameplate"


def with_lines(folder: Path, lines: str) -> Path:
    """The example's cell file with some lines more."""
    copytree(EXAMPLE, folder / "cell")
    path = folder / "cell" / "cell.toml"
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{lines}", encoding="utf-8")
    return path


def test_zones_alarms_and_times_of_questions_are_in_the_plan(tmp_path: Path) -> None:
    lines = """
[zones.print]
stations = ["printer-1", "printer-2"]
[alarms.smoke]
rung = "abort"
reach = "zone"
[alarms.contact-lost]
rung = "hold"
[prompts]
outcome = 600
"""
    plan = load(with_lines(tmp_path, lines)).plan
    assert plan.zones["print"].stations == ("printer-1", "printer-2")
    smoke, lost, aborted = (plan.alarm_class(name) for name in ("smoke", "contact-lost", "machine-aborted"))
    assert smoke and (smoke.rung, smoke.reach) == (Rung.ABORT, Reach.ZONE)
    assert lost and (lost.rung, lost.reach) == (Rung.HOLD, Reach.STATION)
    assert aborted and aborted.rung is Rung.WARN
    assert plan.within_s == {"outcome": 600.0}


@pytest.mark.parametrize(
    ("lines", "mistake"),
    [
        ('[zones.print]\nstations = ["lathe-9"]', "zones.print.stations: there is no station 'lathe-9'"),
        ("[zones.print]\nstations = []", "zones.print.stations"),
        ('[alarms.smoke]\nrung = "panic"', "alarms.smoke.rung"),
        ('[alarms.external-stop]\nrung = "warn"', "alarms.external-stop cannot be changed"),
        ("[prompts]\nriddle = 5", "prompts.riddle: there is no such kind of question"),
        ("[prompts]\nstep = 0", "prompts.step"),
    ],
)
def test_a_mistake_is_named_by_its_key(tmp_path: Path, lines: str, mistake: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        load(with_lines(tmp_path, lines))
    assert mistake in str(wrong.value)
