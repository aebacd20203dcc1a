"""Folding into a part what was measured of it and what was decided about it."""

from collections.abc import Sequence
from dataclasses import replace

from cellctl.domain.quality import Disposition
from cellctl.domain.stock_events import InspectionRecorded, PartDisposed, PartHeld
from cellctl.domain.work import Part, Step

PartEvent = PartDisposed | InspectionRecorded | PartHeld


def after(part: Part, event: PartEvent, route: Sequence[Step]) -> Part:
    """The part after an event about it; `route` is that of its job."""
    if isinstance(event, PartHeld):
        return replace(part, held_at=event.step)
    if isinstance(event, InspectionRecorded):
        others = tuple(each for each in part.inspections if each.step != event.inspection.step)
        waits = "" if event.inspection.good else part.held_at
        return replace(part, inspections=(*others, event.inspection), held_at=waits)
    match event.disposition:
        case Disposition.REWORK:
            return _reworked(part, event, [step.name for step in route])
        case Disposition.CONCESSION:
            return _conceded(part, event)
    return replace(part, disposition=event.disposition, held_at="")


def _reworked(part: Part, event: PartDisposed, names: list[str]) -> Part:
    """Back in work. What was measured of what is done once more holds no longer."""
    before = names[: names.index(event.back_to)] if event.back_to in names else names
    kept = tuple(each for each in part.inspections if each.step in before)
    reworks = {**part.reworks, event.step: part.reworks.get(event.step, 0) + 1}
    return replace(part, inspections=kept, held_at="", reworks=reworks)


def _conceded(part: Part, event: PartDisposed) -> Part:
    kept = (replace(each, conceded_by=event.by) if each.step == event.step else each for each in part.inspections)
    return replace(part, inspections=tuple(kept), held_at="")
