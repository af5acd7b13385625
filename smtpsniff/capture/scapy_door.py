"""The side door: link layers that the columns do not know, one packet at a time through scapy.

Imports scapy (GPL-2.0-only, and half a second to load; `live/scapy_socket.py` does, too) only when
the first such packet comes. About fifty microseconds a packet.
"""

from __future__ import annotations

import importlib
import warnings
from functools import cache
from typing import Any, NamedTuple

MODULES = (
    "scapy.layers.l2",  # Ethernet, VLAN, 802.3 with LLC and SNAP, GRE, Linux cooked
    "scapy.layers.inet",
    "scapy.layers.inet6",
    "scapy.layers.ppp",  # PPP, HDLC, PPPoE
    "scapy.layers.vxlan",
    "scapy.layers.dot11",
    "scapy.contrib.mpls",
    "scapy.contrib.geneve",
)
TCP_PROTOCOL = 6
IPV6_HEADER = 40
LARGEST = 0xFFFF  # what the length field of an IP header holds


class Scapy(NamedTuple):
    """What of scapy is used here."""

    links: Any  # LINKTYPE_ -> packet class
    ipv4: type
    ipv6: type
    fragment: type
    tcp: type


def preload() -> None:
    """Load scapy now: later the right to read its files may be gone."""
    _scapy()


@cache
def _scapy() -> Scapy:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scapy's own imports, nothing a user could change
        loaded = {name: importlib.import_module(name) for name in MODULES}
        config = importlib.import_module("scapy.config")
    inet, inet6 = loaded["scapy.layers.inet"], loaded["scapy.layers.inet6"]
    return Scapy(
        config.conf.l2types.num2layer, inet.IP, inet6.IPv6, inet6.IPv6ExtHdrFragment, inet.TCP
    )


def slow_decode(link: int, packet: bytes) -> list[bytes]:
    """The innermost IP packet with TCP in a packet of LINKTYPE_ `link`, if there is one.

    Raw bytes from the IP header on, its length field intact, so that what the snap length
    cut is still known; IPv6 extension headers are taken out. Never raises: what scapy
    cannot take apart holds nothing.
    """
    scapy = _scapy()
    dissect = scapy.links.get(link)
    if dissect is None:
        return []
    try:
        layers = list(dissect(packet).iterpayloads())
        return _innermost(scapy, layers)
    except Exception:  # scapy raises anything on hostile bytes, RecursionError included
        return []


def _innermost(scapy: Scapy, layers: list[Any]) -> list[bytes]:
    """The last TCP layer with the IP header before it; both are looked for from the end."""
    # Exact types: what an ICMP error quotes is of a subclass, and was not sent here.
    kinds = [type(layer) for layer in layers]
    if scapy.tcp not in kinds:
        return []
    tcp = len(kinds) - 1 - kinds[::-1].index(scapy.tcp)
    for at in range(tcp - 1, -1, -1):
        if kinds[at] is scapy.ipv4:
            return _ipv4(layers[at])
        if kinds[at] is scapy.ipv6:
            between = zip(layers[at:tcp], kinds[at:tcp], strict=True)
            if any(kind is scapy.fragment and (layer.m or layer.offset) for layer, kind in between):
                return []
            return [_ipv6(layers[at].original, layers[at + 1].original, layers[tcp].original)]
    return []


def _ipv4(layer: Any) -> list[bytes]:  # noqa: ANN401
    """An IPv4 packet as it is, unless it is a fragment or hides TCP behind another header."""
    if layer.proto != TCP_PROTOCOL or layer.flags.MF or layer.frag:
        return []
    packet: bytes = layer.original
    return [packet[: layer.len] if layer.len else packet]


def _ipv6(packet: bytes, payload: bytes, segment: bytes) -> bytes:
    """An IPv6 packet with its TCP segment directly behind the fixed header."""
    extensions = len(payload) - len(segment)
    length = int.from_bytes(packet[4:6])
    if length:
        length -= extensions
    elif len(segment) <= LARGEST:  # a jumbogram, or not yet segmented: its size is its length
        length = len(segment)
    fixed = packet[:4] + length.to_bytes(2) + bytes([TCP_PROTOCOL]) + packet[7:IPV6_HEADER]
    return fixed + segment
