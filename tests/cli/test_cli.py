"""The command line as a program of its own, against the API on a real unix socket; what it prints, as text."""

import asyncio
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cellctl.app.main import main
from cellctl.cli import client
from cellctl.cli.machine import show_lines
from cellctl.cli.screen import Screen, printable
from cellctl.cli.status import status_lines
from cellctl.core.handover_view import view_of
from cellctl.core.view import CarrierView, CellView, MachineView, PromptView
from cellctl.domain.commands import (
    AnswerPrompt,
    CancelOrder,
    CommandMachine,
    CommandOrder,
    Envelope,
    Reply,
    ResumeOperation,
    SendLine,
    SubmitOrder,
    UpdateOrder,
    rejected,
)
from cellctl.domain.events import LineSent, LinesHeard, OperationAdvanced, OperationEnded, StationChanged
from cellctl.domain.job import ORDER_COMMANDS
from cellctl.domain.link import LinkQuality, SessionState
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.transfer import Phase, Transfer
from cellctl.domain.work import OperationState, Place, Progress
from cellctl.faces.plain import plain
from tests.faces.desk import BUSY_CELL, QUIET_CELL, BareDesk, served

Outcome = tuple[int, str, str]


async def cellctl(path: Path, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cellctl.app.main", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"CELLCTL_SOCKET": str(path), "TZ": "UTC"},
    )  # fmt: skip


async def _outcome(path: Path, *words: str) -> Outcome:
    process = await cellctl(path, *words)
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


def ask(desk: BareDesk, tmp_path: Path, *lines: tuple[str, ...]) -> list[Outcome]:
    """Exit status, stdout and stderr of each command line, given one after the other."""

    async def run() -> list[Outcome]:
        path = tmp_path / "cellctl.sock"
        async with served(desk, path):
            return [await _outcome(path, *words) for words in lines]

    return asyncio.run(run())


def test_status_begins_with_what_a_person_must_do(tmp_path: Path) -> None:
    [(code, out, err)] = ask(BareDesk(BUSY_CELL), tmp_path, ("status",))
    assert (code, err) == (0, "")
    assert (
        out
        == """\
nameplate: orders 1 running, 1 open  (cellctl 1.2.3)

To do
  ! bench-1 asks about plate-1: Is the text "ADA" engraved cleanly?
      cellctl prompt answer prompt-1 accept
      cellctl prompt answer prompt-1 scrap
  ! arm-1 asks about plate-1: Where is plate-1?
      cellctl prompt answer prompt-2 router-1.vise
      cellctl prompt answer prompt-2 'not in the cell'
  ! printer-2 is not heard: no byte heard for 30 s
  ! router-1 is ABORTED: ALARM:1 hard limit
      cellctl machine clear router-1
      cellctl machine reset router-1
  ! arm-1: locked because the outcome of op-5 (carry of plate-1) is unknown; answer its question

Machines
  NAME       STATE    CONTACT  LINES           DOES
  printer-1  EXECUTE  found    412/8100   5 %  print plate-2
  printer-2  -        lost                     no byte heard for 30 s
  router-1   ABORTED  found                    ALARM:1 hard limit
  arm-1      HELD     found
  bench-1    EXECUTE  found                    inspect plate-1

Jobs
  PART     ORDER    STATE        PLACE                 DOES, OR WAITS FOR
  plate-1  order-1  interrupted  outfeed.1 (presumed)  waits for a person: the carry was cut short
  plate-2  order-1  running      printer-1.bed         print by printer-1 at printer-1.bed
  and 1 ended: cellctl status --all
"""
    )


def page(view: CellView, screen: Screen) -> str:
    return "\n".join(status_lines({"version": "1.2.3", **plain(view)}, screen))


def test_hand_overs_that_are_under_way_are_told_below_the_machines() -> None:
    places = Place("printer-1.bed"), Place("arm-1.gripper")
    take = Transfer("op-7/take", "op-7", "plate-2", *places, "printer-1", "arm-1", mover="arm-1", phase=Phase.ENTER)
    told = page(replace(BUSY_CELL, transfers=(view_of(take),)), Screen())
    assert "Hand-overs\n  arm-1 takes plate-2 from printer-1.bed: is in printer-1 (op-7)\n\nJobs" in told


def test_carriers_are_shown_with_where_they_are_and_what_is_on_them() -> None:
    loaded = CarrierView("pallet-1", "stand-a.1", "recorded", ("1", "2"), {"2": "plate-7"}, "plate-8 is to come first")
    empty = CarrierView("pallet-2", "stand-b.1", "presumed", ("1",), {}, "nothing waits for it elsewhere")
    lines = page(CellView("cell", 1, carriers=(loaded, empty)), Screen()).splitlines()
    shown = lines[lines.index("Carriers") + 2 :]
    assert shown[0].split(maxsplit=4) == ["pallet-1", "stand-a.1", "2:", "plate-7", "plate-8 is to come first"]
    assert shown[1].split(maxsplit=3)[:3] == ["pallet-2", "stand-b.1", "(presumed)"]
    assert "nothing, 1 free" in shown[1]


def test_a_cell_that_needs_nobody_says_so() -> None:
    assert (
        page(QUIET_CELL, Screen())
        == """\
nameplate: orders none  (cellctl 1.2.3)

Nothing for a person to do.

Machines
  NAME       STATE  CONTACT  LINES  DOES
  printer-1  IDLE   found
  arm-1      IDLE   found

Jobs
  none in work"""
    )


def test_a_held_machine_comes_with_its_way_back_as_this_program_was_called() -> None:
    held = replace(QUIET_CELL.machines[0], state="HELD", reason="parked at X5 Y210 Z5.2")
    told = page(replace(QUIET_CELL, machines=(held,)), Screen(me="cellctl --socket /tmp/s"))
    assert (
        "  ! printer-1 is HELD: parked at X5 Y210 Z5.2\n      cellctl --socket /tmp/s machine resume printer-1\n"
        in told
    )


def test_a_machine_whose_programs_are_not_checked_is_shown_in_plain_sight() -> None:
    told = page(replace(QUIET_CELL, machines=(replace(QUIET_CELL.machines[0], preflight=False),)), Screen())
    assert "  printer-1  IDLE   found           (pre-flight check off)\n" in told


def test_a_running_program_is_shown_with_how_long_it_takes_in_all() -> None:
    running = replace(QUIET_CELL.machines[0], progress=Progress(10, 8, 5, 100), estimated_s=754.0)
    assert "8/100   8 % of 13 min" in page(replace(QUIET_CELL, machines=(running,)), Screen())


def test_an_order_that_fits_no_machine_is_something_to_do() -> None:
    job = replace(BUSY_CELL.jobs[0], order_id="order-1", reasons=("preflight",), why="printer-1 is too small")
    told = page(replace(QUIET_CELL, jobs=(job, replace(job, id="job-9"))), Screen())
    assert told.count("  ! order-1 fits no machine: printer-1 is too small\n      cellctl order cancel order-1\n") == 1


def test_a_machine_found_at_work_comes_with_every_command_that_could_be_meant() -> None:
    router = MachineView("router-1", "grbl", (), "EXECUTE", "found", reason="says Run", locked="op-5", unasked=True)
    alarm = "router-1 is at work that nobody follows: says Run"
    asked = PromptView("prompt-1", "router-1", "Look at it.", ("made",))
    told = page(replace(QUIET_CELL, machines=(router,), alarms=(alarm,), prompts=(asked,)), Screen())
    assert (
        """\
To do
  ! router-1 is at work that nobody follows: says Run
      cellctl machine hold router-1  # pause the work; resume goes on with it
      cellctl machine halt router-1  # break the work off (PackML Abort)
      cellctl machine clear router-1  # after a halt or a fault: its cause is gone
      cellctl machine reset router-1  # make the machine ready for work again
  ! router-1 asks: Look at it.
      cellctl prompt answer prompt-1 made
  ! router-1: locked because op-5; answer its question
"""
        in told
    )


def test_one_machine_is_shown_with_its_three_positions_and_its_line(tmp_path: Path) -> None:
    link = LinkQuality(512, 3, 1, 7, 8, 0.002, 0.005, 0.009, 132.12, 2, 0.4)
    printer = replace(BUSY_CELL.machines[0], identity="Marlin 2.1", link=link, link_warning="7 bytes were no text")
    desk = BareDesk(replace(BUSY_CELL, machines=(printer, BUSY_CELL.machines[1])))
    shown, absent = ask(desk, tmp_path, ("machine", "show", "printer-1"), ("machine", "show", "printer-9"))
    assert shown == (
        0,
        """\
printer-1: EXECUTE, contact found  (marlin)
  identity      Marlin 2.1
  work          print (op-7 of job-2)
  sent          500 of 8100 lines
  acknowledged  412
  executed      400 (proved: motion ended); likely 405
  line          512 lines out, 3 said again, 1 acknowledgements lost, 7 bytes were no text
  window        8
  answers       p50 2.0 ms, p95 5.0 ms, p99 9.0 ms, max 132.1 s
  starved       2 times, 0.4 s at the least
  warning       7 bytes were no text
""",
        "",
    )
    assert absent[0] == 1
    assert "there is no machine printer-9; there are: printer-1, printer-2" in absent[2]


@pytest.mark.parametrize(
    ("session", "shown"),
    [
        (SessionState("ready", "2026-01-05T05:59:58.900Z"), "ready\n  oldest value  heard 1.1 s ago\n"),
        (SessionState("resolving"), "resolving\n  oldest value  not every value was heard yet\n"),
    ],
)
def test_a_machine_behind_a_server_is_shown_with_its_session_and_the_age_of_its_oldest_value(
    session: SessionState, shown: str, tmp_path: Path
) -> None:
    arm = replace(QUIET_CELL.machines[0], name="arm-1", driver="opcua", session=session)
    desk = BareDesk(replace(QUIET_CELL, machines=(arm,)))
    told = ask(desk, tmp_path, ("machine", "show", "arm-1", "--json"))[0][1]
    lines = show_lines({**json.loads(told), "at": "2026-01-05T06:00:00.000Z"}, Screen())
    assert f"  session       {shown}" in "\n".join(lines) + "\n"


def test_two_alarms_of_one_machine_are_both_told() -> None:
    told = page(replace(QUIET_CELL, alarms=("arm-1 is hot", "arm-1 is slow", "disk full")), Screen())
    assert "  ! arm-1 is hot\n  ! arm-1 is slow\n  ! disk full\n" in told


def test_a_terminal_gets_colour_and_lines_that_fit() -> None:
    lines = page(BUSY_CELL, Screen(colour=True, width=60)).split("\n")
    assert '  \x1b[33m!\x1b[0m bench-1 asks about plate-1: Is the text "ADA" engraved' in lines
    assert "  router-1   \x1b[31mABORTED\x1b[0m  found                    ALARM:1 hard limit" in lines


@pytest.mark.parametrize(
    ("environ", "colour"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colour_is_for_terminals_that_want_it(environ: dict[str, str], colour: bool) -> None:
    leader, follower = os.openpty()
    with os.fdopen(follower, "w") as terminal, os.fdopen(leader, "rb"):
        assert Screen.of(terminal, environ).colour is colour


def test_what_a_machine_writes_cannot_steer_the_terminal() -> None:
    assert printable("ok\x1b[2J\r\nno\x9bm") == "ok [2J  no m"


def test_an_order_is_submitted_with_numbers_where_the_product_has_numbers(tmp_path: Path) -> None:
    desk = BareDesk()
    desk.answer = Reply("accepted", "order-1: 2 to make", {"order_id": "order-1", "serials": ["plate-1", "plate-2"]})
    words = ("order", "submit", "nameplate", "-p", "text=7", "-p", "height_mm=6.5", "--quantity", "2",
             "--revision", "A", "--priority", "-3", "--id", "11111111-2222-4333-8444-555555555555")  # fmt: skip
    first, again = ask(desk, tmp_path, words, words)
    assert first == (
        0,
        "accepted: order-1: 2 to make\n  part plate-1\n  part plate-2\n  its report: cellctl order show order-1\n",
        "",
    )
    assert again[1].startswith("accepted: order-1: 2 to make (asked before; nothing was done twice)\n")
    assert desk.envelopes[0].command == SubmitOrder("nameplate", {"text": "7", "height_mm": 6.5}, "A", 2, -3)


def test_a_parameter_that_is_no_number_is_named(tmp_path: Path) -> None:
    tall, twice = ask(
        BareDesk(), tmp_path,
        ("order", "submit", "nameplate", "-p", "height_mm=tall"),
        ("order", "submit", "nameplate", "-p", "text=A", "-p", "text=B"),
    )  # fmt: skip
    assert tall == (64, "", "cellctl: -p height_mm: found 'tall', allowed: a number, 4 to 12\n")
    assert twice == (64, "", "cellctl: -p text is given twice\n")


def test_a_refusal_is_told_with_its_code(tmp_path: Path) -> None:
    desk = BareDesk()
    desk.answer = rejected("precondition_failed", "arm-1 is not heard")
    text, as_json = ask(desk, tmp_path, ("machine", "reset", "arm-1"), ("machine", "reset", "arm-1", "--json"))
    assert text == (1, "", "cellctl: refused: rejected:precondition_failed: arm-1 is not heard\n")
    assert as_json[1].startswith('{"code": "rejected:precondition_failed"')


def test_each_command_asks_for_what_it_says(tmp_path: Path) -> None:
    desk = BareDesk(BUSY_CELL)
    outcomes = ask(
        desk, tmp_path,
        ("order", "store", "nameplate", "-p", "text=ADA", "--order-id", "WO 4711/10", "--due", "2030-01-31T12:00:00Z"),
        ("order", "update", "order-1", "-p", "text=EVE", "--priority", "9"),
        ("order", "update", "order-1", "--quantity", "4"),
        *(("order", verb.value, "order-1") for verb in ORDER_COMMANDS),
        ("order", "cancel", "order-1"),
        ("prompt", "answer", "prompt-1", "not in the cell"),
        *(("machine", verb, "router-1") for verb in ("hold", "resume", "halt", "clear", "reset")),
    )  # fmt: skip
    assert outcomes == [(0, "accepted: done\n", "")] * 17
    commands = [MachineCommand.HOLD, MachineCommand.UNHOLD, MachineCommand.ABORT, MachineCommand.CLEAR]
    assert [envelope.command for envelope in desk.envelopes] == [
        SubmitOrder("nameplate", {"text": "ADA"}, due_at="2030-01-31T12:00:00Z", release=False, order_id="WO 4711/10"),
        UpdateOrder("order-1", parameters={"text": "EVE", "height_mm": 8.0}, priority=9),
        UpdateOrder("order-1", quantity=4),
        *(CommandOrder("order-1", command) for command in ORDER_COMMANDS),
        CancelOrder("order-1"),
        AnswerPrompt("prompt-1", "not in the cell"),
        *(CommandMachine("router-1", command) for command in [*commands, MachineCommand.RESET]),
    ]


def test_a_plan_to_go_on_is_shown_and_nothing_is_done_without_a_yes(tmp_path: Path) -> None:
    desk = BareDesk()
    plan, nobody, done, refused = ask(
        desk, tmp_path,
        ("machine", "resume-plan", "printer-1", "--line", "7"),
        ("machine", "resume-at", "printer-1"),
        ("machine", "resume-at", "printer-1", "--yes"),
        ("machine", "resume-plan", "arm-1"),
    )  # fmt: skip
    assert plan == (0, """\
printer-1 can go on with plate-2 (plate.gcode) at line 7.
  SAYS         WHAT FOR
  M109 S215    heat the nozzle 0
  G28 X Y      find X and Y
  G1 X80 E1.5  line 7 of 8100, and all behind it
Only if:
  - the part has not moved
Nothing has been sent. To do it, once the machine is IDLE:
  cellctl machine resume-at printer-1 --line 7
""", "")  # fmt: skip
    assert nobody == (64, "", "cellctl: nobody is there to say yes; look at resume-plan, then add --yes\n")
    assert done == (0, "accepted: done\n", "")
    assert refused[0] == 1
    assert [envelope.command for envelope in desk.envelopes] == [ResumeOperation("printer-1", 413)]


@pytest.mark.parametrize(("said", "handed_in"), [("yes", 1), ("y", 0), ("", 0)])
def test_a_person_at_a_terminal_is_asked_before_it_goes_on(tmp_path: Path, said: str, handed_in: int) -> None:
    desk = BareDesk()

    async def run() -> str:
        path = tmp_path / "cellctl.sock"
        master, slave = os.openpty()
        async with served(desk, path):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "cellctl.app.main", "machine", "resume-at", "printer-1", "--line", "7",
                stdin=slave, stdout=asyncio.subprocess.PIPE, env={"CELLCTL_SOCKET": str(path)},
            )  # fmt: skip
            os.write(master, f"{said}\n".encode())
            out, _ = await process.communicate()
        os.close(master)
        os.close(slave)
        return out.decode()

    out = asyncio.run(run())
    assert "the part has not moved\nIs all of this so, and shall it go on? Type yes: " in out
    assert ("Nothing has been sent." in out) is (not handed_in)
    assert len(desk.envelopes) == handed_in


def test_lists_are_aligned_tables(tmp_path: Path) -> None:
    orders, products, machines, prompts, report, gone = ask(
        BareDesk(BUSY_CELL), tmp_path,
        ("order", "list"), ("product", "list"), ("machine", "list"), ("prompt", "list"),
        ("order", "show", "order-1"), ("order", "show", "no/such order"),
    )  # fmt: skip
    assert (
        orders[1]
        == """\
ORDER    STATE    DONE  PRODUCT    REV  ACCEPTED           PARAMETERS
order-1  running  1/3   nameplate  A    2030-01-31 12:00Z  text=ADA height_mm=8
order-2  open     0/1   nameplate  A    2030-01-31 12:00Z  text=GRACE height_mm=6
"""
    )
    assert (
        products[1]
        == """\
PRODUCT    REV  PARAMETER  ALLOWED             DEFAULT  MEANING
nameplate  A    text       1 to 16 characters           what is engraved
nameplate  A    height_mm  4 to 12             8.0      height of a capital
"""
    )
    assert machines[1].splitlines()[1] == "printer-1  EXECUTE  found    412/8100   5 %  print plate-2"
    assert prompts[1].splitlines()[0] == '  ! bench-1 asks about plate-1: Is the text "ADA" engraved cleanly?'
    assert report == (0, "report of order-1\n", "")
    assert gone[0] == 1
    assert "there is no order no/such order" in gone[2]


def test_json_is_the_answer_of_the_api(tmp_path: Path) -> None:
    status, report = ask(BareDesk(), tmp_path, ("status", "--json"), ("order", "show", "order-1", "--json"))
    assert '"version": "1.2.3"' in status[1]
    assert report[1] == '{\n  "order": "order-1",\n  "parts": []\n}\n'


def test_watch_tells_events_as_they_come_until_ctrl_c(tmp_path: Path) -> None:
    async def run() -> Outcome:
        path = tmp_path / "cellctl.sock"
        desk = BareDesk(BUSY_CELL)
        desk.happen(StationChanged("arm-1", MachineState.HELD, "before the watch"))
        async with served(desk, path):
            process = await cellctl(path, "watch", "--after", "1")
            desk.happen(
                OperationAdvanced("op-7", Progress(900, 810, 800, 8100)),
                OperationAdvanced("op-7", Progress(950, 900, 890, 8100)),
                OperationEnded("op-7", OperationState.DONE),
                StationChanged("printer-1", MachineState.COMPLETE),
                StationChanged("router-1", MachineState.ABORTED, "ALARM:1 hard limit"),
            )
            assert process.stdout and process.stderr
            out = b"".join([await process.stdout.readline() for _ in range(3)])
            process.send_signal(signal.SIGINT)
            return await process.wait(), out.decode(), (await process.stderr.read()).decode()

    assert asyncio.run(run()) == (
        0,
        "12:00:00Z    printer-1           print plate-2: 10 %, 810 of 8100 lines\n"
        "12:00:00Z    printer-1           print plate-2: done\n"
        "12:00:00Z  ! router-1            ABORTED: ALARM:1 hard limit\n",
        "",
    )


def test_watch_says_that_the_daemon_has_gone(tmp_path: Path) -> None:
    async def run() -> Outcome:
        path = tmp_path / "cellctl.sock"
        desk = BareDesk()
        async with served(desk, path):
            process = await cellctl(path, "watch", "--json", "--after", "0")
            desk.happen(StationChanged("arm-1", MachineState.IDLE))
            assert process.stdout
            await process.stdout.readline()
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    code, _, err = asyncio.run(run())
    assert code == 69
    assert err.startswith("cellctl: the daemon")


@pytest.mark.parametrize(
    ("words", "code", "err"),
    [
        (["status"], 69, "cellctl: no daemon at {}/none (No such file or directory). Start one: cellctl run CELL_TOML; "
         "or say where it is: --socket PATH\n"),
        (["order", "submit"], 64, "cellctl order submit: the following arguments are required: PRODUCT\n"),
        (["order", "submit", "x", "-p", "text"], 64, "cellctl order submit: argument -p/--parameter: 'text' must be "
         "KEY=VALUE\n"),
        (["run", "cell.toml", "--speed", "nan"], 64, "cellctl run: argument --speed: 'nan' must be a number above 0\n"),
        (["machine", "explode", "arm-1"], 64, "cellctl machine: argument ACTION: invalid choice: 'explode'"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_line_that_says_what_to_do(
    words: list[str], code: int, err: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("CELLCTL_SOCKET", str(tmp_path / "none"))
    try:
        found = main(words)
    except SystemExit as left:
        found = int(left.code or 0)
    assert found == code
    assert err.format(tmp_path) in capsys.readouterr().err


def test_the_socket_is_looked_for_in_five_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(client, "SYSTEM_SOCKET", tmp_path / "system.sock")
    everything = {"CELLCTL_SOCKET": "/a/sock", "RUNTIME_DIRECTORY": "/run/b"}
    assert client.socket_path(Path("/c/sock"), everything) == Path("/c/sock")
    assert client.socket_path(None, everything) == Path("/a/sock")
    assert client.socket_path(None, {"RUNTIME_DIRECTORY": "/run/b"}) == Path("/run/b/cellctl.sock")
    assert client.socket_path(None, {}) == Path("state/cellctl.sock")
    (tmp_path / "system.sock").touch()
    assert client.socket_path(None, {}) == tmp_path / "system.sock"


def test_the_client_starts_without_the_daemons_libraries() -> None:
    check = (
        "import sys, cellctl.app.main; print(sorted({'aiohttp', 'asyncio', 'pydantic', 'asyncua'} & set(sys.modules)))"
    )

    async def run() -> bytes:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", check, stdout=asyncio.subprocess.PIPE)
        return (await process.communicate())[0]

    assert asyncio.run(run()) == b"[]\n"


class TalkativeDesk(BareDesk):
    """Every line that is sent by hand is journalled and answered."""

    async def submit(self, envelope: Envelope) -> Reply:
        reply = await super().submit(envelope)
        command = envelope.command
        if isinstance(command, SendLine) and reply.accepted:
            self.happen(LineSent(command.machine, command.line, envelope.sender))
            self.happen(LinesHeard("arm-1", ("not for you",)), LinesHeard(command.machine, ("T:20\x1b[2J", "ok")))
        return reply


def typed(desk: BareDesk, tmp_path: Path, lines: str) -> Outcome:
    async def run() -> Outcome:
        path = tmp_path / "cellctl.sock"
        async with served(desk, path):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "cellctl.app.main", "machine", "console", "printer-1",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                env={"CELLCTL_SOCKET": str(path)},
            )  # fmt: skip
            out, err = await process.communicate(lines.encode())
            return process.returncode or 0, out.decode(), err.decode()

    return asyncio.run(run())


def test_lines_that_are_typed_go_out_one_by_one_and_their_answers_are_printed(tmp_path: Path) -> None:
    desk = TalkativeDesk()
    code, out, err = typed(desk, tmp_path, "M105\n\nG28\n")
    assert (code, err) == (0, "")
    assert [each.command for each in desk.envelopes] == [SendLine("printer-1", "M105"), SendLine("printer-1", "G28")]
    assert "> M105\n< T:20 [2J\n< ok\n> G28\n< T:20 [2J\n< ok\nprinter-1 was worked on by hand" in out
    assert out.endswith("  cellctl machine clear printer-1\n  cellctl machine reset printer-1\n")


def test_a_refused_line_ends_what_comes_from_a_file(tmp_path: Path) -> None:
    desk = TalkativeDesk()
    desk.answer = rejected("not_permitted", "the console of printer-1 is off")
    code, out, err = typed(desk, tmp_path, "M105\nG28\n")
    assert (code, len(desk.envelopes)) == (1, 1)
    assert err == "cellctl: refused: rejected:not_permitted: the console of printer-1 is off\n"
    assert "by hand" not in out
