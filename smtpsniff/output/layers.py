"""The layers around a session in words: tunnels, tags, proxies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.records import Endpoint
from smtpsniff.text import safe, shorten

if TYPE_CHECKING:
    from smtpsniff.records import Layer

__all__ = ["layer"]

NAMES = {
    "ip": "IP in IP", "vlan": "VLAN", "pbb": "backbone bridge", "mpls": "MPLS", "pppoe": "PPPoE",
    "gre": "GRE", "erspan": "ERSPAN", "vxlan": "VXLAN", "geneve": "Geneve", "gtp": "GTP",
    "teredo": "Teredo", "l2tp": "L2TP", "etherip": "EtherIP", "nsh": "service path",
    "socks4": "SOCKS 4", "socks5": "SOCKS 5", "http-connect": "HTTP CONNECT",
    "proxy": "PROXY header",
}  # fmt: skip
NUMBERS = {"id": "", "label": "label ", "vni": "", "key": "key ", "teid": "", "session": "session "}
LONGEST = 256  # of a host's name, as a client wrote it


def layer(one: Layer) -> str:
    """One of them, with its number and its ends: `VXLAN 42 from 192.0.2.1 to 192.0.2.2`."""
    words = [NAMES.get(one.layer, one.layer)]
    for name, prefix in NUMBERS.items():
        value = getattr(one, name)
        if value is not None:
            words.append(f"{prefix}{value}")
    if one.source is not None and one.destination is not None:
        words += ["from", _end(one.source, one.source_port)]
        words += ["to", _end(one.destination, one.destination_port)]
    if one.host is not None:
        words += ["to", _end(shorten(safe(one.host), LONGEST), one.port)]
    return " ".join(words)


def _end(host: str, port: int | None) -> str:
    return host if port is None else str(Endpoint(host, port))
