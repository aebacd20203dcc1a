"""The services of one session: values heard, written, and methods called."""

from collections.abc import Sequence
from typing import Any, Final

import structlog
from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds

from cellctl.domain.errors import MachineFault
from cellctl.links.node_ways import spell
from cellctl.links.opcua_browse import read_limits
from cellctl.links.opcua_ear import Ear
from cellctl.links.opcua_model import Model, Variable, reading
from cellctl.links.opcua_values import Names, Unfit, plain_variant
from cellctl.links.opcua_wire import BoundedClient
from cellctl.ports.nodes import NodePath, NodeRef

_SAMPLE_MS: Final = 50.0
_KEEPALIVE_MS: Final = 2_500  # without a change until the server says that it is still there
_LIFETIME_MS: Final = 30_000  # without us until the server forgets the subscription
_SILENT_TIMES: Final = 3  # keep-alives that do not come
_LONGEST_SILENCE_S: Final = 60.0
_QUEUE: Final = 10  # changes of one variable that one notification can hold
_MUCH_SLOWER: Final = 2.0

log = structlog.get_logger()


async def open_session(machine: str, client: BoundedClient, ear: Ear, publish_ms: float) -> "Session":
    """Read what a session needs to know, and subscribe, so far to nothing."""
    services = client.session
    names = Names([str(uri) for uri in await client.get_namespace_array()])
    batches = await read_limits(services)
    model = Model(machine, services, names, batches)
    ear.understand(names, model.types.decode)
    services.published, services.ended = ear.published, ear.lose
    parameters = ua.CreateSubscriptionParameters()
    parameters.RequestedPublishingInterval = publish_ms
    keepalives = max(1, round(_KEEPALIVE_MS / publish_ms))
    parameters.RequestedMaxKeepAliveCount = ua.Counter(keepalives)
    parameters.RequestedLifetimeCount = ua.Counter(max(3 * keepalives, round(_LIFETIME_MS / publish_ms)))
    parameters.PublishingEnabled = True
    revised = await services.create_subscription(parameters, ear.published)
    revised_ms = revised.RevisedPublishingInterval
    if revised_ms > _MUCH_SLOWER * publish_ms:
        log.info("opcua.publishes_slowly", machine=machine, asked_ms=publish_ms, revised_ms=revised_ms)
    keepalive_s = max(revised_ms, 1.0) * max(1, revised.RevisedMaxKeepAliveCount) / 1000
    ear.watch(min(_SILENT_TIMES * keepalive_s, _LONGEST_SILENCE_S), max(revised_ms, 1.0) / 1000)
    return Session(machine, client, ear, model, names, int(revised.SubscriptionId))


class Session:
    """One session from its first request on. Node ids are found by name and kept for this session only."""

    def __init__(
        self, machine: str, client: BoundedClient, ear: Ear, model: Model, names: Names, subscription: int
    ) -> None:
        self._ear = ear
        self.model = model
        self._machine = machine
        self._services = client.session
        self._names = names
        self._subscription = subscription

    async def subscribe(self, refs: Sequence[NodeRef]) -> None:
        """Hear present values, and from now on all changes. Raises MachineFault or UaStatusCodeError."""
        await self.model.learn_variables(refs)
        values = await self.model.batches.each(self.model.batches.read, refs, self._read)
        for ref, value in zip(refs, values, strict=True):
            self._ear.hear(ref, value)
        heard = set(self._ear.refs)
        new = [ref for ref in dict.fromkeys(refs) if ref not in heard]
        results = await self.model.batches.each(self.model.batches.monitor, new, self._monitor)
        self._check_watched(new, results)
        sampled_ms = max((result.RevisedSamplingInterval for result in results), default=0.0)
        if sampled_ms > _MUCH_SLOWER * _SAMPLE_MS:
            log.info("opcua.samples_slowly", machine=self._machine, asked_ms=_SAMPLE_MS, revised_ms=sampled_ms)

    def _check_watched(self, refs: Sequence[NodeRef], results: Sequence[ua.MonitoredItemCreateResult]) -> None:
        refused = [
            f"{spell(ref.path)} ({result.StatusCode.name})"
            for ref, result in zip(refs, results, strict=True)
            if not result.StatusCode.is_good()
        ]
        if refused:
            what = f"its server refuses to watch {', '.join(refused)}"
            raise MachineFault(self._machine, what, do_next="Look the status up in the controller's manual")

    async def write(self, ref: NodeRef, value: Any) -> None:
        """Write in the variable's own type. Raises MachineFault for a value that it does not take."""
        await self.model.learn_variables([ref])
        variable = self.model.variables[ref]
        if ref.index and not variable.ranged:
            what = f"its server does not know IndexRange: {spell(ref.path)} can only be written as a whole"
            raise MachineFault(self._machine, what, do_next="Use a variable of its own for this, or write all of it")
        try:
            one = [value] if ref.index and ":" not in ref.index else value
            variant = self.model.types.variant(one, variable.data_type, variable.kind)
        except Unfit as unfit:
            what = f"{spell(ref.path)} does not take this value: {unfit}"
            raise MachineFault(self._machine, what, do_next="Compare the profile with the variable's type") from None
        request = ua.WriteValue()
        request.NodeId, request.AttributeId, request.IndexRange = variable.node, AttributeIds.Value, ref.index or None
        # Many controllers refuse a write that brings a status or timestamps.
        request.Value = ua.DataValue(variant, StatusCode=None)
        parameters = ua.WriteParameters()
        parameters.NodesToWrite = [request]
        [status] = await self._services.write(parameters)
        if status.is_bad():
            status.check()

    async def call(self, path: NodePath, arguments: Sequence[Any]) -> tuple[Any, ...]:
        """Call a method; its outputs. Raises MachineFault for arguments that it does not take."""
        await self.model.learn_methods([path])
        method = self.model.methods[path]
        request = ua.CallMethodRequest()
        request.ObjectId, request.MethodId = method.owner, method.node
        request.InputArguments = self.model.arguments(path, arguments)
        [result] = await self._services.call([request])
        if result.StatusCode.is_bad():
            result.StatusCode.check()
        return tuple(
            plain_variant(output, self._names, self.model.types.decode) for output in result.OutputArguments or ()
        )

    async def _read(self, refs: list[NodeRef]) -> list[ua.DataValue]:
        known = [self.model.variables[ref] for ref in refs]
        return await self._services.read(
            reading([(each.node, ref.index if each.ranged else "") for ref, each in zip(refs, known, strict=True)])
        )

    async def _monitor(self, refs: list[NodeRef]) -> list[ua.MonitoredItemCreateResult]:
        parameters = ua.CreateMonitoredItemsParameters()
        parameters.SubscriptionId = ua.IntegerId(self._subscription)
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Neither
        first = len(self._ear.refs)
        self._ear.refs += refs
        parameters.ItemsToCreate = [
            _monitored(self.model.variables[ref], ref.index, handle) for handle, ref in enumerate(refs, start=first)
        ]
        return await self._services.create_monitored_items(parameters)


def _monitored(variable: Variable, index: str, handle: int) -> ua.MonitoredItemCreateRequest:
    request = ua.MonitoredItemCreateRequest()
    request.ItemToMonitor.NodeId = variable.node
    request.ItemToMonitor.AttributeId = AttributeIds.Value
    if variable.ranged:
        request.ItemToMonitor.IndexRange = ua.String(index)
    request.MonitoringMode = ua.MonitoringMode.Reporting
    request.RequestedParameters.ClientHandle = ua.IntegerId(handle)
    request.RequestedParameters.SamplingInterval = _SAMPLE_MS
    request.RequestedParameters.QueueSize = ua.Counter(_QUEUE)
    request.RequestedParameters.DiscardOldest = True
    return request
