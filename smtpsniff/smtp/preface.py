"""What may stand in front of SMTP on a connection: a PROXY header, or a proxy asked for a way.

PROXY protocol versions 1 and 2 (haproxy.org, proxy-protocol.txt), SOCKS 4 and 4A (openssh.com,
socks4.protocol and socks4a.protocol), SOCKS 5 (RFC 1928, RFC 1929), HTTP CONNECT (RFC 9110 §9.3.6).
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, NamedTuple

from smtpsniff.records import Layer
from smtpsniff.text import decode

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FIRST_WORDS", "Front", "in_front", "may_be_in_front"]

MAX_FRONT = 1 << 17
"""Bytes of either side that are looked at: a PROXY header of version 2 may have 65,551, and there
may be another one behind it."""

MAX_PREFACES = 4
"""Prefaces followed: a proxy behind a proxy, each with a balancer in front."""

MAX_HEADER = 1 << 14
"""Bytes of an HTTP header: twice what web servers take."""

# First four bytes of a client that asks a proxy, letters in lower case (as `STARTS` has them):
# SOCKS 5 with two to four methods, SOCKS 4 to the mail ports, HTTP. A SOCKS 5 greeting with one
# method has three bytes, and is looked at for that.
FIRST_WORDS = (
    b"conn", b"\5\2\0\1", b"\5\2\0\2", b"\5\2\2\0", b"\5\3\0\1", b"\5\4\0\1",
    *(b"\4\1" + port.to_bytes(2) for port in (25, 465, 587, 2525)),
)  # fmt: skip

_V1 = re.compile(rb"PROXY (?:(TCP[46])( [^\r\n]{0,89})?|UNKNOWN[^\r\n]{0,90})\r\n")
_V1_ENDS = re.compile(rb" ([0-9a-fA-F.:]{2,39}) ([0-9a-fA-F.:]{2,39}) ([0-9]{1,5}) ([0-9]{1,5})")
_V2 = b"\r\n\r\n\x00\r\nQUIT\n"
LONGEST_V1 = 107
_CONNECT = re.compile(rb"CONNECT ([^ \r\n]{1,300}):([0-9]{1,5}) HTTP/1\.[01]\r?\n")
_ANSWER = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[^\n]{0,4096}\n")
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")


class _More(Exception):
    """The rest of it has not come yet."""


class _Refused(Exception):
    """The proxy would not, or the client asked for something else."""


class _Preface(NamedTuple):
    """Its bytes in both directions, what it asks for or tells, and a line for the timeline."""

    client: int
    server: int
    layer: Layer
    text: str


@dataclass(slots=True)
class Front:
    """All that stands in front: bytes of both sides, and what they told, outermost first."""

    client: int = 0
    server: int = 0
    prefaces: list[_Preface] = field(default_factory=list)
    more: bool = False  # something began that is not complete
    refused: bool = False  # a proxy said no: nothing follows

    @property
    def layers(self) -> list[Layer]:
        """As a session's record has them."""
        return [preface.layer for preface in self.prefaces]

    @property
    def port(self) -> int | None:
        """The port that the last proxy was asked for."""
        return self.prefaces[-1].layer.port if self.prefaces else None


def may_be_in_front(client: bytes) -> bool:
    """Whether the client's first byte leaves it possible at all."""
    return client[:1] in _KINDS


def in_front(client: bytes, server: bytes) -> Front:
    """What the first bytes of both sides begin with, before anybody speaks SMTP."""
    front = Front()
    for _ in range(MAX_PREFACES):
        rest = client[front.client :]
        parse = _KINDS.get(rest[:1])
        if parse is None:
            break
        try:
            preface = parse(rest, server[front.server :])
        except _More:
            front.more = True
            break
        except _Refused:
            front.refused = True
            break
        if preface is None:
            break
        front.prefaces.append(preface)
        front.client += preface.client
        front.server += preface.server
    return front


class _Words:
    """One side's bytes, taken from the front."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        """So many bytes. Raises _More where there are fewer."""
        if self.at + size > len(self.data):
            raise _More
        self.at += size
        return self.data[self.at - size : self.at]

    def text(self) -> bytes:
        """Up to a zero byte."""
        end = self.data.find(b"\0", self.at, self.at + 256)
        if end < 0:
            raise _More
        found = self.data[self.at : end]
        self.at = end + 1
        return found


# -- the PROXY protocol ------------------------------------------------------------------------


def _proxy_v1(client: bytes, server: bytes) -> _Preface | None:
    if not b"PROXY ".startswith(client[:6]) or (len(client) > 6 and client[6] not in b"TU"):
        return None
    match = _V1.match(client)
    if match is None:
        if len(client) < LONGEST_V1 and b"\n" not in client:
            raise _More
        return None
    layer = Layer("proxy", version=1)
    ends = _V1_ENDS.fullmatch(match[2] or b"")
    if ends is not None:
        with suppress(ValueError):
            source, target = (str(ip_address(ends[n].decode())) for n in (1, 2))
            layer.source, layer.destination = source, target
            layer.source_port, layer.destination_port = int(ends[3]), int(ends[4])
    return _Preface(match.end(), 0, layer, decode(match[0].rstrip(b"\r\n")))


_FAMILIES: dict[int, tuple[str, Callable[[bytes], object], int]] = {
    0x11: ("TCP4", IPv4Address, 4),
    0x21: ("TCP6", IPv6Address, 16),
}


def _proxy_v2(client: bytes, server: bytes) -> _Preface | None:
    if not client.startswith(_V2):
        if _V2.startswith(client):
            raise _More
        return None
    words = _Words(client)
    words.take(len(_V2))
    version, family, *length = words.take(4)
    if version >> 4 != 2:
        return None
    block = words.take(int.from_bytes(bytes(length)))
    layer = Layer("proxy", version=2)
    text = "PROXY protocol header, version 2"
    known = _FAMILIES.get(family)
    if version & 15 == 0:
        text += ": the proxy's own connection"
    elif known is not None and len(block) >= 2 * known[2] + 4:
        name, address, size = known
        layer.source, layer.destination = (str(address(block[n : n + size])) for n in (0, size))
        ports = block[2 * size : 2 * size + 4]
        layer.source_port, layer.destination_port = (
            int.from_bytes(ports[:2]), int.from_bytes(ports[2:]),
        )  # fmt: skip
        text += (
            f": {name} {layer.source} {layer.destination} "
            f"{layer.source_port} {layer.destination_port}"
        )
    return _Preface(words.at, 0, layer, text)


# -- SOCKS -------------------------------------------------------------------------------------

_NO_LOGIN, _PASSWORD = 0, 2  # methods of RFC 1928 §3 whose exchange is in clear and known
_GRANTED_4 = 0x5A


def _asked(name: str, number: int, host: str, port: int, said: _Words, heard: _Words) -> _Preface:
    layer = Layer(name, host=host, port=port)
    return _Preface(said.at, heard.at, layer, f"SOCKS {number}: asked for {host}, port {port}")


def _socks5(client: bytes, server: bytes) -> _Preface | None:
    said, heard = _Words(client), _Words(server)
    _, count = said.take(2)
    methods = said.take(count)
    version, method = heard.take(2)
    if not methods or version != 5:
        return None
    if method not in methods:
        raise _Refused
    if method == _PASSWORD:
        said.take(1)
        said.take(said.take(1)[0])
        said.take(said.take(1)[0])  # never kept
        if heard.take(2)[1]:
            raise _Refused
    elif method != _NO_LOGIN:
        return None
    version, command, _ = said.take(3)
    host, port = _address(said)
    version, reply, _ = heard.take(3)
    _address(heard)
    if command != 1 or reply:
        raise _Refused
    return _asked("socks5", 5, host, port, said, heard)


def _address(words: _Words) -> tuple[str, int]:
    """An address by its type (RFC 1928 §5), and a port."""
    kind = words.take(1)[0]
    if kind == 3:
        host = decode(words.take(words.take(1)[0]))
    elif kind == 1:
        host = str(IPv4Address(words.take(4)))
    elif kind == 4:
        host = str(IPv6Address(words.take(16)))
    else:
        raise _Refused
    return host, int.from_bytes(words.take(2))


def _socks4(client: bytes, server: bytes) -> _Preface | None:
    said, heard = _Words(client), _Words(server)
    _, command = said.take(2)
    port, address = int.from_bytes(said.take(2)), said.take(4)
    if command not in (1, 2):
        return None
    said.text()  # who asks
    # 4A: an address that cannot be says that a name follows.
    named = address[:3] == bytes(3) and address[3] != 0
    host = decode(said.text()) if named else str(IPv4Address(address))
    zero, reply, *_ = heard.take(8)
    if zero != 0:
        return None
    if command != 1 or reply != _GRANTED_4:
        raise _Refused
    return _asked("socks4", 4, host, port, said, heard)


# -- HTTP --------------------------------------------------------------------------------------


def _connect(client: bytes, server: bytes) -> _Preface | None:
    asked = _CONNECT.match(client)
    if asked is None:
        if b"CONNECT ".startswith(client[:8]) and b"\n" not in client[:512] and len(client) < 512:
            raise _More
        return None
    if not b"HTTP/1.".startswith(server[:7]):
        return None
    said, heard = _header(client), _header(server)
    answer = _ANSWER.match(server)
    if answer is None or answer[1][:1] != b"2":
        raise _Refused
    host, port = decode(asked[1].strip(b"[]")), int(asked[2])
    layer = Layer("http-connect", host=host, port=port)
    return _Preface(said, heard, layer, f"HTTP CONNECT: asked for {host}, port {port}")


def _header(data: bytes) -> int:
    """Where an HTTP header ends."""
    end = _EMPTY_LINE.search(data, 0, MAX_HEADER)
    if end is not None:
        return end.end()
    if len(data) < MAX_HEADER:
        raise _More
    raise _Refused


_KINDS: dict[bytes, Callable[[bytes, bytes], _Preface | None]] = {
    b"P": _proxy_v1,
    b"\r": _proxy_v2,
    b"\5": _socks5,
    b"\4": _socks4,
    b"C": _connect,
}
