"""`explain` knows its words: those written down in words.txt, and those of the records."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from smtpsniff import records
from smtpsniff.checks.registry import GROUPS as REGISTERED
from smtpsniff.output.explain import explain
from smtpsniff.output.labels import GROUPS
from smtpsniff.smtp.enhanced import site_meanings
from smtpsniff.stories import CATALOGUE
from smtpsniff.timing.delays import PARTS

FILE = Path(__file__).with_name("words.txt")


def sections() -> dict[str, list[str]]:
    """The words of each section of the file."""
    text = re.sub(r"^#.*\n", "", FILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    parts = re.split(r"^\[(.+)\]$", text, flags=re.MULTILINE)
    return {name: words.split() for name, words in zip(parts[1::2], parts[2::2], strict=True)}


SECTIONS = sections()


@pytest.mark.parametrize("section", SECTIONS)
def test_all_words_of_a_section_are_explained(section: str) -> None:
    assert SECTIONS[section]
    for word in SECTIONS[section]:
        articles = explain(word)
        assert articles, word
        for article in articles:
            assert article.what.endswith("."), word
        for written in (word.lower(), word.upper()):
            if not re.fullmatch(r"X+A?", word):
                assert explain(written), written


def test_codes_say_what_to_do_and_where_it_is_written() -> None:
    for word in SECTIONS["codes"]:
        (article, *_) = explain(word)
        assert article.facts["what to do"], word
        assert article.facts["written in"], word
        assert article.example, word


def test_sites_have_their_say() -> None:
    for word in SECTIONS["enhanced codes"]:
        (article,) = explain(word)
        for site in site_meanings(word):
            assert site.meaning in article.facts[f"at {site.site}"]


def test_every_check_says_what_to_do_and_where_it_is_written() -> None:
    for word in SECTIONS["checks"]:
        (article,) = (a for a in explain(word) if "fires when" in a.facts)
        for fact in ("fires when", "what to do", "but", "written in"):
            assert article.facts[fact], word
        assert article.example, word


def test_all_checks_are_written_down() -> None:
    assert {check.id for check in CATALOGUE} <= set(SECTIONS["checks"])


def test_words_of_the_records_are_explained() -> None:
    fields = records.Story.__annotations__["kind"], records.Entry.__annotations__["kind"]
    kinds = [word for field in fields for word in re.findall(r'"([a-z-]+)"', str(field))]
    words = [
        *get_args(records.Kind), *get_args(records.Severity), *get_args(records.Confidence),
        *get_args(records.Outcome), *get_args(records.Protocol), *PARTS, *GROUPS, *kinds,
        "not-offered", "unused", "refused", "failed", "completed", "completed-in-clear", "fallback",
        "delivered", "partial", "deferred", "rejected", "ambiguous", "aborted", "opaque", "no-mail",
    ]  # fmt: skip
    for word in words:
        assert explain(word), word


def test_groups_are_those_of_the_registry() -> None:
    assert tuple(GROUPS) == REGISTERED
