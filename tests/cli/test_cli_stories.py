"""`stories`, and stories in `read`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from dialogue import capture

if TYPE_CHECKING:
    from pathlib import Path

    from cli_console import Cli, Shipped, Write

RETRY = r"""
    @G ; @E ; @M ; C "RCPT TO:<r@mx.example>\r\n" ; S "451 4.3.0 Try again later\r\n" ; @Q
    SESSION at=400 ; @T ; @D ; @H ; @X ; @Q
"""
GUESSES = (
    "".join(
        rf'SESSION at={n} ; @G ; @EA ; C "AUTH PLAIN AHVzZXIAZ{n:02}zcw==\r\n"'
        r' ; S "535 5.7.8 no\r\n" ; @Q' + "\n"
        for n in range(10, 22)
    )
    + r'SESSION at=60 ; @G ; @EA ; C "AUTH PLAIN AHVzZXIAZ3Vlc3M=\r\n" ; S "235 ok\r\n" ; @Q'
)


@pytest.fixture
def retry(write: Write) -> Path:
    """A mail that is put off and tried again."""
    return write(capture(RETRY))


def test_a_story_in_rows(cli: Cli, retry: Path) -> None:
    result = cli("stories", retry)
    assert result.status == 0
    assert result.out.splitlines()[:4] == [
        "s@a.example.net → r@mx.example: delivered at attempt 2, 6 min 40 s after the first",
        "  Message-ID <1@a.example.net>",
        "  2026-11-23 10:00:00  session 1    192.0.2.9:25  deferred   451 4.3.0 Try again later",
        "  2026-11-23 10:06:40  session 2    192.0.2.9:25  delivered  250 2.0.0 Ok: queued as 1A",
    ]


def test_stories_as_records(cli: Cli, retry: Path) -> None:
    story, run = map(json.loads, cli("stories", retry, "--json").out.splitlines())
    assert (story["schema"], run["schema"]) == ("smtpsniff.story/1", "smtpsniff.run/1")
    assert story["kind"] == "retry"
    assert story["sessions"] == [1, 2]
    assert run["findings"]["retry-succeeded"] == 1


def test_stories_stand_behind_their_sessions(cli: Cli, retry: Path) -> None:
    for options in ((), ("--jobs", 2)):
        lines = cli("read", retry, "--json", *options).out.splitlines()
        schemas = [json.loads(line)["schema"].split(".")[1] for line in lines]
        assert schemas == ["session/1", "session/1", "story/1", "run/1"]
    document = json.loads(cli("read", retry, "--format", "json").out)
    assert [s["kind"] for s in document["stories"]] == ["retry"]
    assert len(document["sessions"]) == 2


def test_read_tells_the_stories_below_the_table(cli: Cli, retry: Path) -> None:
    out = cli(retry).out
    assert "stories over several sessions\n  retry      Mail from <s@a.example.net>" in out
    assert "retry-succeeded" in out


def test_jobs_make_no_difference(cli: Cli, write: Write) -> None:
    path = write(capture(RETRY + GUESSES))
    alone = cli("stories", path, "--json").out
    assert cli("stories", path, "--json", "--jobs", 3).out == alone
    assert len(alone.splitlines()) > 2


def test_findings_of_stories_count_for_the_status(cli: Cli, write: Write) -> None:
    path = write(capture(GUESSES))
    result = cli("stories", path)
    assert "error auth-bruteforce" in result.out
    assert "and then was let in (session 13)" in result.out
    assert result.status == 1
    assert cli("stories", path, "--disable", "auth-*").status == 0
    few = ("--checks", "auth-bruteforce", "--set", "auth-bruteforce.failures=50")
    assert cli("stories", path, *few).status == 0


def test_single_attempts_are_counted_and_told_on_demand(cli: Cli, shipped: Shipped) -> None:
    result = cli("stories", shipped("accepted"))
    assert result.out == "1 mail had one attempt: 1 delivered (--all shows them)\n"
    assert ": delivered\n" in cli("stories", shipped("accepted"), "--all").out


def test_without_mails_it_says_so(cli: Cli, write: Write) -> None:
    result = cli("stories", write(capture("@G\n@Q")))
    assert result.out == "No mail was sent, and nothing links the sessions.\n"
    assert "no capture file is named" in cli("stories").said


def test_hostile_text_is_shown_harmlessly(cli: Cli, write: Write) -> None:
    text = RETRY.replace("Try again", r"\x1b]0;pwned\x07").replace("<r@", r"<\x1b[31mr@")
    for command in ("stories", "read"):
        out = cli(command, write(capture(text))).out
        assert "\x1b" not in out
