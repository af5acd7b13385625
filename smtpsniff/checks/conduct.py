"""How clients behave: what they do with a refusal, with an open mail, with borrowed names."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from smtpsniff.addresses import is_private
from smtpsniff.checks.asking import ENVELOPE, heard, raised, unbroken
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import answer, plural, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity
    from smtpsniff.smtp.model import Exchange, Letter

__all__ = ["CHECKS"]


@check(
    "client-ignored-failure",
    group="smtp-sequence",
    severity="warning",
    reference="RFC 5321 §4.2.1, §4.1.4",
    wakes=(
        "refused:EHLO",
        "refused:HELO",
        "refused:LHLO",
        "refused:MAIL",
        "refused:STARTTLS",
        "refused:AUTH",
    ),
    fires=r"""
        @G
        @E
        C "MAIL FROM:<s@bad.example>\r\n"
        S "550 5.1.8 bad sender\r\n"
        C "RCPT TO:<r@mx.example>\r\n"
        S "503 5.5.1 need MAIL\r\n"
    """,
    silent=r"""
        @G
        @E
        C "MAIL FROM:<s@bad.example>\r\nRCPT TO:<r@mx.example>\r\nDATA\r\n"
        S "550 5.1.8 bad sender\r\n503 5.5.1 need MAIL\r\n503 5.5.1 need MAIL\r\n"
        @Q
    """,
)
def client_ignored_failure(view: View) -> Iterator[Hit]:
    """The sender ignored a "no".

    Trigger: the client had the refusal (4yz or 5yz) of EHLO and HELO, of MAIL, or of the
    STARTTLS or AUTH that the server demands with 530, and went on with what depends on it; an
    error where the server refused that too.
    Advice: a badly written client; look for its next version.
    Traps: commands that were sent together with the refused one are legal. Going on without
    login after a failed AUTH is allowed unless the server demands one.
    """
    hello: Exchange | None = None  # the refusals in force
    key: Exchange | None = None
    demanded = False
    for exchange in view.dialogue.exchanges:
        verb = exchange.verb
        ignored = None
        if verb == "MAIL":
            ignored = hello or (key if demanded else None)
        elif verb in ("RCPT", "DATA", "BDAT") and exchange.letter is not None:
            ignored = exchange.letter.mail if exchange.letter.mail is not exchange else None
            # Refused because another mail was open: that one goes on (mail-nested tells it).
            if ignored is None or not ignored.refused or ignored.phase in ENVELOPE:
                ignored = None
        if ignored is not None and _certain(view, exchange, ignored):
            yield _ignoring(view, exchange, ignored)
        if verb in ("EHLO", "HELO", "LHLO"):
            hello = exchange if exchange.refused else None
        elif verb in ("STARTTLS", "AUTH", "<auth-response>"):
            key = exchange if exchange.refused else None
            demanded = demanded and not exchange.accepted
        if exchange.reply is not None and exchange.reply.code == 530:
            demanded = True


def _certain(view: View, exchange: Exchange, refused: Exchange) -> bool:
    """Whether the client had the refusal, and nothing else that would explain it is hidden."""
    waited = not exchange.early and exchange.early_of is not None
    return waited and view.clean(exchange) and view.clean(refused) and unbroken(view)


def _ignoring(view: View, exchange: Exchange, refused: Exchange) -> Hit:
    assert refused.reply is not None
    verb = "the login" if refused.verb == "<auth-response>" else refused.verb
    hit = view.at(
        f"The server had refused {verb} with {answer(refused.reply)}, but the client went on with "
        f"{said(exchange)}{heard(exchange)}.",
        exchange,
        severity=raised(exchange),
    )
    hit.frames = [refused.reply.frame, *hit.frames]
    return hit


def _start(exchange: Exchange) -> int:
    return exchange.start


@check(
    "transaction-abandoned",
    group="smtp-sequence",
    severity="note",
    reference="RFC 5321 §3.3",
    wakes=("outcome:abandoned",),
    fires=r"""
        @T
        @Q
    """,
    silent=r"""
        @T
        S "421 4.3.2 shutting down\r\n"
        C "QUIT\r\n"
    """,
)
def transaction_abandoned(view: View) -> Iterator[Hit]:
    """The sender asked whether mail would be accepted but sent none.

    Trigger: MAIL and at least one RCPT were accepted, then RSET, QUIT or a new EHLO ended the
    mail without DATA or BDAT.
    Advice: often a test whether an address exists, by another mail server or by somebody who
    collects addresses.
    Traps: a client may well stop when the server has said 421.
    """
    if "verb:BURL" in view.topics or any(reply.code == 421 for reply in view.dialogue.replies):
        return
    in_pieces = {id(e.letter) for e in view.exchanges("BDAT")}
    hellos = sorted(view.dialogue.hellos, key=_start)
    for letter in view.dialogue.letters:
        mail = letter.mail
        if not letter.ended_by or letter.data is not None or mail is None or not mail.accepted:
            continue
        accepted = [r for r in letter.recipients if r.accepted]
        if not accepted or not view.clean(mail) or not unbroken(view):
            continue
        if id(letter) in in_pieces:
            continue
        at = bisect_right(hellos, accepted[-1].start, key=_start)
        again = hellos[at] if at < len(hellos) else None
        if letter.ended_by in ("EHLO", "HELO", "LHLO") and (again is None or not again.accepted):
            continue  # a refused EHLO leaves the mail open (RFC 5321 §4.1.4)
        yield view.at(
            f"{said(mail)} and {plural(len(accepted), 'recipient')} were accepted, then "
            f"{letter.ended_by} ended the mail and no message was sent.",
            accepted[-1],
        )


@check(
    "rset-mid-transaction",
    group="smtp-sequence",
    severity="note",
    reference="RFC 5321 §4.1.1.5",
    wakes=("outcome:abandoned",),
    fires=r"""
        @T
        C "RSET\r\n"
        S "250 2.0.0 Ok\r\n"
        @M
        @R
        @D
        @H
        @X
        @Q
    """,
    silent=r"""
        @T
        C "RSET\r\n"
        S "250 2.0.0 Ok\r\n"
        @Q
    """,
)
def rset_mid_transaction(view: View) -> Iterator[Hit]:
    """The sender tore up the envelope and began another.

    Trigger: RSET while a mail was open of which some recipient had been accepted, and another
    mail followed.
    Advice: nothing to do; mail programs do so when a user changes their mind.
    Traps: where nothing follows it is transaction-abandoned alone, and RSET after all recipients
    were refused is as it should be.
    """
    last = max((m.mail.start for m in view.dialogue.letters if m.mail is not None), default=0)
    for letter, exchange in _torn(view):
        if last > exchange.start and exchange.accepted and view.clean(exchange) and unbroken(view):
            count = sum(r.accepted for r in letter.recipients)
            yield view.at(
                f"RSET put an end to a mail with {plural(count, 'accepted recipient')}.", exchange
            )


def _torn(view: View) -> Iterator[tuple[Letter, Exchange]]:
    """Mails with an accepted recipient, and the RSET that ended each."""
    for exchange in view.exchanges("RSET"):
        letter = exchange.letter
        if letter is None or letter.ended_by != "RSET" or letter.data is not None:
            continue
        if any(r.accepted for r in letter.recipients):
            yield letter, exchange


@check(
    "xclient-used",
    group="security",
    severity="warning",
    reference="Postfix XCLIENT_README",
    wakes=("verb:XCLIENT",),
    fires=r"""
        @G
        @E
        C "XCLIENT ADDR=192.0.2.7\r\n"
        S "220 mx.example ESMTP\r\n"
    """,
    silent=r"""
        @G
        @E
        C "XFORWARD ADDR=192.0.2.7\r\n"
        S "250 2.0.0 Ok\r\n"
    """,
)
def xclient_used(view: View) -> Iterator[Hit]:
    """A trusted proxy told the server to pretend the connection came from someone else.

    Trigger: XCLIENT was sent and accepted; a note where it was refused.
    Advice: make sure that only your own filter or proxy may do this.
    Traps: a note where it was offered and the proxy is on the same machine or network.
    """
    for exchange, reply in view.answered("XCLIENT"):
        severity: Severity | None = None
        at_home = is_private(view.session.client.ip)  # loopback among them
        if not reply.positive or (at_home and view.offered(exchange, "XCLIENT")):
            severity = "note"
        yield view.at(
            f"{view.session.client.ip} asked the server to take it for another client: "
            f"{said(exchange)}{heard(exchange)}.",
            exchange,
            severity=severity,
        )


CHECKS = (client_ignored_failure, transaction_abandoned, rset_mid_transaction, xclient_used)
