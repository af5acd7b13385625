"""The columns against tshark, over captures from elsewhere.

Set SMTPSNIFF_CORPUS to a folder of captures; every nth of them is compared, 40 at most.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from dialogue import need

from smtpsniff.capture import CaptureError, open_capture
from smtpsniff.capture.scapy_door import slow_decode
from smtpsniff.net import decode, endpoints

CORPUS = os.environ.get("SMTPSNIFF_CORPUS", "")
SAMPLE = 40

FIELDS = (
    "frame.number", "ip.src", "ipv6.src", "ip.dst", "ipv6.dst", "tcp.srcport", "tcp.dstport",
    "tcp.seq_raw", "tcp.len",
)  # fmt: skip
FLAT = ("ip.defragment", "ipv6.defragment")  # packets one by one, as here

Segment = tuple[int, str, str, int, int, int, int]

pytestmark = [
    pytest.mark.skipif(not CORPUS, reason="SMTPSNIFF_CORPUS does not name a folder of captures"),
]


def _sample() -> list[Path]:
    files = sorted(path for path in Path(CORPUS or os.devnull).glob("*") if path.is_file())
    return files[:: len(files) // SAMPLE + 1]


def _ours(path: Path) -> set[Segment]:
    found = set()
    with open_capture(path, window=10_000) as capture:
        for packets in capture:
            batch = decode(packets, slow_decode)
            for row in range(len(batch)):
                source, sport, destination, dport = endpoints(batch, row)
                numbers = (batch.frame[row], batch.seq[row], batch.length[row])
                frame, seq, length = map(int, numbers)
                found.add((frame, source, destination, sport, dport, seq, length))
    return found


def _theirs(path: Path) -> set[Segment]:
    command = [need("tshark"), "-r", str(path), "-Y", "tcp && !icmp && !icmpv6", "-T", "fields"]
    command += [word for field in FIELDS for word in ("-e", field)]
    command += [word for name in FLAT for word in ("-o", f"{name}:FALSE")]
    command += ["-E", "occurrence=l", "-E", "separator=|"]
    command += ["-d", "udp.port==4754,data"]  # GRE in UDP (RFC 8086) is not taken apart here
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    found = set()
    for line in done.stdout.splitlines():
        frame, ip_source, source, ip_destination, destination, *numbers = line.split("|")
        if all(numbers):  # else cut before the end of the header
            sport, dport, seq, length = map(int, numbers)
            ends = (ip_source or source, ip_destination or destination)
            found.add((int(frame), *ends, sport, dport, seq, length))
    return found


@pytest.mark.parametrize("path", _sample(), ids=lambda path: path.name)
def test_same_segments(path: Path) -> None:
    try:
        ours = _ours(path)
    except CaptureError:
        ours = set()  # no capture at all: nor may it be one for tshark
    assert ours == _theirs(path)
