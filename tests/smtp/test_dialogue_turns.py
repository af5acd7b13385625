"""Turns that a dialogue may take: what is recorded in clear, what never ends, what is skipped."""

from __future__ import annotations

from typing import Any

import pytest
from dialogue import SAME, sessions

OPENED = r"""
@G ; @ET ; C "STARTTLS\r\n" ; S "220 2.0.0 go\r\n"
@E ; @M ; @R ; @D ; @H ; @X ; @Q
"""


def _one(text: str, framing: str = "whole") -> Any:  # noqa: ANN401 (a session record)
    (session,) = sessions(text, framing)
    return session


def _kinds(session: Any) -> list[str]:  # noqa: ANN401
    return [entry.kind for entry in session.timeline]


@pytest.mark.parametrize("framing", SAME)
def test_recorded_behind_the_tls(framing: str) -> None:
    session = _one(OPENED, framing)
    assert session.starttls == "completed-in-clear"
    assert session.tls is None
    assert [t.outcome for t in session.transactions] == ["delivered"]
    assert [x.keyword for x in session.extensions][:1] == ["PIPELINING"]
    assert "starttls-plaintext-continues" in [f.check for f in session.findings]
    assert not any(e.kind == "reply" and e.answers is None for e in session.timeline)


@pytest.mark.parametrize("framing", SAME)
def test_injected_command_is_no_dialogue(framing: str) -> None:
    text = r"""@G ; @ET ; C "STARTTLS\r\nRSET\r\n" ; S "220 go\r\n" ; @CH ; @SH ; @CH ; @SH"""
    session = _one(text, framing)
    assert [e.verb for e in session.timeline if e.kind == "command"] == ["EHLO", "STARTTLS"]
    assert session.starttls != "completed-in-clear"


@pytest.mark.parametrize("framing", SAME)
def test_tls_comes_after_the_reply_that_allows_it(framing: str) -> None:
    kinds = _kinds(_one(r"""@G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n" ; @CH ; @SH""", framing))
    assert kinds[-2:] == ["reply", "tls"]


def test_proxy_header_comes_first() -> None:
    text = r"""OPEN ; C "PROXY TCP4 192.0.2.1 192.0.2.2 4000 25\r\n" ; S "220 mx\r\n" ; @E ; @Q"""
    assert _kinds(_one(text))[:3] == ["connect", "note", "greeting"]


@pytest.mark.parametrize(
    ("end", "kind"),
    [('@D ; C "Subject: t\\r\\n\\r\\nhalf"', "data"), ('C "BDAT 99 LAST\\r\\nhalf"', "chunk")],
)
def test_unfinished_message_is_shown(end: str, kind: str) -> None:
    session = _one(f"@T ; {end}")
    assert _kinds(session)[-1] == kind


def test_go_ahead_answers_data() -> None:
    text = r"""@G ; @E
    C "MAIL FROM:<s@a.example.net>\r\n" ; C "RCPT TO:<r@mx.example>\r\n"
    S "250 2.1.0 Ok\r\n" ; C "DATA\r\n" ; S "354 go\r\n" ; @H ; @X ; @Q"""
    session = _one(text)
    data = next(e for e in session.timeline if e.code == "354")
    assert session.timeline[data.answers].verb == "DATA"
    assert session.transactions[0].message.complete
    assert "session-desynchronised" in [f.check for f in session.findings]


def test_greeting_in_a_session_without_its_handshake() -> None:
    text = (
        r"""C "HELO a.example.net\r\n" ; S "220 mx.example ESMTP\r\n250 mx.example\r\n" ; @M ; @Q"""
    )
    session = _one(text)
    assert session.greeting is not None
    assert session.helo.accepted
    replies = [e for e in session.timeline if e.kind == "reply"]
    assert [session.timeline[e.answers].verb for e in replies] == ["HELO", "MAIL", "QUIT"]


@pytest.mark.parametrize("framing", SAME)
def test_blank_rest_behind_an_end_that_the_server_takes(framing: str) -> None:
    text = r"""@T ; @D ; C "Subject: t\r\n\r\nhi\r\n.\n\n" ; S "250 2.0.0 Ok\r\n500 5.5.1 what\r\n"
    FIN C ; FIN S"""
    session = _one(text, framing)
    assert [t.outcome for t in session.transactions] == ["delivered"]


def test_closed_before_the_message() -> None:
    text = r"""
    @T ; C "BDAT 5 X\r\n" ; S "521 5.5.4 Syntax\r\n" ; FIN S
    C "RSET\r\nMAIL FROM:<b@a.example.net>\r\nRCPT TO:<r@mx.example>\r\nBDAT 4 LAST\r\nabcdQUIT\r\n"
    RST S
    """
    session = _one(text)
    assert [t.outcome for t in session.transactions] == ["rejected", "aborted"]
    assert session.ended in ("server-close", "rst-by-server")
    (_, second) = session.transactions
    assert second.recipients[0].outcome == "abandoned"


def test_login_with_one_name_only() -> None:
    name = "dXNlcm5hbWUAAHBhc3N3b3Jk"  # username, nothing, password
    session = _one(f'@G ; @EA ; C "AUTH PLAIN {name}\\r\\n" ; S "235 Ok\\r\\n" ; @Q')
    assert [login.user for login in session.auth] == ["username"]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("rest", ["", " ", "\\r"])
def test_an_end_is_taken_once(rest: str) -> None:
    text = rf"""@T ; @D ; C "Subject: t\r\n\r\nhi\r\n.\n{rest}" ; S "250 2.0.0 Ok\r\n"
    S "421 4.4.2 timeout\r\n" ; S "250 2.0.0 Ok\r\n" ; FIN S"""
    assert [t.outcome for t in _one(text).transactions] == ["delivered"]


@pytest.mark.timeout(20)
def test_an_end_is_taken_once_before_the_standard_one() -> None:
    text = r"""@T ; @D ; C "Subject: t\r\n\r\nhi\n.\r\n \r\n.\r\n"
    S "250 2.0.0 Ok\r\n250 2.0.0 Ok\r\n250 2.0.0 Ok\r\n" ; FIN S"""
    assert len(_one(text).transactions) == 1


@pytest.mark.timeout(20)
def test_an_end_is_taken_once_though_a_gap_follows() -> None:
    text = r"""@T ; @D ; @H ; C ".\r\x0e" ; S "250 2.0.0 Ok\r\n" ; GAP C 6
    S "221 2.0.0 Bye\r\n" ; FIN S ; FIN C"""
    assert [t.outcome for t in _one(text).transactions] == ["delivered"]
