"""Any values, qualities, refusals and losses, in any order: what must never be, never is."""

from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from cellctl.domain.errors import LinkLost, MachineFault, NotAllowed
from cellctl.domain.events import ContactFound, OperationEnded, StationChanged
from cellctl.domain.machine import MachineCommand
from cellctl.ports.nodes import NodeRef, NodeValue, Quality
from cellctl_drivers.opcua.connection import Contact, Limits
from cellctl_drivers.opcua.library import profile_for
from cellctl_drivers.opcua.naming import Naming
from cellctl_drivers.opcua.profile import Profile
from cellctl_drivers.opcua.session import Session
from cellctl_drivers.opcua.values import WHOLE
from cellctl_drivers.opcua.words import Answered, Call, GiveUp, Open, Refresh, Refused, Resolve, Unanswered, Write
from tests.drivers.scripted_nodes import CARRY, runs

PROFILES: Final = ("robotics-1.02", "handshake", "handshake-words", "machinery-jobs")
BEGINS: Final = {"Start", "start = True", "StoreAndStart"}
COMMANDS: Final = tuple(MachineCommand)
STEPS: Final = 300
JOBS: Final = [[], [{"JobOrder": {"JobOrderID": "op-1"}, "State": [{"StateNumber": 3}]}], [7], "no list"]


class Play:
    """One session, and a machine without any sense."""

    def __init__(self, name: str, seed: int) -> None:
        self.rng = Random(f"{name}/{seed}")
        self.profile: Profile = profile_for("arm-1", name, {"namespace": "urn:x"}, (), Path(), "x")
        self.session = Session("arm-1", self.profile, Limits(), Naming("arm-1", carries={"printer-1.bed>router-1.vise": 1}))
        self.now_s = 0.0
        self.open: Any = None
        self.heard: dict[NodeRef, tuple[float, Quality]] = {}
        self.begun = 0
        self.ended: list[OperationEnded] = []
        self.over = False
        self.told: list[Any] = []

    def do(self, decisions: Any) -> None:
        for each in decisions:
            assert not self.over, f"{each} after the end"
            match each:
                case Open() | Resolve() | Refresh() | Write() | Call():
                    assert self.open is None, f"{each} while {self.open} is open"
                    self.open = each
                    self._check(each)
                case GiveUp():
                    self.over = True
                case OperationEnded():
                    self.ended.append(each)
                case _:
                    self.told.append(each)

    def _check(self, request: Any) -> None:
        if isinstance(request, Write | Call):
            assert self.session.contact is Contact.READY, f"{request} before everything was heard"
        if request.name not in BEGINS:
            return
        self.begun += 1
        for name in self.profile.needed:
            ref = self.profile.signals[name].ref
            at_s, quality = self.heard[ref] if ref else (self.now_s, Quality.GOOD)
            assert quality is Quality.GOOD, f"{request.name} on a {quality.value} {name}"
            assert self.now_s - at_s <= self.profile.times.stale_s, f"{request.name} on an old {name}"

    def value(self, ref: NodeRef) -> NodeValue:
        """Mostly what helps the work on, at times anything."""
        rng = self.rng
        if rng.random() < 0.04:
            return NodeValue(ref, None, rng.choice((Quality.BAD, Quality.UNCERTAIN)), "BadNoData")
        kind = next(signal.type for signal in self.profile.signals.values() if signal.ref == ref)
        if rng.random() < 0.02:
            return NodeValue(ref, rng.choice((None, "x" * 100, -1, [1], {}, 2.5, True)))
        if kind == "structure[]":
            return NodeValue(ref, rng.choice(JOBS[:2] if rng.random() < 0.9 else JOBS))
        if kind in WHOLE:
            likely = {"OperationalMode": 4, "MachineryOperationMode": 3, "MachineryItemState": 2, "i=306": 0b11000}
            known = [number for word, number in likely.items() if word in "/".join(ref.path)]
            return NodeValue(ref, known[0] if known and rng.random() < 0.95 else rng.choice((0, 1, 2, 3, 5)))
        if kind == "Boolean":
            wanted = any(word in ref.path[-1] for word in ("Closed", "External"))
            return NodeValue(ref, wanted if rng.random() < 0.9 else not wanted)
        return NodeValue(ref, rng.choice(("", "carry:printer-1.bed>router-1.vise", "1")))

    def hear(self, ref: NodeRef) -> None:
        value = self.value(ref)
        self.heard[ref] = (self.now_s, value.quality)
        self.do(self.session.heard(value, self.now_s))

    def answer(self) -> None:
        rng, request = self.rng, self.open
        draw = rng.random()
        if draw < 0.01:
            answer: Any = Unanswered(LinkLost("arm-1", "silence", do_next=""))
        elif draw < 0.03 and not isinstance(request, Open | Resolve):
            answer = Refused(MachineFault("arm-1", "BadSomething", do_next=""))
        elif isinstance(request, Resolve):
            kinds = {signal.ref: signal.type.replace("structure", "ExtensionObject") for signal in self.profile.signals.values()}
            answer = Answered([kinds[ref] for ref in request.refs])
        else:
            answer = Answered((rng.choice((0, 0, 0, 1, 1, 3)),))
        if isinstance(request, Refresh):
            for ref in request.refs:
                self.hear(ref)
                if self.over:
                    return
        self.open = None
        self.do(self.session.answered(answer, self.now_s))

    def step(self) -> None:
        rng = self.rng
        self.now_s += rng.choice((0.0, 0.0, 0.01, 0.1, 1.0, 4.0))
        draw = rng.random()
        try:
            if self.open is not None and draw < 0.6:
                self.answer()
            elif draw < 0.85:
                self.hear(rng.choice(self.profile.refs))
            elif draw < 0.95:
                self.do(self.session.tick(self.now_s))
            elif not self.begun and not self.ended:
                self.do(self.session.start(rng.choice((CARRY, runs("1", "arm-1"))), self.now_s))
            elif draw < 0.97:
                self.do(self.session.command(rng.choice(COMMANDS), self.now_s))
            elif draw < 0.971:
                self.do(self.session.lost("cut"))
        except NotAllowed:
            return


def played(name: str, seed: int) -> Play:
    play = Play(name, seed)
    play.do(play.session.begin(0.0))
    for _ in range(STEPS):
        if play.over:
            break
        play.step()
    if not play.over:
        play.do(play.session.lost("the end"))
    return play


@pytest.mark.parametrize("name", PROFILES)
def test_nothing_that_a_machine_shows_leads_to_a_second_start_or_to_one_on_what_is_not_known(name: str) -> None:
    begun = ready = 0
    for seed in range(150):
        play = played(name, seed)
        commanded_on = sum(isinstance(each, StationChanged) and each.state.name == "UNHOLDING" for each in play.told)
        assert play.begun <= 1 + commanded_on, f"seed {seed}: started {play.begun} times"
        assert len(play.ended) <= 1, f"seed {seed}: ended {play.ended}"
        assert play.ended or not play.begun, f"seed {seed}: it was started, and nobody says how it ended"
        begun += play.begun
        ready += any(isinstance(each, ContactFound) for each in play.told)
    assert ready > 100, "the scripted machines must get as far as a contact"
    assert begun > 5, "some of the work must begin"
