"""Our certificate and key, and the servers' certificates that a person has pinned: files of the state folder.

opcua/own/cellctl.der        our certificate, to be trusted by every controller
opcua/own/cellctl.pem        its private key, mode 0600
opcua/pinned/<machine>.der   what this machine's server must show
"""

# ruff: noqa: PLC0415 - cryptography takes its time to import, which a cell without OPC UA need not wait for
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cellctl.domain.errors import MachineFault

if TYPE_CHECKING:
    from cellctl.links.opcua_certificates import Own

WARN_DAYS: Final = 30


class NotAdmitted(MachineFault):
    """A person must put something right before there can be a session."""


def not_the_pinned(machine: str, url: str, shown: str, pinned: str) -> NotAdmitted:
    """A server shows another certificate than a person has pinned; both by their fingerprints."""
    what = f"{url} shows another certificate than the pinned one: {shown}, pinned is {pinned}"
    remedy = "If the controller was replaced or set up anew, compare at its panel, then: cellctl opcua trust"
    return NotAdmitted(machine, what, do_next=f"{remedy} {machine}")


@dataclass(frozen=True, slots=True)
class Keys:
    """`folder` is ours (state/opcua), `credentials` holds password files, `utc` is the wall clock (ports.Clock)."""

    folder: Path
    credentials: Path
    utc: Callable[[], str]
    _kept: "list[Own]" = field(default_factory=list, compare=False, repr=False)

    @property
    def own_certificate(self) -> Path:
        """Our certificate, for a person to bring to a controller."""
        return self.folder / "own" / "cellctl.der"

    def own(self) -> "Own":
        """Our certificate and key, made now if there are none. Raises OSError, or ValueError for files that are none.

        Making them takes a good part of a second.
        """
        from cellctl.links.opcua_certificates import make_own, read_own

        key_file = self.own_certificate.with_suffix(".pem")
        if not key_file.exists() or not self.own_certificate.exists():
            make_own(self.own_certificate, key_file, self.utc())
        own = read_own(self.own_certificate, key_file)
        self._kept[:] = [own]
        return own

    @property
    def kept(self) -> "Own | None":
        """What `own` has answered before, without a look at any file; None: it was not asked yet."""
        return self._kept[0] if self._kept else None

    def pinned(self, machine: str) -> bytes | None:
        """The certificate (DER) that this machine's server must show; None: nobody has pinned one. Raises OSError."""
        file = self._pin_file(machine)
        return file.read_bytes() if file.exists() else None

    def pin(self, machine: str, der: bytes) -> Path:
        """Expect this certificate of this machine's server from now on. Raises OSError."""
        from cellctl.links.opcua_certificates import write_whole

        file = self._pin_file(machine)
        write_whole(file, der, 0o644)
        return file

    def password(self, file: str) -> str:
        """What a credential file holds. Raises OSError."""
        return (self.credentials / file).read_text(encoding="utf-8").strip()

    def notices(self) -> list[str]:
        """What a person must see to soon: our certificate ends. Raises nothing: what cannot be read is said too."""
        if not self.own_certificate.exists():
            return []
        from cellctl.links.opcua_certificates import days_left

        try:
            left = days_left(self.own_certificate, self.utc())
        except (OSError, ValueError) as error:
            return [f"our OPC UA certificate {self.own_certificate} cannot be read: {error}"]
        if left >= WARN_DAYS:
            return []
        remedy = f"remove {self.own_certificate.parent}, restart, and let each controller trust the new one"
        return [f"our OPC UA certificate ends in {max(0, int(left))} days: {remedy}"]

    def _pin_file(self, machine: str) -> Path:
        return self.folder / "pinned" / f"{machine}.der"


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate, as controllers show it: "AB:CD:..."."""
    return hashlib.sha256(der).digest().hex(":").upper()
