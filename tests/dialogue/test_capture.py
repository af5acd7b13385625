"""The captures against tshark: the same streams, nothing to complain of."""

from __future__ import annotations

import re
import subprocess
from functools import partial
from typing import TYPE_CHECKING

import pytest

from .capture import checksum, pcap, pcapng
from .compiler import compile_text, in_order
from .packet import BYSTANDER
from .run import need
from .vectors import vectors

if TYPE_CHECKING:
    from pathlib import Path

    from .packet import Flow, Packet
    from .run import Form

NOT_CLEAN = re.compile(r"^(\+\S+ )?(SYN|LOSS|GAP)\b", re.MULTILINE)
CHECKSUMS = ("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE")
COMPLAINTS = (
    "tcp.analysis.flags || tcp.checksum.status != 1 || ip.checksum.status != 1 || _ws.malformed"
)
FORMS: dict[str, Form] = {
    "pcap": pcap,
    "nanosecond": partial(pcap, nanosecond=True),
    "swapped": partial(pcap, swapped=True),
    "padded": partial(pcap, padded=True),
    "ipv6": partial(pcap, ipv6=True),
    "pcapng": pcapng,
}


def tshark(data: bytes, folder: Path, *options: str) -> str:
    """Run tshark on a capture."""
    path = folder / "dialogue.pcap"
    path.write_bytes(data)
    command = [need("tshark"), "-n", "-r", str(path), *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def clean() -> list[Packet]:
    """All vectors without loss, in one capture, each with ports of its own."""
    packets: list[Packet] = []
    for number, vector in enumerate(vectors()):
        if not NOT_CLEAN.search(vector.text):
            port = 10_000 + 100 * number
            packets += compile_text(vector.text, client=("192.0.2.1", port))
    return in_order(packets)


def follow(packets: list[Packet]) -> list[list[tuple[str, bytes]]]:
    """Return what each side said in turn, by connection in order of appearance."""
    said: dict[Flow, list[tuple[str, bytes]]] = {}
    for packet in packets:
        if packet.direction != BYSTANDER:
            turns = said.setdefault(packet.flow, [])
            if packet.payload:
                turns.append((packet.direction, packet.payload))
    return list(said.values())


def test_tshark_has_nothing_to_complain_of(clean: list[Packet], tmp_path: Path) -> None:
    options = (*CHECKSUMS, "--disable-protocol", "tls")  # the records of the vectors are stubs
    assert tshark(pcap(clean), tmp_path, *options, "-Y", f"!udp && ({COMPLAINTS})") == ""


def test_tshark_follows_the_same_streams(clean: list[Packet], tmp_path: Path) -> None:
    wanted = follow(clean)
    asked = [
        option for number in range(len(wanted)) for option in ("-z", f"follow,tcp,raw,{number}")
    ]
    found = {}
    for part in tshark(pcap(clean), tmp_path, "-q", *asked).split("Filter: tcp.stream eq ")[1:]:
        lines = re.findall(r"^(\t?)([0-9a-f]+)$", part.partition("Node 1")[2], re.MULTILINE)
        turns = [("S" if tab else "C", bytes.fromhex(line)) for tab, line in lines]
        found[int(part.split()[0])] = turns
    assert len(found) == len(wanted)
    for number, turns in enumerate(wanted):
        # tshark calls node 0 whoever spoke first, so the sides may be swapped as a whole
        swapped = [("C" if side == "S" else "S", text) for side, text in turns]
        assert found[number] in (turns, swapped)


@pytest.mark.parametrize("name", FORMS)
def test_tshark_reads_every_form(name: str, tmp_path: Path) -> None:
    packets = compile_text("@T\n@D\n@H\n@X\n@Q\nEND")
    fields = ("-T", "fields", "-e", "frame.time_epoch", "-e", "tcp.payload")
    rows = tshark(FORMS[name](packets), tmp_path, *fields).splitlines()
    assert [row.split("\t")[1] for row in rows[:-1]] == [p.payload.hex() for p in packets[:-1]]
    times = [round(float(row.split("\t")[0]) * 100) for row in rows]
    assert times == [p.time // 10_000_000 for p in packets]
    complaints = f"!udp && ({COMPLAINTS})"
    assert tshark(FORMS[name](packets), tmp_path, *CHECKSUMS, "-Y", complaints) == ""


def test_checksum() -> None:
    assert checksum(bytes.fromhex("45000073000040004011 0000 c0a80001c0a800c7")) == 0xB861
    assert checksum(bytes(4)) == 0xFFFF
    assert checksum(b"\xff\xff") == 0
    assert checksum(b"\x01") == 0xFEFF
