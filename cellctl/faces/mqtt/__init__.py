"""The cell on an MQTT broker: requests and replies, retained state, events, telemetry."""

from cellctl.faces.mqtt.face import MqttFace
from cellctl.faces.mqtt.seat import MqttSettings

__all__ = ["MqttFace", "MqttSettings"]
