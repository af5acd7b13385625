"""Which finding heads a session: the worst; among equals what became of the mail (D.14)."""

from __future__ import annotations

from dialogue import sessions


def test_a_warning_about_the_delivery_heads_other_warnings() -> None:
    (session,) = sessions(r"""
        @G ; C "EHLO localhost\r\n" ; S "250-mx.example\r\n250 STARTTLS\r\n" ; @M
        C "RCPT TO:<r@mx.example>\r\n" ; S "450 4.2.0 Greylisted, try again later\r\n" ; @Q
    """)
    assert len({f.check for f in session.findings if f.severity == "warning"}) > 1
    assert session.findings[0].check == session.verdict.cause == "rcpt-greylisted"


def test_an_error_heads_a_warning_about_the_delivery() -> None:
    (session,) = sessions(r"""
        @G ; @E ; @M ; C "RCPT TO:<r@mx.example>\r\n" ; S "450 4.2.0 Greylisted\r\n"
        C "NOOP\r\n" ; S "rubbish\r\n250 ok\r\n" ; @Q
    """)
    assert session.verdict.cause != "rcpt-greylisted"
    assert session.findings[0].severity == "error"


def test_an_enhanced_code_is_not_the_servers_name() -> None:
    (session,) = sessions(r'OPEN ; S "554 5.7.1 mx.example No service for you\r\n" ; @Q')
    assert "mx.example (192.0.2.9:25) turned" in session.verdict.text
