"""`cellctl opcua trust|browse|probe`: what a person needs to bring in a machine over OPC UA. No daemon takes part."""

import asyncio
import json
import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from typing import Any, Final

from cryptography import x509

from cellctl.app.clock import RealClock
from cellctl.app.config import credentials_of
from cellctl.app.opcua_draft import ROBOT_PARTS, STANDARDS, TELLING, draft, suggestion
from cellctl.app.opcua_users import main_user
from cellctl.app.toml_file import read_toml
from cellctl.domain.errors import CellError, ConfigError, MachineFault
from cellctl.links.opcua_keys import Keys, fingerprint
from cellctl.links.opcua_survey import About, Found, Offer, Survey, offers, start_of, surveying
from cellctl.ports.nodes import NodeAccess, NodePath

_URL: Final = "opc.tcp://"
_PROBE_DEPTH: Final = 12
_WIDEST_VALUE: Final = 48


def main_opcua(args: Namespace) -> int:
    """Raises ConfigError for a mistake in the cell file; 1 if the server does not let us, or the person does not."""
    if args.action == "user":
        return main_user(args)
    actions = {"trust": _trust, "browse": _browse, "probe": _probe}
    try:
        return asyncio.run(actions[args.action](args))
    except ConfigError:
        raise
    except CellError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command's output
    except BrokenPipeError:
        # Whoever read our output has had enough (| head). What is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        print("".join(each if each.isprintable() else "?" for each in line))  # noqa: T201 - the command's output


def _keys(args: Namespace) -> Keys:
    return Keys(args.state / "opcua", credentials_of(args.cell), RealClock(1.0).utc)


def _access(args: Namespace, machine: str) -> NodeAccess:
    """What the cell file says of a machine's server; its profile need not exist yet. Raises ConfigError."""
    tables = read_toml(args.cell).get("machines", {})
    table = tables.get(machine) if isinstance(tables, dict) else None
    if not isinstance(table, dict) or not str(table.get("url", "")).startswith(_URL):
        known = [name for name, each in tables.items() if isinstance(each, dict) and "url" in each]
        raise ConfigError(
            [f"{args.cell}: machines.{machine}.url is missing; machines with one: {', '.join(known) or 'none'}"]
        )
    keys = [each.name for each in fields(NodeAccess) if each.name in table]
    return NodeAccess(**{key: table[key] for key in keys})


def _target(args: Namespace, target: str) -> NodeAccess:
    """A machine of the cell file, or a URL, which is spoken with without protection."""
    return NodeAccess(target, insecure=True) if target.startswith(_URL) else _access(args, target)


# ---- trust -------------------------------------------------------------------------------------------------------


async def _trust(args: Namespace) -> int:
    access, keys = _access(args, args.machine), _keys(args)
    ders = {offer.certificate for offer in await offers(args.machine, access.url) if offer.certificate}
    if not ders:
        what = f"{access.url} shows no certificate"
        raise MachineFault(args.machine, what, do_next="Switch on an endpoint with SignAndEncrypt in the controller")
    if len(ders) > 1 and not args.fingerprint:
        raise MachineFault(
            args.machine,
            f"{access.url} shows {len(ders)} certificates: {', '.join(map(fingerprint, sorted(ders)))}",
            do_next="Say which: --fingerprint SHA256",
        )
    der = _chosen(args.machine, sorted(ders), args.fingerprint)
    _say([f"{args.machine}  {access.url}", *_about_certificate(der)])
    pinned = keys.pinned(args.machine)
    if pinned == der:
        _say(["", "It is pinned already."])
        return 0
    if pinned is not None:
        _say(["", f"Pinned until now is another one: {fingerprint(pinned)}"])
    if not (args.fingerprint or args.yes or _agrees()):
        _say(["Not pinned."])
        return 1
    file = keys.pin(args.machine, der)
    keys.own()
    _say(["", f"Pinned in {file}.", f"The controller must trust ours in turn: {keys.own_certificate}"])
    return 0


def _chosen(machine: str, ders: Sequence[bytes], wanted: str) -> bytes:
    if not wanted:
        return ders[0]
    bare = wanted.replace(":", "").replace(" ", "").upper()
    for der in ders:
        if fingerprint(der).replace(":", "") == bare:
            return der
    shown = ", ".join(map(fingerprint, ders))
    what = f"its server shows {shown}, not the certificate that was asked for"
    raise MachineFault(machine, what, do_next="Compare with what the controller's panel says")


def _agrees() -> bool:
    if not sys.stdin.isatty():
        _say(["", "Compare the fingerprint with the controller's panel, then say --yes or --fingerprint SHA256."])
        return False
    return input("\nIs this the fingerprint that the controller's panel shows? [y/N] ").strip().lower() in ("y", "yes")


def _about_certificate(der: bytes) -> Iterator[str]:
    certificate = x509.load_der_x509_certificate(der)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    except x509.ExtensionNotFound:
        uris = []
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    yield f"  subject      {certificate.subject.rfc4514_string()}"
    yield f"  application  {', '.join(uris) or '(does not say)'}"
    yield f"  valid        {begins:%Y-%m-%d} to {ends:%Y-%m-%d}"
    yield f"  SHA-256      {fingerprint(der)}"


# ---- browse ------------------------------------------------------------------------------------------------------


async def _browse(args: Namespace) -> int:
    access = _target(args, args.target)
    async with surveying(args.target, access, _keys(args)) as survey:
        root = await survey.tree(start_of(args.start), args.depth)
    if args.json:
        _say([json.dumps(asdict(root), default=str, ensure_ascii=False)])
    else:
        _say([" / ".join(root.path), *_branches(root, args.types, "  ")])
    return 0


def _branches(found: Found, types: bool, indent: str) -> Iterator[str]:
    for each in found.below:
        yield f"{indent}{each.name}{_said(each, types)}"
        yield from _branches(each, types, f"{indent}  ")


def _said(found: Found, types: bool) -> str:
    made_of = f"  [{found.node_id}{f', of type {found.made_of}' if found.made_of else ''}]" if types else ""
    if found.kind == "Method":
        gives = f" -> {', '.join(found.outputs)}" if found.outputs else ""
        return f"({', '.join(found.inputs)}){gives}{made_of}"
    if found.kind != "Variable":
        return f"/{made_of}"
    value = " ".join(repr(found.value).split())
    value = value if len(value) <= _WIDEST_VALUE else f"{value[:_WIDEST_VALUE]}…"
    doubt = f"  ({found.status})" if found.status != "Good" else ""
    return f"  {found.data_type} = {value}{'  writable' if found.writable else ''}{doubt}{made_of}"


# ---- probe -------------------------------------------------------------------------------------------------------


async def _probe(args: Namespace) -> int:
    access = _target(args, args.target)
    ways = await offers(args.target, access.url)
    async with surveying(args.target, access, _keys(args)) as survey:
        about = await survey.about()
        found = await _instances(survey, about)
        parts = {name: way for name, each in ROBOT_PARTS.items() if (way := await survey.first(each))}
        root = await survey.tree((), _PROBE_DEPTH)
    machine = "MACHINE" if args.target.startswith(_URL) else args.target
    head = [access.url, *_about_server(about), *_about_offers(ways), *_about_standards(about, found)]
    built_in = suggestion(machine, found, parts)
    if built_in:
        head += ["", f"A built-in profile fits: try it first, in [machines.{machine}]"]
        head += [f"  {line}" for line in built_in]
    # All but the draft are remarks in it: the whole output is a profile.
    _say([f"# {line}".rstrip() for line in head])
    _say(["", *(draft(access.url, root) or ["# It shows no variable that could be read."])])
    return 0


async def _instances(survey: Survey, about: About) -> dict[str, NodePath]:
    there = [type_id for type_id in TELLING if type_id.rpartition(";")[0] in about.namespaces]
    return {type_id: way for type_id in there if (way := await survey.first(type_id))}


def _about_server(about: About) -> Iterator[str]:
    product = " ".join(filter(None, (about.build.get(key, "") for key in ("ManufacturerName", "ProductName"))))
    yield f"  product      {product or '(does not say)'} {about.build.get('SoftwareVersion', '')}".rstrip()
    for uri in about.namespaces[1:]:
        yield f"  namespace    {uri}"
    limits = ", ".join(f"{name} {most}" for name, most in _limits(about).items() if most) or "it names none"
    yield f"  at once      {limits}"


def _limits(about: About) -> dict[str, Any]:
    return asdict(about.limits)


def _about_offers(ways: Sequence[Offer]) -> Iterator[str]:
    for way in ways:
        yield f"  endpoint     {way.security}, log in: {', '.join(way.logins) or 'nobody'}  ({way.url})"
    for der in sorted({way.certificate for way in ways if way.certificate}):
        yield f"  certificate  SHA-256 {fingerprint(der)}"


def _about_standards(about: About, found: dict[str, NodePath]) -> Iterator[str]:
    for uri, (_, title) in STANDARDS.items():
        if uri in about.namespaces:
            yield f"  follows      {title}"
    for type_id, way in found.items():
        yield f"  fits         {TELLING[type_id]}: {' / '.join(way)}"
