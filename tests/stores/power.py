"""A disk in memory whose power can be cut at any moment, below the very SQLite library that the stores use.

It is a VFS of that library. What was written and not synced is, after a cut, there, not there, or there in part, each
piece of 512 bytes by chance, so that what was written later may be there without what was written before.
"""

import ctypes
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random  # noqa: TID251 - seeded
from typing import Any, Final

PIECE: Final = 512
OK, ERROR_IO, NOT_FOUND, CANNOT_OPEN, SHORT_READ = 0, 10, 12, 14, 522
CREATE, READ_WRITE = 0x04, 0x02
# What the unix VFS says of an ordinary disk: what lies beside a write is not touched by it.
POWERSAFE_OVERWRITE: Final = 0x1000
SECTOR_BYTES: Final = 4096


@dataclass
class File:
    """What programs see (`live`), what the platter has (`kept`), and the writes between the two."""

    live: bytearray = field(default_factory=bytearray)
    kept: bytearray = field(default_factory=bytearray)
    waiting: list[tuple[int, bytes]] = field(default_factory=list)
    named: bool = False
    syncs: int = 0

    def write(self, at: int, data: bytes) -> None:
        _put(self.live, at, data)
        self.waiting.append((at, data))

    def truncate(self, size: int) -> None:
        del self.live[size:]
        self.waiting.append((size, b""))

    def sync(self) -> None:
        self.kept, self.waiting, self.named = bytearray(self.live), [], True
        self.syncs += 1

    def cut(self, rng: Random) -> None:
        """What is there after the power was cut."""
        for at, data in self.waiting:
            if not data:
                if rng.random() < 0.5:
                    del self.kept[at:]
                continue
            fate = rng.random()
            for piece in range(0, len(data), PIECE):
                # A write is there as a whole, not at all, or in part.
                if fate < 0.4 or (fate > 0.7 and rng.random() < 0.5):
                    _put(self.kept, at + piece, data[piece : piece + PIECE])
        self.live, self.waiting = bytearray(self.kept), []


def _put(content: bytearray, at: int, data: bytes) -> None:
    if len(content) < at:
        content.extend(bytes(at - len(content)))
    content[at : at + len(data)] = data


class Disk:
    """The files of one computer. After `steps` more writes and syncs the power is gone until `reboot`."""

    def __init__(self, seed: int) -> None:
        self.files: dict[str, File] = {}
        self.rng = Random(seed)
        self.steps: int | None = None

    @property
    def dead(self) -> bool:
        """The power has been cut."""
        return self.steps is not None and self.steps <= 0

    def step(self) -> None:
        """Something is about to change on the disk."""
        if self.dead:
            raise OSError("the power was cut")
        if self.steps is not None:
            self.steps -= 1

    def reboot(self) -> None:
        """Power is back; what had not reached the platter is gone."""
        for name, file in list(self.files.items()):
            if not file.named and self.rng.random() < 0.5:
                del self.files[name]
            else:
                file.cut(self.rng)
        self.steps = None


# ---- SQLite's side ---------------------------------------------------------------------------------------------------

_INT, _I64, _P = ctypes.c_int, ctypes.c_int64, ctypes.c_void_p


class _OpenFile(ctypes.Structure):
    _fields_ = (("methods", _P), ("number", _I64))


_METHODS = (
    ("close", (_P,)), ("read", (_P, _P, _INT, _I64)), ("write", (_P, _P, _INT, _I64)), ("truncate", (_P, _I64)),
    ("sync", (_P, _INT)), ("file_size", (_P, ctypes.POINTER(_I64))), ("lock", (_P, _INT)), ("unlock", (_P, _INT)),
    ("check_reserved_lock", (_P, ctypes.POINTER(_INT))), ("file_control", (_P, _INT, _P)), ("sector_size", (_P,)),
    ("device_characteristics", (_P,)),
)  # fmt: skip
_CALLS = (
    ("open", (_P, ctypes.c_char_p, _P, _INT, ctypes.POINTER(_INT))), ("delete", (_P, ctypes.c_char_p, _INT)),
    ("access", (_P, ctypes.c_char_p, _INT, ctypes.POINTER(_INT))), ("full_pathname", (_P, ctypes.c_char_p, _INT, _P)),
    ("dl_open", ()), ("dl_error", ()), ("dl_sym", ()), ("dl_close", ()), ("randomness", (_P, _INT, _P)),
    ("sleep", (_P, _INT)), ("current_time", (_P, ctypes.POINTER(ctypes.c_double))), ("last_error", (_P, _INT, _P)),
)  # fmt: skip


def _kind(arguments: tuple[Any, ...]) -> Any:
    return ctypes.CFUNCTYPE(_INT, *arguments)


class _Methods(ctypes.Structure):
    _fields_ = (("version", _INT), *((name, _kind(arguments)) for name, arguments in _METHODS))


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("version", _INT), ("file_bytes", _INT), ("most_name", _INT), ("next", _P), ("name", ctypes.c_char_p),
        ("app_data", _P), *((name, _kind(arguments)) for name, arguments in _CALLS),
    )  # fmt: skip


class PowerVfs:
    """The disk as a VFS. Every method is called by SQLite, in whatever thread; an OSError is an error of the disk."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self._open: dict[int, File] = {}
        self._methods = _Methods(1)
        self.structure = _Vfs(1, ctypes.sizeof(_OpenFile), 512, None, b"power", None)
        for name, arguments in _METHODS:
            setattr(self._methods, name, _kind(arguments)(self._guarded(getattr(self, f"_{name}"))))
        for name, arguments in _CALLS:
            if arguments:
                setattr(self.structure, name, _kind(arguments)(self._guarded(getattr(self, f"_vfs_{name}"))))

    def _guarded(self, call: Callable[..., int]) -> Callable[..., int]:
        def answer(*arguments: Any) -> int:
            try:
                return call(*arguments)
            except OSError:
                return ERROR_IO

        return answer

    def _file(self, handle: int) -> File:
        return self._open[_OpenFile.from_address(handle).number]

    def _vfs_open(self, _: int, name: bytes | None, handle: int, flags: int, out: Any) -> int:
        opened = _OpenFile.from_address(handle)
        opened.methods = None
        key = (name or b"temporary").decode()
        if key not in self.disk.files and not flags & CREATE:
            return CANNOT_OPEN
        opened.number = len(self._open) + 1
        self._open[opened.number] = self.disk.files.setdefault(key, File())
        opened.methods = ctypes.addressof(self._methods)
        if out:
            out[0] = flags
        return OK

    def _vfs_delete(self, _: int, name: bytes, __: int) -> int:
        self.disk.step()
        self.disk.files.pop(name.decode(), None)
        return OK

    def _vfs_access(self, _: int, name: bytes, __: int, out: Any) -> int:
        out[0] = int(name.decode() in self.disk.files)
        return OK

    def _vfs_full_pathname(self, _: int, name: bytes, room: int, out: int) -> int:
        ctypes.memmove(out, name + b"\0", min(room, len(name) + 1))
        return OK

    def _vfs_randomness(self, _: int, count: int, out: int) -> int:
        ctypes.memmove(out, self.disk.rng.randbytes(count), count)
        return count

    def _vfs_sleep(self, _: int, microseconds: int) -> int:
        return microseconds

    def _vfs_current_time(self, _: int, out: Any) -> int:
        out[0] = 2461045.75
        return OK

    def _vfs_last_error(self, *_: Any) -> int:
        return OK

    def _close(self, handle: int) -> int:
        self._open.pop(_OpenFile.from_address(handle).number, None)
        return OK

    def _read(self, handle: int, into: int, count: int, at: int) -> int:
        if self.disk.dead:
            return ERROR_IO
        data = bytes(self._file(handle).live[at : at + count])
        ctypes.memmove(into, data + bytes(count - len(data)), count)
        return OK if len(data) == count else SHORT_READ

    def _write(self, handle: int, data: int, count: int, at: int) -> int:
        self.disk.step()
        self._file(handle).write(at, ctypes.string_at(data, count))
        return OK

    def _truncate(self, handle: int, size: int) -> int:
        self.disk.step()
        self._file(handle).truncate(size)
        return OK

    def _sync(self, handle: int, _: int) -> int:
        self.disk.step()
        self._file(handle).sync()
        return OK

    def _file_size(self, handle: int, out: Any) -> int:
        out[0] = len(self._file(handle).live)
        return OK

    def _lock(self, *_: Any) -> int:
        return OK

    _unlock = _lock

    def _check_reserved_lock(self, _: int, out: Any) -> int:
        out[0] = 0
        return OK

    def _file_control(self, *_: Any) -> int:
        return NOT_FOUND

    def _sector_size(self, _: int) -> int:
        return SECTOR_BYTES

    def _device_characteristics(self, _: int) -> int:
        return POWERSAFE_OVERWRITE


def library() -> ctypes.CDLL:
    """The SQLite that Python's own module has loaded, and no other."""
    maps = Path("/proc/self/maps").read_text().splitlines()
    loaded = {line.split()[-1] for line in maps if "libsqlite3" in line} or {line.split()[-1] for line in maps
                                                                            if "/_sqlite3." in line}  # fmt: skip
    found = ctypes.CDLL(sorted(loaded)[0])
    found.sqlite3_libversion.restype = ctypes.c_char_p
    if found.sqlite3_libversion().decode() != sqlite3.sqlite_version:
        raise LookupError("another SQLite is loaded besides Python's own")
    return found


@contextmanager
def on(disk: Disk) -> Iterator[None]:
    """Whatever SQLite opens in here, by any name, is on this disk."""
    vfs, sqlite = PowerVfs(disk), library()
    if sqlite.sqlite3_vfs_register(ctypes.byref(vfs.structure), 1) != OK:
        raise LookupError("SQLite does not take the VFS")
    try:
        yield
    finally:
        sqlite.sqlite3_vfs_unregister(ctypes.byref(vfs.structure))
