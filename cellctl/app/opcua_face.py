"""The OPC UA face with its files plugged in: users, certificate, nameplates."""

import gc
import os
import socket
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from cellctl import __version__
from cellctl.app.cell import RunningCell
from cellctl.app.config import CellConfig
from cellctl.domain.errors import ConfigError
from cellctl.faces.opcua import tree
from cellctl.faces.opcua.face import OpcuaFace, OpcuaSettings, Papers
from cellctl.faces.opcua.jobs import CellJobs
from cellctl.faces.opcua.users import Account, Role, Users, parse_users
from cellctl.faces.opcua.values import Nameplate
from cellctl.links.opcua_keys import Keys

_UNKNOWN_MAKER = "not stated"


def opcua_face(config: CellConfig, cell: RunningCell, state: Path) -> OpcuaFace:
    """The face as the cell file wants it. Raises ConfigError for files that cannot be read or made."""
    table = config.opcua
    host = socket.gethostname()
    uri, papers = f"urn:{host}:cellctl", None
    if table.encrypt or not table.loopback:
        uri, papers = _papers(config, state, cell)
    settings = OpcuaSettings(
        bind=table.bind,
        port=table.port,
        uri=uri,
        version=__version__,
        plates=plates(config, host),
        users=Users(_accounts(config), None if table.nameless == "nobody" else Role(table.nameless)),
        open=table.loopback,
        papers=papers,
    )
    jobs = CellJobs(cell.desk, cell.outside.ids, cell.engine.history)
    return OpcuaFace(cell.desk, jobs, cell.outside.clock, settings)


def settling(face: OpcuaFace) -> Callable[[], Coroutine[Any, Any, None]]:
    """To be run beside it: once it serves, what it has loaded stays, and the collector need not look at it any more."""

    async def settle() -> None:
        await face.listening.wait()
        gc.freeze()

    return settle


def plates(config: CellConfig, host: str) -> Mapping[str, Nameplate]:
    """The nameplate of the cell and of every machine. What the standard makes mandatory is never empty."""
    made = {}
    drivers = {each: config.plan.stations[each].driver for each in config.machines}
    for name, driver in {config.plan.name: "", **drivers}.items():
        said = config.opcua.nameplates.get(name)
        is_cell = not driver
        made[tree.CELL if is_cell else name] = Nameplate(
            manufacturer=(said and said.manufacturer) or ("cellctl" if is_cell else _UNKNOWN_MAKER),
            serial_number=(said and said.serial_number) or f"{host}/{name}",
            product_instance_uri=f"urn:{host}:cellctl:{config.plan.name}" + ("" if is_cell else f":{name}"),
            model=(said and said.model) or driver or "cellctl",
            software_revision=(said and said.software_revision) or (__version__ if is_cell else ""),
            device_class=(said and said.device_class) or ("cell" if is_cell else ""),
        )
    return made


def _papers(config: CellConfig, state: Path, cell: RunningCell) -> tuple[str, Papers]:
    keys = Keys(state / "opcua", config.path.parent, cell.outside.clock.utc)
    trusted = config.opcua.trusted
    try:
        uri = keys.own().application_uri
    except (OSError, ValueError) as broken:
        raise ConfigError([f"{state / 'opcua'}: no certificate to show: {broken}"]) from None
    folder = config.path.parent / trusted if trusted is not None else None
    if folder is not None and not any(folder.glob("*.der")):
        raise ConfigError([f"{config.path.name}: opcua.trusted: {folder} has no certificate (*.der) of any client"])
    return uri, Papers(keys.own_certificate, keys.own_certificate.with_suffix(".pem"), folder)


def _accounts(config: CellConfig) -> Mapping[str, Account]:
    file = config.opcua.users_file
    if file is None:
        return {}
    path = Path(os.environ.get("CREDENTIALS_DIRECTORY", config.path.parent)) / file
    where = f"{config.path.name}: opcua.users_file: {path}"
    try:
        return parse_users(path.read_text(encoding="utf-8"), where)
    except OSError as error:
        raise ConfigError([f"{where} cannot be read ({error.strerror})"]) from None
