# ruff: noqa: T201
"""Time and peak memory of `smtpsniff read --json` on traffic that was made to cost."""

from __future__ import annotations

import argparse
import os
import random
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import measure

if TYPE_CHECKING:
    import resource
    from collections.abc import Iterator

CLIENT, SERVER = bytes([198, 51, 100, 7]), bytes([192, 0, 2, 25])
SYN, ACK, PUSH = 2, 16, 8
KINDS = {"syn": 300_000, "hole": 100_000, "ahead": 100_000, "overlap": 100_000}


def packet(
    source: tuple[bytes, int], target: tuple[bytes, int], seq: int, ack: int, flags: int,
    data: bytes = b"",
) -> bytes:  # fmt: skip
    """An Ethernet frame; its checksums are not computed."""
    tcp = struct.pack(">HHIIBBHHH", source[1], target[1], seq, ack, 80, flags, 8192, 0, 0) + data
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, source[0], target[0])
    return b"\2" * 6 + b"\4" * 6 + b"\x08\0" + ip + tcp


def packets(kind: str, count: int) -> Iterator[bytes]:
    """A SYN flood; or a greeting and what one client then sends."""
    chance, server = random.Random(1), (SERVER, 25)
    if kind == "syn":
        for _ in range(count):
            address = bytes([11, *chance.randbytes(3)])
            sender = address, chance.randrange(1024, 65536)
            yield packet(sender, server, chance.randrange(1 << 32), 0, SYN)
        return
    client = CLIENT, 4000
    yield packet(client, server, 100, 0, SYN)
    yield packet(server, client, 500, 101, SYN | ACK)
    yield packet(client, server, 101, 501, ACK)
    yield packet(server, client, 501, 101, ACK | PUSH, b"220 mx ESMTP\r\n")
    for n in range(count):
        if kind == "hole":
            offset, data = 10 + 1000 * n, b"x" * 1000
        elif kind == "ahead":
            offset, data = (1 << 20) + 20 * (count - n), b"y"
        else:
            offset, data = chance.randrange(5000), chance.randbytes(50)
        yield packet(client, server, 101 + offset, 515, ACK | PUSH, data)


def write(kind: str, count: int, path: Path) -> None:
    """The capture, a packet every 10 microseconds."""
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for n, frame in enumerate(packets(kind, count)):
            seconds, micros = divmod(10 * n, 1_000_000)
            head = struct.pack("<IIII", 1_700_000_000 + seconds, micros, len(frame), len(frame))
            out.write(head + frame)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", default=list(KINDS))
    parser.add_argument("--count", type=int, help="packets; the default depends on the kind")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for kind in options.kinds:
            count = options.count or KINDS[kind]
            path = Path(folder) / f"{kind}.pcap"
            write(kind, count, path)
            begin = time.perf_counter()
            reading = measure.smtpsniff("read", "--json", "--jobs", "1", str(path))
            status, used = _run(reading)
            seconds = time.perf_counter() - begin
            print(
                f"{kind}: {count} packets, {seconds:.1f} s, {1e6 * seconds / count:.0f} us a "
                f"packet, {used.ru_maxrss / 1024:.0f} MB, status {status}"
            )
            path.unlink()


def _run(command: list[str]) -> tuple[int, resource.struct_rusage]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, used


if __name__ == "__main__":
    main()
