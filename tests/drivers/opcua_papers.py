"""Keys and certificates of a simulated plant, made once for each process: ours, a server's, and another one's."""

import atexit
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from cellctl.app.seals import EPOCH
from cellctl.links.opcua_keys import Keys
from cellctl_sim.opcua.desk import Papers

USER: Final = "cell"
PASSWORD: Final = "let me in"


@dataclass(frozen=True, slots=True)
class Office:
    """`papers`: what the server shows, with a user; `keys`: ours, with an empty list of pins."""

    folder: Path
    papers: Papers
    keys: Keys

    def trusting(self, machine: str, *, wrongly: bool = False) -> Keys:
        """Our keys, with the server's certificate pinned; `wrongly`: another one's."""
        # Wrongly: one that this server never shows, also not after a change.
        shown = self.keys.own_certificate if wrongly else self.papers.certificate
        self.keys.pin(machine, shown.read_bytes())
        return self.keys


@cache
def office() -> Office:
    """Made when first asked for: three keys, in less than a second."""
    folder = Path(tempfile.mkdtemp(prefix="papers-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    ours, first, second = (Keys(folder / name, folder, lambda: EPOCH) for name in ("ours", "first", "second"))
    for each in (ours, first, second):
        each.own()
    (folder / "password").write_text(PASSWORD)
    shown = [
        file for keys in (first, second) for file in (keys.own_certificate, keys.own_certificate.with_suffix(".pem"))
    ]
    return Office(folder, Papers(*shown, users={USER: PASSWORD}), ours)
