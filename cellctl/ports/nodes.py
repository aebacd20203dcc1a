"""The socket for OPC UA: a session with one server, in words that know no stack and no namespace index.

What is said here holds for the session over asyncua, and for the one in memory that a simulated cell runs with; one
contract test asks both. Profiles, handshakes and states are the driver's: a link reads, hears, writes and calls.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, Protocol

# The way to a node. Namespaces are named by URI, because their indexes change when a server restarts. The steps:
#   "uri;Name"             the child with this browse name (a bare name is in namespace 0)
#   "first:uri;i=1025"     the first object of this type, or of a type made from it, somewhere below
#   "node:uri;s=A.B"       first step only: this very node (also i=, g=, b=); without it the way begins at Objects
NodePath = tuple[str, ...]


class Quality(Enum):
    """Only a GOOD value says something about the machine; it is still only as new as when it was heard."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class NodeRef:
    """A variable, or those elements of its array that `index` names (IndexRange: "3", "2:4")."""

    path: NodePath
    index: str = ""


class NodeValue(NamedTuple):
    """A value heard from a server, in plain Python: a structure is a dict by field, a LocalizedText its text, an
    enumeration its number, a NodeId "uri;i=5", a DateTime ISO 8601. What an index names is a plain value where it is
    one element ("3"), else a list. `value` is None unless the quality is GOOD; `status` is the name of the StatusCode,
    "BadNoData" where a server shows no value at all.
    """

    ref: NodeRef
    value: Any
    quality: Quality = Quality.GOOD
    status: str = "Good"


@dataclass(frozen=True, slots=True)
class NodeAccess:
    """How to get into one server, as the cell file says it.

    Without `insecure` the session is signed and encrypted by `policy`, our own certificate is shown, and the
    server's must be the one that was pinned for this machine. `password_file` is a name in the credentials folder.
    Times are seconds on the wire.
    """

    url: str
    insecure: bool = False
    policy: str = "Basic256Sha256"
    user: str = ""
    password_file: str = ""
    call_timeout_s: float = 3.0
    publish_ms: float = 100.0


class NodeLink(Protocol):
    """One session with one server, from `open` until it is lost or closed; never opened again.

    Whatever is raised: MachineFault means that the server refused, so the request had no effect as far as it says;
    LinkLost means that nobody knows whether it had. Nothing is ever sent twice by the link itself.
    """

    async def open(self, on_change: Callable[[NodeValue], None], on_lost: Callable[[str], None]) -> None:
        """Connect. Raises LinkLost if that cannot be done (also: no seat is free, the certificate is not trusted),
        MachineFault for what a person must put right first (no certificate pinned, no password file).
        """
        ...

    async def resolve(self, refs: Sequence[NodeRef], methods: Sequence[NodePath]) -> Sequence[str]:
        """Find all of these anew, by their ways; returns the data types of `refs`, in order: "Int16", "Boolean[]".

        Raises MachineFault that names every one that is missing, in one go.
        """
        ...

    async def subscribe(self, refs: Sequence[NodeRef]) -> None:
        """Hear these from now on, their present values first, before this returns.

        To ask again for what is heard already reads it anew. Raises LinkLost or MachineFault.
        """
        ...

    async def write(self, ref: NodeRef, value: Any) -> None:
        """Write one value in exactly the variable's own type, without timestamps. Returns when the server took it."""
        ...

    async def call(self, path: NodePath, *arguments: Any) -> tuple[Any, ...]:
        """Call a method (the last step) of its object (the way before it), each argument in the type that the method
        declares, and return its outputs.
        """
        ...

    async def close(self) -> None:
        """Give the session back, in bounded time. May be called twice."""
        ...


class NodeDevice(Protocol):
    """A simulated machine with variables and methods, without I/O. Paths consist of browse names only.

    An attribute `certificate`, if it has one, stands for what its server shows: any text, compared as a whole.
    """

    def values(self) -> "dict[NodePath, Any]":
        """Every variable with its present value. A value's OPC UA type never changes; see `types`."""
        ...

    def find(self, path: NodePath) -> NodePath | None:
        """The way by browse names to what a way with "first:" or "node:" steps means; None: there is nothing."""
        ...

    def types(self) -> "dict[NodePath, str]":
        """The data type of every variable: "Int16", "Boolean[]"."""
        ...

    def write(self, path: NodePath, value: Any, index: str, now_s: float) -> None:
        """Write a variable, or elements of one. Raises KeyError for none, ValueError for what it does not take."""
        ...

    def call(self, path: NodePath, arguments: Sequence[Any], now_s: float) -> tuple[Any, ...]:
        """Call a method. Raises KeyError if there is none, ValueError for wrong arguments."""
        ...

    def advance(self, now_s: float) -> None:
        """Let time pass up to now."""
        ...

    @property
    def wakeup_s(self) -> float | None:
        """When something will happen by itself; None for never."""
        ...


class Reception(Protocol):
    """How a simulated server treats one request; seconds may be inf.

    `refused`: without effect, with this StatusCode. `before_s`: until its effect, `after_s`: from then until the
    answer. `hangs_up`: the connection is cut where effect, or answer, would have been.
    """

    @property
    def refused(self) -> str: ...
    @property
    def before_s(self) -> float: ...
    @property
    def after_s(self) -> float: ...
    @property
    def hangs_up(self) -> bool: ...


class NodeTrouble(Protocol):
    """What goes wrong between a NodeDevice and its clients: the device's attribute `trouble`, if it has one.

    `plug` is called with what happens to the server: for how long nobody gets in, in seconds (inf: never again).
    """

    plug: Callable[[str, float, float], None] | None

    def admits(self, now_s: float) -> bool:
        """Whether there is a seat for one more session."""
        ...

    def meet(self, request: str, now_s: float) -> Reception:
        """A request has come ("call Start", "write Go", "read", "subscribe"); to be asked once for each."""
        ...
