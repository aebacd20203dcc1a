"""What older versions of cellctl wrote, in today's shape."""

import json
from typing import Any, Final

# Events that hold a work directive.
_WITH_DIRECTIVE: Final = frozenset({"order.accepted", "order.changed"})
_OF_A_WAY: Final = ("capability", "program", "question", "unfit", "estimates_s")


def reshaped(name: str, payload: str) -> Any:
    """The content of an event as it would be written today; None if there is no older shape of it.

    Before a step could have several ways, it was one way itself.
    """
    if name not in _WITH_DIRECTIVE:
        return None
    content = json.loads(payload)
    for step in content["directive"]["steps"]:
        if "ways" not in step:
            step["ways"] = [{key: step.pop(key) for key in _OF_A_WAY if key in step}]
    return content
