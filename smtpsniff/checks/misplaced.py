"""Messages where commands are due: before the 354, after a refusal, or line by line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.checks.asking import body_early, heard, is_message, raised, shifted
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import answer, plural, said
from smtpsniff.smtp.commands import message_like
from smtpsniff.smtp.verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.smtp.model import Exchange

__all__ = ["CHECKS"]

# What is behind these, unless it is a command, was meant as a message.
_CAUSES = {"DATA": "a refused DATA", "BDAT": "a chunk", "<eom>": "the end of a message"}
_TEXT_LINE = re.compile(
    rb"\.?\r?\n|[!-9;-~]{1,76}:[ \t]|[A-Za-z0-9+/=]{40,}\r?\n|[ \t]|[^\r\n]*[a-z][^\r\n]* "
    rb"|--|[^\r\n]*[a-z.,;!?]\r?\n"
)


@check(
    "message-before-354",
    group="smtp-sequence",
    severity="error",
    reference="RFC 5321 §3.3",
    wakes=("verb:DATA",),
    fires=r"""
        @T
        C "DATA\r\nSubject: t\r\n\r\nhi\r\n.\r\n"
        S "354 go\r\n250 2.0.0 Ok\r\n"
    """,
    silent=r"""
        @T
        @D
        C "Subject: t\r\n\r\nhi\r\n.\r\n"
        S "250 2.0.0 Ok\r\n"
    """,
)
def message_before_354(view: View) -> Iterator[Hit]:
    """The letter was thrown in before the server opened the door.

    Trigger: the message began before the client had the reply to DATA, and the reply was 354.
    Advice: a fault of the client, typical of spam tools and simple scripts.
    Traps: only an acknowledgement number or the order of packets proves it, and order alone not
    within 2 ms in a capture that began in the middle.
    """
    for letter in view.dialogue.letters:
        data = letter.data
        if data is None or data.verb != "DATA" or data.reply is None or data.reply.kind != 3:
            continue
        if "variant-accepted" in view.topics:  # smuggled: its sender meant it as text
            continue
        if view.clean(data) and body_early(view, letter, data.reply) and is_message(letter):
            body = letter.body
            assert body is not None
            hit = view.at(
                f"The message began in packet {body.first_frame}, before the client had "
                f"{answer(data.reply)}.",
                data,
            )
            hit.frames = [*hit.frames, body.first_frame]
            yield hit


@check(
    "message-after-data-rejected",
    group="smtp-sequence",
    severity="error",
    reference="RFC 5321 §3.3",
    wakes=("message-after-refusal", "refused:DATA", "odd-reply"),
    fires=r"""
        @T
        C "DATA\r\n"
        S "451 4.3.0 try later\r\n"
        C "Subject: t\r\n.\r\n"
        S "500 5.5.2 bad\r\n500 5.5.2 bad\r\n"
    """,
    silent=r"""
        @T
        C "DATA\r\n"
        S "451 4.3.0 try later\r\n"
        @Q
    """,
)
def message_after_data_rejected(view: View) -> Iterator[Hit]:
    """The server said no, but the sender sent the letter anyway, and its lines became commands.

    Trigger: DATA was not answered 354, and what follows looks like a message or ends like one.
    Advice: correct the client; it can also be abused to smuggle mail.
    Traps: if the message was on its way before the refusal it is told here too.
    """
    exchanges = view.dialogue.exchanges
    for i, data in enumerate(exchanges):
        if data.verb != "DATA" or data.reply is None or data.reply.kind == 3:
            continue
        if i + 1 == len(exchanges) or not view.clean(data):
            continue
        if data.reply.kind == 2 and shifted(exchanges, i):
            continue
        lines = _strange(exchanges, i + 1)
        if not message_like(exchanges[i + 1].line) and not any(
            e.line.rstrip(b"\r\n") == b"." for e in lines
        ):
            continue
        first = exchanges[i + 1]
        when = "before it had the answer" if first.early else "all the same"
        refused = sum(e.refused for e in lines)
        hit = view.at(
            f"The server answered DATA with {answer(data.reply)}, and the client sent the message "
            f"{when}, from {said(first)} on; {plural(refused, 'line')} of it were refused as "
            f"commands.",
            data,
        )
        hit.frames = [*hit.frames, first.frame]
        yield hit


def _strange(exchanges: list[Exchange], start: int) -> list[Exchange]:
    """The exchanges from `start` on that are no known commands."""
    end = start
    while end < len(exchanges) and _no_command(exchanges[end]):
        end += 1
    return exchanges[start:end]


def _no_command(exchange: Exchange) -> bool:
    return exchange.verb not in VERBS or exchange.verb == "<empty>"


@check(
    "body-lines-as-commands",
    group="smtp-sequence",
    severity="warning",
    reference="RFC 5321 §3.3",
    wakes=("unknown-verb",),
    fires=r"""
        @T
        C "DATA\r\n"
        S "451 4.3.0 try later\r\n"
        C "Subject: t\r\nFrom: <s@a.example.net>\r\nDear all,\r\n"
        S "500 5.5.2 bad\r\n500 5.5.2 bad\r\n500 5.5.2 bad\r\n"
    """,
    silent=r"""
        @G
        @E
        C "HALO\r\n"
        S "500 5.5.2 bad\r\n"
        C "what: is this\r\n"
        S "500 5.5.2 bad\r\n"
        C "what: is that\r\n"
        S "500 5.5.2 bad\r\n"
    """,
)
def body_lines_as_commands(view: View, *, lines: int = 3) -> Iterator[Hit]:
    """The server treats the text of a mail as commands; both sides have lost step.

    Trigger: three lines (`lines`) or more in a row look like a header, text or base64 and are
    answered 5yz, behind a refused DATA, a chunk or the end of a message; an error, as they were
    refused.
    Advice: see what came before; hardened servers hang up at once.
    Traps: typing errors, and whatever is sent outside any mail, are command-unknown.
    Thresholds:
        lines (lines, at least 1): two may be somebody's typing errors.
    """
    exchanges = view.dialogue.exchanges
    i = 0
    while i < len(exchanges):
        strange = _strange(exchanges, i)
        before = exchanges[i - 1] if i else None
        i += len(strange) or 1
        if len(strange) < lines or before is None or before.verb not in _CAUSES:
            continue
        text = [e for e in strange if _refused_text(e)]
        if len(text) < lines or not all(view.clean(e) for e in (before, *text)):
            continue
        hit = view.at(
            f"{plural(len(text), 'line')} of text were read as commands behind "
            f"{_CAUSES[before.verb]}, from {said(text[0])} on{heard(text[0])}.",
            text[0],
            severity=raised(text[0]),
        )
        hit.frames = [before.frame, *hit.frames, text[-1].frame]
        yield hit


def _refused_text(exchange: Exchange) -> bool:
    reply = exchange.reply
    if reply is None or reply.kind != 5:
        return False
    return bool(_TEXT_LINE.match(exchange.line))


CHECKS = (message_before_354, message_after_data_rejected, body_lines_as_commands)
