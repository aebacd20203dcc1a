"""The topic tree of one cell: where everything stands, and what the topic of a request says."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from zlib import crc32

from cellctl.domain.errors import ConfigError

MOST_LEVELS_OF_BASE: Final = 5
MOST_TOPIC_BYTES: Final = 256
_SEGMENT: Final = re.compile(r"[a-z0-9_-]{1,64}")


def is_segment(text: str) -> bool:
    """Whether a text may be one level of a topic of ours: a-z, 0-9, _ and -, 1 to 64 of them."""
    return _SEGMENT.fullmatch(text) is not None


@lru_cache(maxsize=1024)  # the same few names are shown again with every change
def segment(name: str) -> str:
    """A name as one level of a topic. What had to be changed is told apart by a checksum of the name."""
    if is_segment(name):
        return name
    legible = re.sub(r"[^a-z0-9_-]+", "-", name.lower())[:55]
    return f"{legible}-{crc32(name.encode(errors='replace')):08x}"


@dataclass(frozen=True, slots=True)
class Address:
    """What the topic of a request says: who asks (the broker's ACL vouches for it), in which class, for what."""

    user: str
    right: str
    verb: str

    def __str__(self) -> str:
        return f"{self.user}/{self.right}/{self.verb}"


class Topics:
    """Topics below `{base}/{cell}`, as seen by `user`. Raises ConfigError for what cannot be a level of a topic."""

    def __init__(self, base: str, cell: str, user: str) -> None:
        levels = base.split("/")
        if len(levels) > MOST_LEVELS_OF_BASE or not all(map(is_segment, [*levels, cell, user])):
            raise ConfigError(
                [
                    f"mqtt: base {base!r} (1 to {MOST_LEVELS_OF_BASE} levels), cell {cell!r} and user {user!r} "
                    "must be made of a-z, 0-9, _ and -, 1 to 64 of them at each level"
                ]
            )
        self.root = f"{base}/{cell}"
        self.status = f"{self.root}/status"
        self.heartbeat = f"{self.root}/heartbeat"
        self.description = f"{self.root}/info"
        self.mode = f"{self.root}/mode"
        self.event = f"{self.root}/event"
        self.requests = f"{self.root}/request/#"
        self.own_ping = Address(user, "query", "ping")

    def state(self, kind: str, name: str) -> str:
        """Where the state of a device, job, order, prompt, transfer, lot, tool or fixture stands."""
        return f"{self.root}/{kind}/{segment(name)}/state"

    def telemetry(self, device: str) -> str:
        """Where the progress of a device passes by."""
        return f"{self.root}/device/{segment(device)}/telemetry"

    def alarm(self, name: str) -> str:
        """Where an alarm stands while it lasts."""
        return f"{self.root}/alarm/{segment(name)}"

    def request(self, address: Address) -> str:
        """Where a request comes in."""
        return f"{self.root}/request/{address}"

    def address(self, topic: str) -> Address | None:
        """Read the topic of a request; None if it has not exactly the levels user, class and verb."""
        root, found, rest = topic.partition(f"{self.root}/request/")
        levels = rest.split("/")
        if root or not found or len(levels) != 3 or len(topic.encode()) > MOST_TOPIC_BYTES:
            return None
        return Address(*levels)

    def response(self, address: Address) -> str:
        """Where a request is answered if it does not say otherwise."""
        return f"{self.root}/response/{address}"

    def may_answer_at(self, topic: str, user: str) -> bool:
        """Whether a sender may have replies there: publishing happens with the daemon's rights, not with theirs."""
        own = f"{self.root}/response/{user}/"
        printable = topic.isprintable() and not set("+#") & set(topic)
        return topic.startswith(own) and topic != own and printable and len(topic.encode()) <= MOST_TOPIC_BYTES
