"""Protocol headers as layouts, and the numbers in them that matter here.

The names of the fields are those of the RFCs' figures; all are in network byte order.
"""

from __future__ import annotations

import numpy as np

# RFC 791, 3.1
IPV4 = np.dtype([
    ("version_ihl", "u1"), ("service", "u1"), ("length", ">u2"), ("identification", ">u2"),
    ("fragment", ">u2"), ("ttl", "u1"), ("protocol", "u1"), ("checksum", ">u2"),
    ("source", ">u4"), ("destination", ">u4"),
])  # fmt: skip
MORE_OR_OFFSET = 0x3FFF  # of `fragment`: More Fragments, or any offset
MORE = 0x2000
OFFSET = 0x1FFF  # in units of eight bytes

# RFC 8200, 3
IPV6 = np.dtype([
    ("version", "u1"), ("class_flow", "u1", 3), ("length", ">u2"), ("next", "u1"), ("hops", "u1"),
    ("source", ">u4", 4), ("destination", ">u4", 4),
])  # fmt: skip

# What all extension headers begin with, and how a Fragment header goes on (RFC 8200, 4.5)
EXTENSION = np.dtype([
    ("next", "u1"), ("length", "u1"), ("fragment", ">u2"), ("identification", ">u4"),
])  # fmt: skip
MORE_OR_OFFSET_V6 = 0xFFF9

# RFC 9293, 3.1
TCP = np.dtype([
    ("sport", ">u2"), ("dport", ">u2"), ("seq", ">u4"), ("ack", ">u4"), ("offset_flags", ">u2"),
    ("window", ">u2"), ("checksum", ">u2"), ("urgent", ">u2"),
])  # fmt: skip

# RFC 792 and RFC 4443; the last word holds the next hop's MTU in some (RFC 1191, RFC 4443 3.2)
ICMP = np.dtype([("type", "u1"), ("code", "u1"), ("checksum", ">u2"), ("rest", ">u4")])

BYTE = np.dtype("u1")
SHORT = np.dtype(">u2")
WORD = np.dtype(">u4")

# EtherTypes (IEEE registry)
IP_V4, IP_V6 = 0x0800, 0x86DD
TAGS = (0x8100, 0x88A8, 0x9100, 0x9200, 0x9300)  # 802.1Q, 802.1ad and what came before it
LONGEST_802_3 = 1500  # up to here the field is a length (IEEE 802.3, 3.2.6)
SNAP = 0xAAAA  # both service access points of an 802.2 header in front of an EtherType

# Protocol numbers (IANA)
ICMP_V4, TCP_PROTOCOL, UDP, FRAGMENT, AH, ICMP_V6, NO_NEXT = 1, 6, 17, 44, 51, 58, 59
EXTENSIONS = (0, 43, FRAGMENT, AH, 60, 135, 139, 140)  # RFC 7045, 4, without ESP
