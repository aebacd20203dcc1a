"""Who may come in, and as what: users with a password or a certificate, and two roles. No file is read here."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from asyncua.crypto.permission_rules import User as UaUser
from asyncua.crypto.permission_rules import UserRole

from cellctl.domain.errors import ConfigError

# scrypt's cost: 16 MiB and some tens of milliseconds, in a thread; once for each password that is right.
_COST: Final = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}
_SALT_BYTES: Final = 16


class Role(Enum):
    """A viewer reads; an operator calls job methods, too."""

    VIEWER = "viewer"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Account:
    """One user: a salted scrypt hash of the password, or the SHA-256 of a certificate, in hex."""

    role: Role
    salt: str = ""
    scrypt: str = ""
    certificate: str = ""


@dataclass
class Caller(UaUser):
    """Who a session belongs to."""

    role: UserRole = UserRole.User
    name: str | None = None
    operator: bool = False


@dataclass(frozen=True, slots=True)
class Users:
    """All accounts, and the role of who does not say a name (None: nobody comes in like that)."""

    accounts: Mapping[str, Account] = field(default_factory=dict)
    anonymous: Role | None = None


class Doorkeeper:
    """asyncua asks it for the user of a session. Passwords are checked beforehand, in a thread, one at a time."""

    def __init__(self, users: Users) -> None:
        self._users = users
        self._turn = asyncio.Lock()
        # SHA-256 of passwords that were right, by user: who comes again costs nothing.
        self._right: dict[str, bytes] = {}

    async def learn(self, name: str, password: str) -> None:
        """Check a password, so that `get_user` knows about it."""
        account = self._users.accounts.get(name)
        if account is None or not account.scrypt or self._knows(name, password):
            return
        async with self._turn:
            made = await asyncio.to_thread(_scrypt, password, bytes.fromhex(account.salt))
        if hmac.compare_digest(made, bytes.fromhex(account.scrypt)):
            self._right[name] = _digest(password)

    def get_user(self, _server: Any, username: Any = None, password: Any = None, certificate: Any = None) -> Any:
        """The caller, or None for nobody whom we know. A certificate was proved by its signature."""
        if username is not None:
            known = isinstance(password, str) and self._knows(username, password)
            return _caller(username, self._users.accounts[username].role) if known else None
        if certificate:
            digest = hashlib.sha256(certificate).hexdigest()
            for name, account in self._users.accounts.items():
                if account.certificate == digest:
                    return _caller(name, account.role)
        return _caller("anonymous", self._users.anonymous) if self._users.anonymous else None

    def _knows(self, name: str, password: str) -> bool:
        right = self._right.get(name)
        return right is not None and hmac.compare_digest(right, _digest(password))


def _caller(name: str, role: Role) -> Caller:
    return Caller(name=name, operator=role is Role.OPERATOR)


def _digest(password: str) -> bytes:
    return hashlib.sha256(password.encode()).digest()


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, **_COST)


def with_password(role: Role, password: str, salt: bytes) -> Account:
    """A new account; `salt` is fresh and random, 16 bytes or more."""
    if len(salt) < _SALT_BYTES:
        raise ValueError(f"a salt has at least {_SALT_BYTES} bytes")
    return Account(role, salt.hex(), _scrypt(password, salt).hex())


def parse_users(text: str, where: str) -> dict[str, Account]:
    """The accounts in a users file. Raises ConfigError that names what is wrong."""
    try:
        table = json.loads(text)["users"]
        return {name: Account(Role(keys.pop("role")), **keys) for name, keys in table.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise ConfigError([f"{where}: not a users file ({wrong}). Make it with: cellctl opcua user add NAME"]) from None


def write_users(accounts: Mapping[str, Account]) -> str:
    """The text of a users file."""
    plain = {
        name: {"role": each.role.value}
        | {key: value for key in ("salt", "scrypt", "certificate") if (value := getattr(each, key))}
        for name, each in accounts.items()
    }
    return json.dumps({"users": plain}, indent=1) + "\n"
