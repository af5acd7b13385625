"""From raw packets to TCP segments: link layers, IP, tunnels, ICMP errors, all as columns."""

from smtpsniff.net.batch import Options, SegmentBatch, Unreachable
from smtpsniff.net.checksum import checksums
from smtpsniff.net.decode import decode
from smtpsniff.net.endpoint import endpoints
from smtpsniff.net.hops import datagram_number, hops
from smtpsniff.net.options import options
from smtpsniff.net.payload import first_bytes

__all__ = [
    "Options",
    "SegmentBatch",
    "Unreachable",
    "checksums",
    "datagram_number",
    "decode",
    "endpoints",
    "first_bytes",
    "hops",
    "options",
]
