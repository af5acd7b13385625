"""The network interfaces of this machine."""

from __future__ import annotations

import socket
import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smtpsniff.capture.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Iterable

ANY = "any"  # every interface that is up

# Linux: <linux/sockios.h>, <net/if.h>, <linux/if_arp.h>
SIOCGIFFLAGS, SIOCGIFADDR, SIOCGIFHWADDR = 0x8913, 0x8915, 0x8927
IFF_UP, IFF_LOOPBACK = 0x1, 0x8
ETHERNET = 1  # ARPHRD_ETHER
IFREQ = 40  # bytes of `struct ifreq`: a name of 16, and what is asked for
NAME = 15  # longest name


@dataclass(frozen=True, slots=True)
class Nic:
    """A network interface. `hardware` is Linux's ARPHRD_ number, elsewhere that of Ethernet."""

    name: str
    up: bool
    loopback: bool
    hardware: int
    addresses: tuple[str, ...]


def interfaces() -> list[Nic]:
    """All interfaces, in the system's order."""
    if sys.platform.startswith("linux"):
        return _of_linux()
    from smtpsniff.capture.live.scapy_socket import interfaces as of_scapy

    return of_scapy()


def choose(names: Iterable[str]) -> list[Nic]:
    """The interfaces of these names; commas separate names, "any" is all that are up.

    CaptureError, with a list of those there are, for a name that none has or that is down.
    """
    there = {nic.name: nic for nic in interfaces()}
    chosen: dict[str, Nic] = {}
    for name in (part for word in names for part in word.split(",") if part):
        if name == ANY:
            chosen |= {nic.name: nic for nic in there.values() if nic.up}
        elif name not in there:
            raise CaptureError(name, f"no such interface; there are {', '.join(there)} and {ANY}")
        elif not there[name].up:
            raise CaptureError(name, f"this interface is down (ip link set {name} up)")
        else:
            chosen[name] = there[name]
    if not chosen:
        raise CaptureError(ANY, "no interface is up")
    return list(chosen.values())


def _of_linux() -> list[Nic]:
    ipv6 = _ipv6_addresses()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        found = []
        for _, name in socket.if_nameindex():
            raw = _ask(any_socket, SIOCGIFFLAGS, name)
            flags = struct.unpack_from("H", raw, 16)[0] if raw else 0
            raw = _ask(any_socket, SIOCGIFHWADDR, name)
            hardware = struct.unpack_from("H", raw, 16)[0] if raw else ETHERNET
            raw = _ask(any_socket, SIOCGIFADDR, name)
            ipv4 = [socket.inet_ntoa(raw[20:24])] if raw else []
            addresses = (*ipv4, *ipv6.get(name, ()))
            up, loopback = bool(flags & IFF_UP), bool(flags & IFF_LOOPBACK)
            found.append(Nic(name, up, loopback, hardware, addresses))
    return found


def _ask(any_socket: socket.socket, request: int, name: str) -> bytes:
    """One ioctl about an interface; nothing where the kernel has no answer."""
    import fcntl

    try:
        return fcntl.ioctl(any_socket, request, name.encode()[:NAME].ljust(IFREQ, b"\0"))
    except OSError:  # it went away, or has no such address
        return b""


def _ipv6_addresses() -> dict[str, list[str]]:
    """By interface; only Linux's /proc knows without asking netlink."""
    found: dict[str, list[str]] = {}
    try:
        with open("/proc/net/if_inet6", encoding="ascii") as lines:
            for line in lines:
                digits, *_, name = line.split()
                address = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(digits))
                found.setdefault(name, []).append(address)
    except (OSError, ValueError):
        pass
    return found
