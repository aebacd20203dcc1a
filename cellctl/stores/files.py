"""Program files, named by the SHA-256 of their content, so that a name can neither lie nor lead elsewhere."""

import hashlib
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cellctl.domain.errors import StoreFailed

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PIECE_BYTES: Final = 65_536
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class ProgramFiles:
    """ports.Files in one folder, which is made if it is not there. A crash leaves a file whole or absent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, name: str, content: bytes) -> str:
        """Store durably and return the SHA-256; `name` is only for the message of an error. Raises StoreFailed."""
        sha256 = hashlib.sha256(content).hexdigest()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if not self._holds(sha256):
                self._write(sha256, content)
        except OSError as error:
            what = f"{self._folder}: cannot keep {name!r}: {error.strerror}"
            raise StoreFailed(f"{what}. Check the space on the disk and whose folder it is") from error
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
        draft = self._folder / f"{sha256}.draft"
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._folder / sha256)
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

    def lines(self, sha256: str) -> Iterator[str]:
        """The lines of a stored file, as ProgramFiles gives them. Raises StoreFailed if it is absent."""
        _check_name(sha256)
        if sha256 not in self._contents:
            raise _absent(sha256)
        yield from _verified(io.BytesIO(self._contents[sha256]), sha256)


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
