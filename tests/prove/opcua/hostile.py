"""Every hostile server, visited by the link: no command, no long wait, no end of memory."""

from collections.abc import Iterator

from tests.links.hostile_servers import LIMIT_BYTES, LIMIT_S, SERVICES, STRANGERS, WIRE, visit
from tests.prove.claims import Claim


def claims() -> Iterator[Claim]:
    """Three, over all of them; a minute or two."""
    names = [*STRANGERS, *WIRE, *SERVICES]
    visits = {name: visit(name) for name in names}
    commanded = [name for name, visited in visits.items() if visited.commands]
    count = len(names)
    yield Claim(f"opcua, {count} hostile servers: commands sent", f"to {len(commanded)}", "to none", not commanded)
    slowest = max(visits, key=lambda name: visits[name].took_s)
    longest_s = visits[slowest].took_s
    yield Claim(f"opcua, longest wait ({slowest})", f"{longest_s:.1f} s", f"{LIMIT_S:.0f} s", longest_s <= LIMIT_S)
    fattest = max(visits, key=lambda name: visits[name].peak_bytes)
    most = visits[fattest].peak_bytes
    goal = f"{LIMIT_BYTES / 2**20:.0f} MiB"
    yield Claim(f"opcua, most memory ({fattest})", f"{most / 2**20:.0f} MiB", goal, most <= LIMIT_BYTES)
