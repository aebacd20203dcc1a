"""Job management without a server: what an MES asks for, against the daemon's own desk and a played machine."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cellctl.app.cell import RunningCell
from cellctl.app.clock import SeededIds
from cellctl.app.virtual_time import run_virtual
from cellctl.domain.commands import AnswerPrompt, Reply, SubmitOrder
from cellctl.domain.events import OperationEnded
from cellctl.domain.job import JobState, JobSubstate
from cellctl.domain.machine import MachineCommand, MachineState
from cellctl.domain.work import OperationState
from cellctl.faces.opcua.job_orders import (
    INVALID_REQUEST,
    INVALID_STATUS,
    NO_ERROR,
    UNABLE,
    UNKNOWN_ORDER,
    status_of,
    submit,
)
from cellctl.faces.opcua.jobs import CellJobs
from cellctl.faces.opcua.jobs_port import THE_CELL, JobOrder, JobParameter, JobResponse, WorkMaster
from tests.app.shop_floor import ShopFloor, envelope

TAG: dict[str, Any] = {
    "product": {"name": "tag", "revision": "A"},
    "parameters": {
        "text": {"type": "text", "max_length": 8, "description": "what is engraved"},
        "height_mm": {"type": "number", "minimum": 4, "maximum": 12, "default": 8},
    },
    "route": [
        {
            "step": "engrave",
            "capability": "fdm",
            "program": {
                "generator": "engrave_text", "text": "{text}", "height_mm": "{height_mm}", "plate_mm": [90, 30],
                "margin_mm": 5, "depth_mm": 0.3, "clearance_mm": 3, "feed_mm_per_min": 600,
                "plunge_mm_per_min": 150, "spindle_rpm": 10000,
            },
        }
    ],
}  # fmt: skip
TEXT = JobParameter("text", "ADA")
ORDER = JobOrder("WO-1", work_masters=(WorkMaster("tag"),), parameters=(TEXT,))
WHO = "opcua:mes"


class Mes:
    """Calls job methods, and reads the lists."""

    def __init__(self, floor: ShopFloor, cell: RunningCell, most_orders: int) -> None:
        self.cell = cell
        self.floor = floor
        self.jobs = CellJobs(cell.desk, SeededIds(7), cell.engine.history, most_orders)

    async def call(self, method: str, argument: Any = "WO-1", machine: str = THE_CELL) -> int:
        *_, status = await self.jobs.call(machine, method, (argument, ()), WHO)
        await self.cell.engine.pulse()
        return int(status)

    async def response(self, order_id: str = "WO-1") -> tuple[JobResponse | None, int]:
        found, status = await self.jobs.call(THE_CELL, "RequestJobResponseByJobOrderID", (order_id,), WHO)
        return found, status

    def state(self, order_id: str = "WO-1", machine: str = THE_CELL) -> tuple[JobState, JobSubstate] | None:
        entries = {each.order.id: each for each in self.jobs.view(machine).orders}
        return (entries[order_id].state, entries[order_id].substate) if order_id in entries else None

    async def finish(self) -> None:
        driver = self.floor.machines["printer-1"].driver
        assert driver is not None
        driver.finish()
        await self.cell.engine.pulse()


def play(tmp_path: Path, scenario: Callable[[Mes], Awaitable[None]], most_orders: int = 1000) -> None:
    async def main() -> None:
        floor = ShopFloor()
        floor.product = TAG
        async with floor.daemon(tmp_path) as cell:
            await scenario(Mes(floor, cell, most_orders))

    run_virtual(main())


# ---- an order's life -------------------------------------------------------------------------------------------


def test_an_order_is_stored_started_made_answered_for_and_cleared(tmp_path: Path) -> None:
    async def scenario(mes: Mes) -> None:
        assert await mes.call("Store", ORDER) == NO_ERROR
        assert mes.state() == (JobState.NOT_ALLOWED_TO_START, JobSubstate.WAITING)
        assert await mes.response() == (None, INVALID_STATUS)
        assert await mes.call("Update", replace(ORDER, priority=5)) == NO_ERROR
        assert mes.jobs.view(THE_CELL).orders[0].order.priority == 5
        assert await mes.call("Start") == NO_ERROR
        assert mes.state() == (JobState.RUNNING, JobSubstate.NONE)
        await mes.cell.outside.clock.sleep(60.0)
        assert await mes.call("Pause") == NO_ERROR
        assert mes.state() == (JobState.INTERRUPTED, JobSubstate.HELD)
        assert await mes.call("Resume") == NO_ERROR
        await mes.finish()
        assert mes.state() == (JobState.ENDED, JobSubstate.COMPLETED)
        found, status = await mes.response()
        assert status == NO_ERROR
        assert found is not None
        assert (found.order_id, found.state, found.start_at < found.end_at) == ("WO-1", JobState.ENDED, True)
        assert {each.id: each.value for each in found.data} == {
            "JobResult": 1, "ProducedQuantity": 1, "GoodQuantity": 1, "SerialNumbers": ("tag-A-00001",),
        }  # fmt: skip
        assert mes.jobs.view(THE_CELL).responses == (found,)
        assert await mes.call("Clear") == NO_ERROR
        assert mes.jobs.view(THE_CELL).orders == mes.jobs.view(THE_CELL).responses == ()
        assert await mes.response() == (None, UNKNOWN_ORDER)

    play(tmp_path, scenario)


@pytest.mark.parametrize(("method", "state"), [("Stop", JobState.ENDED), ("Abort", JobState.ABORTED)])
def test_an_order_that_is_broken_off_is_over_when_a_person_has_said_what_became_of_its_part(
    tmp_path: Path, method: str, state: JobState
) -> None:
    async def scenario(mes: Mes) -> None:
        driver = mes.floor.machines["printer-1"].driver
        assert driver is not None
        assert await mes.call("StoreAndStart", ORDER) == NO_ERROR
        assert await mes.call(method) == NO_ERROR
        told = MachineCommand.STOP if method == "Stop" else MachineCommand.ABORT
        assert mes.floor.machines["printer-1"].told[-1] is told
        assert driver.state is (MachineState.STOPPED if method == "Stop" else MachineState.ABORTED)
        assert await mes.call(method) == UNABLE  # It is told so already.
        assert await mes.call("Clear") == INVALID_STATUS

    play(tmp_path, scenario)


def test_the_same_order_again_makes_nothing_twice_and_another_under_its_name_is_not_taken(tmp_path: Path) -> None:
    async def scenario(mes: Mes) -> None:
        for _ in range(2):
            assert await mes.call("StoreAndStart", ORDER) == NO_ERROR
        assert await mes.call("StoreAndStart", replace(ORDER, priority=1)) == UNABLE
        assert len(mes.cell.desk.view().orders) == 1

    play(tmp_path, scenario)


def test_no_more_orders_are_taken_than_the_list_says(tmp_path: Path) -> None:
    async def scenario(mes: Mes) -> None:
        assert mes.jobs.view(THE_CELL).most_orders == 2
        statuses = [await mes.call("Store", replace(ORDER, id=f"WO-{number}")) for number in (1, 2, 3, 2)]
        assert statuses == [NO_ERROR, NO_ERROR, UNABLE, NO_ERROR]
        assert await mes.call("Cancel", "WO-1") == NO_ERROR
        assert await mes.call("Store", replace(ORDER, id="WO-3")) == NO_ERROR

    play(tmp_path, scenario, most_orders=2)


def test_every_method_knows_an_order_by_its_id_and_its_state(tmp_path: Path) -> None:
    async def scenario(mes: Mes) -> None:
        methods = ["Start", "RevokeStart", "Pause", "Resume", "Stop", "Abort", "Cancel", "Clear"]
        assert {await mes.call(each, "WO-9") for each in methods} == {UNKNOWN_ORDER}
        assert await mes.call("Update", replace(ORDER, id="WO-9")) == UNKNOWN_ORDER
        await mes.call("Store", ORDER)
        refused = ["RevokeStart", "Pause", "Resume", "Stop", "Clear"]
        assert {await mes.call(each) for each in refused} == {INVALID_STATUS}
        await mes.call("Start")
        assert {await mes.call(each) for each in ("Start", "Cancel", "Clear")} == {INVALID_STATUS}
        assert await mes.call("Update", ORDER) == INVALID_STATUS

    play(tmp_path, scenario)


def test_responses_are_found_by_state(tmp_path: Path) -> None:
    async def scenario(mes: Mes) -> None:
        for order_id in ("WO-1", "WO-2"):
            await mes.call("StoreAndStart", replace(ORDER, id=order_id))
        await mes.finish()
        ask = "RequestJobResponseByJobOrderState"
        for state, order_ids in ((JobState.ENDED, ["WO-1"]), (JobState.RUNNING, []), (JobState.ABORTED, [])):
            found, status = await mes.jobs.call(THE_CELL, ask, ((state,),), WHO)
            assert ([each.order_id for each in found], status) == (order_ids, NO_ERROR)

    play(tmp_path, scenario)


def test_the_journal_names_the_user_and_an_order_from_elsewhere_is_on_the_list(tmp_path: Path) -> None:
    async def scenario(mes: Mes) -> None:
        await mes.cell.desk.submit(envelope(SubmitOrder("tag", {"text": "EVE"}, release=False)))
        assert mes.state("order-1") == (JobState.NOT_ALLOWED_TO_START, JobSubstate.WAITING)
        assert await mes.call("Start", "order-1") == NO_ERROR
        assert [each.sender for each in mes.floor.log() if hasattr(each, "sender")] == ["ada", WHO]

    play(tmp_path, scenario)


def test_an_unchanged_cell_is_not_shown_anew(tmp_path: Path) -> None:
    async def scenario(mes: Mes) -> None:
        await mes.call("StoreAndStart", ORDER)
        before = mes.jobs.view(THE_CELL)
        assert mes.jobs.view(THE_CELL) is before
        await mes.cell.desk.submit(envelope(SubmitOrder("tag", {"text": "EVE"})))
        after = mes.jobs.view(THE_CELL)
        assert after.responses[0] is before.responses[0]

    play(tmp_path, scenario)


# ---- what a job order says -------------------------------------------------------------------------------------


def ordered(*parameters: JobParameter, **changes: Any) -> JobOrder:
    return replace(ORDER, parameters=(TEXT, *parameters), **changes)


def test_a_job_order_becomes_the_order_that_it_means() -> None:
    order = ordered(
        JobParameter("height_mm", 6.5),
        JobParameter("RunsPlanned", 3),
        JobParameter("CustomerOrderNumbers", ("PO 7", "PO 8")),
        JobParameter("JobName", ("a tag",)),
        JobParameter("JobExecutionMode", 2),
        work_masters=(WorkMaster("tag/A"),),
        priority=9,
        end_at="2030-01-31T13:00:00+01:00",
    )
    wanted = SubmitOrder(
        "tag", {"text": "ADA", "height_mm": 6.5}, "A", 3, 9, "2030-01-31T12:00:00Z", "PO 7, PO 8", False, "WO-1"
    )
    products = [{"name": "tag", "revision": "A", "parameters": {"text": {}, "height_mm": {}}}]
    assert submit(order, products, release=False) == wanted


WRONG = {
    "a text that is too long": (ordered(JobParameter("text", "A" * 9)), INVALID_REQUEST),
    "a number as text": (ordered(JobParameter("height_mm", "8")), INVALID_REQUEST),
    "a number out of range": (ordered(JobParameter("height_mm", 13.0)), INVALID_REQUEST),
    "not a number": (ordered(JobParameter("height_mm", float("nan"))), INVALID_REQUEST),
    "a truth for a number": (ordered(JobParameter("height_mm", True)), INVALID_REQUEST),
    "many texts for one": (replace(ORDER, parameters=(JobParameter("text", ("A", "B")),)), INVALID_REQUEST),
    "a parameter that there is not": (ordered(JobParameter("colour", "red")), INVALID_REQUEST),
    "a parameter twice": (ordered(TEXT), INVALID_REQUEST),
    "no text at all": (replace(ORDER, parameters=()), INVALID_REQUEST),
    "runs that are no number": (ordered(JobParameter("RunsPlanned", "2")), INVALID_REQUEST),
    "fewer than no runs": (ordered(JobParameter("RunsPlanned", -1)), INVALID_REQUEST),
    "too many runs": (ordered(JobParameter("RunsPlanned", 2**31)), INVALID_REQUEST),
    "runs without end": (ordered(JobParameter("RunsPlanned", 0)), UNABLE),
    "no production": (ordered(JobParameter("JobExecutionMode", 0)), UNABLE),
    "a reference of control characters": (ordered(JobParameter("OrderNumbers", ("\x1b[2J",))), INVALID_REQUEST),
    "no id": (ordered(id=""), INVALID_REQUEST),
    "a long id": (ordered(id="W" * 65), INVALID_REQUEST),
    "control characters for an id": (ordered(id="\x1b[2J"), INVALID_REQUEST),
    "no work master": (ordered(work_masters=()), INVALID_REQUEST),
    "two work masters": (ordered(work_masters=(WorkMaster("tag"), WorkMaster("tag/A"))), INVALID_REQUEST),
    "another product": (ordered(work_masters=(WorkMaster("mug"),)), UNABLE),
    "another revision": (ordered(work_masters=(WorkMaster("tag/B"),)), UNABLE),
    "a priority beyond all": (ordered(priority=30000), INVALID_REQUEST),
    "a choice of machines": (ordered(other=("EquipmentRequirements",)), UNABLE),
}


def test_a_job_order_that_cannot_be_taken_is_refused_with_its_bit_and_has_no_effect(tmp_path: Path) -> None:
    async def scenario(mes: Mes) -> None:
        await mes.call("Store", replace(ORDER, id="WO-2"))
        found = {name: await mes.call("StoreAndStart", order) for name, (order, _) in WRONG.items()}
        assert found == {name: status for name, (_, status) in WRONG.items()}
        for name, (order, status) in WRONG.items():
            if order.id == "WO-1":
                assert (await mes.call("Update", replace(order, id="WO-2")), name) == (status, name)
        assert [order.id for order in mes.cell.desk.view().orders] == ["WO-2"]

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("code", "result", "status"),
    [
        ("accepted", {}, 1),
        ("rejected:unknown_target", {}, 2),
        ("rejected:precondition_failed", {"allowed": ["clear"]}, 8),
        ("rejected:precondition_failed", {}, 16),
        ("rejected:id_reused", {}, 16),
        ("rejected:internal", {}, 16),
        ("rejected:invalid", {}, 2**32),
        ("rejected:does_not_fit", {}, 2**32),
    ],
)
def test_return_status_is_a_map_of_bits(code: str, result: dict[str, Any], status: int) -> None:
    assert status_of(Reply(code, "", result)) == status


def test_work_masters_are_the_products_with_what_is_allowed(tmp_path: Path) -> None:
    async def scenario(mes: Mes) -> None:
        (master,) = mes.jobs.view(THE_CELL).work_masters
        assert (master.id, master.description) == ("tag/A", "engrave")
        assert master.parameters == (
            JobParameter("text", "", "what is engraved (1 to 8 characters)"),
            JobParameter("height_mm", 8.0, "4 to 12"),
        )

    play(tmp_path, scenario)


# ---- a machine -------------------------------------------------------------------------------------------------


def test_a_machine_lists_what_it_runs_and_can_be_told_to_pause_it(tmp_path: Path) -> None:
    async def scenario(mes: Mes) -> None:
        tell = "printer-1"
        assert mes.jobs.view(tell).orders == ()
        assert await mes.call("Pause", "op-1", tell) == UNKNOWN_ORDER
        await mes.call("StoreAndStart", ORDER)
        assert mes.state("op-1", tell) == (JobState.RUNNING, JobSubstate.NONE)
        for method in ("Store", "StoreAndStart", "Update"):
            assert await mes.call(method, ORDER, tell) == UNABLE
        assert await mes.call("Resume", "op-1", tell) == INVALID_STATUS
        assert await mes.call("Pause", "op-1", tell) == NO_ERROR
        assert mes.state("op-1", tell) == (JobState.INTERRUPTED, JobSubstate.HELD)
        assert await mes.call("Resume", "op-1", tell) == NO_ERROR
        await mes.finish()
        assert mes.state("op-1", tell) == (JobState.ENDED, JobSubstate.COMPLETED)
        (response,) = mes.jobs.view(tell).responses
        assert {each.id: each.value for each in response.data}["Progress"] == 100
        assert await mes.call("Clear", "op-1", tell) == UNABLE
        assert await mes.call("Stop", "op-1", tell) == INVALID_STATUS

    play(tmp_path, scenario)


def test_a_machine_that_has_lost_its_work_says_that_it_needs_a_person(tmp_path: Path) -> None:
    async def scenario(mes: Mes) -> None:
        await mes.call("StoreAndStart", ORDER)
        assert await mes.call("Abort", "op-1", "printer-1") == NO_ERROR
        driver = mes.floor.machines["printer-1"].driver
        assert driver is not None
        driver.tools.report(OperationEnded("op-1", OperationState.FAILED, "abort was commanded"))
        await mes.cell.engine.pulse()
        assert mes.state("op-1", "printer-1") == (JobState.INTERRUPTED, JobSubstate.NEEDS_CONFIRMATION)
        assert mes.state() == (JobState.INTERRUPTED, JobSubstate.NEEDS_CONFIRMATION)
        assert await mes.call("Resume") == UNABLE
        await mes.cell.desk.submit(envelope(AnswerPrompt("prompt-1", "made")))
        assert mes.state("op-1", "printer-1") == (JobState.ENDED, JobSubstate.COMPLETED)
        assert mes.jobs.view("nobody").orders == ()

    play(tmp_path, scenario)
