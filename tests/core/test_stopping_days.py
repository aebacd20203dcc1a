"""The brain against random cells with zones, alarms, a cell that drains or pauses, orders in a hurry or for stock."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from cellctl.domain.commands import (
    CancelOrder,
    ClearAlarm,
    CommandCell,
    CommandZone,
    ExpediteOrder,
    RaiseAlarm,
    ReportStop,
)
from cellctl.domain.machine import MachineState
from cellctl.domain.stops import EXTERNAL_STOP, CellCommand, CellMode, Rung, ZoneCommand, ZonePhase

from .any_day import AnyDay
from .played_cell import PLAN, Broken

_S = MachineState
_AT_REST = (_S.ABORTED, _S.STOPPED, None)
zones = st.sampled_from(sorted(PLAN.zones))


class StoppingDay(AnyDay):
    """As any day, and people stop, drain, hurry and cancel; in the evening they lead everything back."""

    @rule(zone=zones, command=st.sampled_from(ZoneCommand))
    def tell_zone(self, zone: str, command: ZoneCommand) -> None:
        self.played.says(CommandZone(zone, command))
        self.check()

    @rule(zone=zones, pressed=st.booleans())
    def mirror(self, zone: str, pressed: bool) -> None:
        self.played.says(ReportStop(zone, pressed))
        self.check()

    @rule(kind=st.sampled_from(Rung), station=st.sampled_from(("printer-1", "arm-1", "router-1", "infeed")))
    def sound(self, kind: Rung, station: str) -> None:
        self.played.says(RaiseAlarm(kind.value, station, "smoke"))
        self.check()

    @rule(number=st.integers(1, 4))
    def clear(self, number: int) -> None:
        self.played.says(ClearAlarm(f"alarm-{number}"))

    @rule(command=st.sampled_from(CellCommand))
    def tell_cell(self, command: CellCommand) -> None:
        self.played.says(CommandCell(command))

    @rule(number=st.integers(1, 3), priority=st.integers(0, 3))
    def expedite(self, number: int, priority: int) -> None:
        self.played.says(ExpediteOrder(f"order-{number}", priority, "2026-02-01T12:00:00Z"))

    @rule(number=st.integers(1, 3), keep=st.booleans())
    def cancel_for_stock(self, number: int, keep: bool) -> None:
        self.played.says(CancelOrder(f"order-{number}", keep))

    def check(self) -> None:
        """A stopped zone's machines stand, as far as they are heard and the stop was an abort."""
        for name, stop in self.played.cell.stops.zones.items():
            for station in PLAN.zones[name].stations:
                state = self.played.machines[station].state if self.played.machines[station].heard else None
                if stop.phase is ZonePhase.STOPPED and state not in _AT_REST:
                    raise Broken(f"{station} is {state} in {name}, which is stopped")

    def lead_back(self) -> None:
        """People see to every alarm, then clear and reset every zone, then let the cell go on."""
        for _ in range(4):
            for machine in self.played.machines.values():
                self.played.find(machine.name)
            self.played.settle()
            for alarm in list(self.played.cell.stops.alarms.values()):
                outside = alarm.kind == EXTERNAL_STOP
                self.played.says(ReportStop(alarm.about, False) if outside else ClearAlarm(alarm.id))
            for zone in list(self.played.cell.stops.zones):
                self.played.says(CommandZone(zone, ZoneCommand.CLEAR))
                self.played.says(CommandZone(zone, ZoneCommand.RESET))
        if self.played.cell.stops.mode is not CellMode.RUNNING:
            self.played.says(CommandCell(CellCommand.CONTINUE))
        stops = self.played.cell.stops
        if stops.zones or stops.alarms:
            raise Broken(f"not led back: {stops}")

    def teardown(self) -> None:
        self.lead_back()
        super().teardown()


StoppingDay.TestCase.settings = settings(AnyDay.TestCase.settings, max_examples=25)
TestStoppingDay = StoppingDay.TestCase
