"""What TCP did, against tshark's own analysis, over captures from elsewhere.

Every capture of the folder that SMTPSNIFF_CORPUS names that has TCP in it: the same connections,
the same octets, the same counts of each side, or a line in `EXPLAINED` that says why not.
"""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dialogue import need

from smtpsniff.capture import CaptureError, open_capture
from smtpsniff.capture.scapy_door import slow_decode
from smtpsniff.net import decode
from smtpsniff.tcp.table import Table

if TYPE_CHECKING:
    from smtpsniff.tcp import Connection

CORPUS = os.environ.get("SMTPSNIFF_CORPUS", "")
FIELDS = {
    "retransmissions": "retransmission",
    "spurious": "spurious_retransmission",
    "out_of_order": "out_of_order",
    "keep_alives": "keep_alive",
    "zero_windows": "zero_window",
    "window_full": "window_full",
}
NAMES = tuple(FIELDS)

MIRRORED = "packets that were captured twice are no retransmissions"
OUT_OF_ORDER = "octets acknowledged before the capture shows them were sent once all the same"
BACKWARDS = "times run backwards, and with them what is late and what is again"
# Capture -> why it differs, and (theirs, ours) of all sides together, where they do.
EXPLAINED: dict[str, tuple[str, dict[str, tuple[int, int]]]] = {
    "arkime__smtp-decrypted.pcap": (
        OUT_OF_ORDER,
        {"retransmissions": (7, 2), "spurious": (5, 0)},
    ),
    "zeek__tcp__ipv6-http-atomic-frag.pcap": (
        OUT_OF_ORDER,
        {"retransmissions": (1, 0), "spurious": (1, 0)},
    ),
    "malcolm__malcolm-SSL.pcap": (MIRRORED, {"retransmissions": (50, 38)}),
    "suricata-verify__bug-5867-fp-drop-01.pcap": (MIRRORED, {"retransmissions": (7, 0)}),
    "tcptrace__all.snoop.gz": (MIRRORED, {"keep_alives": (13, 2), "retransmissions": (5, 2)}),
    "tcpflow__tcp__test5-lines-randomized.pcap": (
        BACKWARDS,
        {"retransmissions": (5, 4), "out_of_order": (0, 1)},
    ),
    "tcpflow__tcp__test5-lines-randomized2.pcap": (
        BACKWARDS,
        {"retransmissions": (2, 0), "spurious": (1, 0), "out_of_order": (0, 1)},
    ),
}
# Captures whose connections differ, and why: what is taken apart here and there.
OTHER_CONNECTIONS = {
    "tcpdump__tcp__bigtcp-ipv6.pcap": "tshark 4.0 knows no jumbo payload without its option",
    "ngrep__tcp__utf8.pcap.xz": "tshark does not read what xz packed",
}
# Captures whose streams hold other octets: (theirs, ours), and why.
UNPROVEN = "octets behind a hole that was never acknowledged may never have arrived"
OTHER_OCTETS = {
    "suricata-verify__tcp__tcp-rst-unacked-stream-03-gap.pcap": ((13, 7), UNPROVEN),
    "suricata-verify__tcp__tcp-rst-unacked-stream-07-http.pcap": ((39, 16), UNPROVEN),
}

pytestmark = [
    pytest.mark.skipif(not CORPUS, reason="SMTPSNIFF_CORPUS does not name a folder of captures"),
]


def _captures() -> list[Path]:
    folder = Path(CORPUS or os.devnull) / "captures"
    return sorted(path for path in folder.glob("*") if path.is_file())


def _ours(path: Path) -> list[Connection]:
    """All connections, whatever they carry."""
    table = Table(range(65536), ())
    found = []
    with open_capture(path) as capture:
        for packets in capture:
            now = int(packets.time.max()) if len(packets) else 0
            found += table.feed(decode(packets, slow_decode), 0, now)
    return found + table.finish()


@cache
def _theirs(path: Path) -> tuple[int, Counter[tuple[int, str]], Counter[int]]:
    """How many streams, and by sender's port the counts and the octets."""
    command = [need("tshark"), "-r", str(path), "-Y", "tcp && !icmp && !icmpv6", "-T", "fields"]
    fields = ["tcp.stream", "tcp.srcport", "tcp.len"]
    fields += [f"tcp.analysis.{name}" for name in FIELDS.values()]
    command += [word for field in fields for word in ("-e", field)]
    command += ["-E", "separator=|", "-E", "occurrence=l"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    streams = set()
    counts: Counter[tuple[int, str]] = Counter()
    octets: Counter[int] = Counter()
    for line in done.stdout.splitlines():
        stream, port, size, *flags = line.split("|")
        if port:
            streams.add(stream)
            octets[int(port)] += int(size or 0)
            counts.update(
                (int(port), name) for name, set_ in zip(NAMES, flags, strict=True) if set_
            )
    return len(streams), counts, octets


@pytest.mark.parametrize("path", _captures(), ids=lambda path: path.name)
def test_same_counts(path: Path) -> None:
    streams, theirs, _ = _theirs(path)
    try:
        ours = _ours(path)
    except CaptureError:
        return  # of a kind that is not read: tests of capture/ tell
    if path.name in OTHER_CONNECTIONS:
        assert len(ours) != streams, "no longer true: take it out of the table"
        return
    assert len(ours) == streams
    counts: Counter[tuple[int, str]] = Counter()
    for connection in ours:
        for end, side in zip(connection.endpoints, connection.sides, strict=True):
            for name in NAMES:
                counts[end[1], name] += getattr(side, name)
    if path.name not in EXPLAINED:
        assert +counts == theirs
        return
    differ = {
        name: pair
        for name in NAMES
        if (pair := (_sum(theirs, name), _sum(counts, name))) and pair[0] != pair[1]
    }
    assert differ == EXPLAINED[path.name][1], EXPLAINED[path.name][0]


def _sum(counts: Counter[tuple[int, str]], name: str) -> int:
    return sum(number for (_, kind), number in counts.items() if kind == name)


@pytest.mark.parametrize("path", _captures(), ids=lambda path: path.name)
def test_same_octets(path: Path) -> None:
    """Where nothing came twice and nothing is missing, the streams hold what tshark counts."""
    if path.name in OTHER_CONNECTIONS or path.name in EXPLAINED:
        return
    _, counts, theirs = _theirs(path)
    try:
        ours = _ours(path)
    except CaptureError:
        return
    disturbed = {port for port, _ in counts}
    octets: Counter[int] = Counter()
    for connection in ours:
        for end, side in zip(connection.endpoints, connection.sides, strict=True):
            octets[end[1]] += side.stream.end
            if side.stream.gaps or side.conflicts or side.mirrored:
                disturbed.add(end[1])
    differ = [
        (theirs[port], octets[port])
        for port in theirs.keys() | octets.keys()
        if port not in disturbed and theirs[port] != octets[port]
    ]
    expected, why = OTHER_OCTETS.get(path.name, (None, ""))
    assert differ == ([expected] if expected else []), why
