"""The cell as an OPC UA server, as clients find it over loopback. One server for all of these tests."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from asyncua import Client, ua

from cellctl.domain.job import JobState, JobSubstate
from cellctl.domain.link import LinkQuality
from cellctl.faces.opcua.jobs_port import THE_CELL, JobOrder, JobsView, WorkMaster
from tests.faces.desk import BUSY_CELL
from tests.faces.opcua_room import Served, Visitor, entry, response

BLOCKS = "machinery:MachineryBuildingBlocks"


@pytest.fixture(scope="module")
def cell() -> Iterator[Served]:
    with Served() as served:
        yield served


@pytest.fixture(autouse=True)
def as_it_was(cell: Served) -> None:
    cell.jobs.views = {}
    cell.jobs.calls = []
    cell.play(cell.desk.reset)


def test_machines_are_found_where_the_standard_puts_them(cell: Served) -> None:
    async def look(visitor: Visitor) -> None:
        names = {(await each.read_browse_name()).Name for each in await (await visitor.at()).get_children()}
        assert names == {"nameplate", "printer-1", "printer-2", "router-1", "arm-1", "bench-1"}
        identification = await visitor.at("own:printer-1", "di:Identification")
        assert await identification.read_type_definition() == visitor.id("machinery:1012")
        assert (await visitor.read("own:printer-1", "di:Identification", "di:Manufacturer")).Text == "Prusa"
        assert await visitor.read("own:printer-1", "di:Identification", "di:SerialNumber") == "SN-printer-1"
        blocks = await visitor.at("own:printer-1", BLOCKS)
        add_ins = {(await each.read_browse_name()).Name for each in await blocks.get_referenced_nodes(17604)}
        assert add_ins == {"Identification", "MachineryItemState", "MachineryOperationMode", "JobManagement"}

    cell.visit(look)


def test_what_the_standard_makes_mandatory_is_there_and_not_empty(cell: Served) -> None:
    async def look(visitor: Visitor) -> None:
        for name in ("nameplate", "router-1"):
            for part in ("Manufacturer", "SerialNumber", "ProductInstanceUri"):
                found = await visitor.read(f"own:{name}", "di:Identification", f"di:{part}")
                assert found.Text if isinstance(found, ua.LocalizedText) else found

    cell.visit(look)


@pytest.mark.parametrize(
    ("machine", "state", "number", "mode"),
    [
        ("printer-1", "Executing", 3, "Processing"),
        ("printer-2", "NotAvailable", 0, "None"),
        ("router-1", "OutOfService", 1, "None"),
        ("arm-1", "NotExecuting", 2, "None"),
        ("nameplate", "Executing", 3, "Processing"),
    ],
)
def test_item_state_and_operation_mode_name_states_of_the_type(
    cell: Served, machine: str, state: str, number: int, mode: str
) -> None:
    async def look(visitor: Visitor) -> None:
        current = await visitor.at(f"own:{machine}", BLOCKS, "machinery:MachineryItemState", "ua:CurrentState")
        assert (await current.read_value()).Text == state
        assert await (await current.get_child("0:Number")).read_value() == number
        meant = visitor.client.get_node(await (await current.get_child("0:Id")).read_value())
        assert (await meant.read_browse_name()).Name == state
        way = (f"own:{machine}", BLOCKS, "machinery:MachineryOperationMode", "ua:CurrentState")
        assert (await visitor.read(*way)).Text == mode

    cell.visit(look)


def test_a_change_of_state_tells_the_transition(cell: Served) -> None:
    async def look(visitor: Visitor) -> None:
        cell.play(lambda: cell.desk.machine("printer-1", state="HELD"))
        await visitor.soon("printer-1.MachineryItemState.CurrentState.Number", 2)
        last = "printer-1.MachineryItemState.LastTransition"
        assert (await visitor.part(last)).Value.Value.Text == "FromExecutingToNotExecuting"
        meant = visitor.client.get_node((await visitor.part(f"{last}.Id")).Value.Value)
        assert (await meant.read_browse_name()).Name == "FromExecutingToNotExecuting"

    cell.visit(look)


def test_packml_shows_which_state_machine_is_active(cell: Served) -> None:
    async def look(visitor: Visitor) -> None:
        assert (await visitor.part("printer-1.PackML.StateCurrent")).Value.Value == 6
        assert (await visitor.part("printer-1.PackML.UnitModeCurrent")).Value.Value == 1
        way = ("own:printer-1", "own:PackML", "packml:BaseStateMachine")
        assert (await visitor.read(*way, "ua:CurrentState")).Text == "Cleared"
        assert (await visitor.read(*way, "packml:MachineState", "ua:CurrentState")).Text == "Running"
        inner = (*way, "packml:MachineState", "packml:ExecuteState", "ua:CurrentState")
        assert (await visitor.read(*inner)).Text == "Execute"
        router = await visitor.part("router-1.ExecuteState.CurrentState")
        assert router.StatusCode.name == "BadStateNotActive"
        assert (await visitor.part("router-1.BaseStateMachine.CurrentState")).Value.Value.Text == "Aborted"
        assert (await visitor.part("printer-2.PackML.StateCurrent")).StatusCode.name == "BadNoDataAvailable"

    cell.visit(look)


def test_a_machine_that_is_not_heard_keeps_its_state_as_the_last_that_was_known(cell: Served) -> None:
    async def look(visitor: Visitor) -> None:
        cell.play(lambda: cell.desk.machine("printer-1", contact="lost", reason="no byte heard"))
        await visitor.soon("printer-1.Contact", "lost")
        state = await visitor.part("printer-1.PackML.StateCurrent")
        assert (state.Value.Value, state.StatusCode.name) == (6, "UncertainLastUsableValue")
        assert (await visitor.part("printer-1.MachineryItemState.CurrentState")).Value.Value.Text == "NotAvailable"

    cell.visit(look)


def test_progress_and_link_are_below_the_cells_own_names(cell: Served) -> None:
    async def look(visitor: Visitor) -> None:
        assert (await visitor.part("printer-1.Progress.Executed")).Value.Value == 400
        assert (await visitor.part("printer-1.Link.Lines")).StatusCode.name == "BadNoDataAvailable"
        cell.play(lambda: cell.desk.machine("printer-1", link=LinkQuality(lines=300, resends=2)))
        await visitor.soon("printer-1.Link.Resends", 2)
        assert (await visitor.part("Cell.Alarms")).Value.Value == list(BUSY_CELL.alarms)

    cell.visit(look)


def test_a_change_is_heard_once_and_what_has_not_changed_is_not(cell: Served) -> None:
    heard: list[tuple[str, Any]] = []

    class Ear:
        async def datachange_notification(self, node: Any, value: Any, _data: Any) -> None:
            heard.append((node.nodeid.Identifier, value))

    async def look(visitor: Visitor) -> None:
        subscription = await visitor.client.create_subscription(50, Ear())
        parts = ("printer-1.Reason", "printer-1.Step", "router-1.Reason")
        await subscription.subscribe_data_change([visitor.client.get_node(visitor.id(f"own:{part}")) for part in parts])
        await asyncio.sleep(0.2)
        heard.clear()
        cell.play(lambda: cell.desk.machine("printer-1", reason="filament"), cell.desk.show)
        for _ in range(100):
            if heard:
                break
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        await subscription.delete()

    cell.visit(look)
    assert heard == [("printer-1.Reason", "filament")]


def test_job_lists_are_read_as_the_structures_of_the_standard(cell: Served) -> None:
    async def look(visitor: Visitor) -> None:
        await visitor.client.load_data_type_definitions()
        cell.jobs.views = {
            "printer-1": JobsView(
                (entry("order-1", JobState.INTERRUPTED, JobSubstate.NEEDS_CONFIRMATION),),
                (response("order-1"),),
                (WorkMaster("nameplate"),),
                most_orders=100,
            )
        }
        cell.play(cell.desk.show)
        await visitor.soon("printer-1.JobOrderControl.MaxDownloadableJobOrders", 100)
        way = ("own:printer-1", BLOCKS, "jobs:JobManagement")
        (line,) = await visitor.read(*way, "jobs:JobOrderControl", "isa95:JobOrderList")
        assert line.JobOrder.JobOrderID == "order-1"
        assert line.JobOrder.WorkMasterID[0].ID == "nameplate"
        assert {each.ID: each.Value.Value for each in line.JobOrder.JobOrderParameters} == {
            "text": "ADA", "height_mm": 8.5, "copies": 2,
        }  # fmt: skip
        assert [(each.StateText.Text, each.StateNumber) for each in line.State] == [("Interrupted", 4), ("Held", 1)]
        assert not line.State[0].BrowsePath.Elements
        assert line.State[1].BrowsePath.Elements[0].TargetName.Name == "InterruptedSubstates"
        (result,) = await visitor.read(*way, "jobs:JobOrderResults", "isa95:JobOrderResponseList")
        assert [each.Value.Value for each in result.JobResponseData] == [["A-1", "A-2"], True]
        (master,) = await visitor.read(*way, "jobs:JobOrderControl", "isa95:WorkMaster")
        assert master.ID == "nameplate"

    cell.visit(look)


async def jobs_of(visitor: Visitor, machine: str = "nameplate") -> tuple[Any, Any]:
    way = (f"own:{machine}", BLOCKS, "jobs:JobManagement")
    return await visitor.at(*way, "jobs:JobOrderControl"), await visitor.at(*way, "jobs:JobOrderResults")


def test_a_job_order_arrives_in_plain_values_with_who_sent_it(cell: Served) -> None:
    async def look(visitor: Visitor) -> None:
        # asyncua keeps the classes for the whole process, and names only those that are new.
        await visitor.client.load_data_type_definitions()
        kinds: Any = ua
        control, _ = await jobs_of(visitor)
        parameter = kinds.ISA95ParameterDataType(ID="text", Value=ua.Variant("ADA"))
        order = kinds.ISA95JobOrderDataType(
            JobOrderID="mes-1",
            Priority=7,
            JobOrderParameters=[parameter],
            MaterialRequirements=[kinds.ISA95MaterialDataType(MaterialClassID="PLA")],
        )
        status = await control.call_method(f"{visitor.index('isa95')}:StoreAndStart", order, [ua.LocalizedText("soon")])
        assert status == 1

    cell.visit(look)
    ((machine, method, (order, comment), user),) = cell.jobs.calls
    assert (machine, method, comment, user) == (THE_CELL, "StoreAndStart", ("soon",), "opcua:anonymous")
    assert isinstance(order, JobOrder)
    assert (order.id, order.priority, order.parameters[0].value) == ("mes-1", 7, "ADA")
    assert order.other == ("MaterialRequirements",)


def test_a_method_may_be_named_by_its_node_in_the_type(cell: Served) -> None:
    async def look(visitor: Visitor) -> None:
        control, results = await jobs_of(visitor, "printer-1")
        comment = ua.Variant([], ua.VariantType.LocalizedText, is_array=True)
        assert await control.call_method(visitor.id("isa95:7007"), "order-1", comment) == 1
        await visitor.client.load_data_type_definitions()
        found, status = await results.call_method(visitor.id("isa95:7002"), "order-1")
        assert (found.JobOrderID, status) == ("order-1", 1)
        nothing, _ = await results.call_method(visitor.id("isa95:7002"), "order-9")
        assert not nothing.JobOrderID

    cell.visit(look)
    assert cell.jobs.calls[0][:3] == ("printer-1", "Pause", ("order-1", ()))


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ([], "BadArgumentsMissing"),
        (["order-1"], "BadArgumentsMissing"),
        (["order-1", None, "more"], "BadTooManyArguments"),
        ([ua.Variant(7, ua.VariantType.Int32), None], "BadInvalidArgument"),
        (["order-1", "not a list of texts"], "BadInvalidArgument"),
        ([["order-1"], None], "BadInvalidArgument"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_done(cell: Served, arguments: list[Any], status: str) -> None:
    async def look(visitor: Visitor) -> None:
        control, _ = await jobs_of(visitor)
        request = ua.CallMethodRequest(control.nodeid, visitor.id("isa95:7005"))
        request.InputArguments = [each if isinstance(each, ua.Variant) else ua.Variant(each) for each in arguments]
        (result,) = await visitor.client.uaclient.call([request])
        assert result.StatusCode.name == status
        if status == "BadInvalidArgument":
            assert "BadTypeMismatch" in [each.name for each in result.InputArgumentResults]

    cell.visit(look)
    assert not cell.jobs.calls


def test_a_structure_that_is_none_is_refused(cell: Served) -> None:
    async def look(visitor: Visitor) -> None:
        control, _ = await jobs_of(visitor)
        for body in (b"", b"\xff" * 40, b"\x00" * 3):
            request = ua.CallMethodRequest(control.nodeid, visitor.id("isa95:7001"))
            broken = ua.ExtensionObject(TypeId=visitor.id("isa95:5014"), Body=body)
            request.InputArguments = [ua.Variant(broken, ua.VariantType.ExtensionObject), ua.Variant(None)]
            (result,) = await visitor.client.uaclient.call([request])
            assert result.StatusCode.name == "BadInvalidArgument"

    cell.visit(look)
    assert not cell.jobs.calls


@pytest.mark.parametrize("where", ["server", "control"])
def test_a_job_in_another_state_is_an_event(cell: Served, where: str) -> None:
    heard: list[Any] = []

    class Ear:
        async def event_notification(self, event: Any) -> None:
            heard.append(event)

    async def look(visitor: Visitor) -> None:
        await visitor.client.load_data_type_definitions()
        control, _ = await jobs_of(visitor)
        source = visitor.client.nodes.server if where == "server" else control
        subscription = await visitor.client.create_subscription(50, Ear())
        await subscription.subscribe_events(source, visitor.id("isa95:1006"))
        for state in (JobState.ALLOWED_TO_START, JobState.RUNNING):
            cell.jobs.views = {THE_CELL: JobsView((entry("order-1", state),), (response("order-1"),))}
            cell.play(cell.desk.show)
            for _ in range(100):
                if heard and heard[-1].JobState[0].StateNumber == int(state):
                    break
                await asyncio.sleep(0.02)
        await subscription.delete()

    cell.visit(look)
    assert [event.JobState[0].StateNumber for event in heard] == [2, 3]
    assert heard[0].JobOrder.JobOrderID == "order-1"
    assert heard[0].JobResponse.JobResponseID == "r-1"


def test_generic_clients_find_structures_defined_with_their_encodings(cell: Served) -> None:
    async def look(visitor: Visitor) -> None:
        kind = visitor.client.get_node(visitor.id("isa95:3008"))
        assert (await kind.read_attribute(ua.AttributeIds.IsAbstract)).Value.Value is False
        definition = await kind.read_data_type_definition()
        assert [field.Name for field in definition.Fields][:3] == ["JobOrderID", "Description", "WorkMasterID"]
        (encoding,) = await kind.get_referenced_nodes(ua.ObjectIds.HasEncoding)
        assert (encoding.nodeid, (await encoding.read_browse_name()).Name) == (
            visitor.id("isa95:5014"),
            "Default Binary",
        )

    cell.visit(look)


def test_nothing_can_be_written_added_or_taken_away(cell: Served) -> None:
    async def look(visitor: Visitor) -> None:
        node = visitor.client.get_node(visitor.id("own:printer-1.Reason"))
        objects = visitor.client.nodes.objects
        for attempt in (
            lambda: node.write_value("fine"),
            lambda: objects.add_folder(visitor.index("own"), "mine"),
            lambda: visitor.client.delete_nodes([node]),
            lambda: node.read_raw_history(None, None, 1),
        ):
            with pytest.raises(ua.UaError, match=r"BadServiceUnsupported|BadUserAccessDenied"):
                await attempt()

    cell.visit(look)


def test_nobody_touches_a_subscription_of_somebody_else(cell: Served) -> None:
    async def look(visitor: Visitor) -> None:
        class Ear:
            async def datachange_notification(self, *_: Any) -> None:
                pass

        subscription = await visitor.client.create_subscription(50, Ear())
        async with Client(cell.url) as other:
            (result,) = await other.uaclient.delete_subscriptions([subscription.subscription_id])
            assert result.name == "BadSubscriptionIdInvalid"
        await subscription.subscribe_data_change(visitor.client.get_node(visitor.id("own:printer-1.Reason")))
        await subscription.delete()

    cell.visit(look)


def test_what_is_no_longer_there_cannot_be_published_again(cell: Served) -> None:
    async def look(visitor: Visitor) -> None:
        class Ear:
            async def datachange_notification(self, *_: Any) -> None:
                pass

        subscription = await visitor.client.create_subscription(50, Ear())
        with pytest.raises(ua.uaerrors.BadMessageNotAvailable):
            await visitor.client.uaclient.session.republish(subscription.subscription_id, 999)
        await subscription.delete()

    cell.visit(look)


def test_limits_hold_for_intervals_sessions_items_and_requests(cell: Served) -> None:
    async def look(visitor: Visitor) -> None:
        class Ear:
            async def datachange_notification(self, *_: Any) -> None:
                pass

        subscription = await visitor.client.create_subscription(1, Ear())
        assert subscription.data.RevisedPublishingInterval == 50.0 if hasattr(subscription, "data") else True
        node = visitor.client.get_node(visitor.id("own:printer-1.Reason"))
        with pytest.raises(ua.UaError):
            await subscription.subscribe_data_change([node] * 4)
        with pytest.raises(ua.UaError):
            await visitor.client.read_values([node] * 101)
        await subscription.delete()
        for _ in range(10):
            await visitor.client.create_subscription(50, Ear())
        with pytest.raises(ua.uaerrors.BadTooManySubscriptions):
            await visitor.client.create_subscription(50, Ear())

    cell.visit(look)


def test_a_twentieth_first_client_waits_outside(cell: Served) -> None:
    async def crowd() -> None:
        writers = [await asyncio.open_connection("127.0.0.1", cell.face.port) for _ in range(21)]
        reader, writer = writers[-1]
        assert await asyncio.wait_for(reader.read(1), 5.0) == b""
        for _, writer in writers:
            writer.close()

    asyncio.run(crowd())


def test_the_view_may_have_a_machine_with_nothing_known(cell: Served) -> None:
    async def look(visitor: Visitor) -> None:
        nothing = replace(BUSY_CELL.machines[0], state="", contact="never", operation_id="", job_id="")
        cell.play(lambda: cell.desk.show(machines=(nothing, *BUSY_CELL.machines[1:])))
        await visitor.soon("printer-1.Contact", "never")
        assert (await visitor.part("printer-1.PackML.UnitModeCurrent")).Value.Value == 0

    cell.visit(look)
