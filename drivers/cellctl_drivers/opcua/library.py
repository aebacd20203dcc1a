"""Where profiles come from: those that are built in, and a user's own beside the cell file."""

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from cellctl.domain.errors import ConfigError

from .binding import bound
from .profile import Profile, Scalar

_BUILT_IN: Final = Path(__file__).parent / "profiles"
_SUFFIX: Final = ".toml"


def built_in() -> list[str]:
    """The names of the profiles that come with cellctl."""
    return sorted(path.name.removesuffix(_SUFFIX) for path in _BUILT_IN.glob(f"*{_SUFFIX}"))


def profile_for(
    machine: str, name: str, given: Mapping[str, Scalar], without: Collection[str], folder: Path, where: str
) -> Profile:
    """The profile `name` for one machine: a file in `folder` if it ends with .toml, else one that is built in.

    `where` is the machine's table, for messages. Raises ConfigError with every mistake in the profile, or in what the
    table gives to it.
    """
    table = _read(folder / name, name, where) if name.endswith(_SUFFIX) else _read_built_in(name, where)
    profile, in_file, in_table = bound(name, table, machine, given, without)
    mistakes = [f"{name}: {each}" for each in in_file] + [f"{where}.{each}" for each in in_table]
    if mistakes or profile is None:
        raise ConfigError(mistakes)
    return profile


def _read_built_in(name: str, where: str) -> dict[str, Any]:
    if name not in built_in():
        known = ", ".join(built_in())
        raise ConfigError([f"{where}.profile must be one of: {known}; or a file beside the cell file; found {name!r}"])
    return _read(_BUILT_IN / f"{name}{_SUFFIX}", name, where)


def _read(path: Path, name: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{where}.profile: {name} cannot be read ({error.strerror})"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{name}: is not UTF-8 text"]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{name}: is not valid TOML: {error}"]) from None
