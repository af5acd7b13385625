"""Formats that only Wireshark reads: converted by its tools, and nothing else starts them."""

from __future__ import annotations

import bz2
import gzip
import random
import struct
import subprocess
from pathlib import Path

import pytest
from capture_bytes import rows
from dialogue import need

from smtpsniff.capture import CaptureError, foreign, open_capture

LESSON = Path(__file__).parents[2] / "captures" / "accepted.pcapng"
FORMATS = [
    "snoop", "netmon1", "netmon2", "ngsniffer", "ngwsniffer_1_1", "ngwsniffer_2_0", "5views",
    "visual", "lanalyzer",
]  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_what_wireshark_writes_is_read_like_pcapng(tmp_path: Path, name: str) -> None:
    path = tmp_path / "no.name.that.helps"
    subprocess.run([need("editcap"), "-F", name, LESSON, path], check=True)
    with open_capture(LESSON) as one, open_capture(path) as other:
        expected, found = rows(one), rows(other)
        assert other.damage is None
        assert other.converted == other.format != "pcapng"
    assert len(found) == len(expected)
    for before, after in zip(expected, found, strict=True):
        assert after[6][: len(before[6])] == before[6]


@pytest.mark.parametrize("program", ["editcap", "tshark"])
def test_either_program_serves(corpus: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    need(program)
    monkeypatch.setattr(foreign, "PROGRAMS", (program,))
    for name, packets in (("tcptrace__all.snoop.gz", 829), ("tcptrace__tcp__finger.snoop.gz", 0)):
        with open_capture(corpus / "captures" / name) as capture:
            found = rows(capture)
            assert capture.format == "snoop"
            assert capture.damage is None
            assert len(found) == packets or (not packets and found)


def erf(records: int) -> bytes:
    frame = bytes(12) + b"\x08\0" + bytes(50)
    size = 16 + 2 + len(frame)
    head = struct.pack("<II", 0, 1_600_000_000) + struct.pack(">BBHHH", 2, 4, size, 0, len(frame))
    return (head + b"\0\0" + frame) * records


def test_erf_has_no_magic_but_a_shape(tmp_path: Path) -> None:
    need("editcap")
    path = tmp_path / "x.erf"
    path.write_bytes(erf(5))
    with open_capture(path) as capture:
        assert (len(rows(capture)), capture.format) == (5, "ERF")


def test_a_missing_program_is_told_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "PROGRAMS", ("no-such-program",))
    path = tmp_path / "x"
    path.write_bytes(b"snoop\0\0\0\0\0\0\2\0\0\0\4")
    with pytest.raises(CaptureError, match=r"a snoop capture is read with .*apt install tshark"):
        open_capture(path)


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(99), b"220 mail.example ESMTP\r\n" * 9, bytes(999),
        random.Random(5).randbytes(999), b"\x7fELF" + bytes(99), gzip.compress(b"hello"), b"PK\3\4" + bytes(99),
        struct.pack("<IIBBHHH", 0, 1_600_000_000, 99, 0, 0, 0, 0) * 9,
    ],
    ids=["png", "text", "zeros", "noise", "elf", "gzip", "zip", "erf-like"],
)  # fmt: skip
def test_nothing_else_starts_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    def start(*_: object, **__: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", start)
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(CaptureError, match="not a pcap or pcapng file"):
        open_capture(path)


def test_a_cut_file_gives_what_comes_before(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole", tmp_path / "cut"
    subprocess.run([need("editcap"), "-F", "snoop", LESSON, whole], check=True)
    path.write_bytes(whole.read_bytes()[:-10])
    with open_capture(whole) as one, open_capture(path) as other:
        assert rows(other) == rows(one)[:-1]
        assert other.damage is not None
        assert "cut short" in other.damage.reason


def test_what_the_program_cannot_unpack_is_refused(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole", tmp_path / "x"
    subprocess.run([need("editcap"), "-F", "snoop", LESSON, whole], check=True)
    path.write_bytes(bz2.compress(whole.read_bytes()))
    with pytest.raises(CaptureError, match="a snoop capture can only be read from a file"):
        open_capture(path)


def test_a_file_called_like_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    subprocess.run([need("editcap"), "-F", "snoop", LESSON, "./-w"], check=True)
    with open_capture("-w") as capture:
        assert rows(capture)


def test_closing_early_ends_the_program(tmp_path: Path) -> None:
    path = tmp_path / "x"
    subprocess.run([need("editcap"), "-F", "snoop", LESSON, path], check=True)
    open_capture(path).close()
