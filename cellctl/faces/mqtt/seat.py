"""What this face was given: its settings, and the desk it sits at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cellctl.domain.commands import Right
from cellctl.faces.mqtt.topics import Topics
from cellctl.ports import Clock, Desk, Ids

EVERYTHING = frozenset({Right.STOP, Right.QUERY, Right.JOB, Right.MOTION})


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """Where the cell lives in the broker's tree, and what it does for whom.

    `user` is the broker user that the daemon itself is; it pings itself under this name. `on_link_loss` says what
    a machine does when the broker is lost: "continue" unless it is named here.
    """

    cell: str
    base: str = "cellctl"
    user: str = "cellctl"
    version: str = ""
    served: frozenset[Right] = EVERYTHING
    on_link_loss: Mapping[str, Literal["continue", "hold"]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seat:
    """The ports and the settings of one face."""

    desk: Desk
    clock: Clock
    ids: Ids
    settings: MqttSettings
    topics: Topics

    async def pause(self, duration_s: float) -> None:
        """Let so many seconds of the world outside pass."""
        await self.clock.sleep(self.clock.wire_s(duration_s))
