"""The boundary to asyncua: whatever it raises becomes LinkLost (nobody knows) or MachineFault (the server refused)."""

import contextlib
import struct
from collections.abc import Iterator
from typing import Final

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors._base import UaError, UaStatusCodeError
from cryptography.exceptions import InvalidSignature

from cellctl.domain.errors import LinkLost, MachineFault

# All that decoding a hostile answer can raise, besides what the network can.
STACK_ERRORS: Final = (
    OSError, UaError, InvalidSignature, ValueError, TypeError, LookupError, AttributeError, ArithmeticError,
    RecursionError, struct.error,
    AssertionError,  # its own, of what a server has sent
)  # fmt: skip

# With these the server has not refused: whether it did anything is unknown.
_OUTCOME_UNKNOWN: Final = frozenset(
    {
        StatusCodes.BadCommunicationError, StatusCodes.BadConnectionClosed,
        StatusCodes.BadConnectionRejected, StatusCodes.BadDisconnect, StatusCodes.BadNoCommunication,
        StatusCodes.BadRequestInterrupted, StatusCodes.BadRequestTimeout,
        StatusCodes.BadSecureChannelClosed, StatusCodes.BadSecureChannelIdInvalid,
        StatusCodes.BadServerHalted, StatusCodes.BadSessionClosed, StatusCodes.BadSessionIdInvalid,
        StatusCodes.BadShutdown, StatusCodes.BadTimeout,
    }
)  # fmt: skip

_OUR_CERTIFICATE: Final = (
    "Let the controller trust our certificate (state/opcua/own/cellctl.der; it is in the controller's rejected folder)"
)
_CHECK: Final = "Check network and controller"
# What asyncua says where no endpoint goes without protection.
_REMEDY_BY_TEXT: Final = {
    "No matching endpoints: 1, http://opcfoundation.org/UA/SecurityPolicy#None": "It speaks with nobody without "
    "protection: put it into a cell file without insecure, then: cellctl opcua trust MACHINE"
}
_LOG_IN: Final = "Check user and password_file of this machine, and the rights of this user in the controller"
_SEATS: Final = (
    "All its seats are taken: end other clients; the seat of one that was killed is free when its session times out"
)
_REMEDIES: Final = {
    StatusCodes.BadTooManySessions: _SEATS,
    StatusCodes.BadMaxConnectionsReached: _SEATS,
    StatusCodes.BadCertificateUntrusted: _OUR_CERTIFICATE,
    StatusCodes.BadSecurityChecksFailed: _OUR_CERTIFICATE,
    StatusCodes.BadCertificateInvalid: _OUR_CERTIFICATE,
    StatusCodes.BadCertificateTimeInvalid: "Compare the clocks of the controller and of this computer",
    StatusCodes.BadIdentityTokenInvalid: _LOG_IN,
    StatusCodes.BadIdentityTokenRejected: _LOG_IN,
    StatusCodes.BadUserAccessDenied: _LOG_IN,
    StatusCodes.BadTypeMismatch: "Compare the type in the profile with the variable's",
    StatusCodes.BadNotWritable: "Let the controller allow writing, or use another variable",
    StatusCodes.BadInvalidArgument: "Compare the arguments in the profile with the method's",
}


def status_name(code: int) -> str:
    """A StatusCode by its name, or as a number if it has none."""
    return ua.StatusCode(ua.UInt32(code)).name


@contextlib.contextmanager
def errors_as_ours(machine: str, what: str) -> Iterator[None]:
    """Raises LinkLost or MachineFault for whatever asyncua raises for this request."""
    try:
        yield
    except UaStatusCodeError as bad:
        code = bad.code & 0xFFFF_0000
        if code in _OUTCOME_UNKNOWN:
            raise LinkLost(machine, f"could not {what}: {status_name(code)}", do_next="Check the controller") from bad
        remedy = _REMEDIES.get(code, "Look the status up in the controller's manual")
        raise MachineFault(machine, f"its server refuses to {what}: {status_name(code)}", do_next=remedy) from bad
    except TimeoutError as late:
        reason = f"no answer in time to: {what}"
        raise LinkLost(machine, reason, do_next=_CHECK) from late
    except STACK_ERRORS as broken:
        reason = f"could not {what}: {broken or type(broken).__name__}"
        raise LinkLost(machine, reason, do_next=_REMEDY_BY_TEXT.get(str(broken), _CHECK)) from broken
