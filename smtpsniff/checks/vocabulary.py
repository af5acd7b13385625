"""Words that servers need not know: private, retired, or no word at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.addresses import is_private
from smtpsniff.checks.asking import commands, heard
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import plural, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View

__all__ = ["CHECKS"]

# ext-verb-not-offered tells of these.
_WITH_KEYWORD = frozenset({"XCLIENT", "XFORWARD", "XEXCH50"})
_MASK = re.compile(r"X{4,}[A-Z]?")
_EXCHANGE_OFFERS = ("X-EXPS", "X-ANONYMOUSTLS")
_RETIRED = ("SEND", "SOML", "SAML", "TURN")


@check(
    "command-private-x",
    group="extension",
    severity="note",
    reference="RFC 5321 §4.1.5",
    wakes=("unknown-verb", "verb:X-EXPS", "verb:X-ANONYMOUSTLS", "verb:X-LINK2STATE"),
    fires=r"""
        @G
        @E
        C "XADR a.example.net\r\n"
        S "500 5.5.2 what?\r\n"
    """,
    silent=r"""
        @G
        @E
        C "XXXXXXXX\r\n"
        S "500 5.5.2 what?\r\n"
    """,
)
def command_private_x(view: View) -> Iterator[Hit]:
    """A private command was tried that this server never advertised.

    Trigger: a command that begins with X and was not offered in the EHLO reply in force.
    Advice: usually software of one maker talking to that of another; nothing to do.
    Traps: XXXX is command-masked; XCLIENT, XFORWARD and XEXCH50 are ext-verb-not-offered. Where
    Exchange's own keywords are offered its servers talk among themselves.
    """
    for exchange in commands(view):
        verb, hello = exchange.verb, exchange.hello
        if verb[:1] != "X" or verb in _WITH_KEYWORD or _MASK.fullmatch(verb):
            continue
        if hello is None or hello.exchange is None or verb in hello.offered:
            continue
        if not any(keyword in hello.offered for keyword in _EXCHANGE_OFFERS):
            yield view.at(
                f"The client tried the private command {said(exchange)}, which the server had "
                f"not offered{heard(exchange)}.",
                exchange,
            )


@check(
    "command-obsolete",
    group="smtp-sequence",
    severity="note",
    reference="RFC 5321 §4.1.4, appendix F.1, F.6",
    wakes=["verb:" + verb for verb in _RETIRED],
    fires=r"""
        @G
        @E
        C "SOML FROM:<s@a.example.net>\r\n"
        S "502 5.5.1 not here\r\n"
    """,
    silent=r"""
        @G
        @E
        C "ETRN example.net\r\n"
        S "250 2.0.0 Ok\r\n"
    """,
)
def command_obsolete(view: View) -> Iterator[Hit]:
    """A command retired decades ago was used.

    Trigger: SEND, SOML, SAML or TURN; a warning where the server agreed to TURN.
    Advice: replace the client; never allow TURN without a login, for anyone could fetch the mail
    of others with it.
    Traps: ATRN and ETRN took the place of TURN and are fine.
    """
    for exchange in commands(view):
        if exchange.verb in _RETIRED:
            turned = exchange.verb == "TURN" and exchange.accepted
            yield view.at(
                f"{said(exchange)} has been retired for decades{heard(exchange)}.",
                exchange,
                severity="warning" if turned else None,
            )


@check(
    "command-empty-line",
    group="smtp-syntax",
    severity="note",
    reference="RFC 5321 §4.1.1",
    wakes=("verb:<empty>",),
    fires=r"""
        @G
        @E
        C "\r\n"
        S "500 5.5.2 Error: bad syntax\r\n"
    """,
    silent=r"""
        @T
        @D
        C "hi\r\n.\r\n\r\n"
        S "250 2.0.0 Ok\r\n"
        @Q
    """,
)
def command_empty_line(view: View, *, lines: int = 2) -> Iterator[Hit]:
    """The sender pressed enter with nothing typed.

    Trigger: `lines` lines with nothing on them where a command belongs, or one that the server
    refused.
    Advice: often one line end too many behind the dot that ends a message: correct the client.
    Traps: within a login an empty line is an answer. Most servers pass over one empty line.
    Thresholds:
        lines (lines, at least 1): so many are worth telling of, refused or not.
    """
    empty = [e for e in view.exchanges("<empty>") if view.clean(e)]
    refused = [e for e in empty if e.refused]
    if len(empty) < lines and not refused:
        return
    at = (refused or empty)[0]
    hit = view.at(f"The client sent {plural(len(empty), 'empty line')}{heard(at)}.", at)
    hit.frames = [*hit.frames, *(e.frame for e in empty[:5])]
    yield hit


_CHUNK = re.compile(
    rb"[ \t]*(FIRST|NEXT|LAST)\b.*?CHUNK[ \t]*=[ \t]*(.*)", re.IGNORECASE | re.DOTALL
)


@check(
    "xlink2state-overflow",
    group="security",
    severity="error",
    reference="CVE-2005-0560; MS05-021",
    wakes=("verb:X-LINK2STATE",),
    fires=r"""
        @G ; @E
        C "X-LINK2STATE LAST CHUNK={0000001c}" "A"*600 "\r\n" ; S "500 5.3.3 what?\r\n"
    """,
    silent=r"""
        SESSION client=10.0.0.1 server=10.0.0.2
        @G ; @E
        C "X-LINK2STATE LAST CHUNK={0000001c} MULTI (5) ({00000000000000000000000000000000})\r\n"
        S "200 LAST CHUNK={00000000} DONE\r\n"
    """,
)
def xlink2state_overflow(view: View, *, octets: int = 520) -> Iterator[Hit]:
    """An old Exchange attack command.

    Trigger: X-LINK2STATE with more than 520 octets (`octets`) behind CHUNK=, or its FIRST form
    from a client that is not in a private network.
    Advice: block the client; no software of today needs the command.
    Traps: Exchange servers up to 2003 used it among themselves, in short lines.
    Thresholds:
        octets (octets): that the buffer of the servers in question could take.
    """
    for exchange in view.exchanges("X-LINK2STATE"):
        chunk = _CHUNK.match(exchange.argument)
        if chunk is None or not view.clean(exchange):
            continue
        size = len(chunk[2].rstrip(b"\r\n"))
        stranger = chunk[1].upper() == b"FIRST" and not is_private(view.session.client.ip)
        if size > octets or stranger:
            why = f"{size} octets" if size > octets else "its first part, from a stranger"
            yield view.at(f"X-LINK2STATE came with {why}{heard(exchange)}.", exchange)


CHECKS = (command_private_x, command_obsolete, command_empty_line, xlink2state_overflow)
