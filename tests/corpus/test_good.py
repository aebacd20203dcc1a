"""Real programs pass, on the machine that they were made for. good/manifest.json says how each was made."""

import hashlib
import json
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from cellctl.gcode.gate import sendable_lines
from cellctl.gcode.preflight import check
from cellctl.gcode.verdict import Passed
from tests.corpus.machines import MACHINES

GOOD: Final = Path(__file__).parent / "good"
MANIFEST: Final[list[dict[str, Any]]] = json.loads((GOOD / "manifest.json").read_text())
BY_HAND: Final = sorted((GOOD / "hand").rglob("*.*"))


def test_the_corpus_is_as_large_and_as_varied_as_is_claimed() -> None:
    makers = Counter(entry["made_by"] for entry in MANIFEST)
    assert len(MANIFEST) + len(BY_HAND) >= 200
    assert makers["prusa-slicer"] >= 100
    assert makers["cura-engine"] >= 60
    assert len(makers) >= 6
    assert (GOOD / "programs.tar.xz").stat().st_size <= 6 * 1024 * 1024


def test_every_program_of_the_archive_passes() -> None:
    entries = {entry["file"]: entry for entry in MANIFEST}
    with tarfile.open(GOOD / "programs.tar.xz", "r:xz") as archive:
        for member in archive:
            entry = entries.pop(member.name)
            file = archive.extractfile(member)
            assert file is not None
            content = file.read()
            assert hashlib.sha256(content).hexdigest() == entry["sha256"]
            verdict = check(content.decode("latin-1").split("\n"), MACHINES[entry["machine"]])
            assert isinstance(verdict, Passed), f"{member.name}: {verdict}"
            assert 0 < verdict.estimated_s < 6 * 3600
    assert not entries, "the manifest names programs that the archive has not"


@pytest.mark.parametrize("path", BY_HAND, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_program_written_by_hand_passes(path: Path) -> None:
    lines = path.read_text().split("\n")
    verdict = check(lines, MACHINES[path.parent.name])
    assert isinstance(verdict, Passed), str(verdict)
    # What passed is also what the gate lets out.
    assert sum(1 for _ in sendable_lines(lines)) == verdict.lines
