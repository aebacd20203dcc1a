"""Mistakes in a file, one line each: where, what was found, what is allowed."""

from pydantic import ValidationError

_FOUND_SHOWN = 60


def mistakes_in(error: ValidationError, file: str, prefix: str = "") -> list[str]:
    """Lines like `cell.toml: machines.cnc-1.baud must be ...; found "fast"`."""
    lines = []
    for detail in error.errors(include_url=False):
        parts = [str(part) for part in detail["loc"] if not _is_branch(str(part))]
        key = ".".join([prefix, *parts] if prefix else parts) or "(top level)"
        message = detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "missing":
            lines.append(f"{file}: {key} is missing")
        elif detail["type"] == "extra_forbidden":
            lines.append(f"{file}: {key} is not a key that is known here")
        else:
            lines.append(f"{file}: {key}: {message[0].lower()}{message[1:]}; found {shown(detail['input'])}")
    return lines


def _is_branch(part: str) -> bool:
    """Pydantic names the branches of a union in the path; a person's file has no such key."""
    branches = ("text", "number", "FileProgram", "ResidentProgram", "GeneratedProgram")
    return part in branches or part.startswith("function-")


def shown(value: object) -> str:
    """A value that somebody gave, cut where it is longer than a person wants to read."""
    text = repr(value)
    return text if len(text) <= _FOUND_SHOWN else text[:_FOUND_SHOWN] + "…"
