"""Packet filters: each expression takes the packets that tcpdump takes."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest
from capture_bytes import enhanced, interface, pcap_header, pcap_record, section
from dialogue import need
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpsniff.capture import CaptureError, bpf, bpf_machine, open_capture
from smtpsniff.capture.batch import PacketBatch
from smtpsniff.capture.bpf import FilterError, Instruction, PacketFilter, compile_filter, matches

if TYPE_CHECKING:
    from pathlib import Path

ETHERNET = 1
EXPRESSIONS = [
    "",
    "tcp",
    "tcp port 25",
    "not tcp port 25",
    "port 25 or port 587 or portrange 1000-2000",
    "ip6 and tcp",
    "ip6 protochain 6",
    "ip protochain 17",
    "src net 10.0.0.0/8",
    "dst host 192.168.1.1 or src host 10.10.1.4",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
    "tcp[((tcp[12] & 0xf0) >> 2):4] = 0x4d41494c",
    "ip[2:2] - ((ip[0] & 0xf) << 2) > 60",
    "len > 100 and less 1000",
    "(len * 3 / 7) % 5 = 2",
    "tcp[13] ^ 2 = 0",
    "icmp or icmp6 or arp",
    "ip[6:2] & 0x3fff != 0",
    "ether[0] & 1 = 1",
    "vlan and tcp",
    "vlan and vlan and port 80",
    "mpls and tcp",
    "pppoes and ip",
    "udp port 53 or (udp and greater 200)",
    "ip[1000000] = 1",
    "-ip[8] < 0xffffff00",
]


def frames(path: Path, expression: str) -> list[bytes]:
    chosen = PacketFilter(expression.split())
    found = []
    with open_capture(path, window=100_000) as capture:
        for batch in capture:
            found += [batch.packet(row) for row in np.flatnonzero(chosen.matches(batch)).tolist()]
    return found


def theirs(path: Path, expression: str) -> tuple[list[bytes], bool]:
    """What tcpdump takes, and whether it came to the end: it refuses what changes on the way."""
    words = [need("tcpdump"), "-r", str(path), "-w", "-", *expression.split()]
    done = subprocess.run(words, capture_output=True, check=False)
    if not done.stdout:
        return [], False
    copy = path.parent / "copy.pcap"
    copy.write_bytes(done.stdout)
    return frames(copy, ""), done.returncode == 0


def _worth(corpus: Path) -> list[Path]:
    return sorted(
        path for path in (corpus / "captures").iterdir() if path.suffix in (".pcap", ".pcapng")
    )


@pytest.mark.parametrize("part", range(4))
def test_every_expression_takes_what_tcpdump_takes(corpus: Path, tmp_path: Path, part: int) -> None:
    compared = 0
    for index, source in enumerate(_worth(corpus)[part::4]):
        path = tmp_path / "x"
        path.write_bytes(source.read_bytes())
        for expression in EXPRESSIONS[index % 5 :: 5]:
            expected, whole = theirs(path, expression)
            ours = frames(path, expression)
            assert (ours if whole else ours[: len(expected)]) == expected, (source, expression)
            compared += whole
    assert compared > 150


def test_the_reason_is_libpcaps_own() -> None:
    with pytest.raises(FilterError, match=r"packet filter .prot 25.: .*syntax error"):
        compile_filter(["prot", "25"], ETHERNET)
    for words in ("port", "wlan port 25"):
        with pytest.raises(FilterError, match=f"packet filter '{words}'"):
            PacketFilter([words])
    for words in ("wlan host 00:00:00:00:00:01", "ifname eth0", "vpi 3", "fisu"):
        assert PacketFilter([words]).refused == {}


def test_without_libpcap_a_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    bpf._libpcap.cache_clear()
    monkeypatch.setattr(bpf, "LIBRARIES", ("no-such-library.so",))
    monkeypatch.setattr("ctypes.util.find_library", lambda _: None)
    with pytest.raises(FilterError, match="apt install libpcap"):
        PacketFilter(["tcp"])
    bpf._libpcap.cache_clear()


def test_each_link_type_has_its_own_program(tmp_path: Path) -> None:
    ip = (
        bytes.fromhex("4500002800010000400600000a0000010a000002")
        + bytes.fromhex("04d20019")
        + bytes(16)
    )
    ethernet = bytes(12) + b"\x08\x00" + ip
    content = section() + interface(link=1) + interface(link=101) + interface(link=147)
    content += enhanced(ethernet) + enhanced(ip, which=1) + enhanced(b"x" * 60, which=2)
    path = tmp_path / "x"
    path.write_bytes(content)
    assert frames(path, "tcp dst port 25") == [ethernet, ip]
    chosen = PacketFilter(["tcp dst port 25"])
    with open_capture(path) as capture:
        (batch,) = capture
        assert chosen.matches(batch).tolist() == [True, True, False]
        assert list(chosen.refused) == [147]
        program = compile_filter(["port", "25"], 101)
        assert matches(program, batch).tolist() == [False, True, False]


def test_bsd_loopback_has_link_type_zero(tmp_path: Path) -> None:
    path = tmp_path / "x"
    ip = bytes.fromhex("4500002800010000400600000a0000010a00000204d20019") + bytes(16)
    packets = [b"\x02\0\0\0" + ip, b"\x02\0\0\0" + bytes(40)]
    path.write_bytes(pcap_header(link=0) + b"".join(map(pcap_record, packets)))
    assert frames(path, "dst port 25") == packets[:1]
    assert theirs(path, "dst port 25") == (packets[:1], True)


def _batch(*packets: bytes) -> PacketBatch:
    captured = np.array([len(packet) for packet in packets], np.int64)
    zero = np.zeros(len(packets), np.int64)
    return PacketBatch(
        b"".join(packets), np.cumsum(captured) - captured, captured, captured + 1, zero, zero + 1,
        zero.astype(np.uint16), zero.astype(np.int32), 0,
    )  # fmt: skip


def test_a_program_in_a_circle_ends() -> None:
    circle = [Instruction(0x05, 0, 0, 2**32 - 1)]
    assert bpf_machine.run(circle, _batch(b"abc"), np.array([0])).tolist() == []


def test_shifts_beyond_a_word_and_division_by_zero() -> None:
    rows = np.array([0])
    for code in (0x60, 0x70):
        shift = [
            Instruction(0x00, 0, 0, 7),
            Instruction(0x04 | code, 0, 0, 40),
            Instruction(0x16, 0, 0, 0),
        ]
        assert bpf_machine.run(shift, _batch(b"abc"), rows).tolist() == []
    for code in (0x30, 0x90):
        divide = [Instruction(0x0C | code, 0, 0, 0), Instruction(0x06, 0, 0, 1)]
        assert bpf_machine.run(divide, _batch(b"abc"), rows).tolist() == []


@settings(max_examples=200)
@given(
    st.lists(
        st.builds(
            Instruction,
            st.sampled_from(sorted(
                {0x00, 0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x60, 0x80, 0x01, 0x61, 0x81, 0xB1, 0x02,
                 0x03, 0x84, 0x05, 0x15, 0x1D, 0x25, 0x35, 0x45, 0x06, 0x16, 0x07, 0x87}
                | {op | x | 4 for op in (0, 0x10, 0x20, 0x40, 0x50, 0x60, 0x70, 0xA0) for x in (0, 8)}
            )),
            st.integers(0, 5), st.integers(0, 5), st.integers(0, 40) | st.just(2**32 - 1),
        ),
        max_size=12,
    ),
    st.lists(st.binary(max_size=40), min_size=1, max_size=5),
)  # fmt: skip
def test_no_program_fails_and_rows_do_not_touch_each_other(
    program: list[Instruction], packets: list[bytes]
) -> None:
    together = bpf_machine.run(program, _batch(*packets), np.arange(len(packets)))
    alone = [
        row
        for row, packet in enumerate(packets)
        if len(bpf_machine.run(program, _batch(packet), np.array([0])))
    ]
    assert sorted(together.tolist()) == alone


def test_captures_that_cannot_be_read_are_not_compared(tmp_path: Path) -> None:
    with pytest.raises(CaptureError):
        frames(tmp_path / "missing", "tcp")
