"""asyncua's server, unmodified, with its known defects cured by subclasses, and every request shown to a porter.

Cured (asyncua 2.1): Republish of an unknown message; any number of sessions; IndexRange in reads and writes, which it
ignores; writes of other types than the variable's. The standard's address space is built once for all servers.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, Protocol

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.address_space import AddressSpace, AttributeValue, NodeData, NodeManagementService
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_session import InternalSession
from asyncua.server.standard_address_space import standard_address_space
from asyncua.server.subscription_service import SubscriptionService
from asyncua.server.user_managers import UserManager
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes

from cellctl_sim.opcua.trouble import Reception

ANONYMOUS: Final = User(role=UserRole.User)

# What a server writes to, or hangs its own nodes under: copied for each, everything else is shared.
_OWN: Final = ("Server_", "ConditionType_ConditionRefresh")
_PARENTS: Final = (
    ObjectIds.ObjectsFolder, ObjectIds.Server, ObjectIds.BaseObjectType, ObjectIds.BaseDataType, ObjectIds.Structure,
    ObjectIds.ObjectTypesFolder, ObjectIds.DataTypesFolder,
)  # fmt: skip


class Porter(Protocol):
    """Stands at the door of a server: treats each request as its troubles want."""

    def admits(self) -> bool:
        """Whether one more session gets a seat."""
        ...

    async def receive(self, request: str) -> Reception:
        """Wait as long as the request must, before its effect. Raises ServiceError if it is refused."""
        ...

    async def answer(self, reception: Reception) -> None:
        """Wait as long as the answer must."""
        ...

    async def call(self, request: ua.CallMethodRequest) -> ua.CallMethodResult:
        """Call a method of the machine."""
        ...

    def write(self, request: ua.WriteValue) -> ua.StatusCode:
        """Write a variable of the machine."""
        ...

    def name_of(self, node: ua.NodeId) -> str:
        """The browse name of a node of the machine; empty for another's."""
        ...


class Subscriptions(SubscriptionService):
    """asyncua answers Republish of an unknown message with an empty one, and its own client asks on for ever."""

    def republish(self, params: ua.RepublishParameters) -> ua.NotificationMessage:
        """As asyncua, but what is not there is refused."""
        message = super().republish(params)
        if not message.NotificationData:
            raise ServiceError(StatusCodes.BadMessageNotAvailable)
        return message


class Session(InternalSession):
    """A session from outside. Whatever it asks for, the porter hears first."""

    porter: Porter

    async def read(self, params: ua.ReadParameters) -> list[ua.DataValue]:
        """Read, elements of arrays too."""
        reception = await self.porter.receive("read")
        results = await super().read(params)
        await self.porter.answer(reception)
        pairs = zip(results, params.NodesToRead, strict=True)
        return [element(value, wanted.IndexRange or "") for value, wanted in pairs]

    async def write(self, params: ua.WriteParameters) -> list[ua.StatusCode]:
        """Write variables of the machine, one after the other."""
        results = []
        for each in params.NodesToWrite:
            reception = await self.porter.receive(f"write {self.porter.name_of(each.NodeId)}")
            results.append(self.porter.write(each))
            await self.porter.answer(reception)
        return results

    async def call(self, params: list[ua.CallMethodRequest]) -> list[ua.CallMethodResult]:
        """Call methods of the machine, one after the other."""
        results = []
        for each in params:
            reception = await self.porter.receive(f"call {self.porter.name_of(each.MethodId)}")
            results.append(await self.porter.call(each))
            await self.porter.answer(reception)
        return results

    async def browse(self, params: ua.BrowseParameters) -> list[ua.BrowseResult]:
        """Browse."""
        await self.porter.receive("browse")
        return await super().browse(params)

    async def translate_browsepaths_to_nodeids(self, params: list[ua.BrowsePath]) -> list[ua.BrowsePathResult]:
        """Find nodes by their ways."""
        await self.porter.receive("browse")
        return await super().translate_browsepaths_to_nodeids(params)

    async def create_monitored_items(self, params: ua.CreateMonitoredItemsParameters) -> list[Any]:
        """Watch variables."""
        await self.porter.receive("subscribe")
        return await super().create_monitored_items(params)


class Inside(InternalServer):
    """The server behind the sockets."""

    def __init__(self, porter: Porter) -> None:
        super().__init__(user_manager=_Anybody())
        self._porter = porter
        subscriptions = Subscriptions(self.aspace, iserver=self)
        self.subscription_service = self.isession.subscription_service = subscriptions
        self.disabled_clock = True

    async def load_standard_address_space(self, shelf_file: Any = None) -> None:
        """As asyncua's, in a thousandth of the time and without a thread."""
        nodes, own = standard()
        # A server that shows a value of another type than it says must be possible, too.
        self.aspace._is_expected_variant_type = lambda *_: True  # type: ignore[method-assign]
        self.aspace._nodes = {**nodes, **{node: copied(nodes[node]) for node in own}}

    def create_session(self, name: str, user: User = ANONYMOUS, external: bool = False) -> InternalSession:
        """A seat for one more. Raises ServiceError if there is none."""
        if not external:
            return super().create_session(name, user, external)
        if not self._porter.admits():
            raise ServiceError(StatusCodes.BadTooManySessions)
        session = Session(self, self.aspace, self.subscription_service, name, user=user, external=True)
        session.porter = self._porter
        return session

    def let_in_only(self, users: Mapping[str, str]) -> None:
        """From now on only who names one of these, with the password that goes with it; empty: everybody."""
        self.user_manager = _Users(users) if users else _Anybody()

    async def end_sessions(self) -> None:
        """End all of them, those too whose connection is gone: asyncua leaves them to their time-out."""
        for session in tuple(self._external_sessions.values()):
            await session.close_session()

    @property
    def sessions(self) -> int:
        """How many there are."""
        return len(self._external_sessions)


class _Anybody(UserManager):
    """Loopback only: whoever comes may do what a user may."""

    def get_user(self, iserver: Any, username: Any = None, password: Any = None, certificate: Any = None) -> User:
        return ANONYMOUS


class _Users(UserManager):
    """Who has a name and its password."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = users

    def get_user(
        self, iserver: Any, username: Any = None, password: Any = None, certificate: Any = None
    ) -> User | None:
        known = username is not None and self._users.get(username) == password
        return ANONYMOUS if known else None


def element(value: ua.DataValue, index: str) -> ua.DataValue:
    """Those elements of an array that an IndexRange names."""
    if not index or value.Value is None:
        return value
    low, _, high = index.partition(":")
    begin, end = int(low), int(high or low) + 1
    array = value.Value.Value
    if not isinstance(array, list) or end > len(array):
        return ua.DataValue(StatusCode=ua.StatusCode(ua.UInt32(StatusCodes.BadIndexRangeNoData)))
    # The standard: an array of one element, not the element.
    variant = ua.Variant(array[begin:end], value.Value.VariantType, is_array=True)
    return ua.DataValue(variant, StatusCode=value.StatusCode, SourceTimestamp=value.SourceTimestamp)


def copied(node: NodeData) -> NodeData:
    """The same node, for a server that may change it. Values themselves are never changed, but replaced."""
    copied = NodeData(node.nodeid)
    copied.attributes = {
        name: AttributeValue(attribute.value or ua.DataValue()) for name, attribute in node.attributes.items()
    }
    copied.references = list(node.references)
    copied.call = node.call
    return copied


@cache
def standard() -> tuple[dict[ua.NodeId, NodeData], tuple[ua.NodeId, ...]]:
    """All nodes of namespace 0, and which of them each server needs for itself."""
    aspace = AddressSpace()
    standard_address_space.fill_address_space(NodeManagementService(aspace))  # type: ignore[no-untyped-call]
    named = {getattr(ObjectIds, name) for name in vars(ObjectIds) if name.startswith(_OWN)} | set(_PARENTS)
    return dict(aspace._nodes), tuple(node for node in aspace._nodes if node.Identifier in named)
