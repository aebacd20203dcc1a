"""How dialogues with Marlin begin. The printer's texts are those of running firmware."""

import re
from typing import Any

from cellctl_drivers.marlin.ledger import frame
from cellctl_drivers.marlin.memory import Limits
from cellctl_drivers.marlin.session import MarlinSession
from tests.drivers.transcript import Replay

BOOT = r"""
    ? greet
    < start
    < echo:Marlin 1.1.9
    < echo: Last Updated: 2022-12-17 | Author: (none, default config)
    + 0.5s
    >
    > N0 M110 N0
    < ok
    > N1 M115
    < FIRMWARE_NAME:Marlin 1.1.9 (Github) SOURCE_CODE_URL:github.com/MarlinFirmware/Marlin PROTOCOL_VERSION:1.0 MACHINE_TYPE:3D Printer EXTRUDER_COUNT:1 UUID:cede2a2f-41a2-4748-9b12-c55c62f367ff
    < Cap:SERIAL_XON_XOFF:0
    < Cap:EEPROM:1
    < Cap:AUTOREPORT_TEMP:1
    < area:{full:{min:{x:0,y:0,z:0},max:{x:220,y:220,z:240}},work:{min:{x:0,y:0,z:0},max:{x:220,y:220,z:240}}}
    < ok
    > N2 M105
    < ok T:21.2 /0.0 B:21.0 /0.0 @:0 B@:0
    ! Greeted(identity='3D Printer cede2a2f-41a2-4748-9b12-c55c62f367ff')
    > N3 M155 S5
    < ok
    > N4 M400
    < ok
    > N5 M105
    = settling
    <  T:21.2 /0.0 B:21.0 /0.0 @:0 B@:0
    < ok T:21.2 /0.0 B:21.0 /0.0 @:0 B@:0
    ! Rested()
    = ready
"""  # noqa: E501


class Dialogue(Replay):
    """A transcript in which `> N5 M105` stands for that line with its checksum."""

    def run(self, transcript: str) -> "Dialogue":
        super().run(re.sub(r"> N(\d+) (.*)", lambda line: f"> {framed(int(line[1]), line[2])}", transcript))
        return self


def session(**limits: Any) -> MarlinSession:
    return MarlinSession(Limits(**limits))


def dialogue(**limits: Any) -> Dialogue:
    return Dialogue(session(**limits))


def booted(**limits: Any) -> Dialogue:
    return dialogue(**limits).run(BOOT)


def printing(program: str = "G28 | G1 X10 F600 | G1 X20", **limits: Any) -> Dialogue:
    """The first line is on its way; its number is 6."""
    return booted(**limits).run(f"? load {program}\n > N6 {program.partition(' |')[0]}")


def framed(number: int, command: str) -> str:
    return frame(number, command.encode()).decode().rstrip("\n")


def met(firmware: str, then: str = "", **limits: Any) -> Dialogue:
    """M115 is answered by `firmware`; then this."""
    return dialogue(boot_s=1.0, **limits).run(
        f"""
        ? greet
        + 1s
        >
        > N0 M110 N0
        < ok
        > N1 M115
        < {firmware}
        {then}
        """
    )
