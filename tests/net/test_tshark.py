"""The columns against tshark, over captures from elsewhere.

Set SMTPSNIFF_CORPUS to the corpus; every nth capture is compared, 40 at most, and all that
have tunnels, tags or rare link layers.
"""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

import pytest
from dialogue import need
from net_bytes import ipv4 as packet4
from net_bytes import ipv6 as packet6
from net_bytes import tcp
from wrapping import WRAPPINGS, Inner

from smtpsniff.capture import CaptureError, open_capture
from smtpsniff.capture.scapy_door import slow_decode
from smtpsniff.net import Fragments, decode, endpoints

CORPUS = os.environ.get("SMTPSNIFF_CORPUS", "")
SAMPLE = 40
WRAPPED = (
    "decode-", "-decoder", "pppoe", "gre-", "vxlan", "Teredo", "mpls", "pbb", "vntag", "erspan",
    "wlan", "radiotap", "80211", "QinQ", "qinq", "defrag", "sll", "arkime_synthetic",
)  # fmt: skip

FIELDS = (
    "frame.number", "frame.protocols", "ip.src", "ipv6.src", "ip.dst", "ipv6.dst", "tcp.srcport", "tcp.dstport",
    "tcp.seq_raw", "tcp.len",
)  # fmt: skip
FOREIGN = (".zst", ".snoop.gz")  # container formats have tests of their own
OTHERWISE = {
    "pcapplusplus__tcp__fuzz_se-minimized-FuzzTarget-5755755617189888.pcap",  # 2 GB "on the wire"
    "tcpdump__tcp__bigtcp-ipv6.pcap",  # a jumbogram: too large for this tshark
}

Segment = tuple[int, str, str, int, int, int, int]

pytestmark = [
    pytest.mark.skipif(not CORPUS, reason="SMTPSNIFF_CORPUS does not name a folder of captures"),
]


def _sample() -> list[Path]:
    folder = Path(CORPUS or os.devnull) / "captures"
    files = sorted(
        path
        for path in folder.glob("*")
        if not path.name.endswith(FOREIGN) and path.name not in OTHERWISE
    )
    wrapped = [path for path in files if any(word in path.name for word in WRAPPED)]
    return wrapped + [path for path in files if path not in wrapped][:: len(files) // SAMPLE + 1]


def _ours(path: Path) -> set[Segment]:
    found = set()
    fragments = Fragments()
    with open_capture(path, window=10_000) as capture:
        for packets in capture:
            batch = decode(packets, slow_decode, fragments=fragments)
            for row in range(len(batch)):
                source, sport, destination, dport = endpoints(batch, row)
                numbers = (batch.frame[row], batch.seq[row], batch.length[row])
                frame, seq, length = map(int, numbers)
                found.add((frame, source, destination, sport, dport, seq, length))
    return found


def _theirs(path: Path) -> set[Segment]:
    command = [need("tshark"), "-r", str(path), "-Y", "tcp && !icmp && !icmpv6", "-T", "fields"]
    command += [word for field in FIELDS for word in ("-e", field)]
    command += ["-E", "occurrence=l", "-E", "separator=|"]
    command += ["-d", "udp.port==4754,gre"]  # RFC 8086
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    found = set()
    for line in done.stdout.splitlines():
        frame, layers, source, source6, target, target6, *numbers = line.split("|")
        six = layers.rpartition(":tcp")[0].split(":")
        six = [layer for layer in six if layer in ("ip", "ipv6")][-1:] == ["ipv6"]
        if all(numbers):  # else cut before the end of the header
            sport, dport, seq, length = map(int, numbers)
            ends = (source6, target6) if six else (source, target)
            found.add((int(frame), *ends, sport, dport, seq, length))
    return found


@pytest.mark.parametrize("path", _sample(), ids=lambda path: path.name)
def test_same_segments(path: Path) -> None:
    try:
        ours = _ours(path)
    except CaptureError:
        ours = set()  # no capture at all: nor may it be one for tshark
    assert ours == _theirs(path)


PACKETS = (packet4(tcp(b"EHLO x\r\n")), packet6(tcp(b"EHLO x\r\n")))
# Wrappings that this tshark takes apart otherwise, and why.
UNLIKE = {
    "pseudowire": "it takes an address that begins with 0 for a control word",
    "pseudowire with control word": "it takes the control word for an address",
    "mpls as link": "it does not read LINKTYPE_MPLS",
    "nflog, big endian": "it reads lengths in its own host's order",
    "ppp, as pppd has it": "it wants the address behind the direction, not replaced by it",
    "vxlan over ipv6": "it does not know Linux' port without being told",
}


@pytest.mark.parametrize("name", WRAPPINGS)
def test_same_innermost_addresses(name: str, tmp_path: Path) -> None:
    wrapping = WRAPPINGS[name]
    path = tmp_path / "wrapped.pcap"
    out = [struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, wrapping.link)]
    for packet in PACKETS:
        data = wrapping.wrap(Inner.of_packet(packet))
        out.append(struct.pack("<IIII", 0, 0, len(data), len(data)) + data)
    path.write_bytes(b"".join(out))
    if name in UNLIKE:
        assert _ours(path) != _theirs(path), "alike after all"
    else:
        assert _ours(path) == _theirs(path)
