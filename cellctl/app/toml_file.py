"""TOML files and what the command line puts over them."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cellctl.domain.errors import ConfigError


class Mistakes(list[str]):
    """Collects what is wrong, so that all of it can be told at once."""

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """What this block raises as ConfigError is noted; then the next part of the file is looked at."""
        try:
            yield
        except ConfigError as error:
            self.extend(each for each in error.mistakes if each not in self)

    def check(self) -> None:
        """Raises ConfigError if there are any."""
        if self:
            raise ConfigError(self)


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file. Raises ConfigError, saying where."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read ({error.strerror})"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path.name}: is not UTF-8 text"]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path.name}: is not valid TOML: {error}"]) from None
    except ValueError as error:
        raise ConfigError([f"{path!r} cannot be the name of a file ({error})"]) from None


def override(table: dict[str, Any], settings: Mapping[str, Any]) -> None:
    """Put values under dotted keys, making tables on the way. Raises ConfigError."""
    for key, value in settings.items():
        *path, last = key.split(".")
        inner = table
        for part in path:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise ConfigError([f"--set {key}: {part} is not a table"])
        inner[last] = value


def parse_settings(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The values of --set as TOML ("1884" is a number); what is not TOML is taken as text."""
    settings: dict[str, Any] = {}
    for key, value in pairs:
        try:
            settings[key] = tomllib.loads(f"v = {value}")["v"]
        except tomllib.TOMLDecodeError:
            settings[key] = value
    return settings
