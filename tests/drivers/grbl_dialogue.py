"""How a dialogue with Grbl begins, for the tests that are about what comes after."""

from cellctl_drivers.grbl.memory import Settings
from cellctl_drivers.grbl.session import GrblSession
from tests.drivers.transcript import Replay

BANNER = "Grbl 1.1h ['$' for help]"
IDLE = "<Idle|MPos:0.000,0.000,0.000|FS:0,0>"
RUN = "<Run|MPos:0.000,0.000,0.000|FS:600,0>"

IDENTIFIED = """
    > $I
    < [VER:1.1h.20190825:]
    < [OPT:V,15,128]
    < ok
    ! Greeted(identity='Grbl 1.1h.20190825')
    >> ?
"""
POWER_UP = f"""
    ? greet
    >> ?
    < {BANNER}
    {IDENTIFIED}
"""


def ready(settings: Settings | None = None, rx_bytes: int = 128) -> Replay:
    """A machine that has been met and stands idle."""
    replay = Replay(GrblSession(settings or Settings()))
    replay.run(POWER_UP.replace("15,128", f"15,{rx_bytes}"))
    return replay.run(f"< {IDLE}\n ! Rested()\n = ready")


def running(program: str, settings: Settings | None = None, rx_bytes: int = 128) -> Replay:
    """A machine that has this program ("G0 X1 | G0 X2"), and has not yet answered the blank line before it."""
    return ready(settings, rx_bytes).run(f"? load {program}\n >> \\n\n = running")
