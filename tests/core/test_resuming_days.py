"""The brain against random cells whose people go on with half made parts."""

from hypothesis import strategies as st
from hypothesis.stateful import rule

from .any_day import AnyDay, picks


class ResumingDay(AnyDay):
    """The same, with people who go on with half made parts. Apart, so that the days above stay what they are."""

    @rule(which=picks, heard=st.booleans())
    def break_off_and_go_on(self, which: int, heard: bool) -> None:
        machines = [machine for machine in self.played.machines.values() if machine.work and machine.work.program]
        for machine in machines[which % max(1, len(machines)) :][:1]:
            if machine.phase == 0:
                self.played.step(machine.name)
            self.played.fail(machine.name)
            self.played.settle()
            self.played.resume(machine.name)
            if heard:
                self.played.settle()


ResumingDay.TestCase.settings = AnyDay.TestCase.settings
TestResumingDay = ResumingDay.TestCase
