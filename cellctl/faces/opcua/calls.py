"""Method calls of clients: found, checked, carried out by who knows jobs, and answered in structures."""

from collections.abc import Sequence
from itertools import product
from typing import Any, Final

import structlog
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes

from cellctl.domain.errors import CellError
from cellctl.faces.opcua import tree
from cellctl.faces.opcua.job_structures import ORDER, STATE, JobStructures
from cellctl.faces.opcua.jobs_port import THE_CELL, Jobs
from cellctl.faces.opcua.space import OWN, Space
from cellctl.faces.opcua.structures import Malformed
from cellctl.faces.opcua.types.table import Argument, Method
from cellctl.faces.opcua.users import Caller

log = structlog.get_logger()

_TEXTS: Final = ua.VariantType.LocalizedText


class _Refused(Exception):
    """The call is answered with this status; `argument` is the one that is wrong, -1 for none."""

    def __init__(self, code: int, argument: int = -1) -> None:
        super().__init__(code)
        self.code = code
        self.argument = argument


class JobCalls:
    """Every job method of every machine. An argument that is wrong is answered before anything is done."""

    def __init__(self, space: Space, jobs: Jobs, machines: Sequence[str]) -> None:
        self._jobs = jobs
        self._structures = JobStructures(space)
        # By object and method; the method may be named by its node below the object, or by that of the type.
        self._known: dict[tuple[ua.NodeId, ua.NodeId], tuple[str, str, Method]] = {}
        every = ((part, method) for part, methods in tree.METHODS.items() for method in methods.values())
        for machine, (part, method) in product((tree.CELL, *machines), every):
            below = f"{OWN}:{machine}.{part}"
            for way in (f"{below}.{method.name}", f"isa95:{method.number}"):
                self._known[space.id(below), space.id(way)] = (machine, part, method)

    async def __call__(self, request: ua.CallMethodRequest, caller: Caller) -> ua.CallMethodResult:
        """Carry out one call."""
        result = ua.CallMethodResult()
        inputs = request.InputArguments or []
        try:
            result.OutputArguments = await self._call(request, inputs, caller)
        except _Refused as refused:
            result.StatusCode = _status(refused.code)
            if refused.argument >= 0:
                result.InputArgumentResults = [
                    _status(StatusCodes.BadTypeMismatch if number == refused.argument else StatusCodes.Good)
                    for number in range(len(inputs))
                ]
        except CellError as broken:
            log.error("opcua.call_failed", why=str(broken))
            result.StatusCode = _status(StatusCodes.BadUnexpectedError)
        return result

    async def _call(self, request: Any, inputs: Sequence[ua.Variant], caller: Caller) -> list[ua.Variant]:
        found = self._known.get((request.ObjectId, request.MethodId))
        if found is None:
            raise _Refused(StatusCodes.BadMethodInvalid)
        machine, part, method = found
        if part == tree.CONTROL and not caller.operator:
            raise _Refused(StatusCodes.BadUserAccessDenied)
        if len(inputs) < len(method.inputs):
            raise _Refused(StatusCodes.BadArgumentsMissing)
        if len(inputs) > len(method.inputs):
            raise _Refused(StatusCodes.BadTooManyArguments)
        arguments = [self._read(number, *pair) for number, pair in enumerate(zip(method.inputs, inputs, strict=True))]
        where = THE_CELL if machine == tree.CELL else machine
        outputs = await self._jobs.call(where, method.name, arguments, f"opcua:{caller.name}")
        return [self._output(*pair) for pair in zip(method.outputs, outputs, strict=True)]

    def _read(self, number: int, wanted: Argument, sent: ua.Variant) -> Any:
        """An argument in plain values."""
        value = sent.Value
        many = isinstance(value, list)
        try:
            if wanted.data_type == "String" and sent.VariantType is ua.VariantType.String and isinstance(value, str):
                return value
            # No comment at all is a comment that says nothing.
            if wanted.data_type == "LocalizedText" and (value is None or (many and sent.VariantType is _TEXTS)):
                return tuple(each.Text or "" for each in value or ())
            kind = f"isa95:{wanted.data_type}"
            if kind == ORDER and not many:
                return self._structures.read_order(value)
            if kind == STATE and (many or value is None):
                return tuple(self._structures.read_state(each) for each in value or ())
        except Malformed:
            pass
        raise _Refused(StatusCodes.BadInvalidArgument, number)

    def _output(self, declared: Argument, value: Any) -> ua.Variant:
        if declared.data_type == "UInt64":
            return ua.Variant(value, ua.VariantType.UInt64)
        kind = ua.VariantType.ExtensionObject
        if declared.rank == 1:
            return ua.Variant([self._structures.response(each) for each in value], kind, is_array=True)
        return ua.Variant(self._structures.response(value), kind)


def _status(code: int) -> ua.StatusCode:
    return ua.StatusCode(ua.UInt32(code))
