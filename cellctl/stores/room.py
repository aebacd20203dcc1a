"""Room on the disk: a file of ballast is given up when nothing else is left, so that running work can be written down.

Nothing new is accepted from then on; when there is room again, the ballast is made again.
"""

import os
import shutil
from pathlib import Path
from typing import Final

BALLAST_BYTES: Final = 8 * 1024 * 1024


class Room:
    """The ballast beside a file. For one thread; `full` may be read by any. Whatever the disk says, it never raises."""

    def __init__(self, folder: Path, ballast_bytes: int = BALLAST_BYTES) -> None:
        self.full = False
        self._ballast = folder / "ballast"
        self._bytes = ballast_bytes

    def look(self) -> None:
        """Make the ballast where it is missing and there is room for it twice, and see how much room is left."""
        try:
            free_bytes = shutil.disk_usage(self._ballast.parent).free
            if not self._is_there() and free_bytes >= 2 * self._bytes:
                self._make()
            self.full = not self._is_there() or free_bytes < self._bytes
        except OSError:
            self.full = True

    def release(self) -> bool:
        """Give the ballast up. False: it was gone before."""
        self.full = True
        try:
            self._ballast.unlink()
        except OSError:
            return False
        return True

    def _is_there(self) -> bool:
        return self._ballast.exists() and self._ballast.stat().st_size == self._bytes

    def _make(self) -> None:
        with self._ballast.open("wb") as file:
            # Blocks of its own: a file with holes would hold nothing free.
            os.posix_fallocate(file.fileno(), 0, self._bytes)
            os.fsync(file.fileno())
