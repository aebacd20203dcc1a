"""Makes good/programs.tar.xz and good/manifest.json anew: python -m tests.corpus.make CURA_RESOURCES [WORK_FOLDER]

Wants Debian's openscad, prusa-slicer and cura-engine, the resources of its cura package (`dpkg-deb -x`, then
usr/share/cura/resources), and from PyPI: opencamlib svg-to-gcode gscrib fullcontrol. Nothing of it is needed to
run the tests. Slicers write the date into their files, so a new archive differs; what the programs do does not.
"""

import hashlib
import io
import json
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cellctl.gcode.preflight import check
from cellctl.gcode.verdict import Refused
from tests.corpus import cam, slicing
from tests.corpus.machines import MACHINES
from tests.corpus.slicing import Made

GOOD: Final = Path(__file__).parent / "good"
_LARGEST_BYTES: Final = 6 * 1024 * 1024


def everything(cura: Path, work: Path) -> Iterator[Made]:
    """Every program of the archive."""
    stl = slicing.models(work)
    yield from cam.by_engraver()
    yield from cam.by_opencamlib(stl)
    yield from cam.by_svg_to_gcode()
    yield from cam.by_gscrib()
    yield from cam.by_fullcontrol()
    yield from slicing.by_prusa_slicer(stl, work)
    yield from slicing.by_vendor_profiles(stl, work)
    yield from slicing.by_cura_engine(stl, work, cura)


def pack(programs: Iterator[Made]) -> list[dict[str, str | int]]:
    """Write the archive; answers the manifest."""
    manifest: list[dict[str, str | int]] = []
    with tarfile.open(GOOD / "programs.tar.xz", "w:xz", preset=9) as archive:
        for made in programs:
            verdict = check(made.text.split("\n"), MACHINES[made.machine])
            if isinstance(verdict, Refused):
                sys.stderr.write(f"{made.name} does not pass:\n{verdict}\n")
            content = made.text.encode()
            entry = tarfile.TarInfo(made.name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
            manifest.append(
                {
                    "file": made.name,
                    "machine": made.machine,
                    "made_by": made.by,
                    "how": made.how,
                    "lines": made.text.count("\n"),
                    "sha256": hashlib.sha256(content).hexdigest(),
                }
            )
    return manifest


def main() -> None:
    """Make the archive and say how large it came out."""
    cura = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        work = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(folder)
        work.mkdir(exist_ok=True)
        manifest = pack(everything(cura, work))
    lines = ",\n".join(json.dumps(entry) for entry in manifest)
    (GOOD / "manifest.json").write_text(f"[\n{lines}\n]\n")
    size = (GOOD / "programs.tar.xz").stat().st_size
    sys.stderr.write(f"{len(manifest)} programs in {size} bytes (at most {_LARGEST_BYTES})\n")


if __name__ == "__main__":
    main()
