"""Command lines: words that nobody knows, that somebody overwrote, or that are too many."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.checks.asking import commands, heard, over, raised
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import plural, said
from smtpsniff.checks.view import quote
from smtpsniff.smtp.extensions import COMMAND_LINE, EXTENSIONS, LEGACY_VERBS, line_limit
from smtpsniff.smtp.verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity

__all__ = ["CHECKS"]

# What a firewall leaves of a word: X's, and in EHLO keywords a letter that tells them apart.
# Verbs with a single X in front are ordinary private ones.
_MASK = re.compile(r"X{4,}[A-Z]?")
# Words that are masked in practice, by their length.
_MASKED_VERBS = {4: "EHLO", 8: "STARTTLS"}
_MASKED_KEYWORDS = {4: "SIZE", 8: "STARTTLS", 10: "PIPELINING"}


@check(
    "command-unknown",
    group="smtp-syntax",
    severity="warning",
    reference="RFC 5321 §4.1.5, §4.2.4",
    wakes=("unknown-verb",),
    fires=r"""
        @G
        @E
        C "HELLO\r\n"
        S "500 5.5.2 what?\r\n"
    """,
    silent=r"""
        @G
        @E
        C "noop\r\n"
        S "250 Ok\r\n"
    """,
)
def command_unknown(view: View) -> Iterator[Hit]:
    """The sender used a word the server does not know.

    Trigger: a command that stands in no list of commands and was not offered in the EHLO reply,
    answered 5yz or not at all; an error where the server refused it.
    Advice: find the program or script that sends it; a server should answer 500 and go on.
    Traps: words that begin with X are private ones or masks. Lines of a message that is read as
    commands are body-lines-as-commands, under which this is folded.
    """
    for exchange in commands(view):
        verb = exchange.verb
        if verb in VERBS or verb in EXTENSIONS or verb in LEGACY_VERBS or verb[:1] == "X":
            continue
        if exchange.hello is not None and verb in exchange.hello.offered:
            continue
        reply = exchange.reply
        if (reply.kind != 5) if reply is not None else not over(view):
            continue
        spoken = heard(exchange) or "; the server never answered"
        yield view.at(
            f"The client sent {said(exchange)}, which is no command of SMTP{spoken}.",
            exchange,
            severity=raised(exchange),
        )


@check(
    "command-masked",
    group="security",
    severity="error",
    reference="RFC 3207 §6; Cisco ESMTP inspection",
    wakes=("unknown-verb", "masked"),
    fires=r"""
        @G
        C "EHLO a.example.net\r\n"
        S "250-mx.example\r\n250 XXXXXXXA\r\n"
    """,
    silent=r"""
        @G
        C "EHLO a.example.net\r\n"
        S "250-mx.example\r\n250-XCLIENT NAME\r\n250 XXX\r\n"
    """,
)
def command_masked(view: View) -> Iterator[Hit]:
    """A firewall overwrote a mail command with X's.

    Trigger: an EHLO keyword of four or more X's, perhaps with one other letter behind them; or
    a command like that which was refused with 5yz, or that is nothing but X's and as long as a
    command that firewalls mask.
    Advice: turn off SMTP inspection in the firewall (Cisco: "fixup", "inspect esmtp"), or allow
    TLS in it.
    Traps: private words such as XCLIENT begin with a single X.
    """
    for hello in view.dialogue.hellos:
        if hello.accepted and hello.reply is not None and view.clean(hello):
            for line in hello.reply.lines[1:]:
                if line.startswith("XXXX") and _MASK.fullmatch(word := line.split()[0]):
                    yield view.at(
                        f"The server's offer {quote(word)} was overwritten on the way; "
                        f"it is {_as_long(word, _MASKED_KEYWORDS)}.",
                        hello,
                    )
    if "unknown-verb" not in view.topics:
        return
    for exchange in commands(view):
        verb = exchange.verb
        if not verb.startswith("XXXX") or not _MASK.fullmatch(verb):
            continue
        refused = exchange.reply is not None and exchange.reply.kind == 5
        bare = exchange.line.strip() == b"X" * len(verb) and len(verb) in _MASKED_VERBS
        if refused or bare:
            yield view.at(
                f"The command arrived as {quote(exchange.line.rstrip())}, "
                f"{_as_long(verb, _MASKED_VERBS)}{heard(exchange)}.",
                exchange,
            )


def _as_long(word: str, originals: dict[int, str]) -> str:
    """How long it is, and what it may have been."""
    original = originals.get(len(word))
    return plural(len(word), "letter") + " long" + (f", as {original} is" if original else "")


@check(
    "command-line-too-long",
    group="smtp-syntax",
    severity="warning",
    reference="RFC 5321 §4.5.3.1.4",
    wakes=("odd-line",),
    fires=r"""
        @G
        @EN
        C "NOOP " "a"*600 "\r\n"
        S "250 Ok\r\n"
    """,
    silent=r"""
        @G
        @EN
        C "NOOP " "a"*505 "\r\n"
        S "250 Ok\r\n"
    """,
)
def command_line_too_long(view: View) -> Iterator[Hit]:
    """The command is longer than the rule book allows.

    Trigger: a command line is longer than 512 octets and what the offered extensions add to it;
    an error where the server refused it.
    Advice: shorten names or parameters; old gateways cut or refuse such lines.
    Traps: answers within a login may be longer. The limit is what servers must take at least,
    and one unknown extension in the EHLO reply may have raised it: then this is a note.
    """
    if max((len(e.line) for e in view.dialogue.exchanges), default=0) <= COMMAND_LINE:
        return
    for exchange in commands(view):
        length = len(exchange.line)
        offered = exchange.hello.offered if exchange.hello is not None else None
        limit = line_limit(exchange.verb, offered)
        severity: Severity | None = raised(exchange)
        if limit is None:
            limit, severity = line_limit(exchange.verb, None), "note"
        if limit is not None and length > limit:
            yield view.at(
                f"The line {said(exchange)} has {length} octets, the limit is {limit}"
                f"{heard(exchange)}.",
                exchange,
                severity=severity,
            )


@check(
    "command-unexpected-argument",
    group="smtp-syntax",
    severity="warning",
    reference="RFC 5321 §4.1.1, §4.3.2; RFC 3207 §4",
    wakes=("argument",),
    fires=r"""
        @G
        @E
        C "RSET now\r\n"
        S "501 no arguments\r\n"
    """,
    silent=r"""
        @G
        @E
        C "RSET \r\n"
        S "250 Ok\r\n"
    """,
)
def command_unexpected_argument(view: View) -> Iterator[Hit]:
    """This command takes no extra words.

    Trigger: DATA, RSET, QUIT or STARTTLS with something behind it; an error where the server
    refused it.
    Advice: correct the client.
    Traps: blanks alone are no argument.
    """
    for exchange in view.exchanges("DATA", "RSET", "QUIT", "STARTTLS"):
        if exchange.argument and view.clean(exchange):
            yield view.at(
                f"{exchange.verb} takes no argument, but the client sent {said(exchange)}"
                f"{heard(exchange)}.",
                exchange,
                severity=raised(exchange),
            )


CHECKS = (
    command_unknown, command_masked, command_line_too_long, command_unexpected_argument,
)  # fmt: skip
