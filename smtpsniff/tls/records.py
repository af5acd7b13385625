"""TLS records of one direction, read passively (RFC 8446 §5.1, RFC 5246 §6.2).

Records carry the handshake's messages, which may lie over several of them; once keys are in use
they are opaque, and only counted. Hostile lengths are expected everywhere: each read is
bounds-checked, what is kept is bounded, and what does not parse is left unknown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from smtpsniff.tls.hellos import (
    ClientHello,
    ServerHello,
    read_client_hello,
    read_server_hello,
    read_sslv2,
)
from smtpsniff.tls.names import ALERTS

__all__ = ["Records", "certificates_of", "is_client_hello", "is_record"]

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
CLIENT_HELLO, SERVER_HELLO, CERTIFICATE, KEY_EXCHANGE = 1, 2, 11, 12
# Handshakes are a few records; what comes later is opaque, and only counted.
MAX_RECORDS = 64
# Octets of one record, and of one handshake message. OpenSSL takes chains up to 100 kB
# (SSL_CTX_set_max_cert_list); a message that claims more is not read, nor anything behind it.
MAX_RECORD = 1 << 16
MAX_MESSAGE = 1 << 17
# Certificates of a chain: OpenSSL follows at most 100, real ones have two to four.
MAX_CHAIN = 16
# Version, random and cipher of a hello; with less it says nothing.
SHORTEST_HELLO = 36
# Alerts kept of one direction: a handshake has at most two or three.
MAX_ALERTS = 8

_RECORD = re.compile(rb"[\x14-\x17]\x03[\x00-\x04]", re.DOTALL)
_SSLV2 = re.compile(rb"[\x80-\xff].\x01\x03[\x00-\x04]", re.DOTALL)
_CLIENT_HELLO = re.compile(rb"\x16\x03[\x00-\x04]..\x01|" + _SSLV2.pattern, re.DOTALL)


def is_client_hello(data: bytes) -> bool:
    """Whether `data` begins with a ClientHello (SSLv2-compatible ones too)."""
    return bool(_CLIENT_HELLO.match(data))


def is_record(data: bytes) -> bool:
    """Whether `data` begins like a TLS record or an SSLv2-compatible ClientHello."""
    return bool(_RECORD.match(data)) or is_client_hello(data)


@dataclass(slots=True)
class Records:
    """One direction's records. Feed it bytes in order; it keeps only what is unfinished."""

    size: int = 0  # bytes seen
    records: int = 0
    hello: ClientHello | ServerHello | None = None  # the first; a server's, that which counts
    retried: bool = False  # the server asked for another ClientHello
    certificates: list[bytes] = field(default_factory=list)  # as sent, the host's own first
    key_exchange: bytes = b""  # the server's, as it stands in TLS 1.2 and older
    last: int = -1  # kind of the last handshake message in clear
    alerts: list[tuple[int, int]] = field(default_factory=list)  # level and description, in clear
    fatal: str = ""  # first alert other than close_notify
    changed: bool = False  # ChangeCipherSpec seen
    protected: bool = False  # application data seen
    sealed: list[int] = field(default_factory=list)  # sizes of the first such records
    broken: bool = False  # not TLS after all, or bytes are missing
    _rest: bytes = b""  # of an unfinished record
    _message: bytes = b""  # of an unfinished handshake message
    _skip: int = 0

    @property
    def client(self) -> ClientHello | None:
        """The hello, if it is a client's."""
        return self.hello if isinstance(self.hello, ClientHello) else None

    @property
    def server(self) -> ServerHello | None:
        """The hello, if it is a server's."""
        return self.hello if isinstance(self.hello, ServerHello) else None

    def lose(self, length: int) -> None:
        """So many bytes were not captured; behind them no record's beginning is known."""
        self.size += length
        if not self.records and not self._rest:
            return  # nothing was begun yet
        if self._skip >= length:
            self._skip -= length
            return
        self.broken = True
        self._rest = self._message = b""

    def unsealed(self, certificates: list[bytes], alerts: list[tuple[int, int]]) -> None:
        """Take what was under a seal that somebody opened."""
        self.certificates = self.certificates or certificates
        self.alerts += alerts[: MAX_ALERTS - len(self.alerts)]
        alerts.clear()

    def feed(self, data: bytes) -> None:
        """Take the next bytes of this direction."""
        self.size += len(data)
        if self.broken or self.records >= MAX_RECORDS:
            return
        if self._skip >= len(data):
            self._skip -= len(data)
            return
        data = self._rest + data[self._skip :]
        self._skip, self._rest = 0, b""
        pos = self._sslv2(data)
        while not self.broken and self.records < MAX_RECORDS and pos + 5 <= len(data):
            if not _RECORD.match(data, pos):
                self.broken = True
                return
            size = int.from_bytes(data[pos + 3 : pos + 5], "big")
            end, kind = pos + 5 + size, data[pos]
            if end > len(data) and kind == HANDSHAKE:
                break
            self._record(kind, data[pos + 5 : end], size)
            if end > len(data):
                self._skip = end - len(data)
                return
            pos = end
        if self.records < MAX_RECORDS and not self.broken:
            self._rest = data[pos : pos + MAX_RECORD]

    def _sslv2(self, data: bytes) -> int:
        """Where the records begin: behind a ClientHello in the format of SSLv2, if there is one."""
        if self.records or not _SSLV2.match(data):
            return 0
        end = 2 + (int.from_bytes(data[:2], "big") & 0x7FFF)
        if end > len(data):
            return len(data)  # too short to be read; nobody parts it over packets
        self.records += 1
        self.hello, self.last = read_sslv2(data[:end]), CLIENT_HELLO
        return end

    def _record(self, kind: int, body: bytes, size: int) -> None:
        self.records += 1
        if kind == APPLICATION_DATA:
            self.protected = True
            self.sealed.append(size)
        elif kind == CHANGE_CIPHER_SPEC:
            self.changed = True
            self._message = b""
        elif kind == ALERT and not self.changed and len(body) == 2:
            if len(self.alerts) < MAX_ALERTS:
                self.alerts.append((body[0], body[1]))
            if body[1] != 0:
                self.fatal = self.fatal or ALERTS.get(body[1], f"alert {body[1]}")
        elif kind == HANDSHAKE and (not self.changed or _is_hello(body)):
            self._handshake(body)

    def _handshake(self, body: bytes) -> None:
        """Take the messages that are whole now."""
        data = self._message + body
        pos = 0
        while pos + 4 <= len(data):
            size = int.from_bytes(data[pos + 1 : pos + 4], "big")
            end = pos + 4 + size
            if size > MAX_MESSAGE:
                self.broken = True
                return
            if end > len(data):
                break
            self._take(data[pos], data[pos + 4 : end])
            pos = end
        self._message = data[pos:]

    def _take(self, kind: int, body: bytes) -> None:
        """One handshake message."""
        self.last = kind
        if kind in (CLIENT_HELLO, SERVER_HELLO) and len(body) < SHORTEST_HELLO:
            return
        if kind == CLIENT_HELLO and self.hello is None:
            self.hello = read_client_hello(body)
        elif kind == SERVER_HELLO and (self.hello is None or self.retried):
            hello = read_server_hello(body)
            self.retried |= hello.retry
            self.hello = hello
        elif kind == CERTIFICATE and not self.certificates:
            self.certificates = _chain(body)
        elif kind == KEY_EXCHANGE:
            self.key_exchange = body


def _is_hello(body: bytes) -> bool:
    """Whether a record behind ChangeCipherSpec is one hello in clear: so it is after a retry."""
    return body[:1] in (b"\x01", b"\x02") and int.from_bytes(body[1:4], "big") == len(body) - 4


def certificates_of(body: bytes) -> list[bytes]:
    """The same of TLS 1.3, where each has extensions behind it (RFC 8446 §4.4.2)."""
    return _chain(body[1 + (body[0] if body else 0) :], extended=True)


def _chain(body: bytes, *, extended: bool = False) -> list[bytes]:
    """The certificates of a Certificate message (RFC 5246 §7.4.2), as far as they are whole."""
    chain: list[bytes] = []
    end = min(3 + int.from_bytes(body[:3], "big"), len(body))
    pos = 3
    while pos + 3 <= end and len(chain) < MAX_CHAIN:
        size = int.from_bytes(body[pos : pos + 3], "big")
        if pos + 3 + size > end:
            break
        chain.append(body[pos + 3 : pos + 3 + size])
        pos += 3 + size
        if extended:
            pos += 2 + int.from_bytes(body[pos : pos + 2], "big")
    return chain
