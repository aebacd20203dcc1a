"""What a process costs, by its own clocks, and what computer it is."""

import os
import platform
import re
import time
from pathlib import Path
from typing import Any, Final

_KIB: Final = 1024
_RESET_PEAK: Final = "5"  # as /proc/PID/clear_refs understands it


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
