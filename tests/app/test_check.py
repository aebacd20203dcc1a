"""`cellctl check`: what it prints is what a person goes by."""

import shutil
from pathlib import Path

import pytest

from cellctl.app.main import main

EXAMPLE = Path(__file__).parents[2] / "examples" / "nameplate"
CELL = str(EXAMPLE / "cell.toml")


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    """A copy of the example, to be changed."""
    for name in ("cell.toml", "product.toml", "base.gcode"):
        shutil.copy(EXAMPLE / name, tmp_path)
    return tmp_path / "cell.toml"


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main(["check", *words])
    out, err = capsys.readouterr()
    return code, out + err


def change(file: Path, *changes: tuple[str, str]) -> str:
    text = file.read_text()
    for right, wrong in changes:
        assert right in text
        text = text.replace(right, wrong)
    file.write_text(text)
    return str(file)


def test_a_cell_is_told_with_what_programs_are_held_against_and_which_machine_passes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out = said(capsys, CELL)
    assert code == 0
    assert "  printer-1   X 0 to 220, Y 0 to 220, Z 0 to 240; nozzle 260 C, bed 110 C\n" in out
    assert "  router-1    X -300 to 0, Y -180 to 0, Z -45 to 0; spindle 100 to 12000\n" in out
    assert "  bench-1     runs no programs\n" in out
    assert "  print       base.gcode, 591 lines\n    passes on printer-1, takes about 0:22:" in out
    assert "  engrave     an example of its program, 127 lines\n    passes on router-1, takes about 0:00:50\n" in out
    assert "  inspect     a person answers\n" in out


def test_a_machine_on_which_a_program_does_not_fit_is_told_with_the_place(
    cell: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = "travel_mm = [220, 220, 240]\nmax_feed", "travel_mm = [150, 220, 240]\nmax_feed"
    text = cell.read_text()
    cell.write_text(text.replace(first, second, 1))
    code, out = said(capsys, str(cell))
    assert code == 0
    assert "    printer-1 must not run base.gcode: line 40, column 4, out_of_travel: X would come to 153.243" in out
    assert "    passes on printer-2" in out


def test_a_product_that_no_machine_can_make_ends_with_status_1(cell: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = said(capsys, change(cell, ("nozzle_max_celsius = 260", "nozzle_max_celsius = 200")))
    assert code == 1
    assert "    REFUSED: printer-1, printer-2 must not run base.gcode: line 14, column 6, too_hot: the nozzle" in out
    assert "    passes on router-1" in out


def test_what_is_not_checked_is_said_in_plain_sight(cell: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = cell.read_text()
    begin, end = text.index("[machines.printer-1.limits]"), text.index("[machines.printer-1.sim]")
    cell.write_text(text[:begin] + text[end:])
    code, out = said(
        capsys,
        change(
            cell,
            ('slots = ["vise"]', 'slots = ["vise"]\npreflight = false'),
            ("[machines.printer-2]", "[machines.printer-2]\npreflight = false"),
        ),
    )
    assert code == 0
    assert (
        "  printer-1   codes and bytes; no [machines.printer-1.limits], so travel only as the machine tells it" in out
    )
    assert "  router-1    OFF (preflight = false): its programs run unchecked\n" in out
    assert "    passes on printer-1\n    runs unchecked on printer-2\n" in out


def test_a_program_is_not_said_to_run_on_a_person_who_may_do_its_step_by_hand(
    cell: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = change(cell, ('capabilities = ["inspect"]', 'capabilities = ["inspect", "engrave"]'))
    _, out = said(capsys, bench)
    assert "    passes on router-1, takes about 0:00:50\n    may be done by hand at bench-1\n" in out
    change(cell.parent / "product.toml", ('step = "engrave"', 'step = "engrave"\nby_hand = false'))
    _, out = said(capsys, bench)
    assert "at bench-1" not in out


def test_travel_without_work_offsets_is_checked_later_and_that_is_said(
    cell: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = said(capsys, change(cell, ("work_offsets_mm =", "# work_offsets_mm =")))
    assert code == 0
    assert "  router-1    travel once the machine has told its work offsets; spindle 100 to 12000\n" in out


def test_any_file_can_be_checked_for_one_machine_or_for_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = str(EXAMPLE / "base.gcode")
    code, out = said(capsys, CELL, "--program", base, "--machine", "printer-1")
    assert code == 0
    assert out.startswith(
        "base.gcode passes on printer-1, takes about 0:22:39\n  591 lines, tools T0\n  reaches X 0.00 to"
    )
    code, out = said(capsys, CELL, "--program", base)
    assert code == 0
    assert "REFUSED: base.gcode must not run on router-1\n  line 12, column 1, unknown_code: M107" in out
    bad = tmp_path / "bad.gcode"
    bad.write_bytes(b"G28\nG1 X500 F100\nM500\n")
    code, out = said(capsys, CELL, "--program", str(bad), "--machine", "printer-2")
    assert code == 1
    assert out == (
        "REFUSED: bad.gcode must not run on printer-2\n"
        "  line 2, column 4, out_of_travel: X would come to 500.000 mm (machine coordinates); "
        "this machine reaches from 0 to 220. Move the part in X, or the work offset\n"
        "  line 3, column 1, dangerous_code: M500; not allowed in a program: "
        "it changes or reads the settings that the machine keeps. Take it out of the program\n"
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--machine", "printer-1"], "--machine goes with --program FILE"),
        (["--program", "absent.gcode"], "absent.gcode: cannot be read (No such file or directory)"),
        (["--program", CELL, "--machine", "arm-1"], "--machine arm-1: must be one of: printer-1, printer-2, router-1"),
    ],
)
def test_a_mistake_on_the_command_line_is_told(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, CELL, *words) == (78, f"{says}\n")
