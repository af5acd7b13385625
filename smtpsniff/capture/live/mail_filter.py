"""The filter when none is asked for: mail ports, and what explains why mail does not arrive.

`port 25` alone is a trap: it loses fragments, which carry no ports, and the ICMP errors without
which a path that swallows large packets cannot be told from a dead server. So this program lets
pass

- TCP from or to a mail port, of the first fragment too, and later fragments of TCP;
- ICMP and ICMPv6 errors;
- IPv6 behind an extension header, which cannot be followed in a program without loops;
- all of these behind up to two VLAN tags.

Written by hand for the kernel (`man 7 packet`, Documentation/networking/filter.rst), so that it
works where libpcap is not installed. On anything but Ethernet offsets count from the network
header, wherever that is; on Ethernet they must not: in a tagged packet on its way out it is behind
the tags, in one on its way in before them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.capture.bpf import Instruction

if TYPE_CHECKING:
    from collections.abc import Iterable

NETWORK = 0xFFF00000  # SKF_NET_OFF: from here on offsets count from the network header
PROTOCOL = 0xFFFFF000  # SKF_AD_OFF + SKF_AD_PROTOCOL: the EtherType, as the kernel knows it

# Codes of the instructions (<linux/bpf_common.h>): load into A, jump, arithmetic, return.
WORD, HALF, BYTE = 0x20, 0x28, 0x30
HALF_AT_X, SET_X, SHIFT, MASK = 0x48, 0x07, 0x64, 0x54
EQUAL, GREATER, BITS, ALWAYS, RETURN = 0x15, 0x25, 0x45, 0x05, 0x06

ETHERTYPE, ETHERNET_HEADER = 12, 14
IPV4, IPV6 = 0x0800, 0x86DD
VLANS = (0x8100, 0x88A8, 0x9100)
TCP, ICMP, ICMPV6 = 6, 1, 58
EXTENSIONS = (0, 43, 44, 60)  # hop-by-hop, routing, fragment, destination options
LAST_ICMPV6_ERROR = 4  # types 1 to 4: unreachable, too big, time exceeded, parameter problem
UNREACHABLE, TIME_EXCEEDED = 3, 11
FRAGMENT_OFFSET = 0x1FFF
MAX_TAGS = 2
MOST_PORTS = 40

Line = tuple[int, int, "str | None", "str | None"]  # code, operand, label if true, if false


def mail_filter(ports: Iterable[int], snaplen: int, *, ethernet: bool = True) -> list[Instruction]:
    """The program for these ports; it keeps at most `snaplen` bytes of each packet.

    For more than `MOST_PORTS`, which a jump could not pass, all of TCP.
    """
    program = _Program()
    ports = sorted(set(ports))
    ports = ports if len(ports) <= MOST_PORTS else []
    if ethernet:
        for tags in range(MAX_TAGS + 1):
            program.mark(f"vlan{tags - 1}")
            program.add(HALF, ETHERTYPE + 4 * tags)
            _layer(program, tags, ETHERNET_HEADER + 4 * tags, ports)
        program.mark(f"vlan{MAX_TAGS}")
    else:
        program.add(WORD, PROTOCOL)
        _layer(program, 0, NETWORK, ports)
        program.mark("vlan0")
    program.mark("drop")
    program.add(RETURN, 0)
    program.mark("keep")
    program.add(RETURN, snaplen)
    return program.assembled()


def _layer(program: _Program, tags: int, at: int, ports: list[int]) -> None:
    """What to do with the EtherType in A, when the network layer is `at`, behind so many tags."""
    for kind in VLANS:
        program.add(EQUAL, kind, f"to-vlan{tags}")
    program.add(EQUAL, IPV4, f"ipv4-{tags}")
    program.add(EQUAL, IPV6, f"ipv6-{tags}")
    program.add(ALWAYS, 0, "drop")
    program.mark(f"to-vlan{tags}")
    program.add(ALWAYS, 0, f"vlan{tags}")
    program.mark(f"ipv4-{tags}")
    program.add(BYTE, at + 9)
    program.add(EQUAL, TCP, f"tcp4-{tags}")
    program.add(EQUAL, ICMP, f"icmp4-{tags}")
    program.add(ALWAYS, 0, "drop")
    program.mark(f"icmp4-{tags}")
    _header_length(program, at)
    program.add(HALF_AT_X, at)
    program.add(0x74, 8)  # A >>= 8: the type is the first of two bytes
    program.add(EQUAL, UNREACHABLE, f"keep{tags}")
    program.add(EQUAL, TIME_EXCEEDED, f"keep{tags}")
    program.add(ALWAYS, 0, "drop")
    program.mark(f"tcp4-{tags}")
    program.add(HALF, at + 6)
    program.add(BITS, FRAGMENT_OFFSET, f"keep{tags}")
    if not ports:
        program.add(ALWAYS, 0, f"keep{tags}")
    _header_length(program, at)
    for offset in (0, 2):
        program.add(HALF_AT_X, at + offset)
        for port in ports:
            program.add(EQUAL, port, f"keep{tags}")
    program.add(ALWAYS, 0, "drop")
    program.mark(f"keep{tags}")
    program.add(ALWAYS, 0, "keep")
    program.mark(f"ipv6-{tags}")
    program.add(BYTE, at + 6)
    for extension in EXTENSIONS:
        program.add(EQUAL, extension, f"keep6-{tags}")
    program.add(EQUAL, ICMPV6, f"icmp6-{tags}")
    program.add(EQUAL, TCP, f"tcp6-{tags}")
    program.add(ALWAYS, 0, "drop")
    program.mark(f"icmp6-{tags}")
    program.add(BYTE, at + 40)
    program.add(GREATER, LAST_ICMPV6_ERROR, f"drop6-{tags}", f"keep6-{tags}")
    program.mark(f"tcp6-{tags}")
    if not ports:
        program.add(ALWAYS, 0, f"keep6-{tags}")
    for offset in (40, 42):
        program.add(HALF, at + offset)
        for port in ports:
            program.add(EQUAL, port, f"keep6-{tags}")
    program.mark(f"drop6-{tags}")
    program.add(ALWAYS, 0, "drop")
    program.mark(f"keep6-{tags}")
    program.add(ALWAYS, 0, "keep")


def _header_length(program: _Program, at: int) -> None:
    """Bytes of the IPv4 header into X."""
    program.add(BYTE, at)
    program.add(MASK, 0x0F)
    program.add(SHIFT, 2)
    program.add(SET_X, 0)


class _Program:
    """Instructions with labels in place of distances."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._marks: dict[str, int] = {}

    def mark(self, label: str) -> None:
        """The next instruction is called so."""
        self._marks[label] = len(self._lines)

    def add(self, code: int, operand: int, yes: str | None = None, no: str | None = None) -> None:
        """One instruction; a jump without a label goes on with the next one."""
        self._lines.append((code, operand & 0xFFFFFFFF, yes, no))

    def assembled(self) -> list[Instruction]:
        """The program, its labels turned into distances (of conditional jumps at most 255)."""
        out = []
        for index, (code, operand, yes, no) in enumerate(self._lines):
            true, false = (self._marks[to] - index - 1 if to else 0 for to in (yes, no))
            if code == ALWAYS:
                out.append(Instruction(code, 0, 0, true))
            else:
                out.append(Instruction(code, true, false, operand))
        return out
