"""Which commands make one mail, where the server did not take them as they were sent."""

from __future__ import annotations

from typing import Any

import pytest
from dialogue import SAME, sessions

NESTED = r"""
@T ; C "MAIL FROM:<other@a.example.net>\r\n" ; S "503 5.5.1 nested MAIL\r\n"
C "RCPT TO:<r2@mx.example>\r\n" ; S "250 2.1.5 Ok\r\n" ; @D ; @H ; @X ; @Q
"""
EHLO = r"""
@T ; C "EHLO\r\n" ; S "501 5.5.4 Syntax\r\n" ; @R ; @D ; @H ; @X ; @Q
"""
PIPELINED = r"""
@G ; @E ; @M
C "RSET\r\nRCPT TO:<r@mx.example>\r\nDATA\r\n" ; S "500 no\r\n250 2.1.5 Ok\r\n354 go\r\n"
@H ; @X ; @Q
"""


def _mails(text: str, framing: str = "whole") -> list[tuple[Any, ...]]:
    (session,) = sessions(text, framing)
    return [
        (t.mail_from, [r.address for r in t.recipients], t.outcome) for t in session.transactions
    ]


@pytest.mark.parametrize("framing", SAME)
@pytest.mark.parametrize(
    ("text", "recipients"),
    [(NESTED, ["r@mx.example", "r2@mx.example"]), (EHLO, ["r@mx.example"] * 2),
     (PIPELINED, ["r@mx.example"])],
)  # fmt: skip
def test_open_mail_goes_on(text: str, recipients: list[str], framing: str) -> None:
    assert _mails(text, framing) == [("s@a.example.net", recipients, "delivered")]


def test_second_mail_taken_ends_the_first() -> None:
    text = r"""
    @T ; C "MAIL FROM:<two@a.example.net>\r\n" ; S "250 Ok\r\n" ; @R ; @D ; @H ; @X ; @Q
    """
    first, second = _mails(text)
    assert first == ("s@a.example.net", ["r@mx.example"], "aborted")
    assert second == ("two@a.example.net", ["r@mx.example"], "delivered")


def test_mail_refused_for_itself_is_a_mail() -> None:
    text = r"""@G ; @E ; C "MAIL FROM:<s@a.example.net>\r\n" ; S "550 5.7.1 no\r\n" ; @Q"""
    assert _mails(text) == [("s@a.example.net", [], "rejected")]


def test_refused_data_alone_is_no_mail() -> None:
    text = r"""@G ; @E ; C "DATA\r\n" ; S "503 5.5.1 need RCPT\r\n" ; @M ; @R ; @D ; @H ; @X ; @Q"""
    assert _mails(text) == [("s@a.example.net", ["r@mx.example"], "delivered")]


@pytest.mark.parametrize("size", ["184467440737095516150", "-1", "5 X"])
def test_refused_chunk_refuses_the_mail(size: str) -> None:
    text = f'@T ; C "BDAT {size} LAST\\r\\n" ; S "521 5.5.4 Syntax\\r\\n" ; FIN S ; @Q'
    (session,) = sessions(text)
    (transaction,) = session.transactions
    assert transaction.outcome == "rejected"
    assert transaction.recipients[0].outcome == "rejected"
    assert "521 5.5.4 Syntax" in session.verdict.text
