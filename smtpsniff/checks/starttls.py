"""Checks of how STARTTLS was offered and when it was asked for (RFC 3207 §4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.checks.asking import ENVELOPE, heard, raised
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import said
from smtpsniff.checks.view import quote
from smtpsniff.smtp.model import Phase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View

__all__ = ["STARTTLS_CHECKS"]

SUBMISSION = 587
_PORTS = frozenset({25, SUBMISSION})
# What inspecting firewalls leave of STARTTLS: as many X, perhaps one more or an A at the end.
_MASK = re.compile(r"X{8,9}|X{7,8}A", re.IGNORECASE)
_AGAIN = frozenset({"EHLO", "HELO", "LHLO", "QUIT"})
_NOT_SENT = frozenset({"<greeting>", "<eom>", "<auth-response>", "<empty>"})


@check(
    "starttls-not-offered",
    group="tls",
    severity="note",
    reference="RFC 7435, RFC 8314 §3.3",
    wakes=("starttls:not-offered",),
    fires=r"""
        @G ; @E ; @M ; @Q
    """,
    silent=r"""
        @G ; @ET ; @M ; @Q
    """,
)
def starttls_not_offered(view: View) -> Iterator[Hit]:
    """This server offers no encryption.

    Trigger: a reply to EHLO without STARTTLS, on port 25 or 587; a warning on 587, where people log
        in.
    Advice: give the server a certificate and switch STARTTLS on.
    Traps: HELO asks for no list; within one machine nobody needs it; some servers offer it to some
        clients only.
    """
    session = view.session
    if session.server.port not in _PORTS or view.loopback or view.dialogue.tls is not None:
        return
    hello = next((e for e in view.dialogue.hellos if e.verb == "EHLO" and e.accepted), None)
    if hello is not None and view.clean(hello) and not hello.in_tls:
        yield view.at(
            "The server's list of extensions has no STARTTLS.",
            hello, severity="warning" if session.server.port == SUBMISSION else None,
        )  # fmt: skip


@check(
    "starttls-stripped-suspected",
    group="security",
    severity="warning",
    reference="RFC 3207 §6, RFC 7435 §3",
    wakes=("masked", "unknown-verb"),
    fires=r"""
        @G
        C "EHLO a.example.net\r\n" ; S "250-mx.example\r\n250-PIPELINING\r\n250 XXXXXXXA\r\n"
        @M ; @Q
    """,
    silent=r"""
        @G
        C "EHLO a.example.net\r\n" ; S "250-mx.example\r\n250-XXXX\r\n250 XXXXXXXXXXXX\r\n"
        @M ; @Q
    """,
)
def starttls_stripped_suspected(view: View) -> Iterator[Hit]:
    """Something between the two probably removed the encryption offer.

    Trigger: the list of extensions has eight or nine X, perhaps with an A, in the place of a
        keyword; or a command that is nothing but eight X is answered 500 or 502; over several
        sessions: the server offered STARTTLS in one and not in another (possible).
    Advice: look for a firewall that inspects SMTP, and switch that off; MTA-STS and DANE let
        senders insist.
    Traps: other words of that length may have been overwritten; a list that has STARTTLS, too, has
        lost another one.
    """
    for hello in view.dialogue.hellos:
        reply = hello.reply
        if reply is None or not hello.accepted or not view.clean(hello):
            continue
        keywords = [keyword for keyword, _ in reply.said.keywords]
        hidden = next((k for k in keywords if _MASK.fullmatch(k)), None)
        if hidden is not None and "STARTTLS" not in keywords:
            hit = view.at(
                f"The server's list of extensions has {quote(hidden)} where STARTTLS may have "
                "stood.",
                hello,
            )  # fmt: skip
            hit.confidence = "likely"
            yield hit
            return
    for exchange in view.exchanges("XXXXXXXX"):
        reply = exchange.reply
        if reply is not None and reply.code in (500, 502) and view.clean(exchange):
            hit = view.at(
                f"The client's command arrived as {said(exchange)}, which may have been STARTTLS"
                f"{heard(exchange)}.",
                exchange,
            )  # fmt: skip
            hit.confidence = "likely"
            yield hit
            return


@check(
    "starttls-during-transaction",
    group="tls",
    severity="warning",
    reference="RFC 3207 §4.2",
    wakes=("verb:STARTTLS",),
    fires=r"""
        @G ; @ET ; @M ; C "STARTTLS\r\n" ; S "503 5.5.1 Not now\r\n"
    """,
    silent=r"""
        @G ; @ET ; @M ; C "RSET\r\n" ; S "250 ok\r\n" ; C "STARTTLS\r\n" ; S "220 go\r\n" ; @CH
        @SH
    """,
)
def starttls_during_transaction(view: View) -> Iterator[Hit]:
    """Encryption was started in the middle of a letter; all progress is lost.

    Trigger: STARTTLS after MAIL was accepted, before the mail's end; an error if it was refused.
    Advice: correct the client.
    Traps: after RSET, or a refused MAIL, no mail is open.
    """
    for exchange in view.exchanges("STARTTLS"):
        if (exchange.phase in ENVELOPE or exchange.phase is Phase.CHUNKS) and view.clean(exchange):
            yield view.at(
                f"The client asked for TLS while a mail was open{heard(exchange)}.",
                exchange, severity=raised(exchange),
            )  # fmt: skip


@check(
    "tls-no-ehlo-after-starttls",
    group="tls",
    severity="warning",
    reference="RFC 3207 §4.2",
    wakes=("tls",),
    fires=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n" ; @M ; @Q
    """,
    silent=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n" ; @E ; @M ; @Q
    """,
)
def tls_no_ehlo_after_starttls(view: View) -> Iterator[Hit]:
    """After the lock clicked, the introduction must be repeated.

    Trigger: the first command inside TLS that can be read is neither EHLO nor QUIT.
    Advice: correct the client: what the server said before TLS may have been changed on the way.
    Traps: needs a recording that shows what is inside TLS.
    """
    tls = view.dialogue.tls
    if tls is None or tls.command is None:
        return
    for exchange in view.dialogue.exchanges:
        if exchange.start < tls.command.end or exchange.verb in _NOT_SENT:
            continue
        if exchange.verb not in _AGAIN and exchange.reply is not None and view.clean(exchange):
            yield view.at(
                f"The client's first command inside TLS is {said(exchange)}{heard(exchange)}.",
                exchange,
            )  # fmt: skip
        return


STARTTLS_CHECKS = (
    starttls_not_offered,
    starttls_stripped_suspected,
    starttls_during_transaction,
    tls_no_ehlo_after_starttls,
)
