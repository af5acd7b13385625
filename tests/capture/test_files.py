from __future__ import annotations

import gzip
import os
import random
import struct
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from capture_bytes import (
    block,
    enhanced,
    interface,
    option,
    pcap_header,
    pcap_record,
    read,
    rows,
    section,
    simple,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpsniff.capture import CaptureError, Damage, open_capture
from smtpsniff.capture.files import WINDOW

if TYPE_CHECKING:
    from pathlib import Path

PCAP = pcap_header() + b"".join(
    pcap_record(bytes([n]) * (n * 7 % 50), 1_600_000_000 + n, n) for n in range(1, 25)
)
PCAPNG = (
    section() + interface(options=option(9, b"\x09")) + interface(link=113)
    + enhanced(b"one", 1) + block(0xBAD, bytes(8)) + simple(b"two", 3)
    + section(">") + interface(">", 101) + enhanced(b"three", 5, order=">")
    + b"".join(enhanced(bytes(n), n, order=">") for n in range(9))
)  # fmt: skip
BOTH = {"pcap": PCAP, "pcapng": PCAPNG}


@pytest.mark.parametrize("content", BOTH.values(), ids=BOTH.keys())
@pytest.mark.parametrize("window", [1, 12, 16, 17, 100, 1000])
def test_many_windows_give_what_one_gives(tmp_path: Path, content: bytes, window: int) -> None:
    whole = read(tmp_path / "plain", content)
    assert len(whole[0]) > 10
    assert whole[1] is None
    assert read(tmp_path / "plain", content, window) == whole
    assert read(tmp_path / "gzip", gzip.compress(content), window) == whole


@pytest.mark.parametrize("content", BOTH.values(), ids=BOTH.keys())
@pytest.mark.parametrize("packed", [False, True])
def test_every_prefix_gives_what_is_whole(tmp_path: Path, content: bytes, packed: bool) -> None:
    whole, _ = read(tmp_path / "x", content)
    seen = set()
    for size in range(len(content)):
        part = gzip.compress(content[:size], 1) if packed else content[:size]
        try:
            found, damage = read(tmp_path / "x", part)
        except CaptureError:
            assert size < 28
            continue
        assert found == whole[: len(found)]
        seen.add(len(found))
        if damage is not None:
            assert 0 < damage.offset < size
    assert seen == set(range(len(whole)))


def test_a_gzip_file_cut_anywhere_gives_what_could_be_decompressed(tmp_path: Path) -> None:
    whole, _ = read(tmp_path / "x", PCAP)
    packed = gzip.compress(PCAP, 9)
    most = 0
    for size in range(len(packed)):
        try:
            found, damage = read(tmp_path / "x", packed[:size])
        except CaptureError:
            continue
        assert found == whole[: len(found)]
        most = max(most, len(found))
        assert damage is not None
        assert "uncompressed" in damage.reason
    assert most == len(whole)  # only the checksum is missing


def test_gzip_members_follow_each_other_and_padding_is_ignored(tmp_path: Path) -> None:
    cut = len(PCAP) // 2
    packed = gzip.compress(PCAP[:cut]) + gzip.compress(b"") + gzip.compress(PCAP[cut:])
    assert read(tmp_path / "x", packed) == read(tmp_path / "y", PCAP)
    for tail in (bytes(1000), b"garbage", b"\0\0garbage", b"\x1f"):
        assert read(tmp_path / "x", packed + tail) == read(tmp_path / "y", PCAP)


def test_a_flipped_bit_in_gzip_data_keeps_what_came_before(tmp_path: Path) -> None:
    generator = random.Random(7)
    content = pcap_header() + b"".join(pcap_record(generator.randbytes(90)) for _ in range(3000))
    whole, _ = read(tmp_path / "x", content)
    packed = bytearray(gzip.compress(content))
    packed[len(packed) - 6] ^= 1  # the checksum
    found, damage = read(tmp_path / "x", bytes(packed))
    assert found == whole
    assert damage is not None
    assert damage.offset == len(content)
    head = gzip.compress(content[:200_000])
    found, damage = read(tmp_path / "x", head + b"\x1f\x8b\x08\0\0\0\0\0\0\0\xff\xff\xff")
    assert len(found) == (200_000 - 24) // 106
    assert damage is not None
    assert "gzip" in damage.reason


def test_gzip_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(gzip.compress(PCAP))
    with open_capture(path) as capture:
        assert (capture.format, capture.compression) == ("pcap", "gzip")
        assert len(rows(capture)) == 24
        assert capture.position == capture.size == path.stat().st_size


REFUSED = {
    "empty": (b"", "empty"),
    "text": (b"220 mail.example ESMTP\r\n", "looks like text"),
    "html": ("<html>ä</html>".encode(), "looks like text"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(20), "PNG image"),
    "zstd broken at once": (b"\x28\xb5\x2f\xfd" + bytes(8), "zstd"),
    "xz broken at once": (b"\xfd7zXZ\0" + bytes(8), "xz data is damaged"),
    "text that starts like bzip2": (b"BZh9 is a word\n", "looks like text"),
    "lz4": (b"\x04\x22\x4d\x18" + bytes(8), "lz4-compressed"),
    "zeros": (bytes(100), "zeros"),
    "noise": (b"\x00\x01\x02\x03\x04", "00 01 02 03"),
    "one byte": (b"\xd4\xc3\xb2", "starts with d4"),
    "pcap header cut": (PCAP[:23], "pcap file header"),
    "pcapng header cut": (PCAPNG[:20], "ends inside"),
    "gzip of nothing": (gzip.compress(b""), "empty"),
    "gzip of text": (gzip.compress(b"hello"), "text"),
    "gzip twice": (gzip.compress(gzip.compress(PCAP)), "twice"),
    "gzip cut at once": (gzip.compress(PCAP)[:5], "gzip stream ends"),
    "gzip broken at once": (b"\x1f\x8b\x99\x99" + bytes(20), "gzip data is damaged"),
}


@pytest.mark.parametrize(("content", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_capture_is_refused_in_one_line(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(content)
    with pytest.raises(CaptureError) as caught:
        open_capture(path)
    assert words in str(caught.value)
    assert str(caught.value) == f"{path}: {caught.value.reason}"
    assert "\n" not in str(caught.value)


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "absent", "no such file"), (tmp_path, "directory")):
        with pytest.raises(CaptureError, match=words):
            open_capture(path)
    with pytest.raises(CaptureError, match="null byte"):
        open_capture("a\0b")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no permissions of this kind here")
def test_no_permission_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(PCAP)
    path.chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)  # root may read all: be nobody for a moment
    try:
        with pytest.raises(CaptureError, match="permission"):
            open_capture(path)
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a thing of Unix")
@pytest.mark.parametrize("content", [PCAP, gzip.compress(PCAP)], ids=["plain", "gzip"])
def test_a_pipe_is_read_like_a_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(content))
    writer.start()
    with open_capture(path, window=200) as capture:
        found = rows(capture)
    writer.join()
    assert (found, None) == read(tmp_path / "x", PCAP)


def test_standard_input() -> None:
    code = (
        "from smtpsniff.capture import open_capture\n"
        "with open_capture('-') as c: print(sum(map(len, c)), c.damage)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=PCAP, capture_output=True, check=True, timeout=60
    )
    assert done.stdout.split() == [b"24", b"None"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not cut mapped files")
def test_a_file_that_shrinks_while_it_is_read_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(pcap_header() + pcap_record(bytes(1000)) * 200)
    with open_capture(path, window=1 << 17) as capture:
        os.truncate(path, 24)
        first = len(next(capture))
        assert len(rows(capture)) + first < 200
        assert capture.damage is not None


def test_batches_outlive_their_capture(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(PCAP)
    with open_capture(path) as capture:
        batch = next(capture)
    assert batch.packet(0) == b"\x01" * 7
    assert list(capture) == []


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="getrusage is a thing of Unix")
    path = tmp_path / "x"
    record = pcap_record(bytes(60_000))
    with path.open("wb") as file:
        file.write(pcap_header())
        for _ in range(10 * WINDOW // len(record)):
            file.write(record)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open_capture(path) as capture:
        packets = sum(int(batch.captured.size) for batch in capture)
    assert packets == 10 * WINDOW // len(record)
    unit = 1 if sys.platform == "darwin" else 1024
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit < 4 * WINDOW


def test_a_file_of_tiny_sections_takes_no_quadratic_time(tmp_path: Path) -> None:
    content = (section() + interface() + enhanced(b"x", 1)) * 3000
    for packed in (content, gzip.compress(content)):
        found, damage = read(tmp_path / "x", packed)
        assert len(found) == 3000
        assert damage is None


def _survives(path: Path, content: bytes) -> None:
    """Either rows, maybe with damage, or a CaptureError; never another error."""
    try:
        found, damage = read(path, content, window=256)
    except CaptureError:
        return
    assert damage is None or isinstance(damage, Damage)
    assert [row[0] for row in found] == sorted({row[0] for row in found})
    assert all(len(row[6]) == row[2] <= row[3] for row in found)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([PCAP, PCAPNG, gzip.compress(PCAP), gzip.compress(PCAPNG)]),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_flipped_bytes(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, flips: list[tuple[int, int]]
) -> None:
    changed = bytearray(content)
    for position, value in flips:
        changed[position % len(changed)] = value
    _survives(tmp_path_factory.getbasetemp() / "flipped", bytes(changed))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([PCAP[:24], PCAPNG[:28], PCAPNG[:48], b""]), st.binary(max_size=300))
def test_noise(tmp_path_factory: pytest.TempPathFactory, head: bytes, noise: bytes) -> None:
    _survives(tmp_path_factory.getbasetemp() / "noise", head + noise)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 2**32 - 1), min_size=3, max_size=60))
def test_blocks_of_hostile_numbers(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int]
) -> None:
    body = struct.pack(f"<{len(numbers)}I", *numbers)
    kinds = b"".join(block(kind, body) for kind in (numbers[0] % 7, 6, 3, 2, 1))
    _survives(tmp_path_factory.getbasetemp() / "blocks", section() + interface() + kinds)
