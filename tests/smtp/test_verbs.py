from __future__ import annotations

import pytest

from smtpsniff.smtp.verbs import VERBS, reply_fit, spell_codes


@pytest.mark.parametrize(
    ("verb", "code", "fit"),
    [
        ("<greeting>", 220, "positive"),
        ("<greeting>", 554, "listed"),
        ("<greeting>", 421, "common"),
        ("<greeting>", 521, "common"),
        ("<greeting>", 250, "illegal"),
        ("<greeting>", 354, "illegal"),
        ("<greeting>", 120, "illegal"),
        ("<greeting>", 501, "unlisted"),
        ("EHLO", 250, "positive"),
        ("EHLO", 502, "listed"),
        ("EHLO", 530, "common"),
        ("EHLO", 220, "illegal"),
        ("EHLO", 354, "illegal"),
        ("MAIL", 555, "listed"),
        ("MAIL", 530, "common"),
        ("MAIL", 354, "illegal"),
        ("MAIL", 571, "unlisted"),
        ("RCPT", 251, "positive"),
        ("RCPT", 252, "common"),
        ("RCPT", 556, "common"),
        ("RCPT", 500, "universal"),
        ("RCPT", 220, "unlisted"),
        ("DATA", 354, "positive"),
        ("DATA", 250, "illegal"),
        ("DATA", 334, "illegal"),
        ("DATA", 550, "listed"),
        ("<eom>", 353, "common"),
        ("<eom>", 354, "illegal"),
        ("NOOP", 530, "unlisted"),
        ("QUIT", 530, "unlisted"),
        ("RSET", 530, "universal"),
        ("HELO", 530, "common"),
        ("AUTH", 334, "positive"),
        ("AUTH", 250, "illegal"),
        ("AUTH", 354, "illegal"),
        ("AUTH", 550, "common"),
        ("STARTTLS", 250, "illegal"),
        ("STARTTLS", 454, "common"),
        ("XCLIENT", 220, "positive"),
        ("XCLIENT", 250, "common"),
        ("ETRN", 253, "positive"),
        ("BURL", 466, "common"),
        ("XEXCH50", 354, "positive"),
        ("XEXCH50", 504, "common"),
        ("<unknown>", 500, "listed"),
        ("<unknown>", 250, "common"),
        ("XYZZY", 502, "common"),
        ("XYZZY", 354, "unlisted"),
    ],
)
def test_reply_fit(verb: str, code: int, fit: str) -> None:
    assert reply_fit(verb, code) == fit


def test_a_3yz_reply_fits_nobody_who_did_not_ask_for_more() -> None:
    asks = {"DATA", "AUTH", "X-EXPS", "XEXCH50", "<eom>", "<auth-response>"}
    for name, verb in VERBS.items():
        if name not in asks and verb.illegal:
            assert reply_fit(name, 354) == "illegal", name


def test_no_row_refuses_what_it_accepts() -> None:
    for name, verb in VERBS.items():
        assert verb.positive.isdisjoint(verb.listed | verb.common), name
        assert verb.listed.isdisjoint(verb.common), name
        for code in verb.positive:
            assert reply_fit(name, code) == "positive"


def test_rows_are_complete() -> None:
    for name, verb in VERBS.items():
        assert verb.name == name
        assert verb.summary.endswith(".")
        assert verb.syntax
        assert verb.reference
        assert 2 <= len(verb.example) <= 6, name
        assert all(line.startswith(("C: ", "S: ")) for line in verb.example), name


def test_barriers_are_those_whose_reply_decides_what_follows() -> None:
    barriers = {name for name, verb in VERBS.items() if verb.barrier}
    assert barriers == {
        "DATA", "STARTTLS", "AUTH", "X-EXPS", "X-ANONYMOUSTLS", "XEXCH50", "ATRN", "TURN",
        "<auth-response>",
    }  # fmt: skip


def test_what_may_stand_anywhere_in_a_pipelined_group() -> None:
    anywhere = {name for name, verb in VERBS.items() if not verb.last_in_group}
    assert anywhere == {
        "MAIL", "RCPT", "RSET", "BDAT", "SEND", "SOML", "SAML", "XCLIENT", "XFORWARD",
        "<eom>", "<empty>",
    }  # fmt: skip


def test_codes_are_spelled_by_class_where_all_of_it_is_meant() -> None:
    assert spell_codes(VERBS["BURL"].common) == "4yz 501 503 554"
    assert spell_codes(VERBS["RCPT"].positive) == "250 251"
    assert spell_codes(frozenset()) == ""
