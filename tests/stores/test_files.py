"""Program files: named by content, whole or absent, read in pieces, checked while read."""

import hashlib
import io
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellctl.domain.errors import OrderRefused, StoreFailed
from cellctl.gcode.preflight import finish
from cellctl.ports import Files
from cellctl.stores.files import MemoryFiles, ProgramFiles

PROGRAM = b"G21\nG1 X10 F600\nM2\n"

Make = Callable[[Path], Files]
BOTH = pytest.mark.parametrize("make", [ProgramFiles, lambda _: MemoryFiles()], ids=["disk", "memory"])


@BOTH
def test_what_was_kept_is_read_back_under_the_hash_of_its_content(make: Make, tmp_path: Path) -> None:
    files = make(tmp_path / "programs")
    name = files.keep("base.gcode", PROGRAM)
    assert name == hashlib.sha256(PROGRAM).hexdigest()
    assert list(files.lines(name)) == ["G21", "G1 X10 F600", "M2"]
    assert files.keep("the same under another name", PROGRAM) == name


@BOTH
@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    content=st.binary(max_size=300) | st.text("G1\n\r\v\x85 ", max_size=300).map(lambda text: text.encode("latin-1"))
)
def test_lines_end_as_in_any_text_file_and_no_byte_is_lost(
    make: Make, tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    files = make(tmp_path_factory.mktemp("programs"))
    text = content.decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")
    assert list(files.lines(files.keep("any", content))) == text.removesuffix("\n").split("\n") * bool(text)


@BOTH
def test_a_line_end_across_two_pieces_is_one(make: Make, tmp_path: Path) -> None:
    files = make(tmp_path)
    content = b"x" * 65_535 + b"\r\n" + b"y" * 65_536
    assert list(files.lines(files.keep("long", content))) == ["x" * 65_535, "y" * 65_536]


@BOTH
def test_an_absent_program_and_a_name_that_is_none_are_refused(make: Make, tmp_path: Path) -> None:
    files = make(tmp_path)
    with pytest.raises(StoreFailed, match=r"program 000000000000 is not in the store\. Hand in the order again"):
        list(files.lines("0" * 64))
    for name in ("../../etc/passwd", "", "0" * 63, "A" * 64, "0" * 64 + "\n"):
        with pytest.raises(StoreFailed, match="is not the SHA-256 of a program"):
            list(files.lines(name))


def test_an_altered_file_is_found_out_when_it_is_read_and_repaired_when_it_is_kept_again(tmp_path: Path) -> None:
    files = ProgramFiles(tmp_path)
    name = files.keep("base.gcode", PROGRAM)
    (tmp_path / name).write_bytes(PROGRAM.replace(b"X10", b"X99"))
    with pytest.raises(StoreFailed, match="was altered on the disk"):
        list(files.lines(name))
    (tmp_path / name).write_bytes(PROGRAM[:-4])
    with pytest.raises(StoreFailed, match="was altered on the disk"):
        list(files.lines(name))
    files.keep("base.gcode", PROGRAM)
    assert list(files.lines(name)) == ["G21", "G1 X10 F600", "M2"]


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "programs").write_text("a file, where a folder should be")
    with pytest.raises(StoreFailed, match=r"programs: cannot keep 'base\.gcode': File exists\. Check"):
        ProgramFiles(tmp_path / "programs").keep("base.gcode", PROGRAM)


def test_a_file_and_its_name_are_flushed_before_keep_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def watched_fsync(fd: int) -> None:
        done.append("folder" if Path(f"/proc/self/fd/{fd}").is_dir() else "file")
        fsync(fd)

    def watched_replace(source: str, target: str) -> None:
        done.append("name")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    ProgramFiles(tmp_path).keep("base.gcode", PROGRAM)
    assert done == ["file", "name", "folder"]


def test_a_large_file_is_read_in_pieces(tmp_path: Path) -> None:
    files = ProgramFiles(tmp_path)
    content = io.BytesIO()
    for number in range(400_000):
        content.write(b"G1 X%d\n" % number)
    name = files.keep("large.gcode", content.getvalue())
    del content
    tracemalloc.start()
    try:
        count = sum(1 for _ in files.lines(name))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 400_000
    assert peak_bytes < 1_000_000


@BOTH
def test_a_file_is_adopted_in_pieces_and_no_longer_line_than_anybody_writes(make: Make, tmp_path: Path) -> None:
    files = make(tmp_path / "programs")
    source = tmp_path / "base.gcode"
    source.write_bytes(PROGRAM * 100_000)
    work = files.adopt(source)
    assert sum(1 for _ in range(10) if next(work, "done") is None) == 10, "others must get their turn"
    sha256 = finish(files.adopt(source))
    assert sha256 == hashlib.sha256(PROGRAM * 100_000).hexdigest()
    assert sum(1 for _ in files.lines(sha256)) == 300_000
    source.write_bytes(b"G1 X1\r" * 400_000)
    assert sum(1 for _ in files.lines(finish(files.adopt(source)))) == 400_000
    source.write_bytes(b"; " + b"-" * 1_200_000)
    with pytest.raises(OrderRefused, match=r"base\.gcode has a line of more than 1048576 bytes"):
        finish(files.adopt(source))


def test_many_may_adopt_the_same_file_at_the_same_time(tmp_path: Path) -> None:
    files = ProgramFiles(tmp_path / "programs")
    source = tmp_path / "base.gcode"
    source.write_bytes(PROGRAM * 20_000)
    works = [files.adopt(source) for _ in range(3)]
    names = set()
    while works:
        for work in list(works):
            try:
                next(work)
            except StopIteration as done:
                works.remove(work)
                names.add(done.value)
    assert [sum(1 for _ in files.lines(name)) for name in names] == [60_000]
    assert [path.name for path in (tmp_path / "programs").iterdir()] == list(names)


def test_a_file_that_changes_while_it_is_adopted_is_not_kept(tmp_path: Path) -> None:
    files = ProgramFiles(tmp_path / "programs")
    source = tmp_path / "base.gcode"
    source.write_bytes(PROGRAM * 20_000)
    work = files.adopt(source)
    for _ in range(7):  # the first reading is over, and the copying has begun
        next(work)
    source.write_bytes(b"G1 X9\n" * 100_000)
    with pytest.raises(StoreFailed, match="changed while it was read"):
        finish(work)
    assert list((tmp_path / "programs").iterdir()) == []
