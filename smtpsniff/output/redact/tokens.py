"""Keyed tokens: what stands in place of an address, a name, a text.

Addresses go where nobody lives: IPv4 into 240.0.0.0/4 (RFC 1112 §4), IPv6 into 2001:db8::/32
(RFC 3849), names under .example (RFC 2606). Two addresses of one /24 or /64 stay in one, a name in
its domain: that is structure, and what joins attempts at the same mail.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address, ip_address

__all__ = ["Tokens"]

_REMEMBERED = 1 << 14  # tokens that are kept to be had again


class Tokens:
    """Makes tokens under `key` (at most 64 octets); the same for the same input."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.ip = lru_cache(_REMEMBERED)(self._ip)
        self.host = lru_cache(_REMEMBERED)(self._host)
        self.address = lru_cache(_REMEMBERED)(self._address)
        self.hash = lru_cache(_REMEMBERED)(self._hash)

    def _digest(self, kind: str, value: str) -> bytes:
        data = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
        return blake2b(data, key=self._key, digest_size=32).digest()

    def _hash(self, kind: str, value: str) -> str:
        return self._digest(kind, value.strip().casefold())[:4].hex()

    def _ip(self, text: str) -> str:
        """An address of the same version; its network follows from the network alone."""
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:
            return f"ip-{self.hash('ip', text)}"
        if isinstance(address, IPv4Address):
            return self._ip4(address)
        return f"::ffff:{self._ip4(v4)}" if (v4 := address.ipv4_mapped) else self._ip6(address)

    def _ip4(self, address: IPv4Address) -> str:
        network = int(address) >> 8
        upper = int.from_bytes(self._digest("net4", str(network))[:3], "big") & 0xFFFFF
        hosts = self._digest("host4", f"{network}/{int(address) & 0xFF}")[0]
        return str(IPv4Address(0xF << 28 | upper << 8 | hosts))

    def _ip6(self, address: IPv6Address) -> str:
        network = int(address) >> 64
        upper = int.from_bytes(self._digest("net6", str(network))[:4], "big")
        lower = int.from_bytes(self._digest("host6", str(int(address)))[:8], "big")
        return str(IPv6Address(0x20010DB8 << 96 | upper << 64 | lower))

    def _host(self, name: str) -> str:
        """As many labels as there were; what is within one domain stays so."""
        labels = name.strip().rstrip(".").casefold().split(".")
        if not any(labels) or labels[0] == "localhost":  # which names nobody
            return name
        parts = [
            f"n{self.hash('host', '.'.join(labels[at:]))}"
            for at in range(len(labels) - (len(labels) > 1))
        ]
        return ".".join([*parts, "example"]) if len(labels) > 1 else parts[0]

    def user(self, name: str) -> str:
        """A local part, or who logs in."""
        return f"u{self.hash('user', name)}"

    def _address(self, text: str) -> str:
        """``u1a2b3c4d@n5e6f7a8b.example``; a route, an address literal, a missing domain too."""
        local, at, domain = text.rpartition("@")
        if not at:
            return self.user(text) if text else text
        literal = re.fullmatch(r"\[(IPv6:)?(.*)\]", domain, re.IGNORECASE | re.DOTALL)
        if literal:
            return f"{self.user(local)}@[{literal[1] or ''}{self.ip(literal[2])}]"
        return f"{self.user(local)}@{self.host(domain)}"

    def named(self, kind: str, text: str) -> str:
        """``Subject-1a2b3c4d``: a text of some kind."""
        return f"{kind}-{self.hash(kind, text)}" if text.strip() else text

    def digest(self, text: str) -> str:
        """Another digest of the same length, so that the original's cannot confirm a guess."""
        wide = "".join(self._digest(f"digest{n}", text).hex() for n in range(1 + len(text) // 64))
        return wide[: len(text)]
