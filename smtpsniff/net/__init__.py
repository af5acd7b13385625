"""From raw packets to TCP segments: link layers, IP, tunnels, fragments, ICMP errors."""

from smtpsniff.net.batch import Options, SegmentBatch, Unreachable
from smtpsniff.net.checksum import checksums, sound
from smtpsniff.net.decode import decode
from smtpsniff.net.endpoint import endpoints
from smtpsniff.net.fragments import Fragments
from smtpsniff.net.hops import datagram_number, hops
from smtpsniff.net.options import options
from smtpsniff.net.outside import encapsulation
from smtpsniff.net.payload import first_bytes

__all__ = [
    "Fragments",
    "Options",
    "SegmentBatch",
    "Unreachable",
    "checksums",
    "datagram_number",
    "decode",
    "encapsulation",
    "endpoints",
    "first_bytes",
    "hops",
    "options",
    "sound",
]
