"""The generator writes what real stacks would: tshark finds nothing wrong with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

GENERATE = Path(__file__).with_name("generate.py")
KINDS = "spam", "mail", "large", "mixed"
MAIL_PORTS = "tcp.dstport in {25, 587, 10025}"
CHECKSUMS = [
    word for protocol in ("ip", "tcp", "udp") for word in ("-o", f"{protocol}.check_checksum:TRUE")
]
BAD_CHECKSUM = "ip.checksum.status == 0 or tcp.checksum.status == 0 or udp.checksum.status == 0"


def generate(kind: str, path: Path) -> dict[str, Any]:
    command = [sys.executable, str(GENERATE), kind, "1", str(path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    truth: dict[str, Any] = json.loads(path.with_suffix(".truth.json").read_text())
    return truth


def frames(path: Path, display_filter: str) -> list[str]:
    """A line for each frame that the filter selects."""
    program = shutil.which("tshark")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("tshark is missing")
        pytest.skip("tshark is missing")
    command = [program, "-n", "-r", str(path), *CHECKSUMS, "-Y", display_filter]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


@pytest.fixture(scope="module", params=KINDS)
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path, dict[str, Any]]:
    path = tmp_path_factory.mktemp("made") / f"{request.param}.pcap"
    return request.param, path, generate(request.param, path)


def test_nothing_is_malformed(made: tuple[str, Path, dict[str, Any]]) -> None:
    _, path, _ = made
    assert frames(path, f"_ws.malformed or {BAD_CHECKSUM}") == []


def test_tcp_is_complained_about_where_it_should_be(
    made: tuple[str, Path, dict[str, Any]],
) -> None:
    kind, path, _ = made
    assert bool(frames(path, "tcp.analysis.flags")) == (kind == "mixed")


def test_truth_matches_the_handshakes(made: tuple[str, Path, dict[str, Any]]) -> None:
    _, path, truth = made
    opened = "tcp.flags.syn == 1 and tcp.flags.ack == 0"
    assert len(frames(path, f"{opened} and {MAIL_PORTS}")) == truth["sessions"]
    assert len(frames(path, opened)) == truth["tcp_connections"]
    assert len(frames(path, "frame")) == truth["packets"]
    assert sum(truth["outcomes"].values()) == truth["sessions"]


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first.pcap", tmp_path / "second.pcap"
    generate("mixed", first)
    generate("mixed", second)
    assert first.read_bytes() == second.read_bytes()
