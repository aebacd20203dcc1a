"""From a message on a request topic to the commands that it means, or to the reason why it is refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cellctl.domain.commands import Command, CommandMachine, Envelope, Reply, Right, content_hash
from cellctl.faces.mqtt.arguments import Arguments
from cellctl.faces.mqtt.body import read_object
from cellctl.faces.mqtt.presence import Presence
from cellctl.faces.mqtt.refusal import Refused
from cellctl.faces.mqtt.topics import Address, is_segment
from cellctl.faces.mqtt.verbs import VERBS, Asked, Ordered, Verb, parse_arguments, parse_body

EVERY_MACHINE: Final = "*"


@dataclass(frozen=True, slots=True)
class Request:
    """A request that may be carried out. A query has no envelopes; "*" has one for every machine.

    Requests on the same `lane` are carried out in the order in which they came.
    """

    id: str
    address: Address
    lane: str
    arguments: Arguments
    envelopes: Mapping[str, Envelope]


class Gate:
    """Checks requests. Everything that it is told about the cell comes in as arguments; it changes nothing."""

    def __init__(
        self,
        served: frozenset[Right],
        machines: tuple[str, ...],
        shown: Callable[[str], tuple[str, int] | None],
        reply_to: Callable[[str], Reply | None],
    ) -> None:
        self._served = served
        self._machines = machines
        self._shown = shown
        self._reply_to = reply_to

    def admit(self, address: Address, content: Mapping[str, Any], presence: Presence, now_s: float) -> Request:
        """The request in a body that was read. Raises Refused."""
        verb = self._verb(address)
        asked = parse_body(verb, content)
        if asked.verb not in (None, address.verb):
            raise Refused("invalid", f"the body says {asked.verb!r}, its topic {address.verb!r}")
        # What was answered before is answered again, however old the request is: it has no effect.
        if isinstance(asked, Ordered) and self._reply_to(asked.id) is None:
            presence.check(asked.session, asked.tick, now_s)
            self._check_preconditions(verb, asked)
        arguments = parse_arguments(verb, asked)
        commands = self._commands(verb, asked, arguments)
        return Request(
            asked.id,
            address,
            _lane(address, verb, asked),
            arguments,
            {name: _envelope(asked, name, address.user, command) for name, command in commands.items()},
        )

    def _verb(self, address: Address) -> Verb:
        if not is_segment(address.user):
            raise Refused("not_permitted", "a user's name is made of a-z, 0-9, _ and -, 1 to 64 of them")
        verb = VERBS.get(address.verb)
        if verb is None:
            raise Refused("unknown_verb", f"there is no {address.verb[:64]!r}; there are: {', '.join(VERBS)}")
        if verb.right.value != address.right:
            # The class is what the sender's rights were checked for.
            raise Refused("not_permitted", f"{address.verb} is asked for in the class {verb.right.value}")
        if verb.right not in self._served:
            raise Refused("not_permitted", f"requests of the class {verb.right.value} are not served here")
        return verb

    def _check_preconditions(self, verb: Verb, asked: Ordered) -> None:
        if asked.if_rev is None and asked.if_state is None:
            return
        if verb.machine is None:
            raise Refused("invalid", "if_state and if_rev are about a machine, which this verb has not")
        shown = self._shown(asked.target or "")
        if shown is None:
            raise Refused("unknown_target", self._unknown(asked.target))
        state, rev = shown
        if asked.if_rev not in (None, rev) or asked.if_state not in (None, state):
            now = {"state": state, "rev": rev}
            raise Refused("precondition_failed", f"{asked.target} is {state} at rev {rev}", now)

    def _commands(self, verb: Verb, asked: Asked, arguments: Arguments) -> dict[str, Command]:
        if verb.machine is None:
            command = verb.command(arguments)
            return {} if command is None else {"": command}
        if asked.target == EVERY_MACHINE and verb.right is Right.STOP:
            return {machine: CommandMachine(machine, verb.machine) for machine in self._machines}
        if asked.target not in self._machines:
            raise Refused("unknown_target", self._unknown(asked.target))
        return {"": CommandMachine(asked.target, verb.machine)}

    def _unknown(self, target: str | None) -> str:
        wanted = f"there is no machine {target!r}" if target else "`target` must name a machine"
        return f"{wanted}; there are: {', '.join(self._machines)}"


def read_body(payload: bytes) -> tuple[str, Mapping[str, Any]]:
    """A request's id, as far as it has one to be answered by, and its body. Raises Refused."""
    content = read_object(payload)
    given = content.get("id")
    return given[:64] if isinstance(given, str) else "", content


def envelope_id(request_id: str, machine: str) -> str:
    """The id of the command to one machine of a request; a request for one machine alone is its command."""
    return f"{request_id}/{machine}" if machine else request_id


def _envelope(asked: Asked, machine: str, user: str, command: Command) -> Envelope:
    deadline_at = asked.deadline_at if isinstance(asked, Ordered) else ""
    return Envelope(envelope_id(asked.id, machine), f"mqtt:{user}", command, content_hash(command), deadline_at)


def _lane(address: Address, verb: Verb, asked: Asked) -> str:
    if verb.right is Right.STOP:
        # Nothing but the same stop of the same machine is ever before it.
        return f"{address.verb} {asked.target}"
    return f"{verb.right.value} {asked.target}" if verb.machine else address.right
