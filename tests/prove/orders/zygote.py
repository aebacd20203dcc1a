"""Starts daemons quickly: everything is imported once, and each line of JSON (a command line) forks one more.

Each daemon is a process of its own, which can be killed like any other. What it says goes to the file named first.
"""

import ctypes
import json
import os
import signal
import sys

from cellctl.app import daemon  # noqa: F401 - what takes longest to import
from cellctl.app.main import main

PR_SET_PDEATHSIG = 1


def serve(log: str) -> None:
    """Until standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # The dead need nobody.
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # A daemon that is left over keeps its ports.
            said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            for standard in (1, 2):
                os.dup2(said, standard)
            os._exit(main(json.loads(line)))
        print(pid, flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
