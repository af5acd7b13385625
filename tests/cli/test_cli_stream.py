"""Captures that another program is still writing: results as they are known, and Ctrl-C."""

from __future__ import annotations

import gzip
import json
import select
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from dialogue import compile_text, pcap

from smtpsniff.cli import status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cli_console import Cli, Shipped

SMTPSNIFF = (sys.executable, "-m", "smtpsniff")
MAIL = "@T\n@D\n@H\n@X\n@Q"


@contextmanager
def started(*words: object) -> Iterator[subprocess.Popen[bytes]]:
    command = [*SMTPSNIFF, *map(str, words)]
    pipe = subprocess.PIPE
    # Without a buffer of our own, so that `select` sees all that was said.
    with subprocess.Popen(command, 0, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    """The next line of its output, which must not take longer."""
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], seconds)[0], "nothing was said in time"
    return process.stdout.readline()


def records(out: bytes) -> list[Any]:
    found = [json.loads(record) for record in out.splitlines()]
    for record in found:
        for file in record.get("files", ()):
            del file["path"], file["size"]
    return found


def test_standard_input_gives_what_the_file_gives(cli: Cli, shipped: Shipped) -> None:
    for name in ("accepted", "refused-recipient", "typed-by-hand"):
        expected = cli(shipped(name), "--json")
        octets = shipped(name).read_bytes()
        for stdin in (octets, gzip.compress(octets)):
            done = subprocess.run(
                [*SMTPSNIFF, "-", "--json"], input=stdin, capture_output=True, check=False
            )
            assert (done.returncode, done.stderr) == (expected.status, b"")
            assert records(done.stdout) == records(expected.raw)


def test_show_reads_standard_input(cli: Cli, shipped: Shipped) -> None:
    with shipped("accepted").open("rb") as file:
        done = subprocess.run(
            [*SMTPSNIFF, "show", "-", "1"], stdin=file, capture_output=True, check=True
        )
    assert b"carla@example.net" in done.stdout


@pytest.mark.parametrize("words", [("--json",), ()])
def test_a_session_is_told_while_the_pipe_is_open(words: tuple[str, ...]) -> None:
    """Ten seconds later in the capture another one begins: the first is over."""
    first = compile_text(MAIL)
    second = compile_text("@T", client=("192.0.2.1", 40_002), start=first[-1].time + 10**10)
    with started("-", *words) as process:
        assert process.stdin is not None
        process.stdin.write(pcap([*first, *second]))
        process.stdin.flush()
        told = [line(process, 20)]
        if not words:
            told.append(line(process, 1))
        assert b"delivered" in told[-1]
        assert process.poll() is None


def test_a_silent_pipe_does_not_keep_a_session_that_is_over() -> None:
    with started("-", "--json") as process:
        assert process.stdin is not None
        process.stdin.write(pcap(compile_text(MAIL)))
        process.stdin.flush()
        session = json.loads(line(process, 30))
        assert session["verdict"]["outcome"] == "delivered"
        assert session["complete"] == {
            "start": True,
            "end": True,
            "gaps": {"client": 0, "server": 0},
        }
        assert process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_tells_what_is_known(tmp_path: Path, number: signal.Signals) -> None:
    """A file that is followed: one session that is over, and one that is in the middle."""
    path = tmp_path / "growing.pcap"
    first = compile_text(MAIL)
    second = compile_text("@T\n@D", client=("192.0.2.1", 40_002), start=first[-1].time + 10**10)
    path.write_bytes(pcap([*first, *second])[:-1])
    with started("read", "--follow", path, "--json") as process:
        told = [line(process, 20)]
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    told += out.splitlines()
    (one, two, run) = map(json.loads, told)
    assert (one["verdict"]["outcome"], two["ended"]) == ("delivered", "capture-ended")
    assert run["sessions"] == 2
    assert "damaged_at" not in run["files"][0]
    said = err.decode()
    assert said.startswith("smtpsniff: interrupted after ")
    assert "2 sessions" in said
    assert process.returncode in (status.FINE, status.FINDINGS)


def test_a_reader_that_has_gone_ends_a_stream() -> None:
    """`smtpsniff - | head -1`, while packets go on coming."""
    packets = pcap(compile_text(MAIL))
    with started("-", "--json") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.close()
        process.stdin.write(packets)
        process.stdin.flush()
        deadline = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert process.returncode == status.BROKEN_PIPE
