"""A customer with a plain MQTT client, as any other program of a shop would have."""

import json
import queue
import uuid
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tests.e2e.programs import LIMIT_S, Patience

Json = dict[str, Any]
USER = "ada"


class Customer:
    """Connected from `with` on; hears everything that the cell publishes."""

    def __init__(self, port: int, root: str = "cellctl/nameplate") -> None:
        self.root = root
        self.topics: list[str] = []
        self._heard: queue.SimpleQueue[tuple[str, Json]] = queue.SimpleQueue()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._hear
        self._client.on_connect = lambda client, *_: client.subscribe(f"{root}/#", 1)
        self._client.connect("127.0.0.1", port)

    def __enter__(self) -> Self:
        self._client.loop_start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def until(self, topic: str, wanted: Callable[[Json], bool] = lambda body: True) -> Json:
        """The next message at a topic that is wanted."""
        patience = Patience(LIMIT_S)
        while True:
            try:
                heard, body = self._heard.get(timeout=patience.left_s)
            except queue.Empty:
                raise AssertionError(f"nothing that is wanted came at {topic} within {LIMIT_S} s") from None
            if heard == topic and wanted(body):
                return body

    def freshness(self) -> Json:
        """What a request has to quote: the session, and a tick of just now."""
        body = self.until("heartbeat")
        return {"session": body["session"], "tick": body["tick"]}

    def request(self, right: str, verb: str, body: Json, *, retain: bool = False) -> Json:
        """Ask for something; returns the reply."""
        body = {"id": str(uuid.uuid4()), **body}  # noqa: TID251 - a customer's own
        topic = f"{self.root}/request/{USER}/{right}/{verb}"
        self._client.publish(topic, json.dumps(body), qos=1, retain=retain)
        return self.until(f"response/{USER}/{right}/{verb}", lambda reply: reply.get("id") == body["id"])

    def _hear(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        topic = message.topic.removeprefix(f"{self.root}/")
        self.topics.append(topic)
        self._heard.put((topic, json.loads(message.payload) if message.payload else {}))
