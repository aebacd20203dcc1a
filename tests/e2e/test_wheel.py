"""What is installed from the wheel works from any folder, and holds everything that it needs."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.wheel import ROOT, build, installed, run


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield installed(wheel, tmp_path_factory.mktemp("empty") / "venv")


def test_it_holds_three_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"cellctl", "cellctl_drivers", "cellctl_sim"}
    assert not [name for name in names if "test" in name or name.endswith((".pyc", ".md"))]


def test_the_programs_work_from_another_folder(programs: Path, tmp_path: Path) -> None:
    assert "Runs a microfactory cell" in run([programs / "cellctl", "--help"], tmp_path)
    assert "simulated twin" in run([programs / "cellctl-sim", "--help"], tmp_path)
    cell = ROOT / "examples" / "nameplate" / "cell.toml"
    assert f"{cell} is in order" in run([programs / "cellctl", "check", cell], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_runs_is_what_was_installed(programs: Path, tmp_path: Path) -> None:
    for package in ("cellctl", "cellctl_drivers", "cellctl_sim"):
        where = run([programs / "python", "-c", f"import {package}; print({package}.__file__)"], tmp_path)
        assert Path(where).is_relative_to(programs.parent), where
