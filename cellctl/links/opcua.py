"""Sessions with OPC UA servers, over asyncua.

asyncua's own reconnection is not used: a lost session is thrown away, and the next one finds every node anew.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from cellctl.domain.errors import LinkLost, MachineFault
from cellctl.links.node_ways import spell
from cellctl.links.opcua_ear import Ear
from cellctl.links.opcua_errors import errors_as_ours
from cellctl.links.opcua_keys import Keys, NotAdmitted
from cellctl.links.opcua_security import Admission, admission
from cellctl.links.opcua_session import Session, open_session
from cellctl.links.opcua_wire import BoundedClient
from cellctl.ports.nodes import NodeAccess, NodePath, NodeRef, NodeValue

Answer = TypeVar("Answer")

_CLOSE_S: Final = 3.0
# No wait is longer, however much is asked for at once.
_LONGEST_S: Final = 9.5
_DAY_S: Final = 86_400.0
_SESSION_MS: Final = 20_000
# A call may block the server's whole connection, so the watchdog is slower than the slowest answer.
_WATCHDOG_S: Final = 4.5


def quiet() -> None:
    """At INFO asyncua prints every value. Of each loss its client prints a traceback; ours is one line."""
    logging.getLogger("asyncua").setLevel(logging.WARNING)
    logging.getLogger("asyncua.client").setLevel(logging.CRITICAL)
    logging.getLogger("asyncua.uaprotocol").setLevel(logging.CRITICAL)


class OpcUaLink:
    """ports.nodes.NodeLink. `on_change` and `on_lost` are called from the event loop, and must not raise.

    Every request ends within `call_timeout_s`, and a batch of them within ten seconds.
    """

    def __init__(self, machine: str, access: NodeAccess, keys: Keys | None = None) -> None:
        self._machine = machine
        self._access = access
        self._keys = keys
        self._client: BoundedClient | None = None
        self._session: Session | None = None
        self._ear: Ear | None = None
        self._daily: asyncio.TimerHandle | None = None

    async def open(self, on_change: Callable[[NodeValue], None], on_lost: Callable[[str], None]) -> None:
        """Connect. Raises LinkLost if that cannot be done, MachineFault for what a person must put right first."""
        quiet()
        shown = admission(self._machine, self._access, self._keys)
        self._ear = ear = Ear(self._machine, on_change, on_lost)
        self._client = client = self._new_client(ear)
        try:
            with _refusal_as_loss():
                self._session = await self._ask("connect", self._admitted(client, shown, ear), _LONGEST_S)
        finally:
            if self._session is None:
                await self.close()

    async def _admitted(self, client: BoundedClient, shown: Admission, ear: Ear) -> Session:
        await shown.apply(client)
        await client.connect()
        self._look_daily(shown)
        return await open_session(self._machine, client, ear, self._access.publish_ms)

    async def resolve(self, refs: Sequence[NodeRef], methods: Sequence[NodePath]) -> Sequence[str]:
        """Find all of these anew. Raises MachineFault that names everything that is missing, or LinkLost."""
        session = self._opened()
        return await self._ask("find its nodes", session.model.resolve(refs, methods), _LONGEST_S)

    async def subscribe(self, refs: Sequence[NodeRef]) -> None:
        """Hear these variables from now on, their present values first. Raises LinkLost or MachineFault.

        To ask again for what is heard already reads it anew.
        """
        await self._ask("subscribe", self._opened().subscribe(refs), _LONGEST_S)

    async def write(self, ref: NodeRef, value: Any) -> None:
        """Write once, in the variable's own type. Raises LinkLost when the outcome is unknown, else MachineFault."""
        await self._ask(f"write {spell(ref.path)}", self._opened().write(ref, value))

    async def call(self, path: NodePath, *arguments: Any) -> tuple[Any, ...]:
        """Call a method once and return its outputs.

        Raises LinkLost when the outcome is unknown, MachineFault with the name of the status when refused.
        """
        return await self._ask(f"call {spell(path)}", self._opened().call(path, arguments))

    async def close(self) -> None:
        """Give the session back, in three seconds at the most. May be called twice."""
        client, self._client = self._client, None
        self._session = None
        if self._ear:
            self._ear.deafen()
        if self._daily:
            self._daily.cancel()
        if client is None:
            return
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await client.disconnect()
        finally:
            client.disconnect_socket()

    def _new_client(self, ear: Ear) -> BoundedClient:
        timeout_s = self._access.call_timeout_s
        client = BoundedClient(self._access.url, timeout_s, max(_WATCHDOG_S, timeout_s + 1.5))
        client.name = client.description = f"cellctl {self._machine}"
        client.session_timeout = _SESSION_MS
        client.connection_lost_callback = ear.connection_lost
        return client

    def _look_daily(self, shown: Admission) -> None:
        self._daily = asyncio.get_running_loop().call_later(_DAY_S, self._look_at_dates, shown)

    def _look_at_dates(self, shown: Admission) -> None:
        shown.look_at_dates()
        self._look_daily(shown)

    def _opened(self) -> Session:
        if self._session is None:
            raise LinkLost(self._machine, "the session is not open", do_next="Connect again")
        return self._session

    async def _ask(self, what: str, answer: Awaitable[Answer], limit_s: float | None = None) -> Answer:
        """Await under a deadline, with asyncua's errors as ours."""
        with errors_as_ours(self._machine, what):
            async with asyncio.timeout(limit_s or self._access.call_timeout_s):
                return await answer


@contextlib.contextmanager
def _refusal_as_loss() -> Iterator[None]:
    """A server that does not let us in may do so later: seats become free, certificates are trusted."""
    try:
        yield
    except NotAdmitted:
        raise
    except MachineFault as refused:
        raise LinkLost(refused.machine, refused.what, do_next=refused.do_next) from refused
