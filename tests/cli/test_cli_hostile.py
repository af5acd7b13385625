"""Text from the wire drives no terminal, deceives no reader, breaks no layout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from dialogue import capture

if TYPE_CHECKING:
    from cli_console import Cli, Write


EVIL = "\\x1b]0;owned\\x07\\x1b[31m\\xe2\\x80\\xae\\xc2\\x9b2J\\x08[red]a"
HOSTILE = f"""
OPEN
S "220 mx.example {EVIL}\\r\\n"
C "EHLO {EVIL}\\r\\n"
S "250-mx.example {EVIL}\\r\\n250 {EVIL}\\r\\n"
C "MAIL FROM:<{EVIL}@a.example.net>\\r\\n"
S "250 2.1.0 {EVIL}\\r\\n"
C "RCPT TO:<{EVIL}@mx.example>\\r\\n"
S "550 5.1.1 {EVIL}\\r\\n"
C "RCPT TO:<r@mx.example>\\r\\n"
S "250 2.1.5 Ok\\r\\n"
@D
C "Subject: {EVIL}\\r\\nFrom: {EVIL}\\r\\nMessage-ID: <{EVIL}>\\r\\n\\r\\nhi\\r\\n.\\r\\n"
S "250 2.0.0 Ok: queued as {EVIL}\\r\\n"
C "{EVIL}\\r\\n"
S "500 {EVIL}\\r\\n"
@Q
"""
COMMANDS = [
    ("read",), ("stories", "--all"), ("show", "--session", "1"),
    ("show", "--session", "1", "--ladder"), ("show", "--session", "1", "--explain"),
]  # fmt: skip


def _harmless(text: str, colours: bool = False) -> None:
    if colours:
        import re

        text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    bad = [c for c in text if (c < " " and c != "\n") or "\x7f" <= c <= "\x9f" or c == "\u202e"]
    assert bad == []


@pytest.mark.parametrize("words", COMMANDS)
@pytest.mark.parametrize("colour", ["never", "always"])
def test_escapes_and_direction_marks(
    cli: Cli, write: Write, words: tuple[str, ...], colour: str
) -> None:
    path = write(capture(HOSTILE))
    result = cli(*words, path, "--color", colour)
    assert result.status == 1
    _harmless(result.out, colours=True)
    if colour == "never":
        assert "\x1b" not in result.out
    assert "\\x1b]0;owned\\x07" in result.out
    assert "[red]" in result.out


def test_records_keep_it_and_are_json(cli: Cli, write: Write) -> None:
    result = cli(write(capture(HOSTILE)), "--json")
    assert "\x1b" not in result.out  # JSON escapes the controls of ASCII; the others are a pipe's
    session = json.loads(result.out.splitlines()[0])
    assert "\x1b]0;owned\x07" in session["helo"]["name"]


@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals")
def test_records_on_a_terminal_are_json_without_power(write: Write) -> None:
    import pty

    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "smtpsniff", str(write(capture(HOSTILE))), "--json"]
    with subprocess.Popen(words, stdout=theirs, stderr=subprocess.DEVNULL):
        os.close(theirs)
        text = b""
        while True:
            try:
                block = os.read(ours, 65536)
            except OSError:
                break
            if not block:
                break
            text += block
    os.close(ours)
    plain = text.decode().replace("\r\n", "\n")
    _harmless(plain)
    session = json.loads(plain.splitlines()[0])
    assert "\u202e" in session["helo"]["name"]


LONG = """
OPEN
S "220 mx.example " "g"*100000 "\\r\\n"
C "EHLO " "e"*100000 "\\r\\n"
S "250 mx.example\\r\\n"
C "MAIL FROM:<" "m"*100000 "@a.example.net>\\r\\n"
S "250 Ok\\r\\n"
C "RCPT TO:<" "r"*100000 "@mx.example>\\r\\n"
S "550 5.1.1 " "no "*33333 "\\r\\n"
C "x"*100000 "\\r\\n"
S "500 what\\r\\n"
@Q
"""


@pytest.mark.parametrize("words", COMMANDS)
def test_lines_of_100_kb(cli: Cli, write: Write, words: tuple[str, ...]) -> None:
    path = write(capture(LONG))
    result = cli(*words, path)
    assert result.status == 1
    if words == ("read",):
        assert max(map(len, result.out.splitlines())) < 2500
    assert cli(path, "--json").status == 1
