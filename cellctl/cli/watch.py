"""`cellctl watch`: one line an event: when, where, what. Events that say nothing new to a person are left out."""

from collections.abc import Callable, Mapping
from typing import Any

from cellctl.cli.screen import Screen, pairs, printable

Json = Mapping[str, Any]
Told = tuple[str, str] | None

# A running program is told of at every tenth of its lines.
TENTHS = 10
# States that only lead from one to another, and those that the begin and end of work tell of already.
QUIET = {
    "CLEARING", "STARTING", "STOPPING", "ABORTING", "HOLDING", "UNHOLDING", "SUSPENDING", "UNSUSPENDING",
    "RESETTING", "COMPLETING", "EXECUTE", "COMPLETE",
}  # fmt: skip
_STYLE_OF_MARK = {"! ": "red", "? ": "yellow", "+ ": "green"}


class Narrator:
    """Tells events as (subject, sentence). It remembers what ids stand for, from a status and from events heard.

    A sentence that needs a person begins with "!" (trouble) or "?" (question), a success with "+".
    """

    def __init__(self, status: Json) -> None:
        self._serials: dict[str, str] = {job["id"]: job["serial"] for job in status["jobs"]}
        self._operations: dict[str, tuple[str, str]] = {
            machine["operation_id"]: (machine["name"], f"{machine['step']} {self._serials.get(machine['job_id'], '')}")
            for machine in status["machines"]
            if machine["operation_id"]
        }
        self._tenths: dict[str, int] = {}
        self._tell: dict[str, Callable[[Json], Told]] = {
            "job.stored": self._job_stored,
            "job.state": self._job_state,
            "job.removed": lambda event: (self._serial(event), "has left the list"),
            "step.intent": self._step_intent,
            "step.started": lambda event: self._step(event, "begun"),
            "step.advanced": self._step_advanced,
            "step.ended": self._step_ended,
            **_PLAIN,
        }

    def tell(self, record: Json) -> Told:
        """Subject and sentence, or None where there is nothing to tell. An unknown event is told by its name."""
        tell = self._tell.get(record["name"])
        return tell(record["event"]) if tell else (record["actor"], record["name"])

    def _serial(self, event: Json) -> str:
        job_id: str = event["job_id"]
        return self._serials.get(job_id, job_id)

    def _job_stored(self, event: Json) -> Told:
        self._serials[event["job"]["id"]] = event["job"]["serial"]
        return None

    def _job_state(self, event: Json) -> Told:
        state, reason = event["state"], event["reason"]
        if state == "INTERRUPTED":
            return self._serial(event), f"! interrupted: {reason}"
        if state == "ABORTED":
            return self._serial(event), f"! aborted: {reason}"
        return (self._serial(event), "+ done") if state == "ENDED" else None

    def _step_intent(self, event: Json) -> Told:
        operation = event["operation"]
        self._operations[operation["id"]] = operation["station"], f"{operation['step']} {operation['serial']}"
        return None

    def _step(self, event: Json, what: str) -> Told:
        station, work = self._operations.get(event["operation_id"], ("", event["operation_id"]))
        return station, f"{work}: {what}"

    def _step_advanced(self, event: Json) -> Told:
        done, total = event["progress"]["acknowledged"], event["progress"]["total"]
        tenth = TENTHS * done // total if total else 0
        if tenth <= self._tenths.get(event["operation_id"], 0):
            return None
        self._tenths[event["operation_id"]] = tenth
        return self._step(event, f"{100 * done // total} %, {done} of {total} lines")

    def _step_ended(self, event: Json) -> Told:
        self._tenths.pop(event["operation_id"], None)
        detail = event["answer"] or event["reason"]
        by = f" by {event['by']}" if event["by"] else ""
        told = self._step(event, event["state"] + (f", {detail}{by}" if detail else ""))
        self._operations.pop(event["operation_id"], None)
        return told


def _command_answered(event: Json) -> Told:
    refused = event["code"] != "accepted"
    return (event["sender"], f"! {event['verb']} {event['code']}: {event['message']}") if refused else None


def _order_accepted(event: Json) -> Told:
    how = "accepted" if event.get("released", True) else "stored"
    return event["order"]["id"], f"{how}: {_wanted(event['order'])}"


def _wanted(order: Json) -> str:
    return f"{order['quantity']} {order['product']} rev {order['revision']} {pairs(order['parameters'])}"


def _moved(event: Json) -> Told:
    place = event["place"]
    return event["serial"], "has left the cell" if place == "gone" else f"at {place} ({event['knowledge']})"


def _inspected(event: Json) -> Told:
    result = event["inspection"]
    said = "passed" if result["passed"] else f"! did not pass: {result['why']}"
    return event["serial"], f"{said} ({result['step']}, by {result['by']})"


def _station_state(event: Json) -> Told:
    state, reason = event["state"], event["reason"]
    if state in QUIET and not reason:
        return None
    mark = "! " if state in ("HELD", "STOPPED", "ABORTED") else ""
    return event["station"], f"{mark}{state}" + (f": {reason}" if reason else "")


def _commanded(event: Json) -> Told:
    # What the cell tells its machines by itself is seen in what they do.
    return None if event["by"] == "cellctl" else (event["station"], f"{event['command']} by {event['by']}")


def _heard(event: Json) -> Told:
    first, *others = event["lines"]
    return event["station"], f"< {first}" + (f"  (and {len(others)} lines more)" if others else "")


def _asked(event: Json) -> Told:
    prompt = event["prompt"]
    choices = " | ".join(prompt["question"]["choices"])
    return prompt["station"], f"? {prompt['id']}: {prompt['question']['text']} [{choices}]"


_PLAIN: dict[str, Callable[[Json], Told]] = {
    "controller.started": lambda event: ("cellctl", f"started, version {event['version']}"),
    "command.answered": _command_answered,
    "order.accepted": _order_accepted,
    "order.changed": lambda event: (event["order"]["id"], f"changed by {event['by']}: {_wanted(event['order'])}"),
    "order.commanded": lambda event: (event["order_id"], f"{event['command']} by {event['by']}"),
    "order.cancelled": lambda event: (event["order_id"], f"cancelled by {event['by']}"),
    "unit.created": lambda _: None,
    "unit.custody": _moved,
    "unit.disposition": lambda event: (event["serial"], f"{event['disposition']}, by {event['by']}"),
    "station.state": _station_state,
    "inspection.result": _inspected,
    "unit.held": lambda event: (event["serial"], f"! waits at '{event['step']}': {event['why']}"),
    "material.loaded": lambda event: (event["lot"]["id"], f"{event['lot']['material']} at {event['lot']['place']}"),
    "material.consumed": lambda event: (event["lot_id"], f"{event['amount']:.6g} used up ({event['basis']})"),
    "material.adjusted": lambda event: (event["lot_id"], f"{event['amount']:+.6g} by {event['by']} {event['reason']}"),
    "tool.changed": lambda event: (event["tool"]["id"], f"at {event['tool']['station']}, by {event['by']}"),
    "tool.used": lambda event: (event["tool_id"], f"{event['minutes']:.3g} min used ({event['basis']})"),
    "setup.changed": lambda event: (event["station"], f"set up with {pairs(event['setup'])}, by {event['by']}"),
    "fixture.moved": lambda event: (event["fixture"]["id"], f"at {event['fixture']['place']}, by {event['by']}"),
    "station.commanded": _commanded,
    "station.contact_found": lambda event: (event["station"], f"+ heard: {event['identity']}"),
    "station.contact_lost": lambda event: (event["station"], f"! not heard: {event['reason']}"),
    "console.sent": lambda event: (event["station"], f"> {event['line']}, by {event['by']}"),
    "console.not_sent": lambda event: (event["station"], f"! a line was not sent: {event['reason']}"),
    "console.heard": _heard,
    "station.link": lambda event: (event["station"], f"! its line is bad: {event['warning']}"),
    "prompt.raised": _asked,
    "prompt.answered": lambda event: (event["prompt_id"], f"{event['choice']}, by {event['by']}"),
    "prompt.withdrawn": lambda event: (event["prompt_id"], "no longer asked"),
}


def event_lines(record: Json, told: tuple[str, str], screen: Screen) -> list[str]:
    """Time in UTC as everywhere, mark, subject, sentence: one line, unless the screen is too narrow for it."""
    at = record["at"][11:19] + "Z"
    subject, sentence = map(printable, told)
    mark, style = " ", ""
    if sentence[:2] in _STYLE_OF_MARK:
        mark, style, sentence = sentence[0], _STYLE_OF_MARK[sentence[:2]], sentence[2:]
    front = f"{at}  {mark} {subject:<18}  "
    first, *others = screen.wrapped(sentence, len(front))
    painted = front.replace(at, screen.paint(at, "dim"), 1)
    return [painted + screen.paint(first, style), *(" " * len(front) + screen.paint(other, style) for other in others)]
