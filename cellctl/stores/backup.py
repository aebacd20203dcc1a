"""A copy of a state folder from which a daemon can go on: order book, journal with its archive, programs.

The book is copied before the journal: an order that is in the journal and not in the book comes into it at the next
start. Programs never change, and those of an order are there before it is.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from cellctl.domain.errors import StoreFailed
from cellctl.stores.sqlite import connect, failed

BOOK: Final = "orders.sqlite"
JOURNAL: Final = "journal.sqlite"
ARCHIVE: Final = "archive"
PROGRAMS: Final = "programs"
_PAGES_AT_ONCE: Final = 256


def prepare(folder: Path) -> None:
    """Make the folder of a new backup. Raises StoreFailed if there is something in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise StoreFailed(f"{folder} is not empty. Give the backup a folder of its own")
    except OSError as error:
        raise StoreFailed(f"{folder}: no backup can be made there ({error.strerror})") from error


def copy(db: sqlite3.Connection, target: Path, breathe: Callable[[], None]) -> None:
    """Copy an open database as it is; `breathe` is called in between and may write to it. Raises StoreFailed."""
    try:
        with closing(sqlite3.connect(target, isolation_level=None)) as into:
            db.backup(into, pages=_PAGES_AT_ONCE, progress=lambda *_: breathe())
        _sync(target)
    except sqlite3.Error as error:
        raise failed(target, error) from error
    except OSError as error:
        raise StoreFailed(f"{target}: it cannot be made durable ({error.strerror})") from error


def copy_files(state: Path, folder: Path) -> None:
    """Copy what never changes: sealed archives and programs. Raises StoreFailed."""
    try:
        for name in (ARCHIVE, PROGRAMS):
            if (state / name).is_dir():
                _copy_folder(state / name, folder / name)
        _sync(folder)
    except OSError as error:
        raise StoreFailed(f"{folder}: {error.filename} cannot be copied ({error.strerror})") from error


def _copy_folder(source: Path, target: Path) -> None:
    target.mkdir()
    whole = (each for each in source.iterdir() if not each.name.startswith("draft") and each.suffix != ".draft")
    for file in whole:
        _sync(Path(shutil.copy2(file, target)))
    _sync(target)


def offline(state: Path, folder: Path) -> None:
    """Copy a state folder that no daemon uses. Raises StoreFailed, also where one does."""
    if not (state / JOURNAL).exists():
        raise StoreFailed(f"{state}: there is no journal in it")
    prepare(folder)
    for name in (BOOK, JOURNAL):
        if (state / name).exists():
            with closing(connect(state / name)) as db:
                copy(db, folder / name, lambda: None)
    copy_files(state, folder)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
