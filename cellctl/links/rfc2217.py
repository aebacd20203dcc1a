"""A serial port at the far end of a TCP connection: telnet with the COM-PORT option (RFC 854, 856, 2217).

Set are the baud rate, 8 data bits, no parity, 1 stop bit and no flow control. DTR and RTS are never touched: a board
that resets on a change of DTR does so when its server wants it, not because we have come.
"""

import asyncio
import struct
from enum import Enum
from typing import Final

from cellctl.domain.errors import LinkLost
from cellctl.ports import ByteLink, Listener

AGREE_S: Final = 5.0

_IAC: Final = 255
_DONT, _DO, _WONT, _WILL, _SB, _SE = 254, 253, 252, 251, 250, 240
_BINARY, _SUPPRESS_GO_AHEAD, _COM_PORT = 0, 3, 44
_OPTIONS: Final = (_BINARY, _SUPPRESS_GO_AHEAD, _COM_PORT)
_BAUD_RATE, _DATA_BITS, _PARITY, _STOP_BITS, _CONTROL = 1, 2, 3, 4, 5
_NO_PARITY, _ONE_STOP_BIT, _NO_FLOW_CONTROL = b"\x01", b"\x01", b"\x01"
_ANSWER: Final = 100  # What a server answers to a COM-PORT command has the command's number and this.
_LONGEST_TALK: Final = 64

_AGREEMENTS: Final = {
    (_DO, _BINARY): "all bytes to it",
    (_WILL, _BINARY): "all bytes from it",
    (_DO, _COM_PORT): "the COM-PORT option",
    (_SB, _BAUD_RATE): "the baud rate",
    (_SB, _DATA_BITS): "the data bits",
    (_SB, _PARITY): "the parity",
    (_SB, _STOP_BITS): "the stop bits",
}
_REFUSALS: Final = {
    (_DONT, _BINARY): "its server takes text only (telnet's BINARY)",
    (_WONT, _BINARY): "its server gives text only (telnet's BINARY)",
    (_DONT, _COM_PORT): "its server does not speak RFC 2217",
}


class _At(Enum):
    """Where in telnet's grammar the next byte stands."""

    DATA = "data"
    COMMAND = "after IAC"
    OPTION = "after DO, DONT, WILL, WONT"
    TALK = "in a subnegotiation"
    TALK_COMMAND = "after IAC in a subnegotiation"


class ComPort:
    """The client's half of RFC 2217, without I/O. Whoever drives it sends what `take_replies` gives after every call.

    `refusal` says why it cannot work, once that is known.
    """

    def __init__(self, baud: int) -> None:
        self.refusal = ""
        self._settings = {
            _BAUD_RATE: struct.pack(">I", baud),
            _DATA_BITS: b"\x08",
            _PARITY: _NO_PARITY,
            _STOP_BITS: _ONE_STOP_BIT,
        }
        self._open = dict(_AGREEMENTS)
        self._said: set[tuple[int, int]] = set()
        self._replies = bytearray()
        self._at = _At.DATA
        self._talk = bytearray()

    def greet(self) -> None:
        """Ask for everything that is needed."""
        for option in _OPTIONS:
            self._say(_WILL, option)
        self._say(_DO, _BINARY)
        self._say(_DO, _SUPPRESS_GO_AHEAD)

    @property
    def missing(self) -> str:
        """What the server has not agreed to yet; "" once data may flow."""
        return ", ".join(self._open.values())

    def take_replies(self) -> bytes:
        """What is to be sent to the server now."""
        replies = bytes(self._replies)
        self._replies.clear()
        return replies

    def receive(self, chunk: bytes) -> bytes:
        """Bytes from the server, cut anywhere; returns the data among them."""
        if self._at is _At.DATA and _IAC not in chunk:
            return chunk
        data = bytearray()
        for byte in chunk:
            self._take(byte, data)
        return bytes(data)

    def _take(self, byte: int, data: bytearray) -> None:
        match self._at:
            case _At.DATA if byte != _IAC:
                data.append(byte)
            case _At.DATA:
                self._at = _At.COMMAND
            case _At.COMMAND:
                self._at = self._command(byte, data)
            case _At.OPTION:
                self._at = _At.DATA
                self._option(self._talk[0], byte)
            case _At.TALK if byte == _IAC:
                self._at = _At.TALK_COMMAND
            case _At.TALK_COMMAND if byte == _SE:
                self._at = _At.DATA
                self._told(bytes(self._talk))
            case _:  # a byte of a subnegotiation; 255 stands there twice
                self._at = _At.TALK
                if len(self._talk) < _LONGEST_TALK:
                    self._talk.append(byte)

    def _command(self, byte: int, data: bytearray) -> _At:
        if byte == _IAC:
            data.append(byte)
        elif byte == _SB:
            self._talk.clear()
            return _At.TALK
        elif byte in (_DO, _DONT, _WILL, _WONT):
            self._talk[:] = bytes([byte])
            return _At.OPTION
        return _At.DATA  # NOP, go ahead and their like

    def _option(self, verb: int, option: int) -> None:
        """The server offers or asks, agrees or refuses."""
        self._open.pop((verb, option), None)
        self.refusal = self.refusal or _REFUSALS.get((verb, option), "")
        if verb == _DO:
            self._say(_WILL if option in _OPTIONS else _WONT, option)
        elif verb == _WILL:
            self._say(_DO if option in _OPTIONS else _DONT, option)
        if (verb, option) == (_DO, _COM_PORT):
            for command, value in (*self._settings.items(), (_CONTROL, _NO_FLOW_CONTROL)):
                self._replies += bytes([_IAC, _SB, _COM_PORT, command]) + escaped(value) + bytes([_IAC, _SE])

    def _told(self, talk: bytes) -> None:
        """A subnegotiation has come: option, command, value."""
        if len(talk) < 2 or talk[0] != _COM_PORT:
            return
        # Line and modem states are passed over. So is the wish to suspend: what we may have on the way by a machine's
        # own protocol is less than any server's buffer, and TCP holds back the rest.
        setting, value = talk[1] - _ANSWER, talk[2:]
        if setting not in self._settings:
            return
        self._open.pop((_SB, setting), None)
        if value != self._settings[setting]:
            found, wanted = (int.from_bytes(each, "big") for each in (value, self._settings[setting]))
            self.refusal = f"its server has set {_AGREEMENTS[_SB, setting]} to {found}, not to {wanted}"

    def _say(self, verb: int, option: int) -> None:
        # Once each: to answer an agreement would never end.
        if (verb, option) not in self._said:
            self._said.add((verb, option))
            self._replies += bytes([_IAC, verb, option])


def escaped(chunk: bytes) -> bytes:
    """Data as telnet sends it."""
    return chunk.replace(b"\xff", b"\xff\xff")


class Rfc2217Link:
    """ports.ByteLink to the serial port behind another link, which carries telnet. `agree_s` is in real seconds."""

    def __init__(self, machine: str, line: ByteLink, baud: int, *, agree_s: float = AGREE_S) -> None:
        self._machine = machine
        self._line = line
        self._port = ComPort(baud)
        self._agree_s = agree_s
        self._listener: Listener | None = None
        self._news = asyncio.Event()
        self._trouble = ""

    async def open(self, listener: Listener) -> None:
        """Connect, and agree on the settings of the port. What it said before that is dropped. Raises LinkLost."""
        await self._line.open(self)
        try:
            self._port.greet()
            self._reply()
            async with asyncio.timeout(self._agree_s):
                await self._agreed()
            self._listener = listener
        except TimeoutError:
            raise self._refused(f"no agreement in {self._agree_s:g} s on {self._port.missing}") from None
        finally:
            if self._listener is None:
                self._line.close()

    def write(self, chunk: bytes) -> None:
        """Hand over bytes, in order; never blocks."""
        self._line.write(escaped(chunk))

    @property
    def unsent(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return self._line.unsent

    def close(self) -> None:
        """Let go. May be called twice."""
        self._listener = None
        self._line.close()

    def received(self, chunk: bytes) -> None:
        """ports.Listener: bytes have come from the server."""
        data = self._port.receive(chunk)
        self._reply()
        if data and self._listener is not None:
            self._listener.received(data)
        self._news.set()

    def lost(self, reason: str) -> None:
        """ports.Listener: the connection is gone."""
        self._trouble = reason
        self._news.set()
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.lost(reason)

    def _reply(self) -> None:
        if replies := self._port.take_replies():
            self._line.write(replies)

    async def _agreed(self) -> None:
        while self._port.missing or self._port.refusal:
            if trouble := self._port.refusal or self._trouble:
                raise self._refused(trouble)
            self._news.clear()
            await self._news.wait()

    def _refused(self, what: str) -> LinkLost:
        return LinkLost(self._machine, what, do_next="Check the server's settings; for bytes as they are: tcp://")
