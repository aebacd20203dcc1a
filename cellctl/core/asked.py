"""Open questions as a part of the cell: what becomes of them with answers, and with time."""

from collections.abc import Mapping
from dataclasses import replace

from cellctl.domain.events import PromptAnswered, PromptOverdue, PromptWithdrawn
from cellctl.domain.stop_events import ClockAdjusted
from cellctl.domain.work import Prompt

Waited = PromptOverdue | PromptAnswered | PromptWithdrawn | ClockAdjusted


def still_asked(prompts: Mapping[str, Prompt], event: Waited) -> Mapping[str, Prompt]:
    """The questions that are open after an event of the log."""
    match event:
        case ClockAdjusted(step_s=step_s):
            return {name: replace(each, due_s=each.due_s and each.due_s + step_s) for name, each in prompts.items()}
        case PromptOverdue(prompt_id=prompt_id) if prompt_id in prompts:
            overdue = replace(prompts[prompt_id], level=event.level, due_s=event.due_s)
            return {**prompts, prompt_id: overdue}
        case PromptAnswered(prompt_id=prompt_id) | PromptWithdrawn(prompt_id=prompt_id):
            return {name: each for name, each in prompts.items() if name != prompt_id}
    return prompts
