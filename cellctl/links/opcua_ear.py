"""What one session tells: values as they change, and that it is over. Bounded in time: a silent server is a lost one."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from asyncua import ua

from cellctl.links.node_ways import bounds
from cellctl.links.opcua_errors import STACK_ERRORS
from cellctl.links.opcua_values import AS_THEY_ARE, Decode, Names, plain_variant, quality_of
from cellctl.ports.nodes import NodeRef, NodeValue, Quality

_NO_DATA: Final = "BadNoData"
_NOT_DECODED: Final = "BadDecodingError"
_NO_ELEMENT: Final = "BadIndexRangeNoData"
# Answers to Publish in a second that are more than the agreed interval can explain.
_BURST: Final = 20
_TIMES_AS_FAST: Final = 10

log = structlog.get_logger()


class Ear:
    """Passes values and the loss on, until `deafen`. A monitored item's client handle is the index of its ref."""

    def __init__(self, machine: str, on_change: Callable[[NodeValue], None], on_lost: Callable[[str], None]) -> None:
        self.refs: list[NodeRef] = []
        self._machine = machine
        self._on_change = on_change
        self._on_lost: Callable[[str], None] | None = on_lost
        self._names = Names(())
        self._decode: Decode = _undecoded
        self._pulse: _Pulse | None = None

    def understand(self, names: Names, decode: Decode) -> None:
        """The session's namespaces and structures."""
        self._names, self._decode = names, decode

    def watch(self, silence_s: float, interval_s: float) -> None:
        """From now on a server that says nothing for so long is lost, and one that talks much too fast as well."""
        self._pulse = _Pulse(silence_s, _BURST + _TIMES_AS_FAST / interval_s, self.lose)

    def published(self, result: ua.PublishResult) -> None:
        """An answer to Publish: changes, the end of the subscription, or a sign of life."""
        if self._pulse:
            self._pulse.beat()
        for notification in result.NotificationMessage.NotificationData or ():
            if isinstance(notification, ua.DataChangeNotification):
                for item in notification.MonitoredItems:
                    if item.ClientHandle < len(self.refs):
                        self.hear(self.refs[item.ClientHandle], item.Value)
            elif isinstance(notification, ua.StatusChangeNotification) and notification.Status.is_bad():
                self.lose(f"the server has ended the subscription: {notification.Status.name}")

    def hear(self, ref: NodeRef, value: ua.DataValue) -> None:
        """Pass a value on."""
        if self._on_lost is not None:
            self._on_change(self._told(ref, value))

    async def connection_lost(self, error: Exception) -> None:
        """asyncua: the connection is gone, or the watchdog got no answer."""
        self.lose(f"the connection is lost: {error or type(error).__name__}")

    def lose(self, reason: str) -> None:
        """Tell the loss, once."""
        on_lost = self._on_lost
        self.deafen()
        if on_lost:
            on_lost(reason)

    def deafen(self) -> None:
        """Pass nothing on any more."""
        self._on_lost = None
        if self._pulse:
            self._pulse.stop()

    def _told(self, ref: NodeRef, value: ua.DataValue) -> NodeValue:
        status, variant = value.StatusCode, value.Value
        if status is not None and status.value:
            quality, name = quality_of(status.value), status.name
            if quality is not Quality.GOOD:
                return NodeValue(ref, None, quality, name)
        else:
            name = "Good"
        if variant is None:
            return NodeValue(ref, None, Quality.BAD, _NO_DATA)
        if type(variant.Value) in AS_THEY_ARE and not ref.index:
            return NodeValue(ref, variant.Value, Quality.GOOD, name)
        return self._translated(ref, variant, name)

    def _translated(self, ref: NodeRef, variant: ua.Variant, name: str) -> NodeValue:
        try:
            value = plain_variant(variant, self._names, self._decode)
        except STACK_ERRORS as strange:
            log.warning("opcua.undecoded", machine=self._machine, node=ref.path[-1], why=str(strange))
            return NodeValue(ref, None, Quality.BAD, _NOT_DECODED)
        if value is None:
            return NodeValue(ref, None, Quality.BAD, _NO_DATA)
        if not ref.index:
            return NodeValue(ref, value, Quality.GOOD, name)
        low, high = bounds(ref.index)
        # Who does not know IndexRange sends the whole array.
        if isinstance(value, list) and len(value) > high - low + 1:
            value = value[low : high + 1]
        if not isinstance(value, list) or len(value) != high - low + 1:
            return NodeValue(ref, None, Quality.BAD, _NO_ELEMENT)
        return NodeValue(ref, value if ":" in ref.index else value[0], Quality.GOOD, name)


class _Pulse:
    """Tells when a server has not been heard for too long, or is heard too often."""

    def __init__(self, silence_s: float, most_per_s: float, lose: Callable[[str], None]) -> None:
        self._silence_s = silence_s
        self._most_per_s = most_per_s
        self._lose = lose
        self._loop = asyncio.get_running_loop()
        self._beat_s = self._second_s = self._loop.time()
        self._beats = 0
        self._timer = self._loop.call_later(silence_s, self._look)

    def beat(self) -> None:
        """Something has come."""
        self._beat_s = self._loop.time()
        if self._beat_s - self._second_s > 1.0:
            self._second_s, self._beats = self._beat_s, 0
        self._beats += 1
        if self._beats > self._most_per_s:
            self._lose(f"the server publishes more than {self._most_per_s:.0f} times a second")

    def stop(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _look(self) -> None:
        left_s = self._beat_s + self._silence_s - self._loop.time()
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._look)
        else:
            self._lose(f"the server has published nothing for {self._silence_s:.1f} s, not even that it is there")


def _undecoded(_value: ua.ExtensionObject) -> None:
    return None
