"""Articles, examples and the list of checks."""

from __future__ import annotations

from smtpsniff.checks import CATALOGUE
from smtpsniff.output.catalogue import as_markdown, as_text
from smtpsniff.output.example import dialogue_lines
from smtpsniff.output.explain import explain, lines
from smtpsniff.output.paint import Paint, cells


def test_an_article_line_by_line() -> None:
    (article,) = explain("rcpt to")
    assert list(lines(article, Paint(80)))[:9] == [
        "RCPT (command)",
        "Names one recipient; once for each.",
        "",
        "  C: RCPT TO:<bob@example.net>",
        "  S: 250 2.1.5 Ok",
        "  C: RCPT TO:<nobody@example.net>",
        "  S: 550 5.1.1 User unknown",
        "",
        "syntax       RCPT TO:<address> [parameters]",
    ]


def test_a_parameter_with_what_its_value_may_be() -> None:
    (article,) = explain("orcpt")
    assert article.example[-1] == "C: RCPT TO:<bob@example.net> ORCPT=type;xtext"
    assert article.facts["at most"] == "500 octets"
    assert "RFC 6533" in article.facts["written in"]


def test_examples_are_dialogues_for_readers() -> None:
    text = '@G\n+30 C "QUIT; now\\r\\n" ; S "221 Bye\\r\\n" # S "no"\nRST C\nEND'
    assert dialogue_lines(text) == [
        "S: 220 mx.example ESMTP",
        "   (30 s pass)",
        "C: QUIT; now",
        "S: 221 Bye",
        "C: (resets the connection)",
        "   (nothing more for 400 s)",
    ]


def test_a_hash_within_a_string_is_no_comment() -> None:
    assert dialogue_lines('C "a # b\\r\\n"') == ["C: a # b"]


def test_long_strings_are_cut() -> None:
    (line,) = dialogue_lines('C "x"*5000 "\\r\\n"')
    assert len(line) < 80


def test_the_catalogue_fits_eighty_columns() -> None:
    shown = list(as_text(CATALOGUE, Paint(80)))
    assert max(map(cells, shown)) <= 80
    assert len([line for line in as_markdown(CATALOGUE) if line.startswith("| `")]) == len(
        CATALOGUE
    )
