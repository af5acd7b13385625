"""Memory does not follow the size of a message, nor that of what it holds."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from struct import pack
from typing import TYPE_CHECKING, BinaryIO

import pytest
from dialogue import FRAMINGS, compile_text, frames

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAYLOAD = 60_000  # as over a loopback interface
ENDS = 'SESSION isn=1000,2000\n@T\n@D\nC "%s"\n@X\n@Q'
HEAD = (
    b"From: <s@a.example.net>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: application/octet-stream; name=big.bin\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\n"
)
TAIL = b"--b--\r\n"

# Prints the peak of its own memory, in kilobytes, behind what the command says.
COMMAND = (
    "import resource, sys; from smtpsniff.cli.main import main; main(sys.argv[1:]);"
    "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
)


def body(size: int) -> Iterator[bytes]:
    """Lines of base64, `size` octets or a bit more."""
    block = base64.encodebytes(bytes(range(256)) * 171).replace(b"\n", b"\r\n")
    while size > 0:
        yield block
        size -= len(block)


def write_big(path: Path, size: int) -> str:
    """A capture with one mail of `size` octets; the digest of the mail."""
    digest = hashlib.sha256(HEAD)
    mark = "x" * 11
    packets = FRAMINGS["whole"](compile_text(ENDS % mark))
    with path.open("wb") as file:
        file.write(pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1))
        grown = 0
        for packet, (time, frame) in zip(packets, frames(packets), strict=True):
            if mark.encode() not in frame:
                _record(file, time, _shifted(frame, grown, packet.direction == "C"))
                continue
            headers, at = frame[: frame.index(mark.encode())], 0
            for block in (HEAD, *body(size), TAIL):
                if block is not HEAD:
                    digest.update(block)
                for start in range(0, len(block), PAYLOAD):
                    piece = block[start : start + PAYLOAD]
                    _record(file, time, _shifted(headers, at, True, len(piece)) + piece)
                    at += len(piece)
            grown = at - len(mark)
    return digest.hexdigest()


def _record(file: BinaryIO, time: int, frame: bytes) -> None:
    seconds, rest = divmod(time, 1_000_000_000)
    file.write(pack("<IIII", seconds, rest // 1000, len(frame), len(frame)) + frame)


def _shifted(frame: bytes, by: int, client: bool, payload: int | None = None) -> bytes:
    """A frame whose sequence number, or acknowledgement, counts `by` octets more."""
    at = 14 + 20 + (4 if client else 8)
    number = (int.from_bytes(frame[at : at + 4], "big") + by) & 0xFFFFFFFF
    frame = frame[:at] + number.to_bytes(4, "big") + frame[at + 4 :]
    if payload is None:
        return frame
    length = len(frame) - 14 + payload
    return frame[:16] + length.to_bytes(2, "big") + frame[18:]


def peak(*words: object) -> int:
    """Megabytes that a command took at most."""
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *map(str, words), "--jobs", "1", "--fail-on", "never"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(done.stderr.split()[-1]) // (1024 if sys.platform == "linux" else 1 << 20)


@pytest.mark.skipif(sys.platform == "win32", reason="no resource module")
def test_200_mb(tmp_path: Path) -> None:
    small, big = tmp_path / "small.pcap", tmp_path / "big.pcap"
    write_big(small, 1 << 20)
    digest = write_big(big, 200 << 20)
    for name, words in (
        ("extract", ("--attachments", "--urls", "--mbox", "-d")),
        ("read", ("--json", "--attachments")),
    ):
        few, many = (
            peak(name, path, *words, *([tmp_path / path.stem] if name == "extract" else []))
            for path in (small, big)
        )
        assert many < few + 100, f"{name}: {few} MB for 1 MB of mail, {many} MB for 200 MB"
    (entry,) = json.loads((tmp_path / "big" / "index.json").read_text())["messages"]
    assert entry["sha256"] == digest
    assert entry["attachments"][0]["size"] > 140 << 20
