"""`explain`, `checks` and `schema`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from smtpsniff.output.explain import explain
from smtpsniff.output.explain import words as all_words
from smtpsniff.stories import CATALOGUE

if TYPE_CHECKING:
    from cli_console import Cli


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("550", "5yz, permanent"),
        ("5yz", "reply codes"),
        ("4xx", "reply codes, temporary"),
        ("599", "first digit"),
        ("5.1.1", "no such mailbox"),
        ("X.1.1", "no such mailbox"),
        ("5.7.26", "at gmail"),
        ("5.1.99", "Nobody has registered this detail"),
        ("RCPT", "RCPT TO:<address>"),
        ("rcpt to:", "RCPT TO:<address>"),
        ("mail from", "MAIL FROM:<address>"),
        ("end of data", "CRLF . CRLF"),
        ("greeting", "first words"),
        ("SIZE", "RFC 1870"),
        ("8bitmime", "extension"),
        ("NOTIFY", "A parameter of RCPT that DSN allows"),
        ("greylist", "come back later"),
        ("ambiguous", "duplicate"),
        ("quit-clean", "how a session ended"),
    ],
)
def test_words_that_are_known(cli: Cli, word: str, expected: str) -> None:
    result = cli("explain", *word.split())
    assert result.status == 0
    assert expected in result.out


def test_all_words_have_an_article() -> None:
    for word in all_words():
        assert explain(word), word


def test_every_check_is_explained_with_its_example(cli: Cli) -> None:
    for check in CATALOGUE:
        (article,) = (a for a in explain(check.id) if a.kind.startswith(check.severity))
        assert article.what == check.sentence
        assert article.example
        assert all(line[:2] in ("C:", "S:", "  ", "(t") for line in article.example), article


@pytest.mark.parametrize(
    ("word", "near"), [("graylist", "greylist"), ("RPCT", "RCPT"), ("5.7.260", "5.7.26")]
)
def test_an_unknown_word_gets_the_nearest(cli: Cli, word: str, near: str) -> None:
    result = cli("explain", word)
    if near == "5.7.26":  # well formed, only not registered
        assert result.status == 0
        return
    assert (result.status, result.out) == (2, "")
    assert near in result.said


def test_hostile_words_do_no_harm(cli: Cli) -> None:
    result = cli("explain", "\x1b]0;x\x07" * 50)
    assert result.status == 2
    assert "\x1b" not in result.said
    assert "explain what?" in cli("explain").said


def test_checks_as_text_names_all(cli: Cli) -> None:
    result = cli("checks")
    assert result.status == 0
    for check in CATALOGUE:
        assert check.id in result.out
    assert result.out.endswith("says more of each\n")


def test_checks_as_records(cli: Cli) -> None:
    records = [json.loads(line) for line in cli("checks", "--json").out.splitlines()]
    assert [r["id"] for r in records] == [check.id for check in CATALOGUE]
    assert json.loads(cli("checks", "--format", "json").out) == records
    assert {"id", "group", "severity", "reference", "sentence", "advice"} <= set(records[0])


def test_checks_as_markdown(cli: Cli) -> None:
    lines = cli("checks", "--format", "markdown").out.splitlines()
    assert sum(line.startswith("| `") for line in lines) == len(CATALOGUE)
    rows = [line for line in lines if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {6}


def test_schema_is_json(cli: Cli) -> None:
    schema = json.loads(cli("schema").out)
    assert {"Session", "Run", "Finding"} <= set(schema["$defs"])
