"""Program files, named by the SHA-256 of their content, so that a name can neither lie nor lead elsewhere."""

import errno
import hashlib
import io
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from cellctl.domain.errors import DiskFull, OrderRefused, StoreFailed
from cellctl.gcode.preflight import Piecewise

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PIECE_BYTES: Final = 65_536
# Comments of slicers are long, but not that long.
_LONGEST_LINE_BYTES: Final = 1_048_576
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class ProgramFiles:
    """ports.Files in one folder, which is made if it is not there. A crash leaves a file whole or absent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._drafts = 0

    def keep(self, name: str, content: bytes) -> str:
        """Store durably and return the SHA-256; `name` is only for the message of an error. Raises StoreFailed."""
        sha256 = hashlib.sha256(content).hexdigest()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if not self._holds(sha256):
                self._write(sha256, content)
        except OSError as error:
            raise self._cannot_keep(name, error) from error
        return sha256

    def adopt(self, path: Path) -> Piecewise[str]:
        """Store what a file holds and return its SHA-256; it is read in pieces.

        Raises OSError if it cannot be read, StoreFailed if it cannot be stored or changes meanwhile, OrderRefused if it
        has a line that is too long to be held in memory.
        """
        sha256 = yield from _hashed(path, _Lines(path.name).take)
        stored = self._folder / sha256
        if stored.exists() and (yield from _hashed(stored)) == sha256:
            return sha256
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._draft() as draft:
                copied = yield from _hashed(path, draft.write)
                self._finish(draft, sha256 if copied == sha256 else "")
        except OSError as error:
            raise self._cannot_keep(path.name, error) from error
        if copied != sha256:
            raise StoreFailed(f"{path} changed while it was read. Order again")
        return sha256

    def lines(self, sha256: str) -> Iterator[str]:
        """The lines of a stored file, without their ends, read in pieces.

        Raises StoreFailed if it is absent, and at its end if its content is not what its name says: whoever must
        know before the first line reads it through once. Bytes beyond ASCII come as the characters of the same number.
        """
        _check_name(sha256)
        try:
            with (self._folder / sha256).open("rb", buffering=0) as file:
                yield from _verified(file, sha256)
        except FileNotFoundError:
            raise _absent(sha256) from None
        except OSError as error:
            raise StoreFailed(f"{self._folder / sha256}: {error.strerror}. Look at the system's log") from error

    def _holds(self, sha256: str) -> bool:
        try:
            with (self._folder / sha256).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except FileNotFoundError:
            return False

    def _write(self, sha256: str, content: bytes) -> None:
        with self._draft() as draft:
            draft.write(content)
            self._finish(draft, sha256)

    def _draft(self) -> BinaryIO:
        """One of its own for each writer; what a crash leaves behind is overwritten some day."""
        self._drafts += 1
        return (self._folder / f"{self._drafts}.draft").open("wb")

    def _cannot_keep(self, name: str, error: OSError) -> StoreFailed:
        what = f"{self._folder}: cannot keep {name!r}: {error.strerror}"
        kind = DiskFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else StoreFailed
        return kind(f"{what}. Check the space on the disk and whose folder it is")

    def _finish(self, draft: BinaryIO, sha256: str) -> None:
        """Make a draft durable under its name; without one it is thrown away."""
        if not sha256:
            Path(draft.name).unlink()
            return
        draft.flush()
        os.fsync(draft.fileno())
        Path(draft.name).replace(self._folder / sha256)
        # A new name is durable when its folder is.
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class MemoryFiles:
    """ports.Files without a disk."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}

    def keep(self, name: str, content: bytes) -> str:
        """Store and return the SHA-256."""
        sha256 = hashlib.sha256(content).hexdigest()
        self._contents[sha256] = content
        return sha256

    def adopt(self, path: Path) -> Piecewise[str]:
        """Store what a file holds, as ProgramFiles does. Raises OSError, OrderRefused."""
        pieces: list[bytes] = []
        sha256 = yield from _hashed(path, pieces.append)
        lines = _Lines(path.name)
        for piece in pieces:
            lines.take(piece)
        self._contents[sha256] = b"".join(pieces)
        return sha256

    def lines(self, sha256: str) -> Iterator[str]:
        """The lines of a stored file, as ProgramFiles gives them. Raises StoreFailed if it is absent."""
        _check_name(sha256)
        if sha256 not in self._contents:
            raise _absent(sha256)
        yield from _verified(io.BytesIO(self._contents[sha256]), sha256)


class _Lines:
    """Refuses a file with a line that is longer than anybody writes: whoever reads it holds a line in memory."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._open_bytes = 0

    def take(self, piece: bytes) -> None:
        """The next piece of the file. Raises OrderRefused."""
        end = max(piece.rfind(b"\n"), piece.rfind(b"\r"))
        self._open_bytes = len(piece) - end - 1 if end >= 0 else self._open_bytes + len(piece)
        if self._open_bytes > _LONGEST_LINE_BYTES:
            raise OrderRefused("invalid", f"{self._name} has a line of more than {_LONGEST_LINE_BYTES} bytes")


def _hashed(path: Path, take: Callable[[bytes], object] = lambda _: None) -> Piecewise[str]:
    """The SHA-256 of a file, which is handed on piece by piece."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        piece = file.read(_PIECE_BYTES)
        while piece:
            digest.update(piece)
            take(piece)
            piece = file.read(_PIECE_BYTES)
            if piece:
                yield
    return digest.hexdigest()


class _Hashing(io.RawIOBase):
    """Passes a file on and hashes what goes by."""

    def __init__(self, file: io.FileIO | io.BytesIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        into = memoryview(buffer)
        count = self._file.readinto(into)
        self.digest.update(into[:count])
        return count


def _verified(file: io.FileIO | io.BytesIO, sha256: str) -> Iterator[str]:
    hashing = _Hashing(file)
    for line in io.TextIOWrapper(io.BufferedReader(hashing, _PIECE_BYTES), encoding="latin-1"):
        yield line.rstrip("\n")
    if hashing.digest.hexdigest() != sha256:
        raise StoreFailed(f"program {sha256[:12]} was altered on the disk. Hand in the order again")


def _check_name(sha256: str) -> None:
    if not _SHA256.fullmatch(sha256):
        raise StoreFailed(f"{sha256[:80]!r} is not the SHA-256 of a program")


def _absent(sha256: str) -> StoreFailed:
    return StoreFailed(f"program {sha256[:12]} is not in the store. Hand in the order again")
