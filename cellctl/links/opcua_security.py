"""How a session with a server is protected: our certificate, the server's that was pinned, and who we say we are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from asyncua import ua
from asyncua.client.client import _first_cert_from_chain
from asyncua.crypto import security_policies as policies
from cryptography import x509

from cellctl.links.apart import apart
from cellctl.links.opcua_certificates import Own
from cellctl.links.opcua_keys import Keys, NotAdmitted, fingerprint, not_the_pinned
from cellctl.links.opcua_wire import BoundedClient
from cellctl.ports.nodes import NodeAccess

POLICIES: Final[Mapping[str, Any]] = {
    "Basic256Sha256": policies.SecurityPolicyBasic256Sha256,
    "Aes128Sha256RsaOaep": policies.SecurityPolicyAes128Sha256RsaOaep,
    "Aes256Sha256RsaPss": policies.SecurityPolicyAes256Sha256RsaPss,
}
_INSECURE_URI: Final = "urn:cellctl"
_SIGNED_AND_ENCRYPTED: Final = ua.MessageSecurityMode.SignAndEncrypt

log = structlog.get_logger()


def admission(machine: str, access: NodeAccess, keys: Keys | None) -> "Admission":
    """What to show to this server. Raises NotAdmitted for what a person must put right first."""
    password = _password(machine, access, keys) if access.password_file else ""
    if access.insecure:
        return Admission(machine, access, password)
    if access.policy not in POLICIES:
        what = f"policy {access.policy!r} is none of {', '.join(POLICIES)}"
        raise NotAdmitted(machine, what, do_next=f"Correct it in [machines.{machine}]")
    if keys is None:
        what = "there is no state folder for certificates here"
        raise NotAdmitted(
            machine, what, do_next=f"Run cellctl with --state; or insecure = true in [machines.{machine}]"
        )
    try:
        pinned = keys.pinned(machine)
    except OSError as error:
        raise NotAdmitted(machine, f"its pinned certificate cannot be read: {error}", do_next="Look there") from None
    if pinned is None:
        what = f"no certificate of {access.url} is pinned"
        remedy = f"Look at it and pin it: cellctl opcua trust {machine}. Where nobody else reaches this network"
        raise NotAdmitted(machine, what, do_next=f"{remedy}: insecure = true in [machines.{machine}]")
    return SecureAdmission(machine, access, password, keys, pinned)


def _password(machine: str, access: NodeAccess, keys: Keys | None) -> str:
    if keys is None:
        raise NotAdmitted(machine, "there is no folder of credentials here", do_next="Run cellctl with a cell file")
    try:
        return keys.password(access.password_file)
    except (OSError, UnicodeDecodeError) as error:
        what = f"password_file {keys.credentials / access.password_file} cannot be read ({error})"
        raise NotAdmitted(machine, what, do_next="Put the password there, or name another file") from None


@dataclass(frozen=True, slots=True)
class Admission:
    """What a client needs to be let in without any protection."""

    machine: str
    access: NodeAccess
    password: str

    async def apply(self, client: BoundedClient) -> None:
        """Make a client show it."""
        client.application_uri = _INSECURE_URI
        self.log_in(client)

    def log_in(self, client: BoundedClient) -> None:
        """Say who we are."""
        if self.access.user:
            client.set_user(self.access.user)
            client.set_password(self.password)

    def look_at_dates(self) -> None:
        """Warn of what ends soon. To be called daily."""


@dataclass(frozen=True, slots=True)
class SecureAdmission(Admission):
    """What a client needs to be let in, signed and encrypted; and what the server must show."""

    keys: Keys
    pinned: bytes

    async def apply(self, client: BoundedClient) -> None:
        """Compare what the server shows now with what is pinned, and make the client show ours. Raises NotAdmitted."""
        own = await self._own()
        policy = POLICIES[self.access.policy]
        asking = BoundedClient(self.access.url, self.access.call_timeout_s, self.access.call_timeout_s)
        endpoints = await asking.connect_and_get_server_endpoints()
        self._compare([certificate_of(each) for each in endpoints])
        self._check_offer(endpoints, policy.URI)
        server = x509.load_der_x509_certificate(self.pinned)
        client.application_uri = own.application_uri
        client.security_policy = policy(server, own.certificate, own.key, _SIGNED_AND_ENCRYPTED)
        client.uaclient.set_security(client.security_policy)
        self._warn()
        self.log_in(client)

    def look_at_dates(self) -> None:
        """Warn of what ends soon. To be called daily."""
        self._warn()

    async def _own(self) -> Own:
        try:
            # To make a key takes a good part of a second, and to read one takes a while too.
            if (kept := self.keys.kept) is not None:
                return kept
            return await apart(self.keys.own, "certificate")
        except (OSError, ValueError) as error:
            what = f"our own certificate cannot be used: {error}"
            raise NotAdmitted(self.machine, what, do_next=f"Look into {self.keys.own_certificate.parent}") from None

    def _compare(self, shown: list[bytes]) -> None:
        others = {each for each in shown if each and each != self.pinned}
        if self.pinned in shown or not others:
            return
        now = ", ".join(sorted(fingerprint(each) for each in others))
        raise not_the_pinned(self.machine, self.access.url, now, fingerprint(self.pinned))

    def _check_offer(self, endpoints: list[ua.EndpointDescription], uri: str) -> None:
        if any(each.SecurityPolicyUri == uri and each.SecurityMode == _SIGNED_AND_ENCRYPTED for each in endpoints):
            return
        offers = sorted({spell_endpoint(each) for each in endpoints})
        what = f"{self.access.url} does not offer {self.access.policy} with SignAndEncrypt, but {', '.join(offers)}"
        remedy = f"Switch it on in the controller, or set policy in [machines.{self.machine}]"
        raise NotAdmitted(self.machine, what, do_next=remedy)

    def _warn(self) -> None:
        # Every controller must be told the new one, so it is not made behind anybody's back.
        for notice in self.keys.notices():
            log.warning("opcua.certificate", machine=self.machine, what=notice)


def certificate_of(endpoint: ua.EndpointDescription) -> bytes:
    """What the server shows at this endpoint (DER), without the chain behind it; empty: nothing."""
    chain = bytes(endpoint.ServerCertificate or b"")
    return _first_cert_from_chain(chain) if chain else b""


def spell_endpoint(endpoint: ua.EndpointDescription) -> str:
    """Policy and mode: "Basic256Sha256 SignAndEncrypt"."""
    policy = str(endpoint.SecurityPolicyUri or "").rpartition("#")[2]
    mode = ua.MessageSecurityMode(endpoint.SecurityMode).name.rstrip("_")
    return policy if policy == "None" else f"{policy} {mode}"
