"""BDAT: sizes that do not fit, and two ways of sending in one mail (RFC 3030 §2)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from smtpsniff.checks.asking import commands, heard, unbroken
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import said
from smtpsniff.checks.view import quote
from smtpsniff.smtp.commands import MAX_CHUNK, parse_bdat
from smtpsniff.smtp.extensions import EXTENSIONS
from smtpsniff.smtp.verbs import VERBS
from smtpsniff.tcp.stream import MODULUS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.smtp.model import Exchange

__all__ = ["CHECKS"]


@check(
    "bdat-syntax",
    group="extension",
    severity="error",
    reference="RFC 3030 §2",
    wakes=("odd-chunk",),
    fires=r"""
        @T
        C "BDAT LAST 4\r\n"
        S "501 5.5.4 Syntax: BDAT count [LAST]\r\n"
    """,
    silent=r"""
        @T
        C "BDAT 4 last \r\nhi\r\n"
        S "250 2.0.0 Ok\r\n"
    """,
)
def bdat_syntax(view: View) -> Iterator[Hit]:
    """The chunk command is malformed, and what follows is raw data.

    Trigger: BDAT is not followed by a number of octets, and LAST or nothing behind it; or the
    number is too large for any message.
    Advice: correct the client; strict servers hang up at once.
    Traps: blanks at the end are harmless, and LAST may be written in any case.
    """
    for exchange in commands(view):
        if exchange.verb == "BDAT" and parse_bdat(exchange.argument)[0] is None:
            number = exchange.argument.split()[:1]
            huge = bool(number) and number[0].isdigit() and int(number[0][:30]) > MAX_CHUNK
            what = "a size that no message has" if huge else "no number of octets and LAST"
            yield view.at(f"{said(exchange)} gives {what}{heard(exchange)}.", exchange)


@check(
    "bdat-chunk-incomplete",
    group="extension",
    severity="error",
    reference="RFC 3030 §2",
    wakes=("hanging",),
    fires=r"""
        @T
        C "BDAT 100 LAST\r\nSubject: t\r\n\r\nhi\r\n"
        +5 RST C
    """,
    silent=r"""
        @T
        C "BDAT 18 LAST\r\nSubject: t\r\n\r\nhi\r\n"
        RST C
    """,
)
def bdat_chunk_incomplete(view: View) -> Iterator[Hit]:
    """The chunk was cut off; the mail was not delivered.

    Trigger: the session ended before as many octets had come as BDAT had announced.
    Advice: look at how the connection ended, and who ended it.
    Traps: where the capture just ends it is a note; octets that were lost in the capture alone
    are not missed.
    """
    left = view.dialogue.chunk_left
    chunk = next((e for e in reversed(view.dialogue.exchanges) if e.verb == "BDAT"), None)
    size = parse_bdat(chunk.argument)[0] if chunk is not None else None
    if not left or chunk is None or size is None or chunk.body is None or not view.clean(chunk):
        return
    fin, stream = view.client.fin, view.client.stream
    if fin is not None and fin.seq != stream.top() & MODULUS:
        return  # its last octets are missing from the capture
    yield view.at(
        f"{said(chunk)} announced {size} octets, but only {max(size - left, 0)} of them came "
        f"before the {'connection' if view.closed else 'capture'} ended.",
        chunk,
        severity=None if view.closed else "note",
    )


@check(
    "bdat-size-mismatch",
    group="extension",
    severity="error",
    reference="RFC 3030 §2",
    wakes=("verb:BDAT",),
    fires=r"""
        @T
        C "BDAT 2 LAST\r\nhi\r\nQUIT\r\n"
        S "250 2.0.0 Ok\r\n500 5.5.2 bad syntax\r\n221 2.0.0 Bye\r\n"
    """,
    silent=r"""
        @T
        C "BDAT 4 LAST\r\nhi\r\nQUIT\r\n"
        S "250 2.0.0 Ok\r\n221 2.0.0 Bye\r\n"
    """,
)
def bdat_size_mismatch(view: View, *, nearby: int = 64) -> Iterator[Hit]:
    """The sender announced one size and sent another, so everything after is misread.

    Trigger: what follows the announced octets is no command, and the server refuses it with 5yz,
    or a command begins a few octets (`nearby`) further on.
    Advice: a fault of the client, or a device on the way rewrote the text.
    Traps: not told where bytes are missing: then nobody can count.
    Thresholds:
        nearby (octets): a command this close to where the chunk should end shows where it did.
    """
    for chunk, after in pairwise(view.dialogue.exchanges):
        size, _ = parse_bdat(chunk.argument) if chunk.verb == "BDAT" else (None, False)
        if size is None or chunk.body is None or not _no_command(after):
            continue
        if not (view.clean(chunk) and view.clean(after) and unbroken(view)):
            continue
        refused = after.reply is not None and after.reply.kind == 5
        if refused or _command_near(view, after, nearby):
            yield view.at(
                f"{said(chunk)} announced {size} octets, but what follows them is "
                f"{quote(after.line)}, no command{heard(after)}.",
                after,
            )


def _no_command(exchange: Exchange) -> bool:
    verb = exchange.verb
    return verb == "<empty>" or (verb not in VERBS and verb not in EXTENSIONS)


def _command_near(view: View, exchange: Exchange, nearby: int) -> bool:
    """Whether the line behind this one is a command, and not far."""
    exchanges = view.dialogue.exchanges
    following = exchanges[exchanges.index(exchange) + 1 :][:1]
    if len(exchange.line) > nearby or not following:
        return False
    return not _no_command(following[0])


@check(
    "bdat-mixed-with-data",
    group="extension",
    severity="error",
    reference="RFC 3030 §2",
    wakes=("verb:BDAT",),
    fires=r"""
        @T
        C "BDAT 4\r\nhi\r\n"
        S "250 2.0.0 Ok\r\n"
        C "DATA\r\n"
        S "503 5.5.1 DATA after BDAT\r\n"
    """,
    silent=r"""
        @T
        C "BDAT 4 LAST\r\nhi\r\n"
        S "250 2.0.0 Ok\r\n"
        @M
        @R
        @D
        C "hi\r\n"
        @X
    """,
)
def bdat_mixed_with_data(view: View) -> Iterator[Hit]:
    """Two ways of sending the letter were mixed.

    Trigger: DATA and BDAT in one mail.
    Advice: a fault of the client.
    Traps: after RSET or a new MAIL either may be used.
    """
    if "verb:DATA" not in view.topics:
        return
    first: Exchange | None = None
    for exchange in view.exchanges("DATA", "BDAT"):
        if first is not None and first.letter is exchange.letter and first.verb != exchange.verb:
            if view.clean(first) and view.clean(exchange) and unbroken(view):
                hit = view.at(
                    f"{said(exchange)} was sent in the mail that {said(first)} had begun to send"
                    f"{heard(exchange)}.",
                    exchange,
                )
                hit.frames = [first.frame, *hit.frames]
                yield hit
        elif first is None or first.letter is not exchange.letter:
            first = exchange


CHECKS = (bdat_syntax, bdat_chunk_incomplete, bdat_size_mismatch, bdat_mixed_with_data)
