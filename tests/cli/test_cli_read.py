"""`read`: statuses, streams, formats, several files."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from dialogue import capture

from smtpsniff.cli import progress as progress_module
from smtpsniff.cli.main import main
from smtpsniff.cli.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path

    from cli_console import Cli, Shipped, Write


REFUSED = '@T\nC "RSET\\r\\n"\nS "250 Ok\\r\\n"\n@Q'
BARE = '@G ; C "EHLO a.example.net\\n" ; S "250 mx.example\\r\\n" ; @Q'


def test_nothing_wrong_is_status_0(cli: Cli, shipped: Shipped) -> None:
    result = cli(shipped("accepted"))
    assert (result.status, result.err) == (0, "")
    assert cli("read", shipped("accepted")).raw == result.raw
    assert cli("-r", shipped("accepted")).raw == result.raw


def test_an_error_is_status_1_unless_it_is_not_asked_for(cli: Cli, shipped: Shipped) -> None:
    path = shipped("refused-recipient")
    assert cli(path).status == 1
    assert cli(path, "--fail-on", "error").status == 1
    assert cli(path, "--fail-on", "note").status == 1
    assert cli(path, "--fail-on", "never").status == 0


def test_a_warning_is_status_1_if_it_is_asked_for(cli: Cli, write: Write) -> None:
    path = write(capture(BARE))
    assert cli(path).status == 0
    assert cli(path, "--fail-on", "warning").status == 1


def test_no_smtp_is_status_3_and_a_line(cli: Cli, write: Write) -> None:
    path = write(
        capture('SESSION server_port=80\nOPEN\nC "GET / HTTP/1.0\\r\\n\\r\\n"\nFIN C\nFIN S')
    )
    for words in ((), ("--json",), ("--format", "json")):
        result = cli(path, *words)
        assert result.status == 3
        assert "no SMTP found" in result.said
        assert str(path) in result.said
    assert json.loads(cli(path, "--format", "json").out)["sessions"] == []


def test_ndjson_is_a_record_a_line_the_run_last(cli: Cli, shipped: Shipped) -> None:
    result = cli(shipped("refused-recipient"), "--json")
    session, run = map(json.loads, result.out.splitlines())
    assert (session["schema"], session["number"]) == ("smtpsniff.session/1", 1)
    assert run["schema"] == "smtpsniff.run/1"
    assert run["outcomes"] == {"rejected": 1}
    assert run["sessions"] == 1
    assert run["files"][0]["path"] == str(shipped("refused-recipient"))
    assert cli(shipped("refused-recipient"), "--format", "ndjson").raw == result.raw


def test_json_is_one_document(cli: Cli, shipped: Shipped) -> None:
    names = ("accepted", "refused-recipient", "typed-by-hand")
    document = json.loads(cli(*map(shipped, names), "--format", "json").out)
    assert sorted(s["number"] for s in document["sessions"]) == [1, 2, 3]
    assert document["run"]["sessions"] == 3


def test_several_files_are_one_capture(cli: Cli, shipped: Shipped) -> None:
    result = cli(shipped("refused-recipient"), shipped("accepted"))
    lines = result.out.splitlines()
    assert lines[1].startswith("  1  delivered")
    assert lines[2].startswith("  2  rejected")
    assert f"  file 2: {shipped('refused-recipient')}" in lines


def test_an_unreadable_file_is_told_and_the_rest_is_read(
    cli: Cli, shipped: Shipped, tmp_path: Path
) -> None:
    missing = tmp_path / "missing.pcap"
    result = cli(shipped("accepted"), missing)
    assert result.status == 2
    assert str(missing) in result.said
    assert "1  delivered" in result.out


def test_gzip_is_read(cli: Cli, shipped: Shipped, write: Write) -> None:
    path = write(gzip.compress(shipped("accepted").read_bytes()), "a.pcapng.gz")
    assert "1  delivered" in cli(path).out


def test_a_port_can_be_added(cli: Cli, write: Write) -> None:
    path = write(capture('SESSION server_port=9\nOPEN\nC "x\\r\\n"\nFIN C\nFIN S'))
    assert cli(path).status == 3
    assert cli(path, "--port", "9", "--port", "10").status != 3


def test_jobs_make_no_difference(cli: Cli, shipped: Shipped) -> None:
    names = ("accepted", "refused-recipient", "typed-by-hand")
    for words in ((), ("--json",)):
        one = cli(*map(shipped, names), "--jobs", "1", *words).out.splitlines()
        two = cli(*map(shipped, names), "--jobs", "2", *words).out.splitlines()
        assert sorted(one) == sorted(two)
        assert one[-1] == two[-1]


def test_colour_only_where_it_is_wanted(
    cli: Cli, shipped: Shipped, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shipped("refused-recipient")
    assert b"\x1b" not in cli(path).raw
    assert b"\x1b[" in cli(path, "--color", "always").raw
    monkeypatch.setenv("NO_COLOR", "1")
    assert b"\x1b" not in cli(path, "--color", "auto").raw
    plain = cli(path, "--color", "never").raw
    assert b"\x1b" not in plain


def _command(*words: object) -> list[str]:
    return [sys.executable, "-m", "smtpsniff", *map(str, words)]


def test_a_reader_that_goes_away_ends_it_quietly(shipped: Shipped) -> None:
    with subprocess.Popen(
        _command(shipped("typed-by-hand"), "--json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 141


def _fail_with(monkeypatch: pytest.MonkeyPatch, fault: BaseException) -> None:
    """Let something on the way raise."""

    def raises(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr("smtpsniff.pipeline.analysis.decode", raises)


def test_interruption_is_status_130(
    cli: Cli, shipped: Shipped, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fail_with(monkeypatch, KeyboardInterrupt())
    result = cli(shipped("accepted"))
    assert (result.status, result.said) == (130, "interrupted")


def test_a_fault_of_ours_is_a_line_and_with_debug_a_traceback(
    cli: Cli,
    shipped: Shipped,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    _fail_with(monkeypatch, ZeroDivisionError("x"))
    result = cli(shipped("accepted"))
    assert result.status == 2
    assert "ZeroDivisionError" in result.said
    assert main([str(shipped("accepted")), "--debug"]) == 2
    assert b"Traceback" in capsysbinary.readouterr().err


class _Terminal:
    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        """Nothing to do."""


def test_progress_comes_late_and_goes_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    quick = Progress()
    quick(1, 2)
    quick.clear()
    assert terminal.text == ""
    monkeypatch.setattr(progress_module, "PATIENCE", 0)
    slow = Progress()
    slow(50_000_000, 100_000_000)
    assert "50% of 100 MB" in terminal.text
    slow.clear()
    assert terminal.text.endswith("\r\x1b[K")


def test_progress_needs_a_terminal_that_can(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(progress_module, "PATIENCE", 0)
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "dumb")
    Progress()(1, 2)
    assert terminal.text == ""


@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals")
@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_gets_colour_and_no_line_too_long(shipped: Shipped, width: int) -> None:
    import pty

    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(width), "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(
        _command(shipped("refused-recipient")), stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        text = b""
        while True:
            try:
                block = os.read(ours, 65536)
            except OSError:  # Linux: the other end is closed
                break
            if not block:
                break
            text += block
    os.close(ours)
    assert process.returncode == 1
    assert b"\x1b[1;38;5;160mrejected" in text
    table = _plain(text.decode()).split("smtpsniff show")[0]
    assert max(map(len, table.splitlines())) <= width


def _plain(text: str) -> str:
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", text).replace("\r\n", "\n")
