"""Who the sender says it is, against what is seen: its address, and mail from nobody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.addresses import is_private
from smtpsniff.checks.names import judge
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import plural, said
from smtpsniff.checks.view import quote
from smtpsniff.mail import read_headers
from smtpsniff.text import decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.smtp.model import Letter

__all__ = ["CHECKS"]


@check(
    "ehlo-literal-mismatch",
    group="security",
    severity="note",
    reference="RFC 5321 §4.1.4",
    wakes=("literal-name",),
    fires=r"""
        SESSION client=8.8.4.4 server=192.0.2.9
        @G
        C "EHLO [9.9.9.9]\r\n"
        S "250 mx.example\r\n"
    """,
    silent=r"""
        SESSION client=8.8.4.4 server=192.0.2.9
        @G
        C "EHLO [192.168.1.7]\r\n"
        S "250 mx.example\r\n"
    """,
)
def ehlo_literal_mismatch(view: View) -> Iterator[Hit]:
    """The sender names a different address than the one it calls from.

    Trigger: EHLO or HELO with a valid public address in brackets, from another public address.
    Advice: usually address translation on the way; of interest only where mail is abused.
    Traps: a private address in brackets is translated, and so may be one of the other IP
    version. Behind a proxy (PROXY, XCLIENT) the packets do not show where the client is.
    """
    source = view.session.client.ip
    if is_private(source) or "proxy" in view.topics or "verb:XCLIENT" in view.topics:
        return
    for hello in view.dialogue.hellos:
        name = judge(decode(hello.argument))
        address = name.address
        if name.kind != "literal" or address is None or address.is_private:
            continue
        same_kind = (":" in source) == (address.version == 6)
        if same_kind and str(address) != source and hello.by == "client" and view.clean(hello):
            yield view.at(f"{source} introduced itself as another address: {said(hello)}.", hello)


# How notifications call themselves where no header field says it.
_NOTIFIES = re.compile(
    r"undeliver|deliver|bounce|failure|failed|returned|rejected|warning|mailer-daemon|postmaster"
    r"|auto|out of (?:the )?office|vacation|abwesen|receipt|\bread:|gelesen|report|notif|status"
    r"|delay|unzustellbar|non remis|challenge|confirm|verif",
    re.IGNORECASE,
)
_AUTOMATIC = frozenset(
    {"auto-submitted", "x-failed-recipients", "x-autoreply", "x-autorespond",
     "x-auto-response-suppress", "x-loop"}
)  # fmt: skip


@check(
    "null-sender-not-notification",
    group="message",
    severity="note",
    reference="RFC 5321 §3.6.3, §4.5.5",
    wakes=("null-sender",),
    fires=r"""
        @G
        @E
        C "MAIL FROM:<>\r\n"
        S "250 2.1.0 Ok\r\n"
        @R
        @D
        @H
        @X
    """,
    silent=r"""
        @G
        @E
        C "MAIL FROM:<>\r\n"
        S "250 2.1.0 Ok\r\n"
        @R
        @D
        C "Subject: t\r\nAuto-Submitted: auto-replied\r\n\r\nhi\r\n"
        @X
    """,
)
def null_sender_not_notification(view: View) -> Iterator[Hit]:
    """An empty return address is meant for bounces, but this looks like an ordinary mail.

    Trigger: MAIL FROM:<> with a message for an accepted recipient whose header has no sign of a
    notification: no multipart/report, no Auto-Submitted or the like, no such subject; or with
    several recipients.
    Advice: applications must give a return address that somebody reads.
    Traps: bounces, receipts and answers of machines rightly have no return address; tests of
    addresses send no message at all. Only a header that was captured whole is judged.
    """
    for letter in view.dialogue.letters:
        body, mail = letter.body, letter.mail
        if body is None or mail is None or not view.clean(mail) or not body.head:
            continue
        accepted = sum(r.accepted for r in letter.recipients)
        if mail.argument[5:7] != b"<>" or not accepted or body.head_cut or body.missing:
            continue
        if accepted > 1:
            why = f"has {plural(accepted, 'recipient')}"
        elif body.complete and not _notifies(letter):
            why = "is no notification by its header"
        else:
            continue
        yield view.at(f"The message from <> {why}{_subject(letter)}.", letter.eom or mail)


def _notifies(letter: Letter) -> bool:
    """Whether the header speaks of a bounce, a receipt or an automatic answer."""
    assert letter.body is not None
    for name, value in read_headers(letter.body.head).fields:
        low = name.lower()
        if low in _AUTOMATIC or (low == "content-type" and "multipart/report" in value.lower()):
            return True
        if low in ("subject", "from") and _NOTIFIES.search(value):
            return True
        if low == "precedence" and value.lower() in ("auto_reply", "bulk", "junk", "list"):
            return True
    return False


def _subject(letter: Letter) -> str:
    assert letter.body is not None
    subject = read_headers(letter.body.head).subject
    return f"; its subject is {quote(subject)}" if subject else ""


CHECKS = (ehlo_literal_mismatch, null_sender_not_notification)
