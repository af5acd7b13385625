"""Whose addresses are public: told from their text as the library tells it from its numbers."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from smtpsniff.checks.view import is_private
from smtpsniff.stories.patterns import _public

_TAILS = ("0.0", "0.9", "0.170", "99.3", "255.255")
_EXAMPLES = ("192.0.2.", "198.51.100.", "203.0.113.")
_IPV4 = [f"{a}.{b}.{tail}" for a in range(256) for b in range(256) for tail in _TAILS]
_IPV6 = ["::1", "fe80::1", "fd00::1", "2606:4700::1", "::ffff:10.0.0.1"]
_OWN = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8",
        "169.254.0.0/16", "fc00::/7", "fe80::/10", "::1/128")  # fmt: skip


def test_private_addresses_are_those_of_the_library() -> None:
    for ip in (*_IPV4, *_IPV6):
        assert is_private(ip) == (ip_address(ip).is_private and not ip.startswith(_EXAMPLES)), ip


def test_addresses_for_examples_stand_for_public_ones() -> None:
    assert not any(is_private(f"{network}7") for network in _EXAMPLES)
    assert not is_private("2001:db8::7")


def test_strangers_are_who_is_in_no_network_of_ones_own() -> None:
    own = [ip_network(network) for network in _OWN]
    # The first octets and the second ones of those that a network parts are enough.
    for ip in (*_IPV4[:: len(_TAILS)], *_IPV6):
        address = ip_address(ip)
        assert _public(ip) != any(address in network for network in own), ip
