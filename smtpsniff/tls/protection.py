"""How the records of a direction are sealed, and what opens them.

Names of suites say it all: AES-GCM (RFC 5288), AES-CCM (RFC 6655), ChaCha20-Poly1305 (RFC 7905),
AES-CBC with an HMAC (RFC 5246 §6.2.3.2; the other way round by RFC 7366), and all of TLS 1.3
(RFC 8446 §5.2). The primitives are those of the package `cryptography`, imported with the first
key.
"""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

from smtpsniff.tls.schedule import expand_label, key_block, next_secret
from smtpsniff.tls.suites import suite_name

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Lock", "Suite", "both_locks", "suite_of", "traffic_lock"]

TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3 = 0x0301, 0x0302, 0x0303, 0x0304

_NAME = re.compile(
    r"TLS_(?:\w+_WITH_)?"
    r"(?:(AES_128|AES_256)_(GCM|CCM_8|CCM|CBC)|(CHACHA20)_(POLY1305))(?:_(SHA|SHA256|SHA384))?"
)
_KEY_SIZES = {"AES_128": 16, "AES_256": 32, "CHACHA20": 32}
_MACS = {"SHA": ("sha1", 20), "SHA256": ("sha256", 32), "SHA384": ("sha384", 48)}


class Suite(NamedTuple):
    """What a suite means for records: sizes in octets."""

    mode: str
    key: int
    digest: str  # of the key schedule; "" in TLS 1.0 and 1.1
    mac: str = ""  # of CBC
    mac_size: int = 0
    mac_last: bool = False  # encrypt, then MAC

    @property
    def fixed(self) -> int:
        """The part of the nonce that comes from the keys of TLS 1.2 and older."""
        return {"POLY1305": 12, "CBC": 0}.get(self.mode, 4)


def suite_of(number: int, version: int, mac_last: bool = False) -> Suite | None:
    """What is to be done for a suite; None if it cannot be."""
    match = _NAME.fullmatch(suite_name(number))
    if match is None or not TLS_1_0 <= version <= TLS_1_3:
        return None
    cipher, mode = match[1] or match[3], match[2] or match[4]
    digest = "sha384" if match[5] == "SHA384" else "sha256"
    if version < TLS_1_2:
        digest = ""
    if mode != "CBC":
        return Suite(mode, _KEY_SIZES[cipher], digest)
    mac, size = _MACS[match[5]]
    return Suite(mode, _KEY_SIZES[cipher], digest, mac, size, mac_last)


class Lock(Protocol):
    """The seal of one direction between two changes of keys."""

    def open(self, number: int, header: bytes, body: bytes) -> tuple[int, bytes] | None:
        """Kind and content of record `number`; None if this is not its key, or it was changed."""

    def passed(self, body: bytes) -> None:
        """What the stream went on with, whether it was opened or not."""

    def next(self) -> Lock | None:
        """The seal behind a KeyUpdate; None where there are none."""


class _Aead(Protocol):
    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes: ...


def _aead(suite: Suite, key: bytes) -> _Aead:
    from cryptography.hazmat.primitives.ciphers import aead

    if suite.mode == "POLY1305":
        return aead.ChaCha20Poly1305(key)
    if suite.mode == "GCM":
        return aead.AESGCM(key)
    return aead.AESCCM(key, 8 if suite.mode == "CCM_8" else 16)


def _decrypted(aead: _Aead, nonce: bytes, data: bytes, extra: bytes) -> bytes | None:
    from cryptography.exceptions import InvalidTag

    try:
        return aead.decrypt(nonce, data, extra)
    except (InvalidTag, ValueError, OverflowError):
        return None


def _mixed(iv: bytes, number: int) -> bytes:
    """A nonce that counts (RFC 8446 §5.3, RFC 7905 §2)."""
    return (int.from_bytes(iv, "big") ^ number).to_bytes(len(iv), "big")


class _Counting:
    """A seal that does not depend on the record before."""

    def passed(self, body: bytes) -> None:
        """Nothing to remember."""

    def next(self) -> Lock | None:
        """Only TLS 1.3 has this."""
        return None


class _Modern(_Counting):
    """TLS 1.3."""

    def __init__(self, suite: Suite, secret: bytes) -> None:
        self._suite, self._secret = suite, secret
        self._aead = _aead(suite, expand_label(suite.digest, secret, b"key", suite.key))
        self._iv = expand_label(suite.digest, secret, b"iv", 12)

    def open(self, number: int, header: bytes, body: bytes) -> tuple[int, bytes] | None:
        clear = _decrypted(self._aead, _mixed(self._iv, number), body, header)
        if clear is None:
            return None
        clear = clear.rstrip(b"\0")
        return (clear[-1], clear[:-1]) if clear else (0, b"")

    def next(self) -> Lock:
        return _Modern(self._suite, next_secret(self._suite.digest, self._secret))


class _Authenticated(_Counting):
    """AEAD suites of TLS 1.2."""

    def __init__(self, suite: Suite, key: bytes, iv: bytes) -> None:
        self._aead, self._iv = _aead(suite, key), iv
        self._tag = 8 if suite.mode == "CCM_8" else 16

    def open(self, number: int, header: bytes, body: bytes) -> tuple[int, bytes] | None:
        if len(self._iv) == 4:  # the rest of the nonce is in the record
            nonce, body = self._iv + body[:8], body[8:]
        else:
            nonce = _mixed(self._iv, number)
        size = len(body) - self._tag
        if size < 0 or len(nonce) != 12:
            return None
        extra = number.to_bytes(8, "big") + header[:3] + size.to_bytes(2, "big")
        clear = _decrypted(self._aead, nonce, body, extra)
        return None if clear is None else (header[0], clear)


class _Chained(_Counting):
    """AES-CBC with an HMAC. In TLS 1.0 each record goes on with the last block before it."""

    def __init__(self, suite: Suite, version: int, key: bytes, mac: bytes, iv: bytes) -> None:
        self._suite, self._version, self._key, self._mac = suite, version, key, mac
        self._iv = iv

    def open(self, number: int, header: bytes, body: bytes) -> tuple[int, bytes] | None:
        suite = self._suite
        sealed = body
        if suite.mac_last:
            sealed, tag = body[: -suite.mac_size], body[-suite.mac_size :]
            if not hmac.compare_digest(self._tag(number, header, sealed), tag):
                return None
        before = self._iv
        if self._version > TLS_1_0:
            before, sealed = sealed[:16], sealed[16:]
        if not sealed or len(sealed) % 16 or len(before) != 16:
            return None
        clear = self._decrypt(before, sealed)
        padding = clear[-1] + 1
        end = len(clear) - padding - (0 if suite.mac_last else suite.mac_size)
        if end < 0 or clear[-padding:] != clear[-1:] * padding:
            return None
        if not suite.mac_last:
            tag = clear[end : end + suite.mac_size]
            if not hmac.compare_digest(self._tag(number, header, clear[:end]), tag):
                return None
        return header[0], clear[:end]

    def passed(self, body: bytes) -> None:
        """Remember the last block: TLS 1.0 goes on with it."""
        if self._version == TLS_1_0:
            end = len(body) - (self._suite.mac_size if self._suite.mac_last else 0)
            self._iv = body[max(end - 16, 0) : end]

    def _decrypt(self, iv: bytes, data: bytes) -> bytes:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        decryptor = Cipher(algorithms.AES(self._key), modes.CBC(iv)).decryptor()
        return decryptor.update(data) + decryptor.finalize()

    def _tag(self, number: int, header: bytes, data: bytes) -> bytes:
        head = number.to_bytes(8, "big") + header[:3] + len(data).to_bytes(2, "big")
        return hmac.digest(self._mac, head + data, self._suite.mac)


def traffic_lock(suite: Suite, secret: bytes) -> Lock:
    """The seal of TLS 1.3 that a traffic secret makes."""
    return _Modern(suite, secret)


def both_locks(
    suite: Suite, version: int, master: bytes, client: bytes, server: bytes
) -> tuple[Lock, Lock]:
    """The client's and the server's seal in TLS 1.2 and older; both randoms are mixed in."""
    iv = suite.fixed or (16 if version == TLS_1_0 else 0)
    sizes = (suite.mac_size, suite.mac_size, suite.key, suite.key, iv, iv)
    block = key_block(suite.digest, master, client, server, sum(sizes))
    parts, at = [], 0
    for size in sizes:
        parts.append(block[at : at + size])
        at += size
    make: Callable[[int], Lock]
    if suite.mode == "CBC":

        def make(side: int) -> Lock:
            return _Chained(suite, version, parts[2 + side], parts[side], parts[4 + side])
    else:

        def make(side: int) -> Lock:
            return _Authenticated(suite, parts[2 + side], parts[4 + side])

    return make(0), make(1)
