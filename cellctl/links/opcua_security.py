"""How a session with a server is protected: our certificate, the server's that was pinned, and who we say we are."""

from dataclasses import dataclass
from pathlib import Path

from cellctl.domain.errors import MachineFault
from cellctl.links.opcua_wire import BoundedClient
from cellctl.ports.nodes import NodeAccess


@dataclass(frozen=True, slots=True)
class Keys:
    """Where keys are: `folder` is ours (state/opcua), `credentials` holds password files."""

    folder: Path
    credentials: Path

    def admission(self, machine: str, access: NodeAccess) -> "Admission":
        """What to show to this server. Raises MachineFault for what a person must put right first."""
        if not access.insecure:
            what = f"no certificate of {access.url} is pinned"
            raise MachineFault(machine, what, do_next=f"Look at it and pin it: cellctl opcua trust {machine}")
        return Admission()


class Admission:
    """What a client needs to be let in."""

    async def apply(self, client: BoundedClient) -> None:
        """Make a client show it."""
        client.application_uri = "urn:cellctl"
