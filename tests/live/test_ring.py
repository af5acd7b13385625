"""What the kernel hands over, without a kernel: the filter's program, and blocks of the ring."""

from __future__ import annotations

import struct
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from networks import FRAMES, WANTED

from smtpsniff.capture.batch import PacketBatch
from smtpsniff.capture.bpf import Program, matches
from smtpsniff.capture.live.listener import Drops
from smtpsniff.capture.live.mail_filter import MOST_PORTS, mail_filter
from smtpsniff.capture.live.ring import packets_in

PORTS = (24, 25, 465, 587, 2525)


def frames() -> dict[str, bytes]:
    listed = subprocess.run(
        [sys.executable, "-c", FRAMES], capture_output=True, check=True, text=True
    )
    pairs = (line.split(" ", 1) for line in listed.stdout.splitlines())
    return {name: bytes.fromhex(octets) for octets, name in pairs}


def batch(packets: list[bytes]) -> PacketBatch:
    length = np.array([len(packet) for packet in packets])
    zero = np.zeros(len(packets), np.int64)
    return PacketBatch(
        b"".join(packets), np.cumsum(length) - length, length, length, zero, zero + 1,
        np.ones(len(packets), np.uint16), np.zeros(len(packets), np.int32), 0,
    )  # fmt: skip


@pytest.mark.parametrize("ports", [PORTS, tuple(range(25, 24 + MOST_PORTS))])
def test_the_default_filter_passes_mail_and_what_explains_it(ports: tuple[int, ...]) -> None:
    known = frames()
    program = Program(1, tuple(mail_filter({*ports, 25, 587} - {80, 443}, 262_144)))
    assert all(jump <= 255 for i in program.instructions for jump in (i.jt, i.jf))
    found = matches(program, batch(list(known.values())))
    assert {name for name, passed in zip(known, found, strict=True) if passed} == WANTED


def test_more_ports_than_a_jump_can_pass_are_all_of_tcp() -> None:
    known = frames()
    program = Program(1, tuple(mail_filter(range(1000, 1100), 262_144)))
    found = dict(zip(known, matches(program, batch(list(known.values()))), strict=True))
    assert found["web"]
    assert found["VLAN mail"]
    assert found["IPv6 web"]
    assert not found["UDP"]


def packet(data: bytes, **fields: Any) -> bytes:  # noqa: ANN401
    """One packet of a block: struct tpacket3_hdr, struct sockaddr_ll, and its octets."""
    known = {
        "length": len(data),
        "status": 1,
        "vlan": 0,
        "tpid": 0,
        "kind": 0,
        "hardware": 1,
    } | fields
    mac = 80
    size = -(-(mac + len(data)) // 16) * 16
    head = struct.pack(
        "=IIIIIIHHIIHHQ", size, 1_700_000_000, 123_456_789, len(data), known["length"],
        known["status"], mac, mac + 14, 0, known["vlan"], known["tpid"], 0, 0,
    )  # fmt: skip
    address = struct.pack("=HHiHBB", 17, 0x0008, 3, known["hardware"], known["kind"], 6)
    return (head + address).ljust(mac, b"\0") + data.ljust(size - mac, b"\0")


def block(*packets: bytes) -> bytes:
    head = struct.pack("=IIIIIIQ16x", 1, 48, 1, len(packets), 48, 0, 1)
    return head + b"".join(packets)


def test_packets_of_a_block() -> None:
    """Time, lengths and octets; a tag that was taken out is put back where it was."""
    plain = bytes(range(12)) + b"\x08\x00" + b"payload"
    tagged = {"status": 1 | 1 << 4 | 1 << 6, "vlan": 0x2007, "tpid": 0x88A8}
    found = packets_in(
        block(packet(plain, length=1500), packet(plain, **tagged), packet(plain, status=1 | 1 << 4)),
        1, 0, loopback=False,
    )  # fmt: skip
    assert found.time.tolist() == [1_700_000_000_123_456_789] * 3
    assert found.packet(0) == plain
    assert (int(found.captured[0]), int(found.length[0])) == (len(plain), 1500)
    assert found.packet(1) == plain[:12] + b"\x88\xa8\x20\x07" + plain[12:]
    assert found.packet(2) == plain[:12] + b"\x81\x00\x00\x00" + plain[12:]
    assert found.length.tolist()[1:] == [len(plain) + 4] * 2


def test_loopback_is_seen_once_and_tunnels_from_their_ip_header() -> None:
    plain = bytes(12) + b"\x08\x00" + b"payload"
    twice = block(packet(plain, kind=4), packet(plain, kind=0))
    assert len(packets_in(twice, 772, 0, loopback=True)) == 1
    assert len(packets_in(twice, 772, 0, loopback=False)) == 2
    tunnel = packets_in(block(packet(plain)), 65534, 0, loopback=False)
    assert tunnel.link.tolist() == [101]
    assert tunnel.packet(0) == b"payload"


def test_drops_belong_to_the_sessions_of_their_time() -> None:
    drops = Drops()
    second = 10**9
    drops.add(10 * second, 11 * second, kernel=3)
    drops.add(11 * second, 12 * second, kernel=2)
    drops.add(60 * second, 61 * second, queue=7)
    drops.add(70 * second, 71 * second)
    assert (drops.kernel, drops.queue, len(drops.spells)) == (5, 7, 2)
    assert drops.during(0, 9 * second) == 0
    assert drops.during(0, 10 * second) == 5
    assert drops.during(12 * second, 60 * second) == 12
    assert drops.during(62 * second, 80 * second) == 0
