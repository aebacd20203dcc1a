"""What was answered to which command, so that the same command again gets the same answer and has no effect."""

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final

from cellctl.domain.commands import Envelope, Reply, rejected
from cellctl.domain.events import CommandAnswered

MOST: Final = 100_000


@dataclass(frozen=True, slots=True)
class _Answer:
    content_hash: str
    reply: Reply


class AnswerBook:
    """The last answers, by command id; filled from the journal, oldest forgotten first."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, _Answer] = OrderedDict()

    def learn(self, event: CommandAnswered) -> None:
        """Note an answer that is durable."""
        self._answers[event.command_id] = _Answer(event.content_hash, Reply(event.code, event.message, event.result))
        if len(self._answers) > MOST:
            self._answers.popitem(last=False)

    def reply_to(self, command_id: str) -> Reply | None:
        """What was answered, or None if nothing is known of the command."""
        answer = self._answers.get(command_id)
        return answer.reply if answer else None

    def again(self, envelope: Envelope) -> Reply | None:
        """The answer to a command that was answered before, or None: then it is a new one."""
        answer = self._answers.get(envelope.id)
        if answer is None:
            return None
        if answer.content_hash != envelope.content_hash:
            return rejected("id_reused", f"{envelope.id} was used for another command; take a fresh id")
        return replace(answer.reply, duplicate=True)
