"""bzip2, xz, zstd and gzip: told by their bytes, read to the damage, never more than was asked for."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from capture_bytes import pcap_header, pcap_record, read, rows
from dialogue import need

from smtpsniff.capture import CaptureError, open_capture
from smtpsniff.capture.compression import compression

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHECKSUM = int(zstd.CompressionParameter.checksum_flag)  # the program writes one, too
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda data: zstd.compress(data, options={CHECKSUM: 1}),
}
packed_by = pytest.mark.parametrize("name", PACKERS)

PCAP = pcap_header() + b"".join(
    pcap_record(bytes([n]) * (n * 7 % 50), 1_600_000_000 + n, n) for n in range(1, 25)
)
NOISE = random.Random(7)
LARGE = pcap_header() + b"".join(
    pcap_record(NOISE.randbytes(45).hex().encode()) for _ in range(15_000)
)


@packed_by
@pytest.mark.parametrize("window", [1, 100, 1 << 20])
def test_each_is_told_by_its_bytes_and_read_whole(tmp_path: Path, name: str, window: int) -> None:
    path = tmp_path / "no.name.that.helps"
    expected = read(path, PCAP)
    assert read(path, PACKERS[name](PCAP), window) == expected
    with open_capture(path) as capture:
        assert (capture.format, capture.compression) == ("pcap", name)
        rows(capture)
        assert capture.position == capture.size == path.stat().st_size


@packed_by
def test_members_follow_each_other_and_padding_is_ignored(tmp_path: Path, name: str) -> None:
    pack, cut = PACKERS[name], len(PCAP) // 2
    packed = pack(PCAP[:cut]) + pack(b"") + bytes(8) + pack(PCAP[cut:])
    for tail in (b"", bytes(1000), b"garbage", b"\0\0garbage", packed[:1]):
        assert read(tmp_path / "x", packed + tail) == read(tmp_path / "y", PCAP)


@packed_by
def test_a_file_cut_anywhere_gives_what_could_be_decompressed(tmp_path: Path, name: str) -> None:
    whole, _ = read(tmp_path / "x", PCAP)
    packed = PACKERS[name](PCAP)
    most = 0
    for size in range(12, len(packed)):
        try:
            found, damage = read(tmp_path / "x", packed[:size])
        except CaptureError:
            continue
        assert found == whole[: len(found)]
        most = max(most, len(found))
        assert damage is not None
        assert f"the {name} stream ends too early" in damage.reason
    assert most == len(whole)  # only a checksum is missing


@packed_by
@pytest.mark.parametrize("piped", [False, True])
def test_damage_gives_everything_before_it(tmp_path: Path, name: str, piped: bool) -> None:
    """What comes before is what the decompressor gives when it gets one byte at a time."""
    packed = bytearray(PACKERS[name](LARGE))
    packed[len(packed) * 2 // 3] ^= 0x55
    possible = _byte_by_byte(name, bytes(packed))
    assert 800_000 <= len(possible) <= len(LARGE)
    path = tmp_path / "x"
    path.write_bytes(packed)
    if piped:
        reader, writer = os.pipe()
        with subprocess.Popen([need("cat"), str(path)], stdout=writer):
            os.close(writer)
            data, fault = _unpack(reader)
    else:
        data, fault = _unpack(path)
    assert fault == f"the {name} data is damaged"
    if name == "bzip2":  # what it makes of a damaged block is not the same every time
        data, possible = data[:900_000], possible[:900_000]
    assert possible.startswith(data)
    assert len(possible) - len(data) <= (1 << 16 if piped and name != "gzip" else 0)


def _unpack(path: Path | int) -> tuple[bytes, str | None]:
    with open(path, "rb") as file:
        head = file.read(100)
        known = compression(head)
        assert known is not None
        stream = known.open(file, head)
        data = b"".join(iter(lambda: stream.read(1 << 20), b""))
        return data, stream.fault


def _byte_by_byte(name: str, packed: bytes) -> bytes:
    import zlib

    engine: zlib._Decompress | bz2.BZ2Decompressor | lzma.LZMADecompressor | zstd.ZstdDecompressor
    engine = {
        "gzip": lambda: zlib.decompressobj(31), "bzip2": bz2.BZ2Decompressor,
        "xz": lzma.LZMADecompressor, "zstd": zstd.ZstdDecompressor,
    }[name]()  # fmt: skip
    data = bytearray()
    try:
        for octet in packed:
            data += engine.decompress(bytes([octet]))
    except (zlib.error, OSError, lzma.LZMAError, zstd.ZstdError):
        return bytes(data)
    return bytes(data)


@pytest.mark.parametrize("inner", PACKERS)
@pytest.mark.parametrize("outer", PACKERS)
def test_what_is_compressed_twice_is_refused(tmp_path: Path, inner: str, outer: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(PACKERS[outer](PACKERS[inner](PCAP)))
    with pytest.raises(CaptureError, match=rf"compressed twice \(inside is {inner}\)"):
        open_capture(path)


@packed_by
def test_a_bomb_takes_no_memory_and_can_be_interrupted(tmp_path: Path, name: str) -> None:
    """Half a gigabyte of empty packets in a few kilobytes, interrupted on the way."""
    path = tmp_path / "bomb"
    piece = PACKERS[name](bytes(1 << 26))
    path.write_bytes(PACKERS[name](pcap_header()) + piece * 200)
    code = (
        "import resource, sys\n"
        "from smtpsniff.capture import open_capture\n"
        "try:\n"
        "    with open_capture(sys.argv[1]) as c:\n"
        "        for batch in c:\n"
        "            print(len(batch), flush=True)\n"
        "except KeyboardInterrupt:\n"
        "    print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)\n"
    )
    words = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(3):
            assert int(process.stdout.readline()) > 0
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        rest = process.stdout.read()
    assert time.monotonic() - start < 10
    assert int(rest.rsplit("peak", 1)[1]) < 500


def test_a_file_that_asks_for_much_memory_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x"
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 30}]
    huge = bytearray(lzma.compress(PCAP, filters=filters))
    path.write_bytes(huge)
    with pytest.raises(CaptureError, match="the xz data asks for more than 128 MB of memory"):
        open_capture(path)
    options = {int(zstd.CompressionParameter.window_log): 30}
    engine = zstd.ZstdCompressor(options=options)  # it does not know the size, so keeps its window
    path.write_bytes(engine.compress(PCAP) + engine.flush())
    with pytest.raises(CaptureError, match="the zstd data asks for more than 128 MB of memory"):
        open_capture(path)


@pytest.mark.parametrize("command", ["gzip -9", "bzip2", "xz", "zstd -19 --long=27", "zstd -1"])
def test_what_the_programs_write_is_read(tmp_path: Path, command: str) -> None:
    program, *options = command.split()
    words = [need(program), *options, "-c"]
    packed = subprocess.run(words, input=LARGE, capture_output=True, check=True).stdout
    assert read(tmp_path / "x", packed) == read(tmp_path / "y", LARGE)


def test_a_zstd_file_may_begin_with_a_frame_to_be_skipped(tmp_path: Path) -> None:
    skipped = b"\x50\x2a\x4d\x18\x04\0\0\0abcd"
    packed = skipped + zstd.compress(PCAP)
    assert read(tmp_path / "x", packed) == read(tmp_path / "y", PCAP)


def test_captures_of_other_projects(corpus: Path) -> None:
    for name, packets in (
        ("ngrep__tcp__utf8.pcap.xz", 14),
        ("pcapplusplus__tcp__pcapng-example.pcapng.zst", 159),
    ):
        with open_capture(corpus / "captures" / name) as capture:
            assert (len(rows(capture)), capture.damage) == (packets, None)
