"""Instants as people write them: UTC, ISO 8601, with a Z at the end."""

from datetime import datetime

EXAMPLE = "2030-01-31T12:00:00Z"


def epoch_s(text: str) -> float:
    """Seconds since the Unix epoch. Raises ValueError, naming what was found and what is allowed."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or not text.endswith("Z") or "T" not in text:
        raise ValueError(f"{text[:40]!r} is no UTC instant such as {EXAMPLE}")
    return moment.timestamp()
