"""Compiles the small C programs of the benchmarks, once for each version of their source."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path


def cache() -> Path:
    """Where the benchmarks keep what they make once: $CELLCTL_BENCH_CACHE, else ~/.cache/cellctl-bench."""
    folder = Path(os.environ.get("CELLCTL_BENCH_CACHE") or Path.home() / ".cache" / "cellctl-bench")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def compiled(source: Path) -> Path:
    """The program of a C file. Raises RuntimeError without a compiler, CalledProcessError for a mistake in it."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise RuntimeError("the benchmarks need a C compiler: sudo apt-get install gcc libc6-dev")
    program = cache() / f"{source.stem}-{hashlib.sha256(source.read_bytes()).hexdigest()[:12]}"
    if not program.exists():
        draft = program.with_suffix(f".{os.getpid()}")
        subprocess.run([compiler, "-O2", "-Wall", "-o", draft, source], check=True)
        draft.replace(program)
    return program
