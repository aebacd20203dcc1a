"""[opcua] of a cell file: the cell as an OPC UA server. Off unless it is asked for."""

from collections.abc import Container, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator


class NameplateTable(BaseModel):
    """[opcua.nameplates.<machine>]: who made it; what is left out is filled from what is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    manufacturer: str = ""
    serial_number: str = ""
    model: str = ""
    software_revision: str = ""
    device_class: str = ""


class OpcuaTable(BaseModel):
    """Loopback serves without encryption, and who does not say a name may look. Any other address encrypts, lets in
    only who is in the users file, and nobody without a name.

    `encrypt`: on loopback, too. `trusted`: only clients whose certificates are in this folder may connect.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    enabled: bool = False
    bind: str = "127.0.0.1"
    port: int = Field(default=4840, ge=1, le=65535)
    encrypt: bool = False
    anonymous: Literal["nobody", "viewer", "operator"] | None = None
    users_file: Path | None = None
    trusted: Path | None = None
    nameplates: dict[str, NameplateTable] = {}

    @field_validator("bind")
    @classmethod
    def _is_an_address(cls, bind: str) -> str:
        ip_address(bind)
        return bind

    @field_validator("anonymous")
    @classmethod
    def _only_on_loopback(cls, anonymous: str | None, others: ValidationInfo) -> str | None:
        if anonymous in ("viewer", "operator") and not _loopback(others):
            raise ValueError(f"nobody comes in without a name by {others.data.get('bind')}: leave it out")
        return anonymous

    @field_validator("users_file")
    @classmethod
    def _needed_elsewhere(cls, file: Path | None, others: ValidationInfo) -> Path | None:
        if file is None and others.data.get("enabled") and not _loopback(others):
            raise ValueError(
                f"is missing: {others.data.get('bind')} lets in only users; make one: cellctl opcua user add"
            )
        return file

    @property
    def loopback(self) -> bool:
        """Whether only this computer can reach it."""
        return ip_address(self.bind).is_loopback

    @property
    def nameless(self) -> str:
        """As what somebody comes in who does not say a name; "nobody": not at all."""
        return self.anonymous or ("viewer" if self.loopback else "nobody")

    def strangers(self, file: str, machines: Container[str], cell: str) -> Iterator[str]:
        """Mistakes that only the whole cell shows."""
        for name in self.nameplates:
            if name not in machines and name != cell:
                yield f"{file}: opcua.nameplates.{name}: there is no machine of this name, and the cell is {cell}"


def _loopback(others: ValidationInfo) -> bool:
    # A bind that is no address is a mistake of its own.
    return "bind" not in others.data or ip_address(others.data["bind"]).is_loopback
