"""IP addresses as text: whether they are one's own, and which network they are in."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

__all__ = ["is_loopback", "is_private", "network"]

# Networks that are not public (RFC 6890), those behind a provider's translators among them
# (RFC 6598), and a small one of which only parts are.
_NOT_PUBLIC = (
    "0.", "10.", "127.", "169.254.", "192.168.", "198.18.", "198.19.",
    *(f"172.{n}." for n in range(16, 32)), *(f"100.{n}." for n in range(64, 128)),
    *(f"{n}." for n in range(240, 256)),
)  # fmt: skip
_PARTLY_PUBLIC = "192.0.0."
# For examples (RFC 5737, RFC 3849): whoever replaces addresses with these means public ones.
_DOCUMENTATION = ("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:")
# Bits of IPv6 that one site shares, as a /24 of IPv4: the usual smallest allocations.
_NETWORK = 64


@lru_cache(4096)
def _parsed(ip: str) -> IPv4Address | IPv6Address:
    return ip_address(ip)


def is_loopback(ip: str) -> bool:
    """Whether an address is the machine's own (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3)."""
    return _parsed(ip).is_loopback if ":" in ip else ip.startswith("127.")


def is_private(ip: str) -> bool:
    """Whether an address is of no public network (RFC 1918, RFC 4193, RFC 6598 and their like)."""
    if ip.startswith(_DOCUMENTATION):
        return False
    if ":" in ip or ip.startswith(_PARTLY_PUBLIC):
        return _parsed(ip).is_private
    return ip.startswith(_NOT_PUBLIC)  # a tenth of what the library takes, or a cache that fails


@lru_cache(65_536)
def network(ip: str) -> str:
    """The network that an address is in, as a key: ``192.0.2`` or ``2001:db8::/64``."""
    if ":" not in ip:
        return ip.rpartition(".")[0]
    return str(ip_network((ip, _NETWORK), strict=False))
