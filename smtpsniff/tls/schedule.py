"""From secrets to keys: RFC 8446 §7.1 (TLS 1.3), RFC 5246 §5 and §6.3, RFC 2246 §5 (older)."""

from __future__ import annotations

import hmac

__all__ = ["expand_label", "key_block", "next_secret"]


def expand_label(digest: str, secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label without a context (RFC 8446 §7.1)."""
    label = b"tls13 " + label
    info = size.to_bytes(2, "big") + bytes((len(label),)) + label + b"\0"
    found, block, count = b"", b"", 1
    while len(found) < size:
        block = hmac.digest(secret, block + info + bytes((count,)), digest)
        found += block
        count += 1
    return found[:size]


def next_secret(digest: str, secret: bytes) -> bytes:
    """The traffic secret behind a KeyUpdate (RFC 8446 §7.2)."""
    return expand_label(digest, secret, b"traffic upd", len(secret))


def key_block(digest: str, master: bytes, client: bytes, server: bytes, size: int) -> bytes:
    """The keys of TLS 1.2 and older, in a row (RFC 5246 §6.3); `digest` "" is TLS 1.0 and 1.1."""
    seed = b"key expansion" + server + client
    if digest:
        return _expand(digest, master, seed, size)
    half = (len(master) + 1) // 2
    first = _expand("md5", master[:half], seed, size)
    second = _expand("sha1", master[-half:], seed, size)
    return bytes(a ^ b for a, b in zip(first, second, strict=True))


def _expand(digest: str, secret: bytes, seed: bytes, size: int) -> bytes:
    """P_hash (RFC 5246 §5)."""
    found, state = b"", seed
    while len(found) < size:
        state = hmac.digest(secret, state, digest)
        found += hmac.digest(secret, state + seed, digest)
    return found[:size]
