"""How a dialogue with Grbl begins, for the tests that are about what comes after."""

from dataclasses import replace

from cellctl_drivers.grbl.session import GrblSession
from cellctl_drivers.grbl.settings import Settings
from tests.drivers.transcript import Replay

BANNER = "Grbl 1.1h ['$' for help]"
IDLE = "<Idle|MPos:0.000,0.000,0.000|FS:0,0>"
RUN = "<Run|MPos:0.000,0.000,0.000|FS:600,0>"
PLAIN = Settings(end_check=False)

IDENTIFIED = """
    > $I
    < [VER:1.1h.20190825:]
    < [OPT:V,15,128]
    < ok
    > $I
    < [VER:1.1h.20190825:]
    < [OPT:V,15,128]
    < ok
    > $$
    < $110=3000.000
    < $130=300.000
    < ok
    > $#
    < [G54:-250.000,-150.000,-37.500]
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
GRBLHAL = """
    > $I
    < [VER:1.1f.20250101:router-1]
    < [OPT:VNM,100,1024,4,0]
    < [NEWOPT:ENUMS,RT+]
    < [AXS:4:XYZA]
    < [FIRMWARE:grblHAL]
    < ok
"""
# What every program begins with: the parser from its beginning, at a stand.
FRESH_START = f"""
    >> \\x18
    < {BANNER}
    >> ?
    < {IDLE}
"""


def new(settings: Settings | None = None) -> Replay:
    """A machine that nobody has spoken with."""
    return Replay(GrblSession(settings or PLAIN))


def ready(settings: Settings | None = None, rx_bytes: int = 128, options: str = "V") -> Replay:
    """A machine that has been met and stands idle. Without settings of its own, programs are sent as they are."""
    replay = new(settings).run(POWER_UP.replace("V,15,128", f"{options},15,{rx_bytes}"))
    return replay.run(f"< {IDLE}\n ! Rested()\n = ready")


def met_grblhal(texts: str = "", settings: Settings | None = None) -> Replay:
    """A machine with grblHAL up to where it has told its settings; `texts` is what is said about its texts."""
    return new(settings).run(f"""
        ? greet
        >> ?
        < GrblHAL 1.1f ['$' or '$HELP' for help]
        {GRBLHAL}
        {GRBLHAL}
        > $$
        < $130=300.000
        < ok
        > $#
        < [G54:0.000,0.000,0.000,0.000]
        < ok
        {texts}
    """)


def ready_grblhal(settings: Settings | None = None) -> Replay:
    """A machine with grblHAL that has been met, without its texts, and stands idle."""
    replay = met_grblhal("! Greeted(identity='grblHAL 1.1f.20250101 router-1')\n >> ?", settings or plain(texts=False))
    return replay.run(f"< {IDLE}\n ! Rested()\n = ready")


def running(program: str, settings: Settings | None = None, rx_bytes: int = 128, options: str = "V") -> Replay:
    """A machine that has this program ("G0 X1 | G0 X2"), and has not yet answered the blank line before it."""
    return ready(settings, rx_bytes, options).run(f"? load {program}\n {FRESH_START}\n >> \\n\n = running")


def plain(**changes: object) -> Settings:
    """Settings for a program that is sent as it is, but for these."""
    return replace(PLAIN, **changes)  # type: ignore[arg-type]
