from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from capture_bytes import (
    SECOND,
    block,
    enhanced,
    interface,
    obsolete,
    option,
    pcap_header,
    read,
    rows,
    section,
    simple,
)

from smtpsniff.capture import CaptureError, open_capture
from smtpsniff.capture.reader import MAX_BLOCK, MAX_RECORD

if TYPE_CHECKING:
    from pathlib import Path

    from capture_bytes import Row

TICKS = 1_600_000_000_123_456


@pytest.mark.parametrize("order", "<>")
def test_every_packet_block_in_both_byte_orders(tmp_path: Path, order: str) -> None:
    content = section(order) + interface(order, link=101, snaplen=4)
    content += enhanced(b"first", TICKS, order=order, length=70)
    content += simple(b"snap", 90, order)
    content += obsolete(b"older!", TICKS + 1, order=order)
    found, damage = read(tmp_path / "x", content)
    assert damage is None
    assert found == [
        (1, TICKS * 1000, 5, 70, 101, 0, b"first"),
        (2, TICKS * 1000, 4, 90, 101, 0, b"snap"),  # without a time: that of the one before
        (3, TICKS * 1000 + 1000, 6, 6, 101, 0, b"older!"),
    ]


# if_tsresol -> ticks, nanoseconds, digits
RESOLUTIONS: list[tuple[int, int, int, int]] = [
    (0, 5, 5 * SECOND, 6),
    (3, 1_600_000_000_123, 1_600_000_000_123_000_000, 6),
    (6, TICKS, TICKS * 1000, 6),
    (7, 1, 100, 9),
    (9, 1_600_000_000_123_456_789, 1_600_000_000_123_456_789, 9),
    (12, 1_999_999, 1999, 9),
    (100, 2**64 - 1, 0, 9),
    (0x80, 3, 3 * SECOND, 6),
    (0x80 | 10, 1024 + 512, 1_500_000_000, 6),
    (0x80 | 20, 1, 953, 9),
    (0x80 | 32, (1_600_000_000 << 32) + (1 << 31), 1_600_000_000_500_000_000, 9),
    (0x80 | 60, (7 << 60) + (1 << 58), 7_250_000_000, 9),
    (0x80 | 64, 2**64 - 1, 999_999_999, 9),
    (0xFF, 2**64 - 1, 0, 9),
]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("resolution", "ticks", "time", "digits"), RESOLUTIONS)
def test_clock_resolutions(
    tmp_path: Path, order: str, resolution: int, ticks: int, time: int, digits: int
) -> None:
    path = tmp_path / "x"
    options = option(9, bytes([resolution]), order) + option(0, b"", order)
    path.write_bytes(
        section(order) + interface(order, options=options) + enhanced(b"x", ticks, order=order)
    )
    with open_capture(path) as capture:
        assert capture.digits == digits
        assert [row[1] for row in rows(capture)] == [time]


@pytest.mark.parametrize("resolution", [0, 6, 9, 0x80, 0x80 | 20])
@pytest.mark.parametrize("offset", [0, -(2**63), 2**63 - 1])
def test_impossible_times_do_not_overflow(tmp_path: Path, resolution: int, offset: int) -> None:
    options = option(9, bytes([resolution])) + option(14, struct.pack("<q", offset))
    content = section() + interface(options=options) + enhanced(b"x", 2**64 - 1)
    ((_, time, *_),) = read(tmp_path / "x", content)[0]
    assert time > 0


def test_a_clock_with_an_offset(tmp_path: Path) -> None:
    options = option(14, struct.pack("<q", 1_000_000_000))
    content = section() + interface(options=options) + enhanced(b"x", 2_000_000)
    assert [row[1] for row in read(tmp_path / "x", content)[0]] == [1_000_000_002 * SECOND]


def test_sections_have_their_own_interfaces_and_byte_order(tmp_path: Path) -> None:
    path = tmp_path / "x"
    eth = option(2, b"eth0") + option(0, b"")
    ns = option(9, b"\x09", ">") + option(2, b"lo", ">")
    path.write_bytes(
        section() + interface(link=1, options=eth) + enhanced(b"a", 1)
        + section(">") + interface(">", 113, 40) + interface(">", 0, options=ns)
        + enhanced(b"b", 2, order=">", which=1) + enhanced(b"c", 3, order=">")
        + section() + block(5, bytes(12)) + interface(link=101) + enhanced(b"d", 4)
    )  # fmt: skip
    with open_capture(path) as capture:
        assert rows(capture) == [
            (1, 1000, 1, 1, 1, 0, b"a"),
            (2, 2, 1, 1, 0, 2, b"b"),
            (3, 3000, 1, 1, 113, 1, b"c"),
            (4, 4000, 1, 1, 101, 3, b"d"),
        ]
        assert [(each.name, each.link, each.snaplen) for each in capture.interfaces] == [
            ("eth0", 1, 0), ("", 113, 40), ("lo", 0, 0), ("", 101, 0),
        ]  # fmt: skip
        assert capture.digits == 9
        assert capture.damage is None


def test_frames_are_numbered_as_wireshark_numbers_them(tmp_path: Path) -> None:
    skipped = [4, 5, 7, 8, 10, 11, 0x205, 0x208, 0x217, 0x222, 0x77, 0x80000001]
    counted = [9, 0x204, 0x216, 0x221, 0xBAD, 0x40000BAD]
    content = section() + interface() + enhanced(b"a")
    content += b"".join(block(kind, bytes(60)) for kind in skipped) + enhanced(b"b")
    content += b"".join(block(kind, bytes(60)) for kind in counted) + enhanced(b"c")
    assert [row[0] for row in read(tmp_path / "x", content)[0]] == [1, 2, 3 + len(counted)]


def test_a_name_that_is_not_utf_8_and_options_that_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "x"
    options = option(2, b"caf\xe9") + struct.pack("<HH", 9, 500) + bytes(4)
    path.write_bytes(section() + interface(options=options) + enhanced(b"x", 1))
    with open_capture(path) as capture:
        assert capture.interfaces[0].name == "caf\\xe9"
        assert capture.digits == 6


def _with(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + struct.pack("<I", value) + data[at + 4 :]


GOOD = enhanced(b"fine", 1)
FAULTS = {
    "lengths differ": _with(GOOD, len(GOOD) - 4, 40),
    "length zero": _with(GOOD, 4, 0),
    "length below a block": _with(GOOD, 4, 8),
    "length not a multiple of four": _with(GOOD, 4, 34) + GOOD,
    "length impossible": _with(GOOD, 4, MAX_BLOCK + 4),
    "length negative": _with(GOOD, 4, 2**32 - 4),
    "packet longer than its block": _with(GOOD, 20, 5),
    "packet longer than believed": enhanced(bytes(MAX_RECORD + 1)),
    "unknown interface": enhanced(b"x", which=1),
    "obsolete, unknown interface": obsolete(b"x", 1, which=3),
    "too short for a packet": block(6, bytes(16)),
    "too short for an obsolete packet": block(2, bytes(16)),
    "too short for a simple packet": block(3, b""),
    "too short for an interface": block(1, bytes(4)),
    "section without magic": block(0x0A0D0D0A, bytes(16)),
    "section too short": _with(section(), 4, 24),
    "section of an unknown version": section()[:12] + b"\x02" + section()[13:],
    "section whose lengths differ": _with(section(), len(section()) - 4, 32),
    "section of impossible length": _with(section(), 4, 2**31),
}


@pytest.mark.parametrize("window", [64, 1 << 20])
@pytest.mark.parametrize("bad", FAULTS.values(), ids=FAULTS.keys())
def test_damage_ends_the_reading_where_it_is(tmp_path: Path, bad: bytes, window: int) -> None:
    before = section() + interface() + GOOD + GOOD
    found, damage = read(tmp_path / "x", before + bad + GOOD, window)
    assert [row[6] for row in found] == [b"fine", b"fine"]
    assert damage is not None
    assert damage.offset == len(before)
    assert str(tmp_path / "x") in str(damage)
    assert f"byte {len(before)}" in str(damage)


def test_an_interface_counts_only_from_its_block_on(tmp_path: Path) -> None:
    content = section() + interface() + enhanced(b"a") + enhanced(b"b", which=1) + interface()
    found, damage = read(tmp_path / "x", content)
    assert [row[6] for row in found] == [b"a"]
    assert damage is not None


def test_too_many_interfaces_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(section() + interface() * (2**16 + 3))
    with open_capture(path) as capture:
        assert rows(capture) == []
        assert len(capture.interfaces) == 2**16
        assert capture.damage is not None


def test_a_first_section_that_is_broken_is_no_capture(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="byte-order magic"):
        read(tmp_path / "x", block(0x0A0D0D0A, bytes(16)) + pcap_header())


def test_simple_packets_before_any_time_and_longer_than_the_interface(tmp_path: Path) -> None:
    content = section() + interface(snaplen=8) + simple(b"0123456789", 10) + enhanced(b"x", 9)
    expected: list[Row] = [(1, 0, 8, 10, 1, 0, b"01234567"), (2, 9000, 1, 1, 1, 0, b"x")]
    assert read(tmp_path / "x", content) == (expected, None)
