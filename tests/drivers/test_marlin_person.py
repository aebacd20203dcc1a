"""When a printer needs a person: pauses of the program, dialogues of the firmware, and who may answer them."""

import pytest

from cellctl.domain.errors import NotAllowed
from cellctl_drivers.marlin.questions import CONTINUE, Questions, about
from tests.drivers.marlin_dialogue import Dialogue, met, printing

NUT = "Asked(text='Insert the nut', choices=('continue',))"


def paused(program: str = "M0 Insert the nut | G1 X1", **limits: object) -> Dialogue:
    """The program's first line, N6, waits for a person."""
    return printing(program, **limits).run(
        f"< echo:busy: paused for user\n ! Held(reason='Insert the nut')\n ! {NUT}\n = held"
    )


def test_a_pause_of_the_program_is_a_question_and_the_answer_goes_out_unnumbered() -> None:
    """M108 acts from the RX interrupt; without the emergency parser it is recognised early only when the line starts
    with `M`. While "paused for user" nothing is read except emergency commands."""
    replay = paused()
    replay.session.answer(CONTINUE, replay.now_s)
    replay.run(
        """
        + 0s
        >
        > M108
        ! Resumed()
        = running
        """
    )


def answered() -> Dialogue:
    replay = paused()
    replay.session.answer(CONTINUE, replay.now_s)
    return replay.run("+ 0s\n >\n > M108\n ! Resumed()")


def test_the_ok_of_the_answer_itself_acknowledges_no_line_of_the_program() -> None:
    replay = answered().run("< ok\n > N7 G1 X1\n < ok")
    assert replay.session.acknowledged == 1
    replay.run("< ok\n > N8 M104 S0")
    assert replay.session.acknowledged == 2


def test_a_pause_line_that_was_said_before_the_answer_arrived_asks_nobody_again() -> None:
    answered().run("+ 0.1s\n < echo:busy: paused for user\n < ok\n > N7 G1 X1")


def test_an_answer_that_was_lost_leads_to_the_same_question_again() -> None:
    answered().run(f"+ 4s\n < echo:busy: paused for user\n ! Held(reason='Insert the nut')\n ! {NUT}")


@pytest.mark.parametrize("sign", ["< ok", "< echo:busy: processing", "< //action:resumed"])
def test_a_person_who_presses_the_knob_has_answered(sign: str) -> None:
    paused().run(f"{sign}\n ! Unasked()\n ! Resumed()\n {'> N7 G1 X1' if sign == '< ok' else '# still at work'}")


def test_unhold_is_an_answer_where_there_is_only_one() -> None:
    paused().run("? resume\n >\n > M108\n + 0s\n ! Resumed()")


def test_only_what_was_asked_can_be_answered() -> None:
    replay = paused()
    with pytest.raises(NotAllowed, match="'abort' is not among continue"):
        replay.session.answer("abort", replay.now_s)
    with pytest.raises(NotAllowed, match="asks nothing"):
        printing().session.answer(CONTINUE, 0.0)


def test_a_pause_stands_alone_on_the_wire() -> None:
    replay = printing("M0 | G1 X1", window=8)
    replay.session.receive(b"ok N5 P15 B3\n", 0.0)
    assert replay.session.transmit(0.0) == b""


def test_a_stop_ends_the_pause_first() -> None:
    """While "paused for user" nothing is read except emergency commands."""
    paused().run(
        """
        ? stop
        >
        > M108
        < ok
        > N7 M104 S0
        < ok
        < ok
        > N8 M140 S0
        < ok
        > N9 M400
        < ok
        > N10 M105
        < ok T:0
        ! Stopped()
        """
    )


def test_a_stop_that_a_pause_keeps_from_being_read_does_not_wait_for_ever() -> None:
    replay = paused(acknowledge_s=10.0).run("? stop\n >\n > M108")
    for _ in range(20):
        replay.session.receive(b"echo:busy: paused for user\n", replay.now_s)
        replay.now_s += 2.0
        told = replay.session.tick(replay.now_s)
        replay.session.transmit(replay.now_s)
        if told:
            break
    assert "talks, but does not acknowledge" in repr(told)


def test_a_pause_that_the_firmware_does_not_know_is_made_by_us() -> None:
    """Unknown command: `echo:Unknown command: "..."` then `ok`: the print would simply go on."""
    replay = printing("M600 | G1 X1").run(
        """
        < echo:Unknown command: "M600"
        < ok
        = holding
        > N7 M400
        < ok
        > N8 M105
        < ok T:200.0 /200.0
        ! Held(reason='Change the filament at the printer, then continue')
        ! Asked(text='Change the filament at the printer, then continue', choices=('continue',))
        """
    )
    replay.session.answer(CONTINUE, replay.now_s)
    replay.run("+ 0s\n > N9 G1 X1\n ! Resumed()")


def test_a_filament_that_ran_out_holds_the_program() -> None:
    printing().run(
        "< //action:out_of_filament T0\n = holding\n < ok\n > N7 M400\n < ok\n > N8 M105\n < ok T:0\n ! Held(reason='')"
    )


def test_a_wait_of_the_firmware_itself_is_a_question_too() -> None:
    """`echo:busy: paused for user`, `echo:busy: paused for input`."""
    printing("G29").run(
        """
        < echo:busy: paused for input
        ! Held(reason='The printer waits for somebody')
        ! Asked(text='The printer waits for somebody', choices=('continue',))
        """
    )


# ---- dialogues -------------------------------------------------------------------------------------------------

DIALOGUE = """
    < //action:prompt_begin Paused
    < //action:prompt_button PurgeMore
    < //action:prompt_button Continue
    < //action:prompt_show
    ! Held(reason='Paused')
    ! Asked(text='Paused', choices=('PurgeMore', 'Continue'))
    < echo:busy: paused for user
"""


def test_a_dialogue_of_the_firmware_is_answered_by_the_number_of_the_button() -> None:
    """`//action:prompt_begin/button/show/end`; answer prompts with M876 S<n>."""
    replay = printing("M600 | G1 X1").run(DIALOGUE)
    replay.session.answer("Continue", replay.now_s)
    replay.run(
        """
        + 0s
        >
        > M876 S1
        ! Resumed()
        < //action:prompt_end
        < ok
        > N7 G1 X1
        """
    )


def test_unhold_does_not_choose_between_buttons() -> None:
    replay = printing("M600 | G1 X1").run(DIALOGUE)
    with pytest.raises(NotAllowed, match="the printer asks: Paused; answer one of PurgeMore, Continue"):
        replay.session.resume(replay.now_s)


def test_a_dialogue_that_is_answered_at_the_printer_is_withdrawn() -> None:
    printing("M600 | G1 X1").run(DIALOGUE + "< //action:prompt_end\n ! Unasked()\n ! Resumed()")


def test_a_second_dialogue_takes_the_place_of_the_first() -> None:
    printing("M600").run(
        DIALOGUE
        + """
        < //action:prompt_begin Heater timeout
        < //action:prompt_button Reheat
        < //action:prompt_show
        ! Asked(text='Heater timeout', choices=('Reheat',))
        """
    )


@pytest.mark.parametrize(
    ("buttons", "choices", "replies"),
    [
        ([], ("continue",), ("M876 S0",)),
        (["Yes", "No"], ("Yes", "No"), ("M876 S0", "M876 S1")),
        (["Yes", "Yes"], ("Yes (1)", "Yes (2)"), ("M876 S0", "M876 S1")),
        (["Load|LOAD_FILAMENT|primary", "Skip|RESUME"], ("Load", "Skip"), ("LOAD_FILAMENT", "RESUME")),
        ([""], ("button 1",), ("M876 S0",)),
    ],
)
def test_what_a_button_is_called_and_what_it_says(
    buttons: list[str], choices: tuple[str, ...], replies: tuple[str, ...]
) -> None:
    questions = Questions()
    assert questions.hear("prompt_begin What now?", 7) is None
    for button in buttons:
        assert questions.hear(f"prompt_button {button}", 7) is None
    question = questions.hear("prompt_show", 7)
    assert question is not None
    assert (question.text, question.choices, question.replies, question.line) == ("What now?", choices, replies, 7)


def test_what_a_pause_says_is_what_is_asked() -> None:
    assert about("M0 S30 Turn the plate").text == "Turn the plate"
    assert about("M1").text == "The program waits at M1: continue at the printer or here"


def test_a_printer_that_waits_for_somebody_when_it_is_met_is_a_fault_that_says_so() -> None:
    """Its filament ran out while nobody was connected: nothing is read until somebody has been there."""
    met("FIRMWARE_NAME:Marlin 2.1.2", "< ok\n > N2 M105\n < echo:busy: paused for user\n ! " + _PANEL + "\n = down")


_PANEL = "FaultRaised(what='waits for a person at its panel', do_next='Continue there')"
