from __future__ import annotations

import pytest

from smtpsniff.smtp.extensions import (
    EXTENSIONS,
    PARAMETER_KEYWORD,
    VERB_KEYWORD,
    line_limit,
    parse_ehlo_keyword,
)


@pytest.mark.parametrize(
    ("verb", "parameter", "keywords"),
    [
        ("MAIL", "SIZE", {"SIZE"}),
        ("MAIL", "BODY", {"8BITMIME", "BINARYMIME"}),
        ("MAIL", "AUTH", {"AUTH"}),
        ("MAIL", "SMTPUTF8", {"SMTPUTF8"}),
        ("MAIL", "RET", {"DSN"}),
        ("MAIL", "ENVID", {"DSN"}),
        ("RCPT", "NOTIFY", {"DSN"}),
        ("RCPT", "ORCPT", {"DSN"}),
        ("MAIL", "BY", {"DELIVERBY"}),
        ("MAIL", "HOLDFOR", {"FUTURERELEASE"}),
        ("MAIL", "HOLDUNTIL", {"FUTURERELEASE"}),
        ("MAIL", "SOLICIT", {"NO-SOLICITING"}),
        ("MAIL", "TRANSID", {"CHECKPOINT"}),
        ("RCPT", "RRVS", {"RRVS"}),
        ("MAIL", "XVERP", {"XVERP", "VERP"}),
        ("MAIL", "PRDR", {"PRDR"}),
        ("MAIL", "MTRK", {"MTRK"}),
    ],
)
def test_parameter_keyword(verb: str, parameter: str, keywords: set[str]) -> None:
    assert PARAMETER_KEYWORD[verb, parameter] == keywords


def test_parameters_belong_to_their_verb() -> None:
    assert ("RCPT", "SIZE") not in PARAMETER_KEYWORD
    assert ("MAIL", "NOTIFY") not in PARAMETER_KEYWORD


def test_the_keyword_of_a_verb_names_the_verb() -> None:
    assert VERB_KEYWORD["BDAT"] == "CHUNKING"
    assert VERB_KEYWORD["STARTTLS"] == "STARTTLS"
    assert "VRFY" not in VERB_KEYWORD
    assert "MAIL" not in VERB_KEYWORD
    for verb, keyword in VERB_KEYWORD.items():
        assert verb in EXTENSIONS[keyword].verbs


@pytest.mark.parametrize(
    ("verb", "offered", "limit"),
    [
        ("MAIL", [], 512),
        ("MAIL", ["SIZE"], 538),
        ("MAIL", ["PIPELINING", "SIZE", "8BITMIME", "DSN", "SMTPUTF8"], 512 + 26 + 17 + 100 + 10),
        ("RCPT", ["SIZE", "DSN"], 1012),
        ("RCPT", ["XCLIENT", "ETRN"], 512),
        ("AUTH", ["AUTH"], 512),
        ("EHLO", [], 512),
        ("MAIL", None, 2249),
        ("RCPT", None, 1045),
        ("QUIT", None, 512),
        ("MAIL", ["SIZE", "X-OUR-OWN"], None),
        ("QUIT", ["X-OUR-OWN"], None),
        ("MAIL", ["SUBMITTER"], None),
        ("RCPT", ["SUBMITTER"], 512),
        ("BURL", ["BURL"], None),
        ("X-LINK2STATE", ["X-LINK2STATE"], None),
        ("XSHADOW", ["XSHADOW"], None),
        ("<auth-response>", ["AUTH"], 12288),
        ("<auth-response>", None, 12288),
        ("<unknown>", ["SIZE"], 512),
    ],
)
def test_line_limit(verb: str, offered: list[str] | None, limit: int | None) -> None:
    assert line_limit(verb, offered) == limit


@pytest.mark.parametrize(
    ("line", "keyword", "params"),
    [
        ("PIPELINING", "PIPELINING", []),
        ("size 10240000", "SIZE", ["10240000"]),
        ("AUTH PLAIN LOGIN", "AUTH", ["PLAIN", "LOGIN"]),
        ("AUTH=LOGIN PLAIN", "AUTH", ["LOGIN", "PLAIN"]),
        ("auth=login", "AUTH", ["login"]),
        ("AUTH= LOGIN", "AUTH", ["LOGIN"]),
        ("AUTH=", "AUTH", []),
        ("SIZE=1000", "SIZE=1000", []),
        ("LIMITS RCPTMAX=20  MAILMAX=5 ", "LIMITS", ["RCPTMAX=20", "MAILMAX=5"]),
        ("XXXXXXXA", "XXXXXXXA", []),
        ("", "", []),
        ("  ", "", []),
    ],
)
def test_parse_ehlo_keyword(line: str, keyword: str, params: list[str]) -> None:
    assert parse_ehlo_keyword(line) == (keyword, params)


def test_rows_are_complete() -> None:
    for keyword, row in EXTENSIONS.items():
        assert keyword == row.keyword == keyword.upper()
        assert row.what.endswith("."), keyword
        assert row.reference, keyword
        assert not (row.mail_more and not row.mail_params), keyword
        assert not (row.rcpt_more and not row.rcpt_params), keyword
