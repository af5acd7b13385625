"""The form of replies: lines, codes and line ends as RFC 5321 §4.2 has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.asking import over
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import NANOSECONDS, answer, plural, said
from smtpsniff.checks.view import quote
from smtpsniff.tls import is_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity
    from smtpsniff.smtp.model import Reply

__all__ = ["CHECKS", "answering", "whole"]

_CLASSES = range(200, 600)


def whole(view: View, reply: Reply) -> bool:
    """Whether this is a whole reply in clear text: nothing was lost before its end."""
    return not reply.in_tls and not any(g.at <= reply.end for g in view.server.stream.gaps)


def answering(reply: Reply) -> str:
    """What it answers, as the end of a sentence."""
    asked = reply.answers
    if asked is None:
        return ""
    return " as its greeting" if asked.verb == "<greeting>" else f" to {said(asked)}"


@check(
    "reply-malformed",
    group="reply",
    severity="error",
    reference="RFC 5321 §4.2",
    wakes=("garbage",),
    fires=r"""
        @G
        @E
        C "NOOP\r\n"
        S "OK fine\r\n250 Ok\r\n"
    """,
    silent=r"""
        @G
        @E
        C "NOOP\r\n"
        S "250\r\n"
    """,
)
def reply_malformed(view: View) -> Iterator[Hit]:
    """The server said something that is not a mail reply.

    Trigger: a line of the server does not begin with three digits and a blank, a hyphen or the
    line's end.
    Advice: the error page of a proxy, a server that crashed, or another protocol; clients that
    pipeline may lose mail.
    Traps: the rest of a line behind a gap, TLS, and a session whose login encrypts what follows.
    """
    dialogue = view.dialogue
    if dialogue.swapped or any(e.accepted for e in view.exchanges("<auth-response>")):
        return
    for i, reply in enumerate(dialogue.replies):
        lines = [line for line in reply.garbage if line.endswith(b"\n") and not is_record(line)]
        if not lines or not whole(view, reply) or not view.two_sided:
            continue
        if i == 0 and not view.started:
            continue  # the first line may have begun before the capture did
        more = f" and {plural(len(lines) - 1, 'line')} more like it" if len(lines) > 1 else ""
        yield view.at(
            f"The server sent {quote(lines[0].rstrip())}{more}, which is no reply.", reply=reply
        )


@check(
    "reply-code-out-of-range",
    group="reply",
    severity="error",
    reference="RFC 5321 §4.2, §4.3.2",
    wakes=("odd-code",),
    fires=r"""
        @G
        @E
        C "NOOP\r\n"
        S "699 Ok\r\n"
    """,
    silent=r"""
        @G
        @E
        C "NOOP\r\n"
        S "502 no\r\n"
    """,
)
def reply_code_out_of_range(view: View) -> Iterator[Hit]:
    """This number is not a legal mail reply.

    Trigger: the first digit of a reply's code is none of 2 to 5; a note where the second is
    none of 0 to 5.
    Advice: tell the maker of the server; clients should take such codes for a failure.
    Traps: 57x and 59x are used by many products.
    """
    for reply in view.dialogue.replies:
        code = reply.code
        if not reply.raw or not whole(view, reply):
            continue
        if code in _CLASSES and code // 10 % 10 <= 5:
            continue
        severity: Severity | None = "note" if code in _CLASSES else None
        digit = "second" if severity else "first"
        yield view.at(
            f"The code of {answer(reply)}{answering(reply)} has a {digit} digit that no reply "
            f"can have.",
            reply=reply,
            severity=severity,
        )


@check(
    "reply-multiline-code-mismatch",
    group="reply",
    severity="error",
    reference="RFC 5321 §4.2.1",
    wakes=("mismatch",),
    fires=r"""
        @G
        C "EHLO a.example.net\r\n"
        S "250-mx.example\r\n220 SIZE\r\n"
    """,
    silent=r"""
        @G
        C "EHLO a.example.net\r\n"
        S "250-mx.example\r\n250 220 SIZE\r\n"
    """,
)
def reply_multiline_code_mismatch(view: View) -> Iterator[Hit]:
    """The server contradicted itself inside one answer.

    Trigger: the lines of one reply carry different codes.
    Advice: a broken server or a proxy that rewrites; clients differ in which code they believe.
    Traps: a lost last line makes two replies look like one, so nothing may be missing.
    """
    for reply in view.dialogue.replies:
        asked = reply.answers
        if not reply.codes or not whole(view, reply) or not view.two_sided:
            continue
        if asked is not None and not view.clean(asked):
            continue
        codes = ", ".join(f"{code:03d}" for code in dict.fromkeys(reply.codes))
        yield view.at(
            f"The lines of one reply{answering(reply)} have the codes {codes}; the last counts: "
            f"{answer(reply)}.",
            reply=reply,
        )


@check(
    "reply-multiline-unterminated",
    group="reply",
    severity="error",
    reference="RFC 5321 §4.2.1",
    wakes=("unterminated",),
    fires=r"""
        @G
        C "EHLO a.example.net\r\n"
        S "250-mx.example\r\n250-SIZE\r\n"
        +30 FIN C
        FIN S
    """,
    silent=r"""
        OPEN
        S "220-mx.example\r\n"
        +2 FIN C
        FIN S
    """,
)
def reply_multiline_unterminated(view: View, *, after: float = 10.0) -> Iterator[Hit]:
    """The server started a list and never finished it, so the sender keeps waiting.

    Trigger: a reply of lines with a hyphen behind the code lacks the last line, one without, until
    the connection closed; or until 10 s (`after`) after it, with a command from the client since.
    Advice: a fault of the server, or a device on the way cut packets off.
    Traps: a greeting may be split for some seconds to unmask hasty clients.
    Thresholds:
        after (s): a server that has begun a list ends it at once, or not at all. Greetings are
            split on purpose: postscreen waits 6 s before the last line.
    """
    for reply in view.dialogue.replies:
        if reply.terminated or reply.raw[3:4] != b"-" or not whole(view, reply):
            continue
        if not view.two_sided:
            continue
        silence = view.waited(reply.time)
        greets = reply.answers is not None and reply.answers.verb == "<greeting>"
        went_on = any(e.first_frame > reply.frame for e in view.dialogue.exchanges)
        closed = over(view) and (not greets or silence >= after)
        if closed or (went_on and silence >= after):
            seconds = (view.connection.end - reply.time) / NANOSECONDS
            yield view.at(
                f"The reply{answering(reply)} never ended: {answer(reply)} was all, and "
                f"{seconds:.0f} s later no last line had come.",
                reply=reply,
            )


@check(
    "reply-bare-lf",
    group="reply",
    severity="warning",
    reference="RFC 5321 §2.3.8, §4.2",
    wakes=("odd-text",),
    fires=r"""
        @G
        @E
        C "NOOP\r\n"
        S "250 Ok\n"
    """,
    silent=r"""
        @G
        @E
        C "NOOP\r\n"
        S "250 Ok\r"
        S "\n"
    """,
)
def reply_bare_lf(view: View) -> Iterator[Hit]:
    """The server ended its line the wrong way.

    Trigger: a line of a reply ends in LF without CR, or holds a CR elsewhere.
    Advice: correct the server, or the script that writes the text.
    Traps: a line that is not complete yet has no end to judge.
    """
    for reply in view.dialogue.replies:
        raw = reply.raw
        pairs = raw.count(b"\r\n")
        if raw.count(b"\n") == pairs and (raw.count(b"\r") == pairs or not reply.terminated):
            continue
        if whole(view, reply):
            yield view.at(
                f"The reply {quote(raw)}{answering(reply)} has a line end that is not CR LF.",
                reply=reply,
            )


@check(
    "enhanced-code-class-mismatch",
    group="reply",
    severity="error",
    reference="RFC 2034 §4; RFC 3463 §2",
    wakes=("odd-enhanced",),
    fires=r"""
        @T
        C "NOOP\r\n"
        S "450 5.1.1 later\r\n"
    """,
    silent=r"""
        @T
        C "NOOP\r\n"
        S "450 see 5.1.1\r\n"
    """,
)
def enhanced_code_class_mismatch(view: View) -> Iterator[Hit]:
    """One part of the answer says "try later", the other says "never".

    Trigger: the enhanced code begins with another digit than the code before it.
    Advice: correct the policy rule; senders follow the first code, the tools that read bounces
    the other.
    Traps: numbers further on in the text are no enhanced codes; neither is one on a 3yz reply.
    """
    for reply in view.dialogue.replies:
        enhanced = reply.enhanced
        if enhanced is None or int(enhanced[0]) == reply.kind or reply.kind not in (2, 4, 5):
            continue
        if whole(view, reply):
            yield view.at(
                f"In {answer(reply)}{answering(reply)} the code says {_meaning(reply.kind)}, "
                f"{enhanced} says {_meaning(int(enhanced[0]))}.",
                reply=reply,
            )


def _meaning(digit: int) -> str:
    return {2: '"yes"', 4: '"try later"', 5: '"never"'}[digit]


CHECKS = (
    reply_malformed, reply_code_out_of_range, reply_multiline_code_mismatch,
    reply_multiline_unterminated, reply_bare_lf, enhanced_code_class_mismatch,
)  # fmt: skip
