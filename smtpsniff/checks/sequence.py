"""Commands out of order: what the protocol allows only after something else (RFC 5321 §3.3)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from smtpsniff.checks.asking import ENVELOPE, heard, unbroken
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import said
from smtpsniff.smtp.model import Phase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.smtp.model import Letter

__all__ = ["CHECKS"]

# No transaction is open, and none is being opened.
_BEFORE_MAIL = frozenset({Phase.GREETING, Phase.PRE_EHLO, Phase.READY})


@check(
    "rcpt-before-mail",
    group="smtp-sequence",
    severity="error",
    reference="RFC 5321 §3.3, §4.1.4",
    wakes=("verb:RCPT",),
    fires=r"""
        @G
        @E
        C "RCPT TO:<r@mx.example>\r\n"
        S "503 5.5.1 need MAIL\r\n"
    """,
    silent=r"""
        @G
        @E
        C "MAIL FROM:<s@a.example.net>\r\nRCPT TO:<r@mx.example>\r\n"
        S "550 5.1.8 no\r\n503 5.5.1 need MAIL\r\n"
    """,
)
def rcpt_before_mail(view: View) -> Iterator[Hit]:
    """A recipient was named before any sender.

    Trigger: RCPT while no mail was begun and no MAIL is on its way.
    Advice: correct the client.
    Traps: RCPTs that were sent together with a MAIL which was refused are a consequence of that.
    """
    for letter in view.dialogue.letters:
        if letter.mail is not None or not letter.recipients or not unbroken(view):
            continue
        for rcpt in letter.recipients:
            if rcpt.reply is not None and rcpt.phase in _BEFORE_MAIL and view.clean(rcpt):
                yield view.at(f"{said(rcpt)} came before any MAIL{heard(rcpt)}.", rcpt)


@check(
    "data-without-rcpt",
    group="smtp-sequence",
    severity="error",
    reference="RFC 5321 §3.3",
    wakes=("verb:DATA", "verb:BDAT"),
    fires=r"""
        @G
        @E
        @M
        C "DATA\r\n"
        S "503 5.5.1 need RCPT\r\n"
    """,
    silent=r"""
        @G
        @E
        C "MAIL FROM:<s@a.example.net>\r\n"
        S "550 5.1.8 no\r\n"
        C "DATA\r\n"
        S "503 5.5.1 need MAIL\r\n"
    """,
)
def data_without_rcpt(view: View) -> Iterator[Hit]:
    """The message was to be sent to nobody.

    Trigger: DATA or BDAT after a MAIL that was accepted, without any RCPT; or without any MAIL.
    Advice: correct the client.
    Traps: where every RCPT was refused it is data-after-all-rcpt-failed; a chunk behind the last
    one of a message is bdat-after-last.
    """
    before: Letter | None = None
    for letter in view.dialogue.letters:
        data, mail = letter.data, letter.mail
        behind_last = before is not None and before.eom is not None and before.eom.verb == "BDAT"
        before = letter
        if data is None or (mail is not None and (letter.recipients or not mail.accepted)):
            continue
        if mail is None and (data.phase in ENVELOPE or (behind_last and data.verb == "BDAT")):
            continue  # the server still has a mail open, or the message is complete already
        if data.reply is None or data.phase is Phase.UNKNOWN or not view.clean(data):
            continue
        if unbroken(view):
            lack = "any RCPT" if mail is not None else "any MAIL"
            yield view.at(f"{data.verb} was sent without {lack} before it{heard(data)}.", data)


@check(
    "data-after-all-rcpt-failed",
    group="smtp-sequence",
    severity="warning",
    reference="RFC 5321 §3.3; RFC 2920 §3.1",
    wakes=("refused",),
    fires=r"""
        @G
        @E
        @M
        C "RCPT TO:<x@mx.example>\r\n"
        S "550 5.1.1 no\r\n"
        C "DATA\r\n"
        S "554 5.5.1 no valid recipients\r\n"
    """,
    silent=r"""
        @G
        @E
        @M
        C "RCPT TO:<x@mx.example>\r\nDATA\r\n"
        S "550 5.1.1 no\r\n354 go\r\n"
        C ".\r\n"
        S "554 5.5.1 no valid recipients\r\n"
    """,
)
def data_after_all_rcpt_failed(view: View) -> Iterator[Hit]:
    """Nobody wanted the mail but the sender still tried to hand it over.

    Trigger: every RCPT was refused, and DATA or BDAT was sent when the client had the last of
    these refusals; an error where the server said 354 and a message followed.
    Advice: a fault of the client; it wastes bandwidth.
    Traps: DATA that was sent together with the RCPTs is legal, and so is the lone dot after an
    unexpected 354.
    """
    for letter in view.dialogue.letters:
        data, recipients = letter.data, letter.recipients
        if data is None or not recipients or not all(r.refused for r in recipients):
            continue
        if letter.mail is not None and not letter.mail.accepted:
            continue
        if data.early or data.early_of is None or not view.clean(data) or not unbroken(view):
            continue
        body = letter.body
        opened = data.verb == "DATA" and data.reply is not None and data.reply.kind == 3
        sent = opened and body is not None and body.size > 0
        yield view.at(
            f"{data.verb} was sent although the server had refused every recipient "
            f"({len(recipients)}){heard(data)}.",
            data,
            severity="error" if sent else None,
        )


@check(
    "mail-nested",
    group="smtp-sequence",
    severity="error",
    reference="RFC 5321 §4.1.4",
    wakes=("verb:MAIL",),
    fires=r"""
        @G
        @E
        @M
        C "MAIL FROM:<s@a.example.net>\r\n"
        S "503 5.5.1 nested MAIL\r\n"
    """,
    silent=r"""
        @T
        @D
        C "hi\r\n.\r\nMAIL FROM:<s@a.example.net>\r\n"
        S "250 Ok\r\n250 Ok\r\n"
    """,
)
def mail_nested(view: View) -> Iterator[Hit]:
    """A new letter was started before the old one was finished.

    Trigger: MAIL while a mail is open, answered 250 or 5yz.
    Advice: the client must send RSET first.
    Traps: MAIL behind the final dot of the mail before is legal. After a refused DATA some
    servers have forgotten the old mail: their 250 shows it.
    """
    for before, letter in pairwise(view.dialogue.letters):
        mail, first = letter.mail, before.mail
        if mail is None or first is None or mail.reply is None or mail.phase not in ENVELOPE:
            continue
        if mail.reply.kind not in (2, 5) or not view.clean(mail) or not unbroken(view):
            continue
        if before.data is not None and before.data.refused and mail.accepted:
            continue
        hit = view.at(f"{said(mail)} came while {said(first)} was still open{heard(mail)}.", mail)
        hit.frames = [first.frame, *hit.frames]
        yield hit


CHECKS = (rcpt_before_mail, data_without_rcpt, data_after_all_rcpt_failed, mail_nested)
