"""The MQTT face with its broker and its password plugged in."""

from pathlib import Path

from cellctl import __version__
from cellctl.app.cell import RunningCell
from cellctl.app.config import CellConfig, credentials_of
from cellctl.domain.errors import ConfigError
from cellctl.faces.mqtt.face import MqttFace, MqttSettings
from cellctl.links.mqtt import BrokerSettings, MqttBus


def mqtt_face(config: CellConfig, cell: RunningCell) -> MqttFace:
    """The face as the cell file wants it. Raises ConfigError for a password that cannot be read."""
    table = config.mqtt
    broker = BrokerSettings(
        host=table.host,
        port=table.port,
        protocol=table.protocol,
        username=table.username,
        password=_password(config.path, table.password_file),
        client_id=f"cellctl-{config.plan.name}",
    )
    outside = cell.outside
    user = table.username or "cellctl"
    settings = MqttSettings(cell=config.plan.name, base=table.base, user=user, version=__version__)
    return MqttFace(cell.desk, MqttBus(broker), outside.clock, outside.ids, settings)


def _password(cell_file: Path, file: Path | None) -> str:
    if file is None:
        return ""
    path = credentials_of(cell_file) / file
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError([f"{cell_file.name}: mqtt.password_file: {path} cannot be read ({error.strerror})"]) from None
