"""Whose addresses are, and which network they are in."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from smtpsniff.addresses import is_loopback, is_private, network
from smtpsniff.records import Endpoint


@pytest.mark.parametrize(
    ("ip", "private"),
    [
        ("10.0.0.1", True), ("172.16.0.1", True), ("172.32.0.1", False), ("192.168.1.1", True),
        ("192.167.1.1", False), ("127.0.0.1", True), ("169.254.1.1", True), ("8.8.8.8", False),
        ("100.64.0.1", True), ("100.63.0.1", False), ("100.128.0.1", False),
        ("192.0.2.1", False), ("198.51.100.1", False), ("203.0.113.1", False),
        ("::1", True), ("fe80::1", True), ("fd00::1", True), ("2001:db8::1", False),
        ("2a00:1450::1", False),
    ],
)  # fmt: skip
def test_whose_networks_are(ip: str, private: bool) -> None:
    assert is_private(ip) is private


def test_private_addresses_are_those_of_the_library_and_of_rfc_6598() -> None:
    shared = ip_network("100.64.0.0/10")
    examples = ("192.0.2.", "198.51.100.", "203.0.113.")
    for first in range(256):
        for second in range(256):
            for tail in ("0.0", "0.9", "0.170", "99.3", "255.255"):
                ip = f"{first}.{second}.{tail}"
                address = ip_address(ip)
                wanted = address.is_private or address in shared
                assert is_private(ip) == (wanted and not ip.startswith(examples)), ip


@pytest.mark.parametrize(
    ("ip", "own"), [("127.9.9.9", True), ("::1", True), ("128.0.0.1", False), ("::2", False)]
)
def test_loopback(ip: str, own: bool) -> None:
    assert is_loopback(ip) is own


def test_neighbours_share_a_network() -> None:
    assert network("192.0.2.1") == network("192.0.2.255") != network("192.0.3.1")
    assert network("2001:db8::1") == network("2001:db8::ffff") != network("2001:db8:0:1::1")


def test_an_end_as_text() -> None:
    assert str(Endpoint("192.0.2.25", 25)) == "192.0.2.25:25"
    assert str(Endpoint("2001:db8::25", 587)) == "[2001:db8::25]:587"
