"""Certificates as TLS 1.2 and older show them, read by a small DER walker (X.690, RFC 5280 §4.1).

A walker of our own, not the `cryptography` package: names, dates and keys are all that is read,
nothing is verified, the package raises on much of what is out there, takes 50 ms to import, and
a record must not depend on what happens to be installed. No recursion; a length that leads out of
its parent ends the reading, and what was read so far stands.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["X509", "read_certificate"]

# Names kept of one certificate: large hosters put a hundred on one (RFC 5280 has no limit).
MAX_NAMES = 200
UTC_TIME, VERSION, EXTENSIONS = 0x17, 0xA0, 0xA3
HOST_NAME, ADDRESS = 0x82, 0x87

_TEXTS = {0x0C: "utf-8", 0x13: "ascii", 0x16: "ascii", 0x14: "latin-1", 0x1E: "utf-16-be",
          0x1C: "utf-32-be"}  # fmt: skip
_ATTRIBUTES = {
    "2.5.4.3": "CN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
    "2.5.4.9": "street", "2.5.4.10": "O", "2.5.4.11": "OU",
    "0.9.2342.19200300.100.1.25": "DC", "1.2.840.113549.1.9.1": "emailAddress",
}  # fmt: skip
_SIGNATURES = {
    "1.2.840.113549.1.1.2": "md2WithRSAEncryption", "1.2.840.113549.1.1.4": "md5WithRSAEncryption",
    "1.2.840.113549.1.1.5": "sha1WithRSAEncryption", "1.2.840.113549.1.1.10": "RSASSA-PSS",
    "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
    "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
    "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
    "1.2.840.113549.1.1.14": "sha224WithRSAEncryption", "1.2.840.10040.4.3": "dsa-with-sha1",
    "2.16.840.1.101.3.4.3.2": "dsa-with-sha256", "1.2.840.10045.4.1": "ecdsa-with-SHA1",
    "1.2.840.10045.4.3.1": "ecdsa-with-SHA224", "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
    "1.2.840.10045.4.3.3": "ecdsa-with-SHA384", "1.2.840.10045.4.3.4": "ecdsa-with-SHA512",
    "1.3.101.112": "Ed25519", "1.3.101.113": "Ed448",
}  # fmt: skip
_KEYS = {
    "1.2.840.113549.1.1.1": "RSA", "1.2.840.113549.1.1.10": "RSA-PSS", "1.2.840.10040.4.1": "DSA",
    "1.2.840.10045.2.1": "EC", "1.3.101.112": "Ed25519", "1.3.101.113": "Ed448",
}  # fmt: skip
_CURVES = {
    "1.2.840.10045.3.1.1": 192, "1.3.132.0.33": 224, "1.2.840.10045.3.1.7": 256,
    "1.3.132.0.10": 256, "1.3.132.0.34": 384, "1.3.132.0.35": 521,
}  # fmt: skip
_BITS = {"Ed25519": 256, "Ed448": 456}
_ALTERNATIVE_NAMES = "2.5.29.17"


class X509(NamedTuple):
    """What is read of a certificate; times in seconds since 1970, unknown parts empty."""

    subject: str = ""
    issuer: str = ""
    names: tuple[str, ...] = ()  # alternative names, hosts and addresses; else the common name
    serial: str = ""
    not_before: int | None = None
    not_after: int | None = None
    key: str = ""
    bits: int | None = None
    signature: str = ""
    sha256: str = ""


class _Node(NamedTuple):
    tag: int
    value: bytes


def _walk(data: bytes) -> Iterator[_Node]:
    """The elements that stand side by side in `data`, as far as they are whole."""
    pos = 0
    while pos + 2 <= len(data):
        tag, size = data[pos], data[pos + 1]
        start = pos + 2
        if size > 0x84 or size == 0x80 or tag & 0x1F == 0x1F:
            return  # longer than four octets can say, or endless: no certificate has that
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(data[pos + 2 : start], "big")
        if start + size > len(data):
            return
        yield _Node(tag, data[start : start + size])
        pos = start + size


def _first(data: bytes) -> _Node:
    return next(_walk(data), _Node(0, b""))


def _oid(value: bytes) -> str:
    """Dotted text of an object identifier."""
    arcs: list[int] = []
    arc = 0
    for octet in value[:64]:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    if not arcs:
        return ""
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def _text(node: _Node) -> str:
    return node.value.decode(_TEXTS.get(node.tag, "latin-1"), "backslashreplace")


def _name(data: bytes) -> tuple[str, str]:
    """A distinguished name as text (RFC 4514 §2.4, in the order of the wire), and its last CN."""
    parts: list[str] = []
    common = ""
    for group in _walk(data):
        for pair in _walk(group.value):
            kind, value = [*_walk(pair.value), _Node(0, b""), _Node(0, b"")][:2]
            label = _ATTRIBUTES.get(_oid(kind.value)) or _oid(kind.value)
            text = _text(value)
            common = text if label == "CN" else common
            parts.append(f"{label}={text.replace(',', chr(92) + ',')}")
            if len(parts) >= MAX_NAMES:
                return ", ".join(parts), common
    return ", ".join(parts), common


def _time(node: _Node) -> int | None:
    """UTCTime or GeneralizedTime (RFC 5280 §4.1.2.5)."""
    text = node.value.decode("ascii", "replace").removesuffix("Z")
    if node.tag == UTC_TIME:
        text = ("20" if text[:2] < "50" else "19") + text
    if len(text) != 14 or not text.isascii() or not text.isdigit():
        return None
    try:
        at = datetime(*(int(text[a:b]) for a, b in _FIELDS), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError:
        return None
    return int(at.timestamp())


_FIELDS = ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14))


def _key(info: bytes) -> tuple[str, int | None]:
    """Kind and size of a public key."""
    algorithm, bits = [*_walk(info), _Node(0, b""), _Node(0, b"")][:2]
    kind, parameters = [*_walk(algorithm.value), _Node(0, b""), _Node(0, b"")][:2]
    name = _KEYS.get(_oid(kind.value)) or _oid(kind.value)
    if name in ("RSA", "RSA-PSS"):
        modulus = _first(_first(bits.value[1:]).value)
        return name, int.from_bytes(modulus.value, "big").bit_length() or None
    if name == "DSA":
        return name, int.from_bytes(_first(parameters.value).value, "big").bit_length() or None
    if name == "EC":
        return name, _CURVES.get(_oid(parameters.value))
    return name, _BITS.get(name)


def _alternative_names(extensions: bytes) -> Iterator[str]:
    """Hosts and addresses of subjectAltName (RFC 5280 §4.2.1.6)."""
    for extension in _walk(_first(extensions).value):
        parts = list(_walk(extension.value))
        if not parts or _oid(parts[0].value) != _ALTERNATIVE_NAMES:
            continue
        for node in _walk(_first(parts[-1].value).value):
            if node.tag == HOST_NAME:
                yield node.value.decode("ascii", "backslashreplace")
            elif node.tag == ADDRESS and len(node.value) in (4, 16):
                yield str(ip_address(node.value))


@lru_cache(256)  # a server shows the same chain to everybody
def read_certificate(der: bytes) -> X509:
    """What stands in a certificate; empty where it is none."""
    digest = sha256(der).hexdigest()
    outer = list(_walk(_first(der).value))
    parts = list(_walk(outer[0].value)) if outer else []
    if parts and parts[0].tag == VERSION:
        del parts[0]
    if len(parts) < 6:
        return X509(sha256=digest)
    serial, algorithm, issuer, validity, subject, info = parts[:6]
    subject_text, common = _name(subject.value)
    times = [_time(node) for node in _walk(validity.value)]
    names: list[str] = []
    for part in parts[6:]:
        if part.tag == EXTENSIONS:
            for name in _alternative_names(part.value):
                names.append(name)
                if len(names) >= MAX_NAMES:
                    break
    key, bits = _key(info.value)
    signature = _oid(_first(algorithm.value).value)
    return X509(
        subject_text,
        _name(issuer.value)[0],
        tuple(names) or ((common,) if common else ()),
        serial.value.hex(),
        times[0] if times else None,
        times[1] if len(times) > 1 else None,
        key,
        bits,
        _SIGNATURES.get(signature) or signature,
        digest,
    )
