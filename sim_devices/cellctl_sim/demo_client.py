"""A customer and a person at a bench, over MQTT: what any program of a shop could do that speaks to the cell."""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import aiomqtt

from cellctl_sim.control import ask

USER: Final = "demo"


class DemoFailed(Exception):
    """The demo did not go as it should; the message says where."""


class Shop:
    """One connection to the broker, from the first order to the last part."""

    def __init__(self, host: str, port: int, root: str, control: Path, say: Callable[[str], None]) -> None:
        self._client = aiomqtt.Client(host, port, identifier=f"demo-{uuid.uuid4().hex[:8]}")  # noqa: TID251
        self._root = root
        self._control = control
        self._say = say
        self._freshness: dict[str, Any] = {}
        self._progress: dict[str, int] = {}
        self._open: dict[str, str] = {}

    async def make(self, wishes: Sequence[Mapping[str, Any]]) -> list[str]:
        """Hand in the orders, watch and help until all are done; returns their ids. Raises DemoFailed."""
        waiting = list(wishes)
        orders: list[str] = []
        async with self._client as client:
            for topic in ("status", "heartbeat", f"response/{USER}/#", "event", "device/+/telemetry", "prompt/#"):
                await client.subscribe(f"{self._root}/{topic}", qos=1)
            async for message in client.messages:
                topic = str(message.topic).removeprefix(f"{self._root}/")
                body = json.loads(message.payload) if isinstance(message.payload, bytes) and message.payload else {}
                await self._hear(topic, body, orders)
                if waiting and self._freshness and len(orders) + len(waiting) == len(wishes):
                    await self._request("submit", waiting.pop(0))
                if len(orders) == len(wishes) and not self._open:
                    return orders
        raise DemoFailed("the connection to the broker ended")

    async def _hear(self, topic: str, body: Mapping[str, Any], orders: list[str]) -> None:
        kind = topic.partition("/")[0]
        if kind in ("status", "heartbeat") and body.get("online", True) and "tick" in body:
            self._freshness = {"session": body["session"], "tick": body["tick"]}
        elif kind == "response":
            self._hear_reply(topic, body, orders)
        elif kind == "event":
            self._tell(body)
        elif kind == "device" and body:
            self._tell_progress(topic.split("/")[1], body)
        elif kind == "prompt" and body.get("choices"):
            await self._answer(body)

    def _hear_reply(self, topic: str, body: Mapping[str, Any], orders: list[str]) -> None:
        if body["code"] != "accepted":
            raise DemoFailed(f"{topic}: {body['code']}: {body['message']}")
        if topic.endswith("/submit"):
            orders.append(body["result"]["order_id"])
            for serial in body["result"]["serials"]:
                self._open[serial] = orders[-1]
            self._say(f"         order accepted: {body['message']}, serial {', '.join(body['result']['serials'])}")

    async def _request(self, verb: str, arguments: Mapping[str, Any]) -> None:
        request = {"id": str(uuid.uuid4()), "verb": verb, "args": dict(arguments), **self._freshness}  # noqa: TID251
        topic = f"{self._root}/request/{USER}/job/{verb}"
        if verb == "submit":
            self._say(f"publish  {topic}  {json.dumps(arguments)}")
        await self._client.publish(topic, json.dumps(request), qos=1)

    async def _answer(self, prompt: Mapping[str, Any]) -> None:
        choice = prompt["choices"][0]
        self._say(f"         {prompt['station']} asks: {prompt['text']}")
        self._say(f"         the demo answers for the person: {choice}")
        if prompt["target"] != prompt["source"]:
            way = {"source": prompt["source"], "target": prompt["target"]}
            moved = await ask(self._control, {"do": "person-moves", **way})
            if not moved["ok"]:
                raise DemoFailed(f"{prompt['id']}: {moved['why']}")
        await self._request("answer", {"prompt_id": prompt["id"], "choice": choice})

    def _tell(self, record: Mapping[str, Any]) -> None:
        event, at = record["event"], record["at"][11:19]
        match record["type"]:
            case "step.intent":
                work = event["operation"]
                way = f"{work['source']} → {work['target']}" if work["source"] else f"at {work['target']}"
                self._say(f"{at} {work['station']:<10} begins  {work['step']:<8} {way}")
            case "step.ended":
                self._say(f"{at} {record['actor']:<10} ended   {event['state']} {event['reason']}".rstrip())
            case "unit.custody":
                self._say(f"{at} {'':<10} part    {event['serial']} is now at {event['place']}")
            case "unit.disposition":
                self._say(f"{at} {'':<10} part    {event['serial']} {event['disposition']} by {event['by']}")
                self._open.pop(event["serial"], None)

    def _tell_progress(self, device: str, body: Mapping[str, Any]) -> None:
        total = body.get("total") or 0
        tenth = 10 * body.get("acknowledged", 0) // total if total else 0
        key = body.get("operation_id", "")
        if total and tenth > self._progress.get(key, 0):
            self._progress[key] = tenth
            self._say(f"         {device:<10} {10 * tenth:3d} %   line {body['acknowledged']} of {total}")
