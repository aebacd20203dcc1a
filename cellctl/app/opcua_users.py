"""`cellctl opcua user add NAME`: who may come in by the cell's OPC UA server. Works on the users file by itself."""

import getpass
import hashlib
import os
import secrets
import sys
from argparse import Namespace
from pathlib import Path

from cellctl.domain.errors import ConfigError
from cellctl.faces.opcua.users import Account, Role, parse_users, with_password, write_users

_SHORTEST = 8


def main_user(args: Namespace) -> int:
    """Add a user, or replace one of that name. The daemon reads the file when it starts."""
    file: Path = args.users
    account = _account(args)
    try:
        accounts = parse_users(file.read_text(encoding="utf-8"), str(file)) if file.exists() else {}
        known = args.name in accounts
        _write(file, write_users({**accounts, args.name: account}))
    except OSError as error:
        raise ConfigError([f"{file}: {error.strerror}"]) from None
    print(f"{args.name} is {account.role.value} {'again' if known else 'now'} ({file})")  # noqa: T201 - a verb's answer
    return os.EX_OK


def _account(args: Namespace) -> Account:
    role = Role(args.role)
    if args.certificate is not None:
        try:
            return Account(role, certificate=hashlib.sha256(args.certificate.read_bytes()).hexdigest())
        except OSError as error:
            raise ConfigError([f"{args.certificate}: {error.strerror}"]) from None
    return with_password(role, _password(args.name), secrets.token_bytes(16))


def _password(name: str) -> str:
    """From the terminal, unseen and twice; from a pipe, its first line."""
    if sys.stdin.isatty():
        password = getpass.getpass(f"password of {name}: ")
        if password != getpass.getpass("again: "):
            raise ConfigError(["the two passwords differ; nothing was changed"])
    else:
        password = sys.stdin.readline().rstrip("\n")
    if len(password) < _SHORTEST:
        raise ConfigError([f"a password has at least {_SHORTEST} characters; nothing was changed"])
    return password


def _write(file: Path, text: str) -> None:
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
