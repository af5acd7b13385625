"""TLS records and hellos, read passively (RFC 8446 §5.1 and §4.1, RFC 5246 §6.2).

Hostile lengths are expected everywhere: each read is bounds-checked, and what does not parse
is left unknown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["Records", "is_client_hello", "is_record"]

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
# Handshakes are a few records; what comes later is opaque, and only counted.
MAX_RECORDS = 64
MAX_HELLO = 1 << 16

_RECORD = re.compile(rb"[\x14-\x17]\x03[\x00-\x04]", re.DOTALL)
_CLIENT_HELLO = re.compile(rb"\x16\x03[\x00-\x04]..\x01|[\x80-\xff].\x01\x03[\x00-\x04]", re.DOTALL)

VERSIONS = {0x0300: "SSLv3", 0x0301: "TLSv1.0", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2",
            0x0304: "TLSv1.3"}  # fmt: skip

ALERTS = {
    0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 40: "handshake_failure",
    42: "bad_certificate", 43: "unsupported_certificate", 44: "certificate_revoked",
    45: "certificate_expired", 46: "certificate_unknown", 47: "illegal_parameter",
    48: "unknown_ca", 49: "access_denied", 50: "decode_error", 51: "decrypt_error",
    70: "protocol_version", 71: "insufficient_security", 80: "internal_error",
    86: "inappropriate_fallback", 90: "user_canceled", 109: "missing_extension",
    112: "unrecognized_name", 116: "certificate_required", 120: "no_application_protocol",
}  # fmt: skip


def is_client_hello(data: bytes) -> bool:
    """Whether `data` begins with a ClientHello (SSLv2-compatible ones too)."""
    return bool(_CLIENT_HELLO.match(data))


def is_record(data: bytes) -> bool:
    """Whether `data` begins like a TLS record or an SSLv2-compatible ClientHello."""
    return bool(_RECORD.match(data)) or is_client_hello(data)


@dataclass(slots=True)
class Records:
    """One direction's records. Feed it bytes in order; it keeps only an unfinished record."""

    size: int = 0  # bytes seen
    records: int = 0
    hello: bytes | None = None  # the hello's body, once it is complete
    fatal: str = ""  # first alert other than close_notify
    changed: bool = False  # ChangeCipherSpec seen
    protected: bool = False  # application data seen
    broken: bool = False  # not TLS after all
    version: str | None = None
    sni: str | None = None
    alpn: list[str] = field(default_factory=list)
    _rest: bytes = b""
    _skip: int = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes of this direction."""
        self.size += len(data)
        if self._skip >= len(data):
            self._skip -= len(data)
            return
        data = self._rest + data[self._skip :]
        self._skip, self._rest = 0, b""
        pos = 0
        while not self.broken and self.records < MAX_RECORDS and pos + 5 <= len(data):
            if not _RECORD.match(data, pos):
                self.broken = not (self.records == 0 and is_client_hello(data))
                return
            end = pos + 5 + int.from_bytes(data[pos + 3 : pos + 5], "big")
            kind = data[pos]
            if end > len(data) and kind != HANDSHAKE:
                self._record(kind, data[pos + 5 :])
                self._skip = end - len(data)
                return
            if end > len(data):
                break
            self._record(kind, data[pos + 5 : end])
            pos = end
        if self.records < MAX_RECORDS and not self.broken:
            self._rest = data[pos : pos + MAX_HELLO]

    def _record(self, kind: int, body: bytes) -> None:
        self.records += 1
        if kind == APPLICATION_DATA:
            self.protected = True
        elif kind == CHANGE_CIPHER_SPEC:
            self.changed = True
        elif kind == ALERT and not self.changed and len(body) == 2 and body[1] != 0:
            self.fatal = self.fatal or ALERTS.get(body[1], f"alert {body[1]}")
        elif kind == HANDSHAKE and self.hello is None and body[:1] in (b"\x01", b"\x02"):
            self.hello = body[4:]
            _read_hello(self, body[4:], client=body[0] == 1)


def _read_hello(side: Records, body: bytes, *, client: bool) -> None:
    """Version, SNI and ALPN of a ClientHello; version of a ServerHello (RFC 8446 §4.1.2-3)."""
    side.version = VERSIONS.get(int.from_bytes(body[:2], "big"))
    pos = 34
    pos += 1 + body[pos] if pos < len(body) else 0  # session id
    if client:
        pos += 2 + int.from_bytes(body[pos : pos + 2], "big")  # cipher suites
        pos += 1 + (body[pos] if pos < len(body) else 0)  # compression methods
    else:
        pos += 3
    pos += 2
    while pos + 4 <= len(body):
        kind = int.from_bytes(body[pos : pos + 2], "big")
        size = int.from_bytes(body[pos + 2 : pos + 4], "big")
        _read_extension(side, kind, body[pos + 4 : pos + 4 + size], client=client)
        pos += 4 + size


def _read_extension(side: Records, kind: int, value: bytes, *, client: bool) -> None:
    if kind == 0 and client:  # server_name, RFC 6066 §3
        size = int.from_bytes(value[3:5], "big")
        side.sni = value[5 : 5 + size].decode("ascii", "backslashreplace") or None
    elif kind == 16:  # ALPN, RFC 7301 §3.1
        pos = 2
        while pos < len(value):
            name = value[pos + 1 : pos + 1 + value[pos]]
            side.alpn.append(name.decode("ascii", "backslashreplace"))
            pos += 1 + value[pos]
    elif kind == 43:  # supported_versions, RFC 8446 §4.2.1
        offered = value[1:] if client else value
        known = [
            number
            for i in range(0, len(offered) - 1, 2)
            if (number := int.from_bytes(offered[i : i + 2], "big")) in VERSIONS
        ]
        if known:
            side.version = VERSIONS[max(known)]
