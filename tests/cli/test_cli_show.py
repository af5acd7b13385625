"""`show`: which session, in which form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dialogue import capture

if TYPE_CHECKING:
    from cli_console import Cli, Shipped, Write


def test_a_session_of_one_file(cli: Cli, shipped: Shipped) -> None:
    result = cli("show", shipped("refused-recipient"), 1)
    assert result.status == 1
    lines = result.out.splitlines()
    assert lines[0] == f"session 1: rejected ({shipped('refused-recipient')})"
    assert "550 5.1.1 <bne@example.com>" in lines[1]
    same = cli("show", shipped("refused-recipient"), "--session", 1)
    assert same.raw == result.raw


def test_a_session_of_several_files(cli: Cli, shipped: Shipped) -> None:
    files = [shipped(name) for name in ("accepted", "refused-recipient")]
    by_option = cli("show", *files, "--session", 2)
    assert by_option.out.startswith(f"session 2: rejected ({files[1]})")
    assert cli("show", *files, 2).raw == by_option.raw
    assert cli("show", "-r", files[0], "-r", files[1], 2).raw == by_option.raw


def test_the_status_is_that_of_the_session(cli: Cli, shipped: Shipped) -> None:
    files = [shipped(name) for name in ("accepted", "refused-recipient")]
    assert cli("show", *files, 1).status == 0
    assert cli("show", *files, 2).status == 1
    assert cli("show", *files, 2, "--fail-on", "never").status == 0


def test_a_number_that_is_not_there(cli: Cli, shipped: Shipped) -> None:
    result = cli("show", shipped("accepted"), 7)
    assert (result.status, result.out) == (2, "")
    assert result.said == "there is no session 7; there is only session 1"
    both = cli("show", shipped("accepted"), shipped("refused-recipient"), "--session", 0)
    assert both.said == "there is no session 0; there are sessions 1 to 2"


def test_no_sessions_at_all(cli: Cli, write: Write) -> None:
    path = write(capture('SESSION server_port=80\nOPEN\nC "GET /\\r\\n"\nFIN C\nFIN S'))
    result = cli("show", path, 1)
    assert result.status == 3
    assert "no SMTP found" in result.said


def test_the_record(cli: Cli, shipped: Shipped) -> None:
    result = cli("show", shipped("accepted"), 1, "--json")
    (line,) = result.out.splitlines()
    first, _ = cli(shipped("accepted"), "--json").out.splitlines()
    assert json.loads(line) == json.loads(first)


def test_jobs_make_no_difference(cli: Cli, shipped: Shipped) -> None:
    path = shipped("typed-by-hand")
    assert cli("show", path, 1, "--jobs", 2).raw == cli("show", path, 1, "--jobs", 1).raw


def test_explained_line_by_line(cli: Cli, shipped: Shipped) -> None:
    result = cli("show", shipped("refused-recipient"), 1, "--explain")
    assert result.status == 1
    assert "| 5.1.1: There is no such mailbox." in result.out
    assert "| The server may answer 250 251 (yes)" in result.out
    assert "| " not in cli("show", shipped("refused-recipient"), 1).out
    refused = cli("show", shipped("accepted"), 1, "--explain", "--ladder")
    assert refused.status == 2
    assert "--explain" in refused.said


def _body(out: str, number: int = 0) -> list[str]:
    """The lines behind a bar, of the n-th message that has any."""
    bodies: list[list[str]] = []
    before = ""
    for line in out.splitlines():
        head, bar, text = line.partition("|")
        if bar and not head.strip():
            if not before:
                bodies.append([])
            bodies[-1].append(text.removeprefix(" "))
            before = bar
        else:
            before = ""
    return bodies[number] if bodies else []


def test_verbose_unfolds_the_message(cli: Cli, shipped: Shipped) -> None:
    folded, unfolded = (cli("show", shipped("accepted"), 1, *more) for more in ((), ("-v",)))
    body = _body(unfolded.out)
    assert body[0] == "Date: Mon, 23 Nov 2026 22:58:42 +0000"
    assert "shall we meet at noon, at the usual place?" in body
    assert _body(folded.out) == []
    rest = [line for line in unfolded.out.splitlines() if not line.lstrip().startswith("|")]
    assert rest == folded.out.splitlines()


def test_verbose_shows_what_was_sent_and_no_more(cli: Cli, write: Write) -> None:
    text = r"""
        @T ; @D ; C "Subject: 1\r\n\r\n..dot\r\n\x1b[31mred\xff\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
        @M ; @R ; C "BDAT 6\r\nfirst " ; S "250 ok\r\n" ; C "BDAT 8 LAST\r\nsecond\r\n"
        S "250 ok\r\n" ; @Q
    """
    result = cli("show", write(capture(text)), 1, "-v", "--jobs", 2)
    assert _body(result.out, 0) == ["Subject: 1", "", ".dot", r"\x1b[31mred\xff"]
    assert _body(result.out, 1) == ["first second"]


def test_verbose_marks_what_the_capture_lacks(cli: Cli, write: Write) -> None:
    text = '@T ; @D ; C "Subject: 1\\r\\n\\r\\nhere " ; GAP C 40 ; C " there\\r\\n" ; @X'
    body = "\n".join(_body(cli("show", write(capture(text)), 1, "-v").out))
    assert "here [octets never captured]" in body
    assert "there" in body


def test_verbose_is_of_the_text_only(cli: Cli, shipped: Shipped) -> None:
    result = cli("show", shipped("accepted"), 1, "-v", "--json")
    assert (result.status, result.out) == (2, "")
    assert "-v adds to the lines of the text" in result.said
