"""Captures that come as they come: pipes, cut anywhere, and files that are still written."""

from __future__ import annotations

import gzip
import os
import threading
import time
from typing import TYPE_CHECKING

import pytest
from capture_bytes import enhanced, interface, pcap_header, pcap_record, read, section

from smtpsniff.capture import CaptureError, open_capture
from smtpsniff.capture.inflow import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PCAP = pcap_header() + b"".join(pcap_record(bytes([n]) * 20, n) for n in range(1, 13))
PCAPNG = section() + interface() + b"".join(enhanced(bytes([n]) * 9, n) for n in range(1, 13))
each_format = pytest.mark.parametrize("content", [PCAP, PCAPNG], ids=["pcap", "pcapng"])
each_packing = pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Callable[[list[bytes | float]], Path]]:
    """A named pipe, into which these bytes are written, with pauses where there is a number."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writers = []

    def feed(parts: list[bytes | float]) -> Path:
        def write() -> None:
            with open(path, "wb", buffering=0) as pipe:
                for part in parts:
                    if isinstance(part, bytes):
                        pipe.write(part)
                    else:
                        time.sleep(part)

        writers.append(threading.Thread(target=write))
        writers[-1].start()
        return path

    yield feed
    for writer in writers:
        writer.join(10)


@each_packing
@each_format
def test_a_pipe_gives_what_a_file_gives(
    tmp_path: Path,
    fifo: Callable[[list[bytes | float]], Path],
    content: bytes,
    pack: Callable[[bytes], bytes],
) -> None:
    packed = pack(content)
    for step in (1, 7, len(packed)):
        parts: list[bytes | float] = [packed[i : i + step] for i in range(0, len(packed), step)]
        with open_capture(fifo(parts)) as capture:
            packets = [batch.packet(row) for batch in capture for row in range(len(batch))]
        found, _ = read(tmp_path / "file", content)
        assert packets == [row[-1] for row in found]
        assert capture.damage is None


@each_packing
@each_format
def test_what_has_arrived_is_not_kept_waiting(
    fifo: Callable[[list[bytes | float]], Path], content: bytes, pack: Callable[[bytes], bytes]
) -> None:
    """Half of the packets, a long pause inside the next one, the rest."""
    half = len(content) // 2
    first, second = pack(content[:half]), pack(content[half:])
    with open_capture(fifo([first, 5 * PATIENCE, second])) as capture:
        sizes = [len(batch) for batch in capture]
    assert sum(sizes) == 12
    before, *rest = sizes
    assert 0 < before < 12
    assert rest.count(0) >= 2  # told that nothing came, so that a clock can be looked at


def test_the_clock_goes_on_while_nothing_comes(
    fifo: Callable[[list[bytes | float]], Path],
) -> None:
    with open_capture(fifo([PCAP, 10 * PATIENCE])) as capture:
        times = [capture.now for _ in capture]
    last = 12 * 10**9
    assert 0 <= times[0] - last < 5 * PATIENCE * 1e9
    assert 8 * PATIENCE * 1e9 < times[-1] - last < 60 * 1e9


def test_a_pipe_that_ends_inside_a_packet_is_damaged(
    fifo: Callable[[list[bytes | float]], Path],
) -> None:
    with open_capture(fifo([PCAP[:-5]])) as capture:
        assert sum(map(len, capture)) == 11
    assert capture.damage is not None
    with pytest.raises(CaptureError, match="empty"):
        open_capture(fifo([b""]))


@each_packing
@each_format
def test_a_growing_file_is_followed_until_stopped(
    tmp_path: Path, content: bytes, pack: Callable[[bytes], bytes]
) -> None:
    """It begins empty, grows by uneven pieces, and is cut inside a packet when it is stopped."""
    path = tmp_path / "growing"
    path.touch()
    packed = pack(content + content[-7:])

    def write() -> None:
        with path.open("ab", buffering=0) as file:
            for start in range(0, len(packed), 50):
                file.write(packed[start : start + 50])
                time.sleep(0.02)

    writer = threading.Thread(target=write)
    writer.start()
    with open_capture(path, follow=True) as capture:
        found = 0
        for batch in capture:
            found += len(batch)
            if found == 12 and not writer.is_alive():
                capture.stop()
    writer.join()
    assert found == 12
    assert capture.damage is None


def test_a_followed_file_that_is_cut_shorter_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "growing"
    path.write_bytes(PCAP)
    with open_capture(path, follow=True) as capture:
        for batch in capture:
            if len(batch):
                os.truncate(path, 100)
    assert capture.damage is not None
    assert "shorter" in capture.damage.reason
