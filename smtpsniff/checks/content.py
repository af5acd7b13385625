"""Checks of a message's lines (RFC 5321 §2.3.8, §4.5.3.1.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.letters import is_binary, judged, verdict, whole
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import plural
from smtpsniff.smtp.extensions import LONGEST_LINE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.smtp.body import Body
    from smtpsniff.smtp.model import Exchange, Letter

__all__ = ["CONTENT_CHECKS"]


def _text(view: View) -> Iterator[tuple[Letter, Body, Exchange]]:
    """Messages that are text, not BINARYMIME, and known whole."""
    return (found for found in whole(view) if not is_binary(found[0]))


def _count(body: Body, number: int, noun: str) -> str:
    """``2 lines``; where the server took an end of its own, what lies behind it was counted too."""
    return plural(number, noun) if body.accepted_variant is None else f"{noun}s"


@check(
    "msg-bare-lf",
    group="message",
    severity="warning",
    reference="RFC 5321 §2.3.8, §4.1.1.4, RFC 5322 §2.3",
    wakes=("bare-lf",),
    fires=r"""
        @T ; @D ; C "Subject: t\r\n\r\na\nb\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
    silent=r"""
        @T ; @D ; C "Subject: t\r\n\r\na\r" ; C "\nb\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
)
def msg_bare_lf(view: View) -> Iterator[Hit]:
    """Some lines end the Unix way; strict servers refuse, lenient ones may be fooled.

    Trigger: a LF without a CR before it in a message; an error if the server refused the message
        and named no other cause.
    Advice: convert line ends to CRLF before sending (Exchange Online says 550 5.6.11).
    Traps: BODY=BINARYMIME is not text; next to bytes that were not captured nothing is certain.
    """
    for letter, body, data in _text(view):
        if body.bare_lf:
            yield view.at(
                f"LF alone, instead of CRLF, ends {_count(body, body.bare_lf, 'line')} of the "
                f"message{verdict(letter)}.",
                letter.eom or data, severity=judged(letter),
            )  # fmt: skip


@check(
    "msg-bare-cr",
    group="message",
    severity="warning",
    reference="RFC 5321 §2.3.8, RFC 5322 §2.2",
    wakes=("bare-cr",),
    fires=r"""
        @T ; @D ; C "Subject: t\r\n\r\na\rb\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
    silent=r"""
        @T ; @D ; C "Subject: t\r\n\r\na\r" ; C "\nb\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
)
def msg_bare_cr(view: View) -> Iterator[Hit]:
    """Stray carriage returns in the letter.

    Trigger: a CR that no LF follows, in a message.
    Advice: convert line ends to CRLF before sending; a relay that mends them breaks signatures.
    Traps: CR CR LF is how some clients end a line, and told so; BODY=BINARYMIME is not text; next
        to bytes that were not captured nothing is certain.
    """
    for letter, body, data in _text(view):
        if not body.bare_cr:
            continue
        only = body.double_cr == body.bare_cr
        what = (
            f"CR CR LF, instead of CRLF, ends {_count(body, body.double_cr, 'line')} of the message"
            if only
            else f"The message has {_count(body, body.bare_cr, 'CR')} that no LF follows"
        )
        yield view.at(f"{what}{verdict(letter)}.", letter.eom or data)


@check(
    "msg-nul",
    group="message",
    severity="warning",
    reference="RFC 5321 §4.1.1.4, RFC 5322 §2.2",
    wakes=("nul",),
    fires=r"""
        @T ; @D ; C "Subject: t\r\n\r\na\0b\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
    silent=r"""
        @G ; @E ; C "MAIL FROM:<s@a.example.net> BODY=BINARYMIME\r\n" ; S "250 2.1.0 Ok\r\n" ; @R
        C "BDAT 3 LAST\r\na\0b" ; S "250 2.0.0 Ok\r\n"
    """,
)
def msg_nul(view: View) -> Iterator[Hit]:
    """Zero bytes in the letter, often a sign of a broken program.

    Trigger: an octet 0 in a message that is text.
    Advice: encode binary content as base64.
    Traps: BODY=BINARYMIME may have any octet; bytes that were not captured are not zeros.
    """
    for letter, body, data in _text(view):
        if body.nul:
            yield view.at(
                f"The message has {_count(body, body.nul, 'zero octet')}{verdict(letter)}.",
                letter.eom or data,
            )  # fmt: skip


@check(
    "msg-line-too-long",
    group="message",
    severity="warning",
    reference="RFC 5321 §4.5.3.1.6, RFC 5322 §2.1.1",
    wakes=("long-line",),
    fires=r"""
        @T ; @D ; C "Subject: t\r\n\r\n" ; C "x"*999 ; C "\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
    silent=r"""
        @T ; @D ; C "Subject: t\r\n\r\n." ; C "."*998 ; C "\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
)
def msg_line_too_long(view: View) -> Iterator[Hit]:
    """One line is longer than mail allows and may be cut or refused.

    Trigger: a line of more than 998 octets in a message, its end not counted; an error if the
        server refused the message and named no other cause.
    Advice: encode the text as quoted-printable or base64; fold long header fields.
    Traps: a dot that stuffing added does not count; a LF alone ends a line, too; BODY=BINARYMIME
        has no lines.
    """
    for letter, body, data in _text(view):
        unended = body.line if body.framing == "bdat" and body.line > LONGEST_LINE else 0
        number = body.long_lines + bool(unended)
        if not number:
            continue
        longest = max(body.longest, unended)
        lines = _count(body, number, "line")
        place = f", the first after octet {body.long_at}" if body.long_lines else ""
        yield view.at(
            f"The message has {lines} of more than {LONGEST_LINE} octets, up to {longest}{place}"
            f"{verdict(letter)}.",
            letter.eom or data, severity=judged(letter),
        )  # fmt: skip


@check(
    "msg-empty",
    group="message",
    severity="note",
    reference="RFC 5321 §4.1.1.4",
    wakes=("empty",),
    fires=r"""
        @T ; @D ; C ".\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
    silent=r"""
        @G ; @E ; @M ; C "RCPT TO:<x@mx.example>\r\nDATA\r\n"
        S "550 5.1.1 User unknown\r\n354 go\r\n" ; C ".\r\n" ; S "554 5.5.1 No recipients\r\n"
    """,
)
def msg_empty(view: View) -> Iterator[Hit]:
    """An empty letter was sent.

    Trigger: no octet between 354 and the end of the message, or nothing but `BDAT 0 LAST`.
    Advice: look at the program that should have written it.
    Traps: a client that is asked for a message although no recipient was accepted has to send an
        empty one (RFC 2920 §3.1).
    """
    for letter, body, data in whole(view):
        wanted = letter.mail is None or any(r.accepted for r in letter.recipients)
        if body.complete and not body.size and wanted:
            yield view.at(f"The message is empty{verdict(letter)}.", letter.eom or data)


CONTENT_CHECKS = (
    msg_line_too_long,
    msg_bare_lf,
    msg_bare_cr,
    msg_nul,
    msg_empty,
)
