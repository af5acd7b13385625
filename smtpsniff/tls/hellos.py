"""ClientHello and ServerHello, read passively (RFC 8446 §4.1, RFC 5246 §7.4.1).

Lengths of the wire are never trusted: a slice takes what there is, and what is missing is empty.
"""

from __future__ import annotations

from struct import unpack
from typing import NamedTuple

from smtpsniff.tls.names import is_grease

__all__ = [
    "ALPN", "ECH", "SERVER_NAME", "ClientHello", "ServerHello", "read_client_hello",
    "read_server_hello", "read_sslv2",
]  # fmt: skip

# Extensions (IANA "TLS ExtensionType Values").
SERVER_NAME, GROUPS, FORMATS, SIGNATURES, ALPN = 0, 10, 11, 13, 16
PRE_SHARED_KEY, SUPPORTED_VERSIONS, KEY_SHARE, ECH = 41, 43, 51, 0xFE0D
# The random of a ServerHello that asks for another ClientHello (RFC 8446 §4.1.3).
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")

# Drafts of TLS 1.3 up to the 21st, whose ServerHello has neither session nor compression.
_EARLY_DRAFTS = range(0x7F00, 0x7F16)

Extensions = tuple[tuple[int, bytes], ...]


class ClientHello(NamedTuple):
    """What the client offers; numbers in its order, GREASE included."""

    version: int  # legacy_version
    session: bytes
    ciphers: tuple[int, ...]
    extensions: Extensions = ()
    sslv2: bool = False  # in the format of SSLv2, whatever it offers

    def _value(self, kind: int) -> bytes:
        return _value(self.extensions, kind)

    def has(self, kind: int) -> bool:
        """Whether an extension is there."""
        return any(number == kind for number, _ in self.extensions)

    @property
    def sni(self) -> str | None:
        """The host name that the client wants (RFC 6066 §3)."""
        value = self._value(SERVER_NAME)
        size = int.from_bytes(value[3:5], "big")
        return value[5 : 5 + size].decode("ascii", "backslashreplace") or None

    @property
    def protocols(self) -> list[bytes]:
        """The protocols that it speaks inside (RFC 7301 §3.1), as sent."""
        return _protocols(self._value(ALPN))

    @property
    def alpn(self) -> list[str]:
        """The same as text."""
        return _texts(self.protocols)

    @property
    def versions(self) -> tuple[int, ...]:
        """All versions it offers where it lists them (RFC 8446 §4.2.1), else the highest."""
        listed = _numbers(self._value(SUPPORTED_VERSIONS)[1:])
        return tuple(v for v in listed if not is_grease(v)) or (self.version,)

    @property
    def groups(self) -> tuple[int, ...]:
        """Groups for the key exchange (RFC 8422 §5.1.1)."""
        return _numbers(self._value(GROUPS)[2:])

    @property
    def formats(self) -> tuple[int, ...]:
        """Formats of points on curves (RFC 8422 §5.1.2)."""
        return tuple(self._value(FORMATS)[1:])

    @property
    def signatures(self) -> tuple[int, ...]:
        """Signature algorithms (RFC 8446 §4.2.3)."""
        return _numbers(self._value(SIGNATURES)[2:])


class ServerHello(NamedTuple):
    """What the server chose."""

    legacy_version: int
    random: bytes
    session: bytes
    cipher: int
    extensions: Extensions = ()

    def _value(self, kind: int) -> bytes:
        return _value(self.extensions, kind)

    @property
    def version(self) -> int:
        """The version to be spoken from here on."""
        chosen = self._value(SUPPORTED_VERSIONS)
        return int.from_bytes(chosen[:2], "big") if len(chosen) >= 2 else self.legacy_version

    @property
    def alpn(self) -> list[str]:
        """The protocol inside, where it is told in clear."""
        return _texts(_protocols(self._value(ALPN)))

    @property
    def group(self) -> int | None:
        """The group of its key share (RFC 8446 §4.2.8)."""
        share = self._value(KEY_SHARE)
        return int.from_bytes(share[:2], "big") if len(share) >= 2 else None

    @property
    def resumes(self) -> bool:
        """Whether it takes a key of an earlier session (RFC 8446 §4.2.11)."""
        return any(number == PRE_SHARED_KEY for number, _ in self.extensions)

    @property
    def retry(self) -> bool:
        """Whether it is no hello but the wish for another ClientHello."""
        return self.random == RETRY


def _value(extensions: Extensions, kind: int) -> bytes:
    """The first extension of a kind; empty where there is none."""
    for number, value in extensions:
        if number == kind:
            return value
    return b""


def _numbers(data: bytes) -> tuple[int, ...]:
    """Numbers of two octets; an odd octet at the end is none."""
    count = len(data) // 2
    return unpack(f">{count}H", data[: 2 * count])


def _protocols(value: bytes) -> list[bytes]:
    names: list[bytes] = []
    pos = 2
    while pos < len(value):
        names.append(value[pos + 1 : pos + 1 + value[pos]])
        pos += 1 + value[pos]
    return names


def _texts(names: list[bytes]) -> list[str]:
    return [name.decode("ascii", "backslashreplace") for name in names]


def _extensions(data: bytes) -> Extensions:
    """Numbers and values, as far as they are whole."""
    found: list[tuple[int, bytes]] = []
    pos = 2
    while pos + 4 <= len(data):
        end = pos + 4 + int.from_bytes(data[pos + 2 : pos + 4], "big")
        found.append((int.from_bytes(data[pos : pos + 2], "big"), data[pos + 4 : end]))
        pos = end
    return tuple(found)


def _after(body: bytes, pos: int, width: int) -> int:
    """Where the field ends that begins at `pos` with its size in `width` octets."""
    return pos + width + int.from_bytes(body[pos : pos + width], "big")


def read_client_hello(body: bytes) -> ClientHello:
    """A ClientHello without the header of its message."""
    session_end = _after(body, 34, 1)
    ciphers_end = _after(body, session_end, 2)
    methods_end = _after(body, ciphers_end, 1)
    return ClientHello(
        int.from_bytes(body[:2], "big"),
        body[35:session_end],
        _numbers(body[session_end + 2 : ciphers_end]),
        _extensions(body[methods_end:]),
    )


def read_sslv2(data: bytes) -> ClientHello:
    """The ClientHello of SSLv2, which clients sent to reach servers of any age (RFC 5246 §E.2)."""
    size = int.from_bytes(data[5:7], "big")
    ciphers = data[11 : 11 + size]
    known = (ciphers[i : i + 3] for i in range(0, len(ciphers) - 2, 3))
    return ClientHello(
        int.from_bytes(data[3:5], "big"), b"",
        tuple(int.from_bytes(c[1:], "big") for c in known if c[0] == 0), sslv2=True,
    )  # fmt: skip


def read_server_hello(body: bytes) -> ServerHello:
    """A ServerHello without the header of its message."""
    if int.from_bytes(body[:2], "big") in _EARLY_DRAFTS:
        cipher = int.from_bytes(body[34:36], "big")
        return ServerHello(
            int.from_bytes(body[:2], "big"), body[2:34], b"", cipher, _extensions(body[36:])
        )
    session_end = _after(body, 34, 1)
    return ServerHello(
        int.from_bytes(body[:2], "big"),
        body[2:34],
        body[35:session_end],
        int.from_bytes(body[session_end : session_end + 2], "big"),
        _extensions(body[session_end + 3 :]),
    )
