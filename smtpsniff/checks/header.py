"""Checks of a message's header (RFC 5322 §3.6): what it lacks, repeats or spells wrongly.

What is remarkable about a header was noted when it was read (`smtpsniff.mail.headers`), so a
healthy one wakes nothing here. Relays must not enforce any of this (RFC 5321 §6.4): severities
are about the message.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from smtpsniff.checks.letters import headers, judged, verdict, whole
from smtpsniff.checks.offers import parameters
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.view import quote
from smtpsniff.mail.headers import ONCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity

__all__ = ["HEADER_CHECKS"]


_FIELD = re.compile(rb"[!-9;-~]+:")
_FIELD_AND_BLANK = re.compile(rb"[!-9;-~]+[ \t]+:")


@check(
    "msg-missing-date",
    group="message",
    severity="warning",
    reference="RFC 5322 §3.6",
    wakes=("no-date",),
    fires=r"""
        @T ; @D ; C "Subject: t\r\n\r\nDate: not a header\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
    silent=r"""
        @T ; @D ; C "Subject: t\r\ndate: today\r\n\r\nhi\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
)
def msg_missing_date(view: View) -> Iterator[Hit]:
    """The letter has no date.

    Trigger: a complete header without a Date field; an error if the server refused the message
        and named no other cause.
    Advice: correct the program that made the letter; many filters hold it against the sender.
    Traps: a submission server may add the date, so it is a note on ports 587 and 465 and after a
        login; an empty letter, or one with bytes not captured, is no case.
    """
    for letter, data, _ in headers(view, "no-date"):
        mild: Severity | None = "note" if view.submission else None
        yield view.at(
            f"The header of the message has no Date field{verdict(letter)}.",
            letter.eom or data, severity=judged(letter) or mild,
        )  # fmt: skip


@check(
    "msg-missing-from",
    group="message",
    severity="warning",
    reference="RFC 5322 §3.6",
    wakes=("no-from",),
    fires=r"""
        @T ; @D ; C "Subject: t\r\n\r\nFrom: nobody\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
    silent=r"""
        @T ; @D ; C "Subject: t\r\nFROM: <s@a.example.net>\r\n\r\nhi\r\n.\r\n"
        S "250 2.0.0 Ok\r\n"
    """,
)
def msg_missing_from(view: View) -> Iterator[Hit]:
    """The letter does not say who wrote it.

    Trigger: a complete header without a From field; an error if the server refused the message
        and named no other cause.
    Advice: correct the program that made the letter; large sites refuse such mail.
    Traps: the sender of the envelope is no substitute; an empty letter, or one with bytes not
        captured, is no case.
    """
    for letter, data, _ in headers(view, "no-from"):
        yield view.at(
            f"The header of the message has no From field{verdict(letter)}.",
            letter.eom or data, severity=judged(letter),
        )  # fmt: skip


@check(
    "msg-no-message-id",
    group="message",
    severity="note",
    reference="RFC 5322 §3.6.4",
    wakes=("no-message-id",),
    fires=r"""
        @T ; @D ; C "Subject: t\r\n\r\nhi\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
    silent=r"""
        @T ; @D ; C "Subject: t\r\nMessage-Id: <1@a.example.net>\r\n\r\nhi\r\n.\r\n"
        S "250 2.0.0 Ok\r\n"
    """,
)
def msg_no_message_id(view: View) -> Iterator[Hit]:
    """The letter has no serial number, which makes tracing hard.

    Trigger: a complete header without a Message-ID field.
    Advice: let the program that makes the letter, or the first server, add one.
    Traps: a submission server adds it, so ports 587 and 465 and sessions with a login are no case.
    """
    if view.submission:
        return
    for letter, data, _ in headers(view, "no-message-id"):
        yield view.at("The header of the message has no Message-ID field.", letter.eom or data)


@check(
    "msg-duplicate-header",
    group="message",
    severity="warning",
    reference="RFC 5322 §3.6",
    wakes=("twice",),
    fires=r"""
        @T ; @D ; C "Subject: t\r\nFrom: <a@b.example>\r\nsubject: u\r\n\r\nhi\r\n.\r\n"
        S "250 2.0.0 Ok\r\n"
    """,
    silent=r"""
        @T ; @D
        C "Received: a\r\nReceived: b\r\nTo: a@b.example,\r\n To: <c@b.example>\r\n\r\n.\r\n"
        S "250 2.0.0 Ok\r\n"
    """,
)
def msg_duplicate_header(view: View) -> Iterator[Hit]:
    """A field that may appear once appears twice; programs disagree which one counts.

    Trigger: From, Date, Sender, Reply-To, To, Cc, Bcc, Message-ID, In-Reply-To, References or
        Subject more than once; an error for From, which is how names are forged, and if the server
        refused the message and named no other cause.
    Advice: correct the program that made the letter.
    Traps: a folded line is part of the field above it; Resent- fields and those of a trace may
        repeat.
    """
    for letter, data, record in headers(view, "twice"):
        assert record.message is not None
        spelled = {name.lower(): name for name, _ in reversed(record.message.headers)}
        names = Counter(name.lower() for name, _ in record.message.headers)
        twice = [(spelled[name], n) for name, n in names.items() if n > 1 and name in ONCE]
        if not twice:
            continue
        told = ", ".join(f"{name} {n} times" for name, n in twice)
        forged: Severity | None = "error" if names["from"] > 1 else None
        yield view.at(
            f"The header of the message has {told}{verdict(letter)}.",
            letter.eom or data, severity=judged(letter) or forged,
        )  # fmt: skip


def _wrong_line(head: bytes) -> tuple[str, bytes, bool] | None:
    """The first line of a header that should not be there: what it is, itself, whether mild."""
    for number, line in enumerate(head.split(b"\n")):
        line = line.rstrip(b"\r")
        if line[:1] in (b" ", b"\t"):
            if number == 0:
                return "begins with a line that continues nothing", line, False
        elif _FIELD_AND_BLANK.match(line):
            return "has a blank before a colon", line, False
        elif line and not _FIELD.match(line):
            if number == 0 and line.startswith(b"From "):
                return "begins with a line of a mailbox file", line, True
            return "has a line that is no field", line, False
    return None


@check(
    "msg-header-malformed",
    group="message",
    severity="warning",
    reference="RFC 5322 §2.2",
    wakes=("no-field",),
    fires=r"""
        @T ; @D ; C "Subject: t\r\nDear all,\r\n\r\nhi\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
    silent=r"""
        @T ; @D ; C "Subject: t\r\n Dear all,\r\nX-Empty:\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
)
def msg_header_malformed(view: View) -> Iterator[Hit]:
    """The top of the letter is not built correctly.

    Trigger: a line of the header that is neither a field (a name, a colon) nor the continuation of
        one; a blank before the colon; a first line that continues nothing.
    Advice: correct the program that made the letter: an empty line must part header and text.
    Traps: a header without any text behind it is legal; "From " and a date on top is what a
        mailbox file has there, a note.
    """
    for letter, data, _ in headers(view, "no-field"):
        body = letter.body
        wrong = _wrong_line(body.head) if body is not None else None
        if wrong is None:
            continue
        what, line, mild = wrong
        yield view.at(
            f"The header of the message {what}: {quote(line)}{verdict(letter)}.",
            letter.eom or data, severity="note" if mild else None,
        )  # fmt: skip


@check(
    "msg-8bit-header",
    group="message",
    severity="warning",
    reference="RFC 5322 §2.2, RFC 6532",
    wakes=("eight-bit",),
    fires=r"""
        @T ; @D ; C "Subject: na\xc3\xafve\r\n\r\nhi\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
    silent=r"""
        @G ; @E ; C "MAIL FROM:<s@a.example.net> SMTPUTF8\r\n" ; S "250 2.1.0 Ok\r\n" ; @R ; @D
        C "Subject: na\xc3\xafve\r\n\r\nhi\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
)
def msg_8bit_header(view: View) -> Iterator[Hit]:
    """Special letters in the header were not encoded.

    Trigger: an octet above 127 in the header of a mail that was not announced with SMTPUTF8.
    Advice: encode such text as RFC 2047 says (=?UTF-8?…?=), or use SMTPUTF8.
    Traps: where MAIL was not captured nobody knows; the text below the header is another check's.
    """
    for letter, body, data in whole(view):
        if letter.mail is None or body.head.isascii():
            continue
        if any(name == "SMTPUTF8" for name, _ in parameters(letter.mail)):
            continue
        field = _field_of(body.head)
        where = f"Field {quote(field)} of the header" if field else "The header"
        yield view.at(
            f"{where} has octets beyond ASCII, without SMTPUTF8{verdict(letter)}.",
            letter.eom or data,
        )  # fmt: skip


def _field_of(head: bytes) -> str:
    """Name of the field with the first octet beyond ASCII; empty if it stands in none."""
    at = next(i for i, octet in enumerate(head) if octet > 127)
    line = max(head.rfind(b"\n", 0, at), -1) + 1
    while line > 0 and head[line : line + 1] in (b" ", b"\t"):
        line = head.rfind(b"\n", 0, line - 1) + 1
    name = _FIELD.match(head, line, at)
    return name[0][:-1].decode() if name is not None else ""


HEADER_CHECKS = (
    msg_missing_date,
    msg_missing_from,
    msg_duplicate_header,
    msg_no_message_id,
    msg_header_malformed,
    msg_8bit_header,
)
