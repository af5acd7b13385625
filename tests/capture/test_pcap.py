from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from capture_bytes import SECOND, pcap_header, pcap_record, read, rows

from smtpsniff.capture import open_capture
from smtpsniff.capture.reader import MAX_RECORD

if TYPE_CHECKING:
    from pathlib import Path

VARIANTS = [
    (0xA1B2C3D4, 6, b""),
    (0xA1B23C4D, 9, b""),
    (0xA1B2CD34, 6, bytes(8)),
]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("magic", "digits", "extra"), VARIANTS)
def test_every_variant_in_both_byte_orders(
    tmp_path: Path, order: str, magic: int, digits: int, extra: bytes
) -> None:
    path = tmp_path / "x.pcap"
    content = pcap_header(order, magic, link=113, snaplen=96)
    content += pcap_record(b"one", 1_600_000_000, 7, order=order, extra=extra)
    content += pcap_record(b"second", 1_600_000_001, 999_999, order=order, extra=extra, length=99)
    path.write_bytes(content)
    unit = SECOND // 10**digits
    with open_capture(path, 3) as capture:
        assert (capture.format, capture.compression, capture.digits) == ("pcap", None, digits)
        assert (capture.interfaces[0].link, capture.interfaces[0].snaplen) == (113, 96)
        assert rows(capture) == [
            (1, 1_600_000_000 * SECOND + 7 * unit, 3, 3, 113, 0, b"one"),
            (2, 1_600_000_001 * SECOND + 999_999 * unit, 6, 99, 113, 0, b"second"),
        ]
        assert capture.damage is None
        assert (capture.packets, capture.size, capture.position) == (2, len(content), len(content))
        assert capture.first == 1_600_000_000 * SECOND + 7 * unit
        assert capture.last == 1_600_000_001 * SECOND + 999_999 * unit


def test_the_length_of_the_check_sequence_is_no_part_of_the_link_type(tmp_path: Path) -> None:
    content = pcap_header(link=0x24000001) + pcap_record(b"x")
    assert [row[4] for row in read(tmp_path / "x", content)[0]] == [1]


def test_microseconds_beyond_a_second_are_added(tmp_path: Path) -> None:
    content = pcap_header() + pcap_record(b"x", 5, 2_500_000)
    assert [row[1] for row in read(tmp_path / "x", content)[0]] == [7_500_000_000]


def test_times_up_to_the_last_second_of_32_bits(tmp_path: Path) -> None:
    content = pcap_header() + pcap_record(b"x", 2**32 - 1, 2**32 - 1)
    expected = (2**32 - 1) * SECOND + (2**32 - 1) * 1000
    assert [row[1] for row in read(tmp_path / "x", content)[0]] == [expected]


@pytest.mark.parametrize(("stated", "believed"), [(0, 4), (2, 4), (9, 9), (2**32 - 1, MAX_RECORD)])
def test_the_length_on_the_wire_is_kept_within_reason(
    tmp_path: Path, stated: int, believed: int
) -> None:
    content = pcap_header() + pcap_record(b"four", length=stated)
    assert [row[3] for row in read(tmp_path / "x", content)[0]] == [believed]


def test_the_longest_record_that_is_believed(tmp_path: Path) -> None:
    record = pcap_record(bytes(MAX_RECORD))
    found, damage = read(tmp_path / "x", pcap_header() + record + pcap_record(b"next"))
    assert [row[2] for row in found] == [MAX_RECORD, 4]
    assert damage is None


@pytest.mark.parametrize("claim", [MAX_RECORD + 1, 2**31, 2**32 - 1])
def test_a_longer_one_is_damage(tmp_path: Path, claim: int) -> None:
    bad = bytearray(pcap_record(b"x" * 60))
    bad[8:12] = claim.to_bytes(4, "little")
    content = pcap_header() + pcap_record(b"good") + bad
    found, damage = read(tmp_path / "x", content)
    assert [row[6] for row in found] == [b"good"]
    assert damage is not None
    assert damage.offset == 24 + 20
    assert str(claim) in damage.reason


def test_no_packets_is_no_damage(tmp_path: Path) -> None:
    assert read(tmp_path / "x", pcap_header()) == ([], None)
