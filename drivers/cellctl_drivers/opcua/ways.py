"""Ways to nodes as a profile writes them: "alias;Name" steps, and "@place" for a way that has a name."""

from collections.abc import Mapping, Sequence
from typing import Final

from cellctl.ports.nodes import NodePath

_KINDS: Final = ("first:", "node:")
_IDS: Final = ("i=", "s=", "g=", "b=")


class NoWay(ValueError):
    """A way that leads nowhere; the text says why."""


def way_of(steps: Sequence[str], places: Mapping[str, Sequence[str]], namespaces: Mapping[str, str]) -> NodePath:
    """The way in full: places put in, namespaces by URI. Raises NoWay."""
    return tuple(_step(step, at, namespaces) for at, step in enumerate(_in_full(steps, places, ())))


def _in_full(steps: Sequence[str], places: Mapping[str, Sequence[str]], within: tuple[str, ...]) -> list[str]:
    if not steps or not steps[0].startswith("@"):
        return list(steps)
    name = steps[0][1:]
    if name in within:
        raise NoWay(f"the place {name} is made of itself")
    if name not in places:
        raise NoWay(f"there is no place {name}; there are: {', '.join(places) or 'none'}")
    return [*_in_full(places[name], places, (*within, name)), *steps[1:]]


def _step(step: str, at: int, namespaces: Mapping[str, str]) -> str:
    kind = next((kind for kind in _KINDS if step.startswith(kind)), "")
    space, separator, name = step[len(kind) :].partition(";")
    if not separator:
        space, name = "", space
    if not name or step.startswith("@"):
        allowed = "Name, alias;Name, first:alias;i=1, node:alias;s=A, and @place as the first"
        raise NoWay(f"{step!r} is no step; allowed: {allowed}")
    if kind == "node:" and at:
        raise NoWay(f"{step!r} must be the first step, for it says where to begin")
    if kind and not name.startswith(_IDS):
        raise NoWay(f"{step!r} must end with a node id: {', '.join(f'{each}...' for each in _IDS)}")
    if not separator:
        return step
    uri = namespaces.get(space, space)
    if ":" not in uri:
        known = ", ".join(namespaces) or "none"
        raise NoWay(f"{space!r} in {step!r} is neither a namespace's URI nor one of [namespaces]: {known}")
    return f"{kind}{uri};{name}"
