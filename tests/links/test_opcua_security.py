"""Protected sessions with a real asyncua server: keys, pins, users, and what is said when one of them is wrong."""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from cellctl.app.clock import RealClock
from cellctl.domain.errors import LinkLost, MachineFault
from cellctl.links.opcua import OpcUaLink
from cellctl.links.opcua_certificates import LIFE_DAYS
from cellctl.links.opcua_keys import Keys, fingerprint
from cellctl.links.opcua_security import POLICIES
from cellctl.ports.nodes import NodeAccess, NodeRef

from .opcua_plant import Plant, at, start_plant

UTC_NOW = RealClock(1.0).utc


class Fortress:
    """A plant that lets nobody in without encryption, and our keys for it."""

    def __init__(self, runner: asyncio.Runner, folder: Path) -> None:
        self.runner = runner
        self.folder = folder
        server = Keys(folder / "server", folder, UTC_NOW)
        server.own()
        self.server_der = server.own_certificate.read_bytes()
        (folder / "server.der").write_bytes(self.server_der)
        shutil.copy(server.own_certificate.with_suffix(".pem"), folder / "server.pem")
        self.keys = Keys(folder / "opcua", folder, UTC_NOW)
        self.plant: Plant = runner.run(start_plant(secure=folder))
        self.access = NodeAccess(self.plant.url)

    def read(self, access: NodeAccess | None = None, keys: Keys | None = None) -> Any:
        """Open a session, hear one value, and give it back."""

        async def test() -> Any:
            heard: list[Any] = []
            link = OpcUaLink("arm-1", access or self.access, keys or self.keys)
            async with asyncio.timeout(20):
                await link.open(heard.append, lambda _: None)
                try:
                    await link.subscribe([NodeRef(at("Level"))])
                    return heard[0].value
                finally:
                    await link.close()

        return self.runner.run(test())


@pytest.fixture(scope="module")
def fortress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fortress]:
    with asyncio.Runner() as runner:
        fortress = Fortress(runner, tmp_path_factory.mktemp("fortress"))
        yield fortress
        runner.run(fortress.plant.server.stop())


@pytest.fixture
def pinned(fortress: Fortress) -> Fortress:
    fortress.keys.pin("arm-1", fortress.server_der)
    return fortress


@pytest.mark.parametrize("policy", ["Basic256Sha256", "Aes256Sha256RsaPss", "Aes128Sha256RsaOaep"])
def test_a_session_is_signed_and_encrypted_by_each_policy(pinned: Fortress, policy: str) -> None:
    assert pinned.read(replace(pinned.access, policy=policy)) == 1


def test_nothing_is_said_to_a_server_that_nobody_has_pinned(fortress: Fortress, tmp_path: Path) -> None:
    with pytest.raises(MachineFault, match=r"no certificate of .* is pinned\. .*cellctl opcua trust arm-1"):
        fortress.read(keys=Keys(tmp_path, tmp_path, UTC_NOW))


def test_a_changed_certificate_is_refused_with_both_fingerprints_and_the_remedy(fortress: Fortress) -> None:
    other = Keys(fortress.folder / "other", fortress.folder, UTC_NOW)
    other.own()
    fortress.keys.pin("arm-1", other.own_certificate.read_bytes())
    with pytest.raises(MachineFault) as fault:
        fortress.read()
    for said in (
        fingerprint(fortress.server_der),
        fingerprint(other.own_certificate.read_bytes()),
        "cellctl opcua trust arm-1",
    ):
        assert said in str(fault.value)


def test_without_protection_only_where_it_is_spelled_out_and_offered(fortress: Fortress) -> None:
    with pytest.raises(LinkLost, match="speaks with nobody without protection"):
        fortress.read(NodeAccess(fortress.plant.url, insecure=True))


@pytest.mark.parametrize("policy", ["None", "Basic128Rsa15", "basic256sha256", ""])
def test_weaker_policies_are_refused_by_name(pinned: Fortress, policy: str) -> None:
    with pytest.raises(MachineFault, match="is none of Basic256Sha256, Aes128Sha256RsaOaep, Aes256Sha256RsaPss"):
        pinned.read(replace(pinned.access, policy=policy))
    assert len(POLICIES) == 3


def test_a_password_comes_from_its_file_and_a_missing_file_is_named(pinned: Fortress) -> None:
    (pinned.folder / "arm-1.password").write_text("secret\n")
    given: list[tuple[str, str]] = []

    class Users:
        def get_user(self, _server: Any, username: Any = None, password: Any = None, certificate: Any = None) -> Any:
            given.append((username, password))
            from asyncua.crypto.permission_rules import User, UserRole

            return User(role=UserRole.User) if (username, password) == ("cell", "secret") else None

    before = pinned.plant.server.iserver.user_manager
    pinned.plant.server.iserver.user_manager = Users()  # type: ignore[assignment]
    try:
        access = replace(pinned.access, user="cell", password_file="arm-1.password")
        assert pinned.read(access) == 1
        assert given == [("cell", "secret")]
        (pinned.folder / "arm-1.password").write_text("wrong")
        with pytest.raises(LinkLost, match=r"Check user and password_file"):
            pinned.read(access)
        with pytest.raises(MachineFault, match=r"password_file .*absent.* cannot be read"):
            pinned.read(replace(access, password_file="absent"))
    finally:
        pinned.plant.server.iserver.user_manager = before


def test_our_certificate_is_what_controllers_ask_for_and_its_key_is_nobody_elses(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "opcua", tmp_path, UTC_NOW)
    own = keys.own()
    certificate = own.certificate
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [own.application_uri]
    assert names.get_values_for_type(x509.DNSName)
    assert usage.digital_signature and usage.content_commitment
    assert usage.key_encipherment and usage.data_encipherment
    assert ExtendedKeyUsageOID.CLIENT_AUTH in purposes
    assert (own.key.key_size, certificate.signature_hash_algorithm.name) == (2048, "sha256")  # type: ignore[union-attr]
    assert LIFE_DAYS - 1 <= (certificate.not_valid_after_utc - datetime.fromisoformat(UTC_NOW())).days <= LIFE_DAYS
    files = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "opcua" / "own").iterdir()}
    assert files["cellctl.pem"] == 0o600
    assert set(files) == {"cellctl.der", "cellctl.pem"}
    assert Keys(tmp_path / "opcua", tmp_path, UTC_NOW).own().certificate == certificate, "made once"


def test_from_thirty_days_before_its_end_every_connect_warns(pinned: Fortress) -> None:
    ends = pinned.keys.own().certificate.not_valid_after_utc

    def heard(days_before: float) -> list[Any]:
        at_utc = (ends - timedelta(days=days_before)).isoformat()
        with structlog.testing.capture_logs() as lines:
            pinned.read(keys=Keys(pinned.keys.folder, pinned.folder, lambda: at_utc))
        return [line["what"] for line in lines if line["event"] == "opcua.certificate"]

    assert heard(31) == []
    (said,) = heard(29.5)
    assert "ends in 29 days: remove " in said


def test_a_key_that_is_not_the_certificates_is_told_with_what_to_do(pinned: Fortress, tmp_path: Path) -> None:
    one, other = Keys(tmp_path / "one", tmp_path, UTC_NOW), Keys(tmp_path / "other", tmp_path, UTC_NOW)
    one.own(), other.own()
    shutil.copy(other.own_certificate, one.own_certificate)
    one.pin("arm-1", pinned.server_der)
    with pytest.raises(MachineFault, match=r"arm-1: our own certificate cannot be used: .*remove both"):
        pinned.read(keys=Keys(one.folder, tmp_path, UTC_NOW))
