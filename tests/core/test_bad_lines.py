"""A line that gets worse is told of before a job fails of it, and never floods the log."""

from cellctl.core.render import Renderer, render
from cellctl.domain import events as ev
from cellctl.domain.link import LinkQuality
from cellctl.domain.machine import MachineState
from tests.core.shop import Shop

GOOD = LinkQuality(lines=10_000, resends=3)
NOISY = LinkQuality(lines=10_000, resends=300)
WORSE = LinkQuality(lines=20_000, resends=900, garbage_bytes=5_000)


def measured(shop: Shop, quality: LinkQuality) -> int:
    """How many events it led to."""
    before = len(shop.log)
    shop.feed(ev.LinkMeasured("router-1", quality, quality.warning))
    return len(shop.log) - before


def test_each_kind_of_trouble_is_journalled_once_in_a_connection() -> None:
    shop = Shop()
    shop.wake()
    times = [measured(shop, quality) for quality in (GOOD, NOISY, GOOD, NOISY, WORSE, NOISY, WORSE)]
    assert times == [0, 1, 0, 0, 1, 0, 0]
    shop.feed(ev.ContactLost("router-1", "unplugged"))
    assert measured(shop, WORSE) == 0, "it comes from a connection that is over"
    shop.feed(ev.ContactFound("router-1", "twin"))
    assert measured(shop, NOISY) == 1


def test_a_bad_line_is_an_alarm_until_the_next_contact_and_the_figures_of_now_are_shown_beside_it() -> None:
    shop = Shop()
    shop.wake()
    measured(shop, NOISY)
    view = render(shop.cell)
    assert view.alarms == (
        "router-1 has a bad line: 300 of 10000 lines had to be said again: check cable, power supply and what runs "
        "beside them",
    )
    shown = {each.name: each for each in Renderer().refresh(view, {}, {"router-1": WORSE}, {}).machines}["router-1"]
    assert (shown.link, shown.link_warning) == (WORSE, NOISY.warning)
    shop.feed(ev.ContactFound("router-1", "twin"))
    assert render(shop.cell).alarms == ()


def test_a_machine_that_is_at_work_which_nobody_gave_it_is_an_alarm_and_stays_one_while_it_is_held() -> None:
    shop = Shop()
    shop.feed(ev.ContactFound("router-1", "twin"))
    for state in (MachineState.EXECUTE, MachineState.HELD):
        shop.feed(ev.StationChanged("router-1", state, "says Run"))
        (alarm,) = render(shop.cell).alarms
        assert alarm == "router-1 is at work that nobody follows: says Run"
    shop.feed(ev.StationChanged("router-1", MachineState.IDLE))
    assert render(shop.cell).alarms == ()


def test_work_of_ours_that_nobody_has_followed_is_told_as_such_and_work_that_is_followed_is_not() -> None:
    shop = Shop()
    shop.wake()
    shop.order()
    (operation,) = shop.started
    shop.feed(ev.OperationStarted(operation.id))
    shop.feed(ev.StationChanged(operation.station, MachineState.EXECUTE))
    assert not any(each.unasked for each in render(shop.cell).machines)
    shop.feed(ev.ControllerStarted("1"))
    shop.feed(ev.ContactFound(operation.station, "twin"))
    shop.feed(ev.StationChanged(operation.station, MachineState.EXECUTE, "says Run"))
    assert [each.name for each in render(shop.cell).machines if each.unasked] == [operation.station]
    (prompt,) = shop.cell.prompts.values()
    assert prompt.question.text.startswith("The outcome of 'print' for "), "who asks is said beside it"
