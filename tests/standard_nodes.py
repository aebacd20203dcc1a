"""asyncua builds the standard's six thousand nodes anew for every server: a second of work, some dozen times in a run.

Here all servers of a process have those that the simulated machines build once, by asyncua itself; each gets a copy of
a node when it first asks for it. Servers in processes of their own (`tests/e2e`) build theirs as users' do.
"""

from collections.abc import Iterator, MutableMapping
from typing import Any

from asyncua import ua
from asyncua.server.address_space import NodeData
from asyncua.server.internal_server import InternalServer

from cellctl_sim.opcua import stack


def build_once() -> None:
    """From now on, in this process."""
    InternalServer.load_standard_address_space = _load  # type: ignore[method-assign]


async def _load(self: InternalServer, _shelf_file: Any = None) -> None:
    nodes, _ = stack.standard()
    self.aspace._nodes = _Copies(nodes)  # type: ignore[assignment]


class _Copies(MutableMapping[ua.NodeId, NodeData]):
    """Nodes that are another's until they are asked for."""

    def __init__(self, nodes: dict[ua.NodeId, NodeData]) -> None:
        self._nodes = dict(nodes)
        self._shared = set(nodes)

    def __getitem__(self, name: ua.NodeId) -> NodeData:
        if name in self._shared:
            self[name] = stack.copied(self._nodes[name])
        return self._nodes[name]

    def __setitem__(self, name: ua.NodeId, node: NodeData) -> None:
        self._shared.discard(name)
        self._nodes[name] = node

    def __delitem__(self, name: ua.NodeId) -> None:
        self._shared.discard(name)
        del self._nodes[name]

    def __contains__(self, name: object) -> bool:
        return name in self._nodes

    def __iter__(self) -> Iterator[ua.NodeId]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)
