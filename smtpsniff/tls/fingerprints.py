"""Fingerprints of hellos: JA3 and JA3S (Salesforce, 2017) and JA4 (FoxIO, 2023).

They name the program that made a hello, not the host: the same client sends the same lists. JA4
is the part for clients, which FoxIO gave away under the BSD licence; JA4S and the others are not
free and not here.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import md5, sha256
from typing import TYPE_CHECKING

from smtpsniff.tls.hellos import ALPN, SERVER_NAME
from smtpsniff.tls.names import is_grease

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smtpsniff.tls.hellos import ClientHello, ServerHello

__all__ = ["ja3", "ja3s", "ja4"]

_JA4_VERSIONS = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3",
                 0x0002: "s2"}  # fmt: skip
# What JA4 has in place of a hash of nothing.
_NOTHING = "0" * 12


# A program makes the same lists in every hello, but for the values that mean nothing.
@lru_cache(1024)
def _plain(numbers: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in numbers if not is_grease(n))


def _kinds(hello: ClientHello | ServerHello) -> tuple[int, ...]:
    return tuple([kind for kind, _ in hello.extensions])


def _joined(*parts: object) -> str:
    return ",".join(
        "-".join(map(str, part)) if isinstance(part, tuple) else str(part) for part in parts
    )


@lru_cache(256)
def _md5(*parts: object) -> str:
    return md5(_joined(*parts).encode(), usedforsecurity=False).hexdigest()


def ja3(hello: ClientHello) -> str:
    """MD5 of version, ciphers, extensions, groups and point formats."""
    kinds = _plain(_kinds(hello))
    return _md5(hello.version, _plain(hello.ciphers), kinds, _plain(hello.groups), hello.formats)


def ja3s(hello: ServerHello) -> str:
    """MD5 of version, cipher and extensions."""
    return _md5(hello.legacy_version, hello.cipher, _kinds(hello))


def ja4(hello: ClientHello) -> str:
    """What it can in readable form, then hashes of its sorted lists."""
    protocols = hello.protocols
    return _ja4(
        _plain(_kinds(hello)), _plain(hello.ciphers), _plain(hello.versions),
        protocols[0] if protocols else None, hello.signatures,
    )  # fmt: skip


@lru_cache(256)
def _ja4(
    kinds: tuple[int, ...],
    ciphers: tuple[int, ...],
    versions: tuple[int, ...],
    protocol: bytes | None,
    signatures: tuple[int, ...],
) -> str:
    version = _JA4_VERSIONS.get(max(versions, default=0), "00")
    name = "d" if SERVER_NAME in kinds else "i"
    counts = f"{min(len(ciphers), 99):02d}{min(len(kinds), 99):02d}"
    ends = _ends(protocol) if protocol is not None else "00"
    rest = sorted(kind for kind in kinds if kind not in (SERVER_NAME, ALPN))
    return (
        f"t{version}{name}{counts}{ends}_{_hashed(_hex(sorted(ciphers)))}"
        f"_{_hashed(_hex(rest), _hex(signatures))}"
    )


def _ends(name: bytes) -> str:
    """First and last character of a protocol's name, or of its hex where they are no letters."""
    if not name:
        return "00"
    ends = bytes((name[0], name[-1]))
    return ends.decode() if ends.isalnum() else name.hex()[0] + name.hex()[-1]


def _hex(numbers: Iterable[int]) -> str:
    return ",".join(f"{number:04x}" for number in numbers)


def _hashed(first: str, second: str = "") -> str:
    text = f"{first}_{second}" if second else first
    return sha256(text.encode()).hexdigest()[:12] if first else _NOTHING
