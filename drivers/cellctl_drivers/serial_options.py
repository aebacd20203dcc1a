"""What every serial machine says about its line in the cell file."""

from typing import Annotated

from pydantic import AfterValidator, Field

from cellctl.domain.address import parse_address


def _address(text: str) -> str:
    parse_address(text)
    return text


# See cellctl.domain.address; a mistake is told before anything is opened.
Port = Annotated[
    str, AfterValidator(_address), Field(description="device file, usb:key=value,…, tcp://host:port or rfc2217://…")
]
