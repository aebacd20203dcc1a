"""The cell as a shop runs it: real processes on loopback, one order after the other, and everything that goes wrong.

One cell serves all tests, in the order in which they stand here; each leaves it idle and empty.
"""

import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.broker import mosquitto
from tests.e2e.customer import Customer
from tests.e2e.programs import ask
from tests.e2e.real_cell import CELL, RealCell

pytestmark = pytest.mark.broker

# Machine seconds in one second. Above it this computer's scheduling begins to show in the machines' times.
SPEED = 240.0
ADA = {"product": "nameplate", "parameters": {"text": "ADA BYRON"}}
# What makes a serial machine move, heat or turn; Grbl's cycle start is a byte of its own.
MOVES = re.compile(rb"G\d|M(?:3|4|17|10[4679]|140|190)(?!\d)|\$[HJ]|~")


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCell]:
    folder = tmp_path_factory.mktemp("cell")
    # The nameplate, engraved so slowly that there is time to do something meanwhile.
    slow = (CELL.parent / "product.toml").read_text().replace("base.gcode", f"{CELL.parent}/base.gcode")
    slow = slow.replace('name = "nameplate"', 'name = "slowplate"').replace("per_min = 600", "per_min = 10")
    (folder / "slowplate.toml").write_text(slow)
    with mosquitto(folder) as broker, ExitStack() as running:
        yield RealCell(running, folder, broker, SPEED, f'["product.toml", "{folder}/slowplate.toml"]')


def finish_order(cell: RealCell) -> None:
    """The person at the bench does their part; the order comes to its end and the world has nothing to say."""
    cell.answer_bench()
    cell.until("job.state", lambda event: event["state"] == "ENDED")
    assert cell.world()["violations"] == []


def test_an_order_over_mqtt_becomes_one_part_however_often_it_is_asked_for(cell: RealCell) -> None:
    with Customer(cell.broker.port) as customer:
        fresh = customer.freshness()
        order = {"id": "6a1d6a0e-9e7c-4a35-8a6b-0d3b7a1f5c01", "args": ADA, **fresh}
        first = customer.request("job", "submit", order)
        again = customer.request("job", "submit", order)
        other = customer.request("job", "submit", order | {"args": ADA | {"quantity": 2}})
        stale = customer.request("job", "submit", {"args": ADA, **fresh, "session": "an earlier one"})
        old = customer.request("job", "submit", {"args": ADA, **fresh, "tick": 0})
        kept = customer.request("job", "submit", {"args": ADA, **fresh}, retain=True)
    assert first["code"] == "accepted"
    assert (again["code"], again["duplicate"], again["result"]) == ("accepted", True, first["result"])
    refusals = [reply["code"].removeprefix("rejected:") for reply in (other, stale, old, kept)]
    assert refusals == ["id_reused", "stale_session", "expired", "retained_command"]
    with Customer(cell.broker.port) as late:
        late.until("heartbeat")
        assert "request/ada/job/submit" not in late.topics, "the retained request is still there"

    finish_order(cell)
    assert [order["id"] for order in cell.status()["orders"]] == ["order-1"]
    assert [part["place"] for part in cell.world()["parts"]] == ["gone"]
    report = cell.cellctl("order", "show", "order-1")
    for line in ("engrave    router-1", "carry      arm-1", "inspect    bench-1", "out of the cell"):
        assert line in report
    minutes = re.findall(r"print +printer-1 +\S+ +\S+ +0:(\d\d):\d\d  done", report)
    # A busy computer's wire is slower than its fast machines; exact durations are asserted in virtual time.
    assert int(minutes[0]) >= 25, report


def test_hold_resume_halt_clear_and_reset_from_the_terminal_while_the_broker_dies(cell: RealCell) -> None:
    cell.submit("slowplate", "HOLD")
    work = cell.until("step.intent")["operation"]
    printer = work["station"]
    line = cell.taps.lines[printer]
    cell.until("step.advanced", lambda event: event["progress"]["acknowledged"] > 100)

    cell.cellctl("machine", "hold", printer)
    cell.until_state(printer, "HELD")
    said = len(line.said)
    status = cell.cellctl("status")
    assert f"cellctl --socket {cell.socket} machine resume {printer}" in status
    assert not MOVES.search(line.said[said:]), "a held printer was told to move"
    cell.cellctl("machine", "resume", printer)
    cell.until_state(printer, "EXECUTE")

    cell.broker.kill()
    now = cell.machine(printer)["progress"]["acknowledged"]
    cell.until("step.advanced", lambda event: event["progress"]["acknowledged"] > now + 100)
    cell.broker.start()
    with Customer(cell.broker.port) as customer:
        customer.until("status", lambda body: body["online"])
        shown = customer.until(f"device/{printer}/state", lambda body: body["state"] == cell.machine(printer)["state"])
    assert shown["job_id"] == work["job_id"]

    cell.until("step.started", lambda event: cell.machine("router-1")["operation_id"] == event["operation_id"])
    cell.cellctl("machine", "halt", "router-1")
    question = cell.until_asked()
    cell.until_state("router-1", "ABORTED")
    assert "router-1" in question["question"]["text"]
    said = len(cell.taps.lines["router-1"].said)
    cell.cellctl("machine", "clear", "router-1")
    cell.until_state("router-1", "STOPPED")
    assert not MOVES.search(cell.taps.lines["router-1"].said[said:]), "a halted router was told to move"
    cell.cellctl("prompt", "answer", question["id"], "made")
    finish_order(cell)
    cell.cellctl("machine", "reset", "router-1")
    cell.until_state("router-1", "IDLE")


def test_killed_in_mid_print_it_moves_nothing_until_a_person_has_answered(cell: RealCell) -> None:
    order = cell.submit("nameplate", "KILLED")
    work = cell.until("step.intent")["operation"]
    serial, printer = work["serial"], work["station"]
    line = cell.taps.lines[printer]
    cell.until("step.advanced", lambda event: event["progress"]["acknowledged"] > 300)

    assert cell.daemon.end(signal.SIGKILL) == -signal.SIGKILL
    cell.news.wait()
    # The printer makes the moves that it was sent, and then it stands.
    assert line.position_mm() == last_target_mm(bytes(line.said))
    parts = cell.world()["parts"]
    said = {name: len(tap.said) for name, tap in cell.taps.lines.items()}

    cell.start()
    question = cell.until("prompt.raised", lambda event: event["prompt"]["serial"] == serial)["prompt"]
    cell.until_idle("printer-1", "printer-2", "router-1", "arm-1")
    status = cell.cellctl("status")
    assert f"The outcome of 'print' for {serial} is unknown" in status
    for choice in ("made", "scrap", "'not begun'"):
        assert f"cellctl --socket {cell.socket} prompt answer {question['id']} {choice}\n" in status
    assert f"{printer}: locked because the outcome of {work['id']}" in status
    for name, tap in cell.taps.lines.items():
        assert not MOVES.search(tap.said[said[name] :]), f"{name} was told to move"
    assert not {"step.intent", "step.started"} & set(cell.happened_since_start())
    assert cell.world()["parts"] == parts

    cell.person_moves(f"{printer}.bed", "gone")
    cell.cellctl("prompt", "answer", question["id"], "scrap")
    again = cell.until("step.intent", lambda event: event["operation"]["serial"] != serial)["operation"]
    assert again["step"] == "print"
    finish_order(cell)
    report = cell.cellctl("order", "show", order)
    assert f"part {serial}  scrapped" in report
    assert f"part {again['serial']}  accepted" in report
    assert len(cell.world()["parts"]) == len(parts) + 1


def test_a_second_daemon_on_the_same_state_is_refused_and_does_no_harm(cell: RealCell) -> None:
    done = ask("cellctl", *cell.run_line())
    assert done.returncode == 70
    assert "another process has it open. Stop that one: a cell has one controller" in done.stderr
    assert "nameplate" in cell.cellctl("status")


def test_a_mistake_in_the_cell_file_ends_the_daemon_with_78(cell: RealCell) -> None:
    done = ask("cellctl", *cell.run_line(), "--set=machines.printer-1.bauds=115200", "--set=machines.arm-1.driver=arm")
    assert done.returncode == 78
    assert "cell.toml: machines.printer-1.bauds is not a key that is known here" in done.stderr
    assert (
        "cell.toml: machines.arm-1.driver must be one of: grbl, manual, marlin, opcua, serial_arm; found 'arm'"
        in done.stderr
    )


def test_sigterm_in_mid_print_leaves_the_printer_at_rest_and_ends_well(cell: RealCell) -> None:
    cell.submit("nameplate", "TERM")
    line = cell.taps.lines[cell.until("step.intent")["operation"]["station"]]
    cell.until("step.advanced", lambda event: event["progress"]["acknowledged"] > 100)
    assert cell.daemon.end(signal.SIGTERM, within_s=5) == 0
    cell.news.wait()
    assert line.position_mm() == last_target_mm(bytes(line.said))
    assert not cell.socket.exists()


def last_target_mm(said: bytes) -> tuple[float, ...]:
    """Where the moves lead that are complete in what a printer was sent; all of base.gcode is absolute."""
    target = dict.fromkeys("XYZ", 0.0)
    for line in said.decode().splitlines():
        command = line.partition("*")[0].split()
        if len(command) > 1 and command[1] in ("G0", "G1"):
            target |= {word[0]: float(word[1:]) for word in command[2:] if word[0] in target}
    return tuple(round(value, 2) for value in target.values())
