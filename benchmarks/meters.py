"""What a process costs, and what else the computer does meanwhile."""

import os
import platform
import re
import time
from pathlib import Path
from typing import Any, Final

_KIB: Final = 1024
_RESET_PEAK: Final = "5"  # as /proc/PID/clear_refs understands it
_LOOK_S: Final = 0.5
_QUIET_CORES: Final = 0.15


def cpu_s(pid: int) -> float:
    """CPU time of a process with all its threads, to the nanosecond."""
    # The clock of a process has the number that clock_getcpuclockid(3) computes.
    return time.clock_gettime((~pid << 3) | 2)


def resident_mib(pid: int) -> float:
    """Memory that a process holds now."""
    return _status_mib(pid, "VmRSS")


def peak_mib(pid: int) -> float:
    """The most memory that a process held since `forget_peak`."""
    return _status_mib(pid, "VmHWM")


def forget_peak(pid: int) -> None:
    """Begin anew with the peak."""
    Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK, encoding="ascii")


def user_s(pid: int | None = None) -> float:
    """CPU seconds that a process has spent in its own code, not in the kernel's; None: all processes together."""
    if pid is None:
        ticks = sum(map(int, Path("/proc/stat").read_text(encoding="ascii").split()[1:3]))
    else:
        # The name of a process may hold blanks; it ends with the last bracket.
        ticks = int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[11])
    return ticks / os.sysconf("SC_CLK_TCK")


class Others:
    """What programs other than these and ourselves do from now on; not the kernel, much of whose work is for us."""

    def __init__(self, *pids: int) -> None:
        self._pids = (*pids, os.getpid())
        self._at_s = time.monotonic()
        self._busy_s = self._look()

    def cores(self) -> float:
        """How many cores they kept busy since then."""
        return max(0.0, (self._look() - self._busy_s) / (time.monotonic() - self._at_s))

    def _look(self) -> float:
        return user_s() - sum(user_s(pid) for pid in self._pids)


def wait_for_quiet(patience_s: float) -> float:
    """Wait until others leave the computer alone, or patience is at its end; returns how many cores they keep busy."""
    until_s = time.monotonic() + patience_s
    while True:
        others = Others()
        time.sleep(_LOOK_S)
        if others.cores() < _QUIET_CORES or time.monotonic() > until_s:
            return others.cores()


def computer() -> dict[str, Any]:
    """What the figures were measured on."""
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return {
        "cpu": found[1] if found else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def _status_mib(pid: int, field: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(rf"{field}:\s*(\d+) kB", status)
    if found is None:
        raise RuntimeError(f"/proc/{pid}/status has no {field}")
    return int(found[1]) / _KIB
