from __future__ import annotations

import pytest

from smtpsniff.smtp.enhanced import (
    ENHANCED,
    SITE_CODES,
    matches,
    meaning,
    parse_enhanced,
    site_meanings,
    site_of,
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("5.1.1 User unknown", "5.1.1"),
        ("2.0.0", "2.0.0"),
        ("4.7.650 later", "4.7.650"),
        ("5.10.999 x", "5.10.999"),
        ("", None),
        ("5", None),
        ("5.", None),
        ("5.1", None),
        ("5.1.1: no", None),
        ("5.1.1\tno", None),
        ("5.1.01 no", None),
        ("5.01.1 no", None),
        ("5.1.1000 no", None),
        ("3.1.1 no", None),
        ("1.1.1 no", None),
        ("5.1.1.1 no", None),
        (" 5.1.1 no", None),
        ("#5.1.1 no", None),
        ("5.1.\N{ARABIC-INDIC DIGIT ONE} no", None),
        ("Ok", None),
        ("5.1.1\n", None),
    ],
)
def test_parse_enhanced(text: str, code: str | None) -> None:
    assert parse_enhanced(text) == code


@pytest.mark.parametrize(
    ("text", "greeting", "site"),
    [
        ("5.1.1 no such user a1-2002b0c1 - gsmtp", "", "gmail"),
        ("", "mx.google.com ESMTP a1-2002b0c1 - gsmtp", "gmail"),
        ("", "smtp.gmail.test ESMTP", None),
        ("5.7.606 Access denied (AS16012609)", "", "microsoft"),
        ("5.7.1 on our block list (S3140).", "", "microsoft"),
        ("5.4.1 no [DB5EUR03FT012.eop-EUR03.prod.protection.outlook.com 2025-01-01]", "",
         "microsoft"),
        ("", "VI1EUR04FT030.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready",
         "microsoft"),
        ("", "AM0PR02CA0010.outlook.office365.com Microsoft ESMTP MAIL Service ready",
         "microsoft"),
        ("", "mail.example.org Microsoft ESMTP MAIL Service ready", None),
        ("4.7.0 [TSS04] Messages deferred", "", "yahoo"),
        ("", "mtaproxy203.free.mail.bf1.yahoo.com ESMTP ready", "yahoo"),
        ("4.7.1 too many", "mx.example.net ESMTP Postfix (Debian)", "postfix"),
        # The host that is refused is not the host that speaks.
        ("5.7.1 Client host mail-a1.google.com[192.0.2.1] rejected", "", None),
        ("5.7.1 Client host mail-b1.outbound.protection.outlook.com[192.0.2.1] rejected",
         "mx.example.net ESMTP Postfix", "postfix"),
        ("5.7.1 <a@hotmail.com> via outlook.com refused", "", None),
        ("", "", None),
    ],
)  # fmt: skip
def test_site_of(text: str, greeting: str, site: str | None) -> None:
    assert site_of(text, greeting) == site


@pytest.mark.parametrize(
    ("code", "site", "words"),
    [
        ("5.1.1", None, "no such mailbox"),
        ("X.1.1", None, "no such mailbox"),
        ("5.7.27", None, "null MX"),
        ("5.7.27", "gmail", "SPF"),
        ("5.7.27", "microsoft", "null MX"),
        ("4.7.23", "gmail", "PTR"),
        ("4.7.650", "microsoft", "reputation"),
        ("4.7.651", "microsoft", "suspicious"),
        ("5.7.610", "microsoft", "banned"),
        ("5.7.30", None, "insists on TLS"),
        ("5.7.30", "gmail", "DKIM"),
        ("5.7.30", "microsoft", "plain password"),
        # Unregistered details mean no more than their subject.
        ("5.7.999", None, "Security or local rules"),
        ("5.7.999", "gmail", "Security or local rules"),
        ("5.2.77", None, "about the mailbox"),
    ],
)
def test_meaning(code: str, site: str | None, words: str) -> None:
    assert words in (meaning(code, site) or "")


def test_no_meaning_is_made_up() -> None:
    assert meaning("5.9.1") is None
    assert meaning("") is None
    assert meaning("rubbish") is None


def test_what_sites_mean_by_a_code() -> None:
    assert {row.site for row in site_meanings("5.7.30")} == {"gmail", "microsoft"}
    assert {row.site for row in site_meanings("X.7.515")} == {"microsoft"}
    assert site_meanings("5.1.1") == []


@pytest.mark.parametrize(
    ("pattern", "code", "fits"),
    [
        ("X.1.1", "5.1.1", True),
        ("X.1.1", "5.1.10", False),
        ("5.1.1", "4.1.1", False),
        ("X.4.X", "4.4.2", True),
        ("4.7.500-699", "4.7.500", True),
        ("4.7.500-699", "4.7.699", True),
        ("4.7.500-699", "4.7.700", False),
        ("500-504", "503", True),
        ("500-504", "550", False),
        ("X.1.1", "550", False),
    ],
)
def test_matches(pattern: str, code: str, fits: bool) -> None:
    assert matches(pattern, code) is fits


def test_rows_are_complete() -> None:
    for code, row in ENHANCED.items():
        assert code == row.code
        assert parse_enhanced(code.replace("X", "5"))
        assert row.meaning.endswith(".")
        assert row.advice == "" or row.advice.endswith(".")
        assert row.reference
    for site, rows in SITE_CODES.items():
        for site_row in rows:
            assert site_row.site == site
            assert site_row.meaning.endswith(".")
