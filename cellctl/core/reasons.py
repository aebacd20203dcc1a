"""Why something does not happen now: what dispatch, zones and others answer with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a job waits: a code for programs and a sentence for people."""

    code: str
    sentence: str
