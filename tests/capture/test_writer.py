"""What is written can be read again: by our reader, by tshark, and byte by byte."""

from __future__ import annotations

import io
import subprocess
from typing import TYPE_CHECKING

import pytest
from capture_bytes import SECOND, enhanced, interface, option, rows, section
from dialogue import need
from hypothesis import given
from hypothesis import strategies as st

from smtpsniff.capture import CaptureError, Interface, open_capture
from smtpsniff.capture.writer import PcapngWriter, create

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_600_000_000_123_456_789


def copy(source: Path, target: Path) -> None:
    with open_capture(source) as capture, target.open("wb") as file:
        writer = PcapngWriter(file, application="test")
        for batch in capture:
            writer.batch(batch, capture.interfaces)


def test_packets_interfaces_and_lengths_survive(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    words = (
        option(2, b"eth0") + option(3, "Büro".encode()) + option(9, b"\x09")
        + option(11, b"\0tcp port 25") + option(12, b"Linux 6.1") + option(15, b"e1000")
    )  # fmt: skip
    source.write_bytes(
        section() + interface(link=1, snaplen=96, options=words) + interface(link=101)
        + enhanced(b"odd", NOW, length=70) + enhanced(b"four", 7, which=1)
        + section() + interface(link=113) + enhanced(b"", NOW // 1000)
    )  # fmt: skip
    copy(source, target)
    with open_capture(source) as before, open_capture(target) as after:
        assert rows(before) == rows(after)
        assert before.interfaces == after.interfaces
        assert before.interfaces[0] == Interface(
            "eth0", 1, 96, 9, 0, "Büro", "tcp port 25", "e1000", "Linux 6.1"
        )


@pytest.mark.parametrize("resolution", [0, 3, 6, 7, 9, 0x80, 0x80 | 10, 0x80 | 20, 0x80 | 29])
@pytest.mark.parametrize("offset", [0, -3600, 1_000_000_000])
@given(ticks=st.integers(0, 2**31))
def test_a_clock_no_finer_than_nanoseconds_keeps_its_ticks(
    resolution: int, offset: int, ticks: int
) -> None:
    import numpy as np

    clock = Interface("", 1, 0, resolution, offset)
    time = int(clock.nanoseconds(np.array([ticks], np.uint64))[0])
    assert clock.written_resolution == resolution
    if time >= 0:
        assert clock.ticks(time) == ticks


@pytest.mark.parametrize("resolution", [12, 100, 0x80 | 32, 0x80 | 60, 0xFF])
def test_a_finer_clock_is_written_in_nanoseconds(resolution: int) -> None:
    clock = Interface("", 1, 0, resolution)
    assert (clock.written_resolution, clock.ticks(NOW)) == (9, NOW)


def test_tshark_reads_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    with path.open("wb") as file:
        writer = PcapngWriter(file, application="smtpsniff", comment="section")
        which = writer.add(Interface("eth0", 101, 0, 9))
        writer.packet(which, NOW, bytes([0x45, *bytes(19)]), 40, ["one", "two"])
        writer.statistics(which, NOW + SECOND, received=9, dropped=3)
    fields = [
        "frame.time_epoch",
        "frame.len",
        "frame.cap_len",
        "frame.comment",
        "frame.interface_name",
    ]
    words = [need("tshark"), "-r", str(path), "-T", "fields", "-E", "aggregator=+"]
    words += [word for field in fields for word in ("-e", field)]
    done = subprocess.run(words, capture_output=True, check=True, text=True)
    assert done.stdout.split("\t") == ["1600000000.123456789", "40", "20", "one+two", "eth0\n"]


def test_nothing_is_written_over_unless_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "there"
    path.write_bytes(b"precious")
    with pytest.raises(CaptureError, match="exists already"):
        create(str(path))
    assert path.read_bytes() == b"precious"
    create(str(path), force=True).close()
    assert path.read_bytes() == b""
    with pytest.raises(CaptureError, match="cannot be written: no such file"):
        create(str(tmp_path / "no" / "folder"))


def test_an_option_too_long_for_its_field_is_cut() -> None:
    file = io.BytesIO()
    PcapngWriter(file, comment="x" * 70_000)
    assert len(file.getvalue()) == 28 + 4 + 0xFFFF + 1 + 4
