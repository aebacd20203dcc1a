"""The family of serial arms: a carry is a bounded sequence of lines between two taught places."""

from collections.abc import Sequence
from typing import Any

from cellctl.domain.errors import NotAllowed
from cellctl.domain.events import PartMoved
from cellctl.domain.machine import MachineCommand
from cellctl.domain.work import Operation, OperationKind, OperationState, Place
from cellctl.ports import ByteLink, Driver, Tools
from cellctl_drivers.serial_arm.options import SerialArmOptions
from cellctl_drivers.serial_arm.route import Step, carry
from cellctl_drivers.serial_arm.run import Moved, Whereabouts
from cellctl_drivers.serial_arm.session import ArmSession
from cellctl_drivers.serial_arm.setup import Setup
from cellctl_drivers.serial_session import FaultRaised, SessionEvent
from cellctl_drivers.serial_shell import SerialDriver
from cellctl_drivers.serial_station import Work


class SerialArmDriver(SerialDriver):
    """A serial machine that carries parts: the shell's states and clocks, and custody of the part."""

    def __init__(
        self, machine: str, link: ByteLink, session: ArmSession, options: SerialArmOptions, tools: Tools
    ) -> None:
        super().__init__(machine, link, session, tools)
        self._arm = session
        self._options = options

    def start(self, operation: Operation) -> None:
        """Carry a part. Raises NotAllowed unless IDLE, and for places that were not taught."""
        self._station.after(MachineCommand.START)
        steps = self._steps(operation)
        now_s = self._tools.clock.now_s()
        self._arm.carry(steps, now_s)
        self._work = Work(operation, self._tools.report)
        self._station.take(MachineCommand.START)
        self._pump(now_s)

    def _steps(self, operation: Operation) -> list[Step]:
        machine, taught = self._station.machine, self._options.taught
        if operation.kind is not OperationKind.CARRY:
            raise NotAllowed(f"{machine} carries parts; it cannot do {operation.step}")
        for place in (operation.source, operation.target):
            if place not in taught:
                raise NotAllowed(f"{machine} was not taught {place}; it knows: {', '.join(taught)}")
        return carry(self._options.hand, taught[operation.source], taught[operation.target], homed=self._arm.homed)

    def _tell(self, events: Sequence[SessionEvent], now_s: float) -> None:
        """Where the part is, is told before that the work is over."""
        for moved in self._arm.moved():
            self._moved(moved)
        super()._tell(events, now_s)

    def _moved(self, moved: Moved) -> None:
        if self._work is None:
            return
        operation = self._work.operation
        gripper = Place(f"{self._station.machine}.gripper")
        place = gripper if moved.to is Whereabouts.GRIPPER else operation.target
        self._tools.report(PartMoved(operation.serial, place, moved.knowledge, by=operation.id))

    def _react(self, event: SessionEvent) -> None:
        if isinstance(event, FaultRaised) and self._work is not None and not self._work.started:
            self._end_work(OperationState.NOT_BEGUN, event.what)  # It was only asked, and has not moved.
        super()._react(event)


class SerialArmFamily:
    """A `ports.DriverFamily`."""

    @property
    def options(self) -> type[Any]:
        """SerialArmOptions."""
        return SerialArmOptions

    def rules(self, options: SerialArmOptions) -> None:
        """It carries between taught places; those are held against its limits when the cell file is read."""

    def driver(self, machine: str, options: SerialArmOptions, tools: Tools) -> Driver:
        """A driver for one connection with one arm."""
        wire_s, spoken = tools.clock.wire_s, options.spoken
        usual = Setup(spoken, "")
        setup = Setup(
            dialect=spoken,
            identify=options.identify or spoken.identify,
            identity=options.identity,
            answer_s=wire_s(options.ack_timeout_s),
            sync_s=wire_s(usual.sync_s),
            move_s=wire_s(options.move_timeout_s),
            pick_s=wire_s(options.pick_timeout_s),
            place_s=wire_s(options.place_timeout_s),
            clear_s=wire_s(options.clear_timeout_s),
            stand_s=wire_s(usual.stand_s),
            poll_s=wire_s(usual.poll_s),
            idle_poll_s=wire_s(usual.idle_poll_s),
            silence_s=wire_s(usual.silence_s),
        )

        def fence() -> str:
            why = tools.fence()
            return f"{machine} was not told to go on: {why}" if why else ""

        session = ArmSession(setup, options.hand, fence)
        link = tools.links.bytes_to(machine, options.port, {"baud": options.baud})
        return SerialArmDriver(machine, link, session, options, tools)


FAMILY = SerialArmFamily()
