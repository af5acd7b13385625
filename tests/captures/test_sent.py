"""What real programs sent is what is extracted, octet by octet."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dialogue import lacking

from smtpsniff.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = Path(__file__).with_name("sent.py")
HEAD = (
    b"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nFrom: carla@example.net\r\n"
    b"To: anna@example.com\r\nMessage-ID: <%d@example.net>\r\nSubject: a message\r\n"
)
ANY = bytes(range(256)) * 40

# By the program that sends it; swaks is given stuffed text with its end.
SMALL = {
    "text.swaks": HEAD + b"\r\nHello Anna,\r\n\r\nbye\r\n",
    "dots.swaks": HEAD + b"\r\n.\r\n..\r\n. \r\n...x\r\n",
    "empty body.swaks": HEAD + b"\r\n",
    "8bit.data": HEAD + b"\r\n" + "übér — naïve\r\n".encode() + b"\xe4\xf6\xfc\xff\x80\r\n",
    "long lines.data": HEAD + b"\r\n" + b"x" * 100_000 + b"\r\n" + b"." * 5000 + b"\r\n",
    "dots.data": HEAD + b"\r\n" + b".\r\n.a\r\n" * 20_000,
    "only a header.data": HEAD,
    "controls.data": HEAD + b"\r\n" + bytes(set(range(256)) - {10, 13}) + b"\r\n",
    "binary.bdat": HEAD + b"\r\n" + ANY + b"\n.\r\r\n.\r\n" * 1000,
    "no line end.bdat": HEAD + b"\r\nend",
}
BIG = 200 << 20
PATIENCE = 240  # seconds for sending 200 MB, and as many for extracting it


def record(folder: Path, messages: Path) -> Path:
    """The packets of a run of the script, or a skip where the stage cannot be built."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root on Linux can record packets on a stage")
    probe = ("unshare", "--mount", "--net", "--uts", "--pid", "--fork", "--mount-proc", "true")
    if subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("no namespaces to be had here")
    out = folder / "sent.pcap"
    done = subprocess.run(
        [sys.executable, SCRIPT, out],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        env=os.environ | {"SENT_MESSAGES": str(messages)},
    )
    if "not installed:" in done.stderr:
        lacking(done.stderr)
    assert done.returncode == 0, done.stderr
    return out


def extracted(capture: Path, folder: Path) -> Iterator[tuple[Path, dict[str, object]]]:
    """The files of an extraction with what the index says of each, in order of sending."""
    assert main(["extract", str(capture), "-d", str(folder), "--fail-on", "never"]) == 0
    index = json.loads((folder / "index.json").read_text())
    for entry in sorted(index["messages"], key=lambda entry: entry["session"]):
        yield folder / entry["file"], entry


@pytest.mark.timeout(200)
def test_what_was_sent(tmp_path: Path) -> None:
    messages = tmp_path / "messages"
    messages.mkdir()
    for name, message in SMALL.items():
        if name.endswith(".swaks"):
            lines = message.splitlines(keepends=True)
            message = b"".join(b"." + x if x.startswith(b".") else x for x in lines) + b".\r\n"
        (messages / name).write_bytes(message)
    found = list(extracted(record(tmp_path, messages), tmp_path / "out"))
    assert len(found) == len(SMALL)
    for (file, entry), name in zip(found, sorted(SMALL), strict=True):
        assert file.read_bytes() == SMALL[name], name
        assert entry["complete"], name
        assert entry["outcome"] == "delivered", name


@pytest.mark.timeout(2 * PATIENCE + 60)
def test_200_mb(tmp_path: Path) -> None:
    messages = tmp_path / "messages"
    messages.mkdir()
    digest = hashlib.sha256()
    with (messages / "big.data").open("wb") as file:
        file.write(HEAD + b"\r\n")
        digest.update(HEAD + b"\r\n")
        some = random.Random(1)
        while file.tell() < BIG:
            block = (some.randbytes(30_000).hex("\n", 30) + "\n.dots\n").encode()
            block = block.replace(b"\n", b"\r\n")
            file.write(block)
            digest.update(block)
    out = record(tmp_path, messages)
    (messages / "big.data").unlink()
    began = time.monotonic()
    ((file, entry),) = extracted(out, tmp_path / "out")
    assert time.monotonic() - began < PATIENCE
    with file.open("rb") as stream:
        assert hashlib.file_digest(stream, "sha256").hexdigest() == digest.hexdigest()
    assert entry["complete"]
