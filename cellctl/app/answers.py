"""What was answered to which command, so that the same command again gets the same answer and has no effect."""

from collections import OrderedDict
from dataclasses import replace
from typing import Final

from cellctl.domain.commands import Envelope, Reply, rejected
from cellctl.domain.events import CommandAnswered
from cellctl.stores.codec import decode_answer

MOST: Final = 100_000


class AnswerBook:
    """The last answers, by command id; filled from the journal, oldest forgotten first."""

    def __init__(self) -> None:
        # Of what a start brings back hardly anything is asked for again: it stays as it was written until then.
        self._answers: OrderedDict[str, CommandAnswered | str] = OrderedDict()

    def recall(self, command_id: str, content: str) -> None:
        """Note an answer of an earlier life, by the content of its record."""
        self._answers[command_id] = content

    def learn(self, event: CommandAnswered) -> None:
        """Note an answer that is durable."""
        self._answers[event.command_id] = event
        if len(self._answers) > MOST:
            self._answers.popitem(last=False)

    def reply_to(self, command_id: str) -> Reply | None:
        """What was answered, or None if nothing is known of the command."""
        found = self._found(command_id)
        return Reply(found.code, found.message, found.result) if found else None

    def again(self, envelope: Envelope) -> Reply | None:
        """The answer to a command that was answered before, or None: then it is a new one."""
        found = self._found(envelope.id)
        if found is None:
            return None
        if found.content_hash != envelope.content_hash:
            return rejected("id_reused", f"{envelope.id} was used for another command; take a fresh id")
        return replace(Reply(found.code, found.message, found.result), duplicate=True)

    def _found(self, command_id: str) -> CommandAnswered | None:
        found = self._answers.get(command_id)
        return decode_answer(found) if isinstance(found, str) else found
