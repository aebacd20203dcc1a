"""What the driver's session costs on top of its link: an arm at rest, by the robotics profile, hears changes."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from cellctl.domain.events import SignalsShown
from cellctl.ports.nodes import NodeValue
from cellctl_drivers.opcua.connection import Limits
from cellctl_drivers.opcua.library import profile_for
from cellctl_drivers.opcua.naming import Naming
from cellctl_drivers.opcua.profile import Profile
from cellctl_drivers.opcua.session import Session
from cellctl_drivers.opcua.words import Answered, Open, Refresh, Resolve

_CHANGES: Final = 20_000
_AT_REST: Final = {"InZone": "", "TaskProgramName": "", "OperationalMode": 4, "Number": 1, "ProgramCounter": 0}


def measure() -> float:
    """Microseconds of CPU for each change that the session is told."""
    profile = profile_for("arm-1", "robotics-1.02", {"namespace": "urn:bench"}, (), Path(), "")
    if profile is None:
        raise RuntimeError("the built-in profile is not there")
    session, zone = _ready(profile), profile.signals["zone"].ref
    if zone is None:
        raise RuntimeError("the zone is no variable")
    values = [NodeValue(zone, "printer-1"), NodeValue(zone, "")]
    before_s = time.process_time()
    for number in range(_CHANGES):
        # The zone that an arm shows is a level of its hand-overs: it is told, and nothing is decided.
        if any(not isinstance(each, SignalsShown) for each in session.heard(values[number % 2], 0.0)):
            raise RuntimeError("an arm at rest has nothing to decide")
    return (time.process_time() - before_s) / _CHANGES * 1e6


def _ready(profile: Profile) -> Session:
    """A session whose arm was met, heard, and found free."""
    session = Session("arm-1", profile, Limits(), Naming("arm-1"))
    kinds = {signal.ref: signal.type for signal in profile.signals.values()}
    asked: Sequence[Any] = session.begin(0.0)
    while requests := [each for each in asked if isinstance(each, Open | Resolve | Refresh)]:
        [request] = requests
        told = [kinds[ref] for ref in request.refs] if isinstance(request, Resolve) else ()
        for ref in request.refs if isinstance(request, Refresh) else ():
            session.heard(NodeValue(ref, _AT_REST.get(ref.path[-1].rpartition(";")[2], False)), 0.0)
        asked = session.answered(Answered(told), 0.0)
    if session.state.name != "IDLE":
        raise RuntimeError(f"the arm is {session.state.name}")
    return session


if __name__ == "__main__":
    print(f"{measure():.1f} us for each change")
