"""A customer and a person at a bench, over MQTT: what any program of a shop could do that speaks to the cell."""

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiomqtt

from cellctl.domain.order_book import Wish
from cellctl_sim.asking import ask

USER: Final = "demo"
_OVER: Final = frozenset({"done", "cancelled", "stopped", "aborted"})


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
        # Every order that was accepted, and how it has ended; "" while it is open.
        self._orders: dict[str, str] = {}
        self._change = asyncio.Event()

    async def make(self, wishes: Sequence[Wish], speed: float) -> Mapping[str, str]:
        """Ask for each in its time, watch and help until all orders are over; how each has ended. Raises DemoFailed."""
        async with self._client as client:
            for topic in ("status", "heartbeat", f"response/{USER}/#", "event", "device/+/telemetry", "prompt/#"):
                await client.subscribe(f"{self._root}/{topic}", qos=1)
            await client.subscribe(f"{self._root}/order/+/state", qos=1)
            try:
                async with asyncio.TaskGroup() as tasks:
                    listening = tasks.create_task(self._listen())
                    await self._ask_all(wishes, speed)
                    await self._until(lambda: len(self._orders) == _orders_in(wishes) and all(self._orders.values()))
                    listening.cancel()
            except* DemoFailed as failed:
                raise failed.exceptions[0] from None
        return self._orders

    async def _ask_all(self, wishes: Sequence[Wish], speed: float) -> None:
        await self._until(lambda: bool(self._freshness))
        loop = asyncio.get_running_loop()
        began_s, began_at = loop.time(), datetime.now(UTC).isoformat()  # noqa: TID251
        for wish in wishes:
            await asyncio.sleep(max(0.0, began_s + wish.at_s / speed - loop.time()))
            await self._request(wish.verb, wish.request(began_at))

    async def _listen(self) -> None:
        async for message in self._client.messages:
            topic = str(message.topic).removeprefix(f"{self._root}/")
            body = json.loads(message.payload) if isinstance(message.payload, bytes) and message.payload else {}
            await self._hear(topic, body)
            self._change.set()
        raise DemoFailed("the connection to the broker ended")

    async def _until(self, shown: Callable[[], bool]) -> None:
        while not shown():
            self._change.clear()
            await self._change.wait()

    async def _hear(self, topic: str, body: Mapping[str, Any]) -> None:
        kind = topic.partition("/")[0]
        if kind in ("status", "heartbeat") and body.get("online", True) and "tick" in body:
            self._freshness = {"session": body["session"], "tick": body["tick"]}
        elif kind == "response":
            self._hear_reply(topic, body)
        elif kind == "event":
            self._tell(body)
        elif kind == "device" and body:
            self._tell_progress(topic.split("/")[1], body)
        elif kind == "prompt" and body.get("choices"):
            await self._answer(body)
        elif kind == "order" and body.get("state") in _OVER and body["id"] in self._orders:
            self._orders[body["id"]] = body["state"]

    def _hear_reply(self, topic: str, body: Mapping[str, Any]) -> None:
        if body["code"] != "accepted":
            raise DemoFailed(f"{topic}: {body['code']}: {body['message']}")
        if topic.endswith("/submit"):
            self._orders[body["result"]["order_id"]] = ""
            self._say(f"         order accepted: {body['message']}, serial {', '.join(body['result']['serials'])}")

    async def _request(self, verb: str, arguments: Mapping[str, Any]) -> None:
        request = {"id": str(uuid.uuid4()), "verb": verb, "args": dict(arguments), **self._freshness}  # noqa: TID251
        topic = f"{self._root}/request/{USER}/job/{verb}"
        if verb != "answer":
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

    def _tell_progress(self, device: str, body: Mapping[str, Any]) -> None:
        total = body.get("total") or 0
        tenth = 10 * body.get("acknowledged", 0) // total if total else 0
        key = body.get("operation_id", "")
        if total and tenth > self._progress.get(key, 0):
            self._progress[key] = tenth
            self._say(f"         {device:<10} {10 * tenth:3d} %   line {body['acknowledged']} of {total}")


def _orders_in(wishes: Sequence[Wish]) -> int:
    return sum(wish.verb == "submit" for wish in wishes)
