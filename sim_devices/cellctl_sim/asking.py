"""To ask a running simulated cell by its back door (`control`), without loading one."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

SOCKET: Final = "control"
REPLY_BYTES: Final = 2**26  # the history of many thousand parts
ANSWER_S: Final = 5.0


async def ask(path: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    """Ask a running simulator. Raises ConnectionError if it does not answer."""
    try:
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(path, limit=REPLY_BYTES)
            writer.write(json.dumps(request).encode() + b"\n")
            line = await reader.readline()
            writer.close()
    except OSError as error:
        raise ConnectionError(f"{path}: no simulated cell answers there: {error!r}") from error
    if not line:
        raise ConnectionError(f"{path}: the simulated cell hung up")
    reply: dict[str, Any] = json.loads(line)
    return reply
