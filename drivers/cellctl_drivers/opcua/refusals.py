"""Whether the machine took what it was asked."""

from .course import RefreshAct
from .profile import Accepted, Act, CallAct, Profile
from .words import Answered, Refused


def refusal_in(act: Act | RefreshAct, answer: Answered | Refused, profile: Profile) -> str:
    """Why a request had no effect, as the machine says; empty if it was taken."""
    if isinstance(answer, Refused):
        return f"it refuses {act.name}: {answer.error.what}"
    if not isinstance(act, CallAct):
        return ""
    wanted = max([*act.gives, act.accepted.output if act.accepted else -1], default=-1)
    if wanted >= len(answer.outputs):
        return f"it refuses {act.name}: its answer {tuple(answer.outputs)!r} has no output {wanted}"
    if act.accepted is None:
        return ""
    status = answer.outputs[act.accepted.output]
    if _is_yes(act.accepted, status):
        return ""
    meaning = profile.answers.get(str(status), "see the manual of the controller")
    return f"it refuses {act.name}: status {str(status)[:40]}, {meaning}"


def _is_yes(accepted: Accepted, status: object) -> bool:
    if accepted.bits:
        return type(status) is int and bool(status & accepted.bits)
    return any(status == each and type(status) is type(each) for each in accepted.values)
