"""What a machine and its sensors show of work whose end nobody saw, and what that amounts to."""

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What is known of work that was under way when nobody looked."""

    DONE = "done"
    NOT_BEGUN = "not begun"
    RUNNING = "running"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found when a machine was looked at, without asking it to do anything. None: it cannot tell.

    `stands`: it stands still and nothing is planned. `began_anew`: it was reset, or switched off, since the work began.
    `shows_ours`: the run that it shows is this work's, by job id, program or run counter. `as_before`: it shows the
    mark of before this work, so it never took it. `took_all`: by its own counter it took the work to the last line.
    `at_end`: it stands where the work ends. `ended`: its own account says that the work ended well. `failed`: that it
    went wrong. `part`: something is where the work leaves its part. `lines`: how many of the work's lines it took.
    `says`: for a person who must decide.
    """

    stands: bool | None = None
    began_anew: bool | None = None
    shows_ours: bool | None = None
    as_before: bool | None = None
    took_all: bool | None = None
    at_end: bool | None = None
    ended: bool | None = None
    failed: bool | None = None
    part: bool | None = None
    lines: int | None = None
    says: str = ""
