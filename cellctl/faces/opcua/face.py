"""The OPC UA face: builds its server beside the running cell, listens, and shows every change, for ever."""

import asyncio
import logging
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Final

import structlog
from asyncua import ua
from asyncua.crypto.truststore import TrustStore
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions

from cellctl.faces.opcua import limits, tree
from cellctl.faces.opcua.board import Board, plant
from cellctl.faces.opcua.calls import JobCalls
from cellctl.faces.opcua.guard import FaceServer
from cellctl.faces.opcua.job_board import JobBoard
from cellctl.faces.opcua.jobs_port import Jobs
from cellctl.faces.opcua.space import Space
from cellctl.faces.opcua.users import Doorkeeper, Users
from cellctl.faces.opcua.values import Nameplate
from cellctl.ports import Clock, Desk

# Progress and links change without the log knowing; so often it is looked whether they have.
LOOK_S: Final = 0.25
STOP_S: Final = 3.0
TRY_AGAIN_S: Final = 30.0
_SECURE: Final = (
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
)

_GENERATED: Final = "asyncua.server.standard_address_space"
_LIMITED: Final = (
    "MaxNodesPerRead",
    "MaxNodesPerBrowse",
    "MaxNodesPerTranslateBrowsePathsToNodeIds",
    "MaxMonitoredItemsPerCall",
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Papers:
    """Files of a server that encrypts: its certificate and key, and where trusted clients' certificates are.

    Without `trusted` every client's certificate will do: then only its user counts.
    """

    certificate: Path
    key: Path
    trusted: Path | None = None


@dataclass(frozen=True, slots=True)
class OpcuaSettings:
    """Where the server listens, for whom, and what it calls itself. `uri`: its application URI, in the certificate.

    `open`: it also serves without encryption, which is for loopback only. `plates`: by machine, tree.CELL for the cell.
    """

    bind: str
    port: int
    uri: str
    version: str
    plates: Mapping[str, Nameplate]
    users: Users = field(default_factory=Users)
    open: bool = True
    papers: Papers | None = None


class OpcuaFace:
    """Serves the cell. `listening` is set as soon as clients can come; nobody waits for that."""

    def __init__(self, desk: Desk, jobs: Jobs, clock: Clock, settings: OpcuaSettings) -> None:
        self.listening = asyncio.Event()
        self.port = settings.port
        self._desk = desk
        self._jobs = jobs
        self._clock = clock
        self._settings = settings
        self._machines = [machine.name for machine in desk.view().machines]

    async def serve(self) -> None:
        """Run until cancelled."""
        # What a hostile client can make asyncua say is not for the journal; what matters is said here.
        logging.getLogger("asyncua").setLevel(logging.CRITICAL)
        server = FaceServer(Doorkeeper(self._settings.users))
        space = await self._build(server)
        board = Board(server, space, self._settings.plates)
        job_board = JobBoard(server, space, board, self._jobs)
        await self._show(board, job_board)
        await server.prepare()
        try:
            await self._listen(server)
            while True:
                await self._news(await self._show(board, job_board))
        finally:
            self.listening.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(server.stop(), STOP_S)

    async def _news(self, rev: int) -> None:
        """Wait until there may be something to show."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._desk.changed(rev), LOOK_S)

    async def _build(self, server: FaceServer) -> Space:
        settings = self._settings
        # Reading asyncua's generated code takes tenths of a second by itself.
        await asyncio.to_thread(import_module, f"{_GENERATED}.standard_address_space")
        await server.init()
        _forget_generated_code()
        await server.set_application_uri(settings.uri)
        server.product_uri = "urn:cellctl"
        server.manufacturer_name = server.name = "cellctl"
        server.application_type = ua.ApplicationType.Server
        server.set_endpoint(f"opc.tcp://{settings.bind}:{settings.port}/cellctl")
        await self._secure(server)
        space = Space(server)
        await space.register()
        # Some tenths of a second of work: in a thread, so that no machine waits for it.
        await asyncio.to_thread(space.build_types)
        await asyncio.to_thread(plant, space, self._desk.view().cell, self._machines)
        space.limit(dict.fromkeys(_LIMITED, limits.NODES_PER_REQUEST))
        server.calls = JobCalls(space, self._jobs, self._machines)
        return space

    async def _secure(self, server: FaceServer) -> None:
        settings = self._settings
        policies = [ua.SecurityPolicyType.NoSecurity] if settings.open else []
        tokens: list[type] = [ua.AnonymousIdentityToken] if settings.users.anonymous else []
        tokens += [ua.UserNameIdentityToken] if settings.users.accounts else []
        if settings.papers is not None:
            policies += _SECURE
            tokens.append(ua.X509IdentityToken)
            await server.load_certificate(settings.papers.certificate)
            await server.load_private_key(settings.papers.key)
            server.set_certificate_validator(await _validator(settings.papers.trusted))
        server.set_security_policy(policies)
        server.set_identity_tokens(tokens)

    async def _listen(self, server: FaceServer) -> None:
        said = ""
        while True:
            try:
                await server.listen()
            except OSError as busy:
                if said != str(busy):
                    said = str(busy)
                    log.error("opcua.not_served", why=said, bind=self._settings.bind, port=self._settings.port)
                await self._clock.sleep(self._clock.wire_s(TRY_AGAIN_S))
            else:
                self.port = server.port
                self.listening.set()
                log.info("opcua.serves", bind=self._settings.bind, port=self.port)
                return

    async def _show(self, board: Board, job_board: JobBoard) -> int:
        view, at = self._desk.view(), self._clock.utc()
        await board.show(view, at)
        for name in (tree.CELL, *self._machines):
            await job_board.show(name, at)
        return view.rev


def _forget_generated_code() -> None:
    """asyncua builds the standard's nodes with nine megabytes of code, which has run by now."""
    for name in [each for each in sys.modules if each.startswith(_GENERATED)]:
        del sys.modules[name]
    vars(sys.modules["asyncua.server"]).pop("standard_address_space", None)


async def _validator(trusted: Path | None) -> CertificateValidator:
    options = CertificateValidatorOptions.TIME_RANGE | CertificateValidatorOptions.URI
    if trusted is None:
        return CertificateValidator(options)
    store = TrustStore([trusted], [])
    await store.load()
    return CertificateValidator(options | CertificateValidatorOptions.TRUSTED, store)
