"""Who gets in, as what, and by which door: passwords, certificates, roles, encryption."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua

from cellctl.app.main import main
from cellctl.domain.errors import ConfigError
from cellctl.faces.opcua.face import Papers
from cellctl.faces.opcua.users import Account, Doorkeeper, Role, Users, parse_users, with_password, write_users
from cellctl.links.opcua_keys import Keys, fingerprint
from tests.faces.opcua_room import MES, Served, Visitor

AT = "2026-11-01T00:00:00.000Z"


def keys(folder: Path) -> Keys:
    made = Keys(folder, folder, lambda: AT)
    made.own()
    return made


def security(client: Keys, server: Keys, policy: str = "Basic256Sha256") -> str:
    own = client.own_certificate
    return f"{policy},SignAndEncrypt,{own},{own.with_suffix('.pem')},{server.own_certificate}"


@pytest.fixture(scope="module")
def server_keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return keys(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
def client_keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return keys(tmp_path_factory.mktemp("client"))


@pytest.fixture(scope="module")
def locked(server_keys: Keys, client_keys: Keys) -> Iterator[Served]:
    """As on any address but loopback: only encrypted, and nobody without a name."""
    digest = fingerprint(client_keys.own_certificate.read_bytes()).replace(":", "").lower()
    users = Users({**MES, "badge": Account(Role.OPERATOR, certificate=digest)})
    own = server_keys.own_certificate
    uri = server_keys.own().application_uri
    with Served(papers=Papers(own, own.with_suffix(".pem")), users=users, open=False, uri=uri) as served:
        yield served


async def start_a_job(visitor: Visitor) -> str:
    way = ("own:nameplate", "machinery:MachineryBuildingBlocks", "jobs:JobManagement", "jobs:JobOrderControl")
    request = ua.CallMethodRequest((await visitor.at(*way)).nodeid, visitor.id("isa95:7005"))
    request.InputArguments = [ua.Variant("order-1"), ua.Variant(None)]
    (result,) = await visitor.client.uaclient.call([request])
    return str(result.StatusCode.name)


@pytest.mark.parametrize("policy", ["Basic256Sha256", "Aes256Sha256RsaPss"])
def test_an_operator_calls_methods_over_an_encrypted_line(
    locked: Served, client_keys: Keys, server_keys: Keys, policy: str
) -> None:
    locked.jobs.calls = []
    how = security(client_keys, server_keys, policy)
    assert locked.visit(start_a_job, user="mes", password="let me in", security=how) == "Good"
    assert locked.jobs.calls[0][3] == "opcua:mes"


def test_a_viewer_reads_and_calls_nothing(locked: Served, client_keys: Keys, server_keys: Keys) -> None:
    async def look(visitor: Visitor) -> str:
        assert (await visitor.part("printer-1.Contact")).Value.Value == "found"
        return await start_a_job(visitor)

    locked.jobs.calls = []
    how = security(client_keys, server_keys)
    assert locked.visit(look, user="eye", password="look", security=how) == "BadUserAccessDenied"
    assert not locked.jobs.calls


@pytest.mark.parametrize(
    ("user", "password"), [("mes", "let me out"), ("mes", ""), ("nobody", "let me in"), ("admin", "")]
)
def test_whoever_does_not_know_the_password_stays_outside(
    locked: Served, client_keys: Keys, server_keys: Keys, user: str, password: str
) -> None:
    with pytest.raises(ua.UaError):
        locked.visit(start_a_job, user=user, password=password, security=security(client_keys, server_keys))


def test_there_is_no_way_in_without_a_name_or_without_encryption(
    locked: Served, client_keys: Keys, server_keys: Keys
) -> None:
    with pytest.raises(ua.UaError):
        locked.visit(start_a_job, security=security(client_keys, server_keys))
    with pytest.raises((ua.UaError, ConnectionError, TimeoutError)):
        locked.visit(start_a_job, user="mes", password="let me in")


def test_a_certificate_is_as_good_as_a_password(locked: Served, client_keys: Keys, server_keys: Keys) -> None:
    async def come_in() -> str:
        client = Client(locked.url, timeout=20, watchdog_intervall=60)
        client.application_uri = locked.uri
        await client.set_security_string(security(client_keys, server_keys))
        own = client_keys.own_certificate
        await client.load_client_certificate(str(own))
        await client.load_private_key(str(own.with_suffix(".pem")))
        async with client:
            visitor = Visitor(client, locked)
            visitor.spaces = await client.get_namespace_array()
            return await start_a_job(visitor)

    locked.jobs.calls = []
    assert asyncio.run(come_in()) == "Good"
    assert locked.jobs.calls[0][3] == "opcua:badge"


def test_only_trusted_applications_come_in_where_some_are_named(
    tmp_path: Path, client_keys: Keys, server_keys: Keys
) -> None:
    stranger = keys(tmp_path / "stranger")
    trusted = tmp_path / "trusted"
    trusted.mkdir()
    (trusted / "mes.der").write_bytes(client_keys.own_certificate.read_bytes())
    own = server_keys.own_certificate
    papers = Papers(own, own.with_suffix(".pem"), trusted)
    with Served(papers=papers, users=Users(MES), uri=server_keys.own().application_uri) as served:
        how: dict[str, Any] = {"user": "mes", "password": "let me in"}
        assert served.visit(start_a_job, **how, security=security(client_keys, server_keys)) == "Good"
        with pytest.raises((ua.UaError, ConnectionError, TimeoutError)):
            served.visit(start_a_job, **how, security=security(stranger, server_keys))


def test_a_password_that_was_right_is_not_worked_out_again() -> None:
    async def come_twice() -> None:
        door = Doorkeeper(Users({"mes": with_password(Role.OPERATOR, "let me in", b"0" * 16)}))
        assert door.get_user(None, "mes", "let me in") is None
        await door.learn("mes", "let me in")
        assert door.get_user(None, "mes", "let me in").operator
        assert door.get_user(None, "mes", "let me on") is None
        await door.learn("mes", "let me on")
        assert door.get_user(None, "mes", "let me on") is None

    asyncio.run(come_twice())


def test_the_users_file_is_written_by_the_command_and_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "users.json"
    for name, role in (("mes", "operator"), ("eye", "viewer")):
        monkeypatch.setattr("sys.stdin", Pipe("correct horse\n"))
        assert main(["opcua", "user", "add", name, "--role", role, "--users", str(file)]) == 0
    accounts = parse_users(file.read_text(), "users.json")
    assert {name: account.role for name, account in accounts.items()} == {"mes": Role.OPERATOR, "eye": Role.VIEWER}
    assert accounts["mes"].scrypt != accounts["eye"].scrypt
    assert "correct horse" not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert "mes is operator now" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", Pipe("short\n"))
    assert main(["opcua", "user", "add", "mes", "--users", str(file)]) == 78


@pytest.mark.parametrize("text", ["", "[]", '{"users": {"mes": {}}}', '{"users": {"mes": {"role": "king"}}}'])
def test_a_broken_users_file_is_named(text: str) -> None:
    with pytest.raises(ConfigError, match="users\\.json: not a users file"):
        parse_users(text, "users.json")


def test_accounts_survive_writing_and_reading() -> None:
    assert parse_users(write_users(MES), "users.json") == MES


class Pipe:
    def __init__(self, text: str) -> None:
        self._text = text

    def isatty(self) -> bool:
        return False

    def readline(self) -> str:
        return self._text
