"""The text of replies: its length, its bytes, and the enhanced code at its beginning."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.checks.offers import parameters
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.replies import answering, whole
from smtpsniff.checks.saying import answer, plural, said
from smtpsniff.checks.view import quote
from smtpsniff.smtp.extensions import COMMAND_LINE, REPLY_LINE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity
    from smtpsniff.smtp.model import Exchange, Reply

__all__ = ["CHECKS"]

# Codes whose text is part of what they say (RFC 5321 §4.2).
_TELLING = frozenset({220, 221, 251, 421, 551})
# Answers that need no enhanced code (RFC 2034 §4): the greeting, also the new one after XCLIENT,
# and the answer to an introduction. Postfix gives ETRN none, as RFC 1985 shows it.
_WITHOUT_CODE = frozenset({"<greeting>", "EHLO", "HELO", "LHLO", "XCLIENT", "ETRN"})
_ODD = re.compile(rb"[^\t\r\n -~]")
_ENHANCED = re.compile(r"#?\d+(?:\.\d+){2}")
_LINE_TOO_LONG = re.compile(r"(?:line|command|input)\w* (?:is |was )?too long", re.IGNORECASE)


@check(
    "reply-line-too-long",
    group="reply",
    severity="warning",
    reference="RFC 5321 §4.5.3.1.5",
    wakes=("long-reply",),
    fires=r"""
        @T
        C "NOOP\r\n"
        S "250 " "x"*507 "\r\n"
    """,
    silent=r"""
        @T
        C "NOOP\r\n"
        S "250-" "x"*506 "\r\n250 " "x"*506 "\r\n"
    """,
)
def reply_line_too_long(view: View) -> Iterator[Hit]:
    """The answer line is longer than allowed and may be cut.

    Trigger: a line of a reply has more than 512 octets, its line end counted.
    Advice: shorten the texts of policy rules, or spread them over several lines.
    Traps: questions of a login (334) may be longer.
    """
    for reply in view.dialogue.replies:
        length = max((len(line) + 1 for line in reply.raw.split(b"\n")[:-1]), default=0)
        if length > REPLY_LINE and reply.code != 334 and whole(view, reply):
            yield view.at(
                f"A line of the reply {answer(reply)}{answering(reply)} has {length} octets; "
                f"{REPLY_LINE} are allowed.",
                reply=reply,
            )


@check(
    "reply-non-ascii",
    group="reply",
    severity="warning",
    reference="RFC 5321 §4.2; RFC 6531 §3.7.4.2",
    wakes=("odd-bytes",),
    fires=r"""
        @T
        C "NOOP\r\n"
        S "250 d'accord, \xe9tranger\r\n"
    """,
    silent=r"""
        @G
        @E
        C "MAIL FROM:<\xc3\xa9@a.example.net> SMTPUTF8\r\n"
        S "250 2.1.0 \xc3\xa9@a.example.net ok\r\n"
    """,
)
def reply_non_ascii(view: View) -> Iterator[Hit]:
    """The answer contains characters outside plain ASCII.

    Trigger: a byte beyond ASCII, or a control character, in the text of a reply.
    Advice: keep the texts of policy rules in ASCII.
    Traps: UTF-8 is allowed within a mail, or to a VRFY or EXPN, that asked for SMTPUTF8. Tabs
    are allowed; line ends that are not CR LF are reply-bare-lf.
    """
    for reply in view.dialogue.replies:
        odd = _ODD.findall(reply.raw)
        if not odd or not whole(view, reply) or not view.two_sided or _utf8_asked(reply):
            continue
        yield view.at(
            f"The reply {answer(reply)}{answering(reply)} holds {plural(len(odd), 'byte')} that "
            f"{'is' if len(odd) == 1 else 'are'} not printable ASCII.",
            reply=reply,
        )


def _utf8_asked(reply: Reply) -> bool:
    """Whether this reply may be in UTF-8, and is."""
    asked = reply.answers
    if asked is None or any(byte < 32 and byte not in b"\t\r\n" for byte in reply.raw):
        return False
    if asked.verb in ("VRFY", "EXPN"):
        allowed = asked.argument.upper().endswith(b" SMTPUTF8")
    else:
        mail = asked if asked.verb == "MAIL" else asked.letter.mail if asked.letter else None
        allowed = mail is not None and any(name == "SMTPUTF8" for name, _ in parameters(mail))
    return allowed and _is_utf8(reply.raw)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


@check(
    "reply-text-missing",
    group="reply",
    severity="note",
    reference="RFC 5321 §4.2",
    wakes=("no-text",),
    fires=r"""
        @T
        C "NOOP\r\n"
        S "250\r\n"
    """,
    silent=r"""
        @T
        C "NOOP\r\n"
        S "250-\r\n250 Ok\r\n"
    """,
)
def reply_text_missing(view: View) -> Iterator[Hit]:
    """The server gave a number but no words; legal but unhelpful.

    Trigger: a reply of a code alone, with or without a blank; a warning for 220, 221, 251, 421
    and 551, whose text says something that the number does not.
    Advice: add a text.
    Traps: the questions of a login (334) may be empty.
    """
    for reply in view.dialogue.replies:
        if not reply.raw or reply.code == 334 or reply.text.strip() or not reply.terminated:
            continue
        if whole(view, reply) and view.two_sided:
            severity: Severity | None = "warning" if reply.code in _TELLING else None
            yield view.at(
                f"The server's answer{answering(reply)} was {reply.code:03d} without a word.",
                reply=reply,
                severity=severity,
            )


def _owes_code(view: View, exchange: Exchange) -> bool:
    """Whether the server had promised enhanced codes when it answered this."""
    if exchange.verb in _WITHOUT_CODE:
        return False
    return view.dialogue.lmtp or bool(view.offered(exchange, "ENHANCEDSTATUSCODES"))


@check(
    "enhanced-code-missing",
    group="reply",
    severity="note",
    reference="RFC 2034 §4",
    wakes=("no-enhanced", "verb:STARTTLS"),
    fires=r"""
        @T
        C "NOOP\r\n"
        S "250 Ok\r\n"
    """,
    silent=r"""
        @G
        @EN
        C "NOOP\r\n"
        S "250 Ok\r\n"
    """,
)
def enhanced_code_missing(view: View) -> Iterator[Hit]:
    """The server promised detailed codes but left one out.

    Trigger: ENHANCEDSTATUSCODES was offered, or this is LMTP, and the text of a 2yz, 4yz or 5yz
    reply does not begin with an enhanced code.
    Advice: harmless; correct the texts of policy rules.
    Traps: the greeting and the answer to an introduction have none, and Postfix gives ETRN none.
    Where only later lines of a reply lack the code nobody is misled. One that is merely written
    wrongly is enhanced-code-syntax.
    """
    dialogue = view.dialogue
    offered = dialogue.hello.offered if dialogue.hello is not None else ()
    if "ENHANCEDSTATUSCODES" not in offered and len(dialogue.hellos) < 2 and not dialogue.lmtp:
        return
    for exchange, reply in view.answered():
        if reply.enhanced is not None or reply.kind not in (2, 4, 5) or not reply.raw:
            continue
        if _owes_code(view, exchange) and whole(view, reply) and not _attempt(reply):
            yield view.at(
                f"The reply {answer(reply)}{answering(reply)} has no enhanced code, although "
                f"the server had offered them.",
                reply=reply,
            )


def _attempt(reply: Reply) -> str:
    """What looks like an enhanced code at the beginning of the text; "" if nothing does."""
    if "bad-enhanced" not in reply.said.topics:
        return ""
    match = _ENHANCED.match(reply.lines[0])
    return match[0] if match is not None else ""


@check(
    "enhanced-code-syntax",
    group="reply",
    severity="note",
    reference="RFC 3463 §2; RFC 2034 §4",
    wakes=("bad-enhanced",),
    fires=r"""
        @T
        C "RCPT TO:<x@mx.example>\r\n"
        S "550 #5.1.0 Address rejected.\r\n"
    """,
    silent=r"""
        @T
        C "RCPT TO:<x@mx.example>\r\n"
        S "550 192.0.2.1 is not welcome\r\n"
    """,
)
def enhanced_code_syntax(view: View) -> Iterator[Hit]:
    """The detailed code is written wrongly.

    Trigger: the text begins with three numbers and dots that are no enhanced code: a # before
    it, a number of four digits, a zero in front, a first number that is none of 2, 4 and 5, no
    blank behind it; or a 3yz reply has one.
    Advice: harmless; some appliances always write #5.1.1. Read it as if it were right.
    Traps: an address has four numbers.
    """
    for reply in view.dialogue.replies:
        attempt = _attempt(reply)
        if attempt and whole(view, reply) and view.two_sided:
            why = "has no place in a 3yz reply" if reply.kind == 3 else "is not written as one"
            yield view.at(
                f"{quote(attempt)} in {answer(reply)}{answering(reply)} looks like an enhanced "
                f"code, but {why}.",
                reply=reply,
            )


@check(
    "reply-bogus-line-too-long",
    group="reply",
    severity="warning",
    reference="RFC 5321 §4.3.2, §4.5.3.1.4",
    wakes=("too-long",),
    fires=r"""
        @T
        C "RCPT TO:<r@mx.example>\r\n"
        S "500 5.5.2 Line too long\r\n"
    """,
    silent=r"""
        @T
        C "NOOP " "x"*600 "\r\n"
        S "500 5.5.2 Line too long\r\n"
    """,
)
def reply_bogus_line_too_long(view: View) -> Iterator[Hit]:
    """The server complains about length although the line is within limits.

    Trigger: 500 and a text with "too long", or another 5yz that says so of the line, to a line
    of at most 512 octets.
    Advice: raise the server's limit; appliances often have less than the rules ask for.
    Traps: an address or a name may be too long where the line is not, and what is said after a
    message is about its lines.
    """
    for exchange, reply in view.answered():
        if exchange.verb in ("<eom>", "<greeting>", "BDAT") or reply.kind != 5:
            continue
        if len(exchange.line) > COMMAND_LINE or "too-long" not in reply.said.topics:
            continue
        if _LINE_TOO_LONG.search(reply.text) or reply.code == 500:
            yield view.at(
                f"The server found {said(exchange)} too long, {len(exchange.line)} octets, and "
                f"answered {answer(reply)}; it must take {COMMAND_LINE}.",
                exchange,
            )


CHECKS = (
    reply_line_too_long, reply_non_ascii, reply_text_missing, enhanced_code_missing,
    enhanced_code_syntax, reply_bogus_line_too_long,
)  # fmt: skip
