"""The back door into a running simulated cell: one JSON request and one JSON reply per line, on a unix socket.

    {"do": "world"}                                                 what is where
    {"do": "person-moves", "source": "outfeed.1", "target": "gone"}
    {"do": "door", "machine": "router-1", "open": true}
    {"do": "fault", "machine": "printer-1", "fault": {"kind": "unplug", "at_s": 0, "amount": 5}}

A reply is {"ok": true, ...} or {"ok": false, "why": "..."}.
"""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from cellctl.domain.errors import ConfigError
from cellctl_sim.cell import Cell
from cellctl_sim.faults import Fault
from cellctl_sim.machine_time import MachineTime
from cellctl_sim.world import GONE, World

REQUEST_BYTES: Final = 65536


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Look(_Request):
    do: Literal["world"]


class _PersonMoves(_Request):
    do: Literal["person-moves"]
    source: str
    target: str


class _Door(_Request):
    do: Literal["door"]
    machine: str
    open: bool


class _Strike(_Request):
    do: Literal["fault"]
    machine: str
    fault: Fault


_REQUEST: Final[TypeAdapter[_Look | _PersonMoves | _Door | _Strike]] = TypeAdapter(
    Annotated[_Look | _PersonMoves | _Door | _Strike, Field(discriminator="do")]
)


def answer(cell: Cell, line: bytes, now_s: float) -> dict[str, Any]:
    """Do what one line asks, and say so."""
    try:
        request = _REQUEST.validate_json(line)
    except ValidationError as error:
        why = "; ".join(f"{'.'.join(map(str, m['loc']))} {m['msg']}".strip() for m in error.errors())
        return {"ok": False, "why": why}
    match request:
        case _PersonMoves(source=source, target=target):
            return _person_moves(cell, source, target, now_s)
        case _Door(machine=machine, open=is_open):
            if machine not in cell.file.machines:
                return {"ok": False, "why": f"no machine {machine}; machines: {', '.join(cell.file.machines)}"}
            cell.world.set_door(machine, is_open, now_s)
            return {"ok": True}
        case _Strike(machine=machine, fault=fault):
            return _strike(cell, machine, fault)
        case _Look():
            return {"ok": True, **_world(cell, now_s)}


def _strike(cell: Cell, machine: str, fault: Fault) -> dict[str, Any]:
    try:
        cell.strike(machine, fault)
    except ConfigError as refused:
        return {"ok": False, "why": str(refused)}
    return {"ok": True}


def _person_moves(cell: Cell, source: str, target: str, now_s: float) -> dict[str, Any]:
    places = cell.world.places
    if strangers := [place for place in (source, target) if place not in (*places, GONE, "")]:
        return {"ok": False, "why": f"no place {', '.join(strangers)}; places: {', '.join(places)}"}
    part = cell.world.part_at(source)
    if source and part is None:
        return {"ok": False, "why": f"no part is at {source}"}
    cell.person_moves(source, target, now_s)
    return {"ok": True, "part": (part or cell.world.parts[-1]).id}


def _world(cell: Cell, now_s: float) -> Mapping[str, Any]:
    world: World = cell.world
    at = {place: world.part_at(place) for place in world.places}
    return {
        "now_s": round(now_s, 3),
        "places": {place: part.id if part else None for place, part in at.items()},
        "parts": [asdict(part) for part in world.parts],
        "doors": {machine: "open" if world.door_open(machine) else "closed" for machine in cell.file.machines},
        "violations": world.violations,
    }


class ControlSocket:
    """Serves `answer` on DIR/control."""

    def __init__(self, cell: Cell, path: Path, time: MachineTime) -> None:
        self._cell = cell
        self._path = path
        self._time = time
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Listen. Raises ConfigError if a simulator serves here already."""
        if await _is_answered(self._path):
            raise ConfigError([f"{self._path}: another cellctl-sim serves this devices folder; end it first"])
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._talk, self._path, limit=REQUEST_BYTES)

    async def close(self) -> None:
        """Stop listening, and hang up on everybody."""
        if self._server:
            self._server.close()
            self._path.unlink(missing_ok=True)
        while self._talks:
            writer = self._talks.pop()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._talks.add(writer)
        # ValueError: a line without end. ConnectionError: nobody is there any more.
        with contextlib.suppress(ValueError, ConnectionError):
            while line := await reader.readline():
                reply = answer(self._cell, line, self._time.now_s())
                writer.write(json.dumps(reply).encode() + b"\n")
                await writer.drain()
        writer.close()
        self._talks.discard(writer)


async def _is_answered(path: Path) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    writer.close()
    return True
