"""BDAT in its order: what comes behind the last piece, or behind a refused one (RFC 3030 §2)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from smtpsniff.checks.asking import had, heard, over, places, unbroken, unbroken_replies
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import answer, plural, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity
    from smtpsniff.smtp.model import Exchange, Letter

__all__ = ["CHECKS"]

# What may come between the pieces of a message.
_BETWEEN = frozenset({"BDAT", "BURL", "NOOP", "<empty>"})
_GIVEN_UP = frozenset({"RSET", "QUIT"})


@check(
    "bdat-missing-last",
    group="extension",
    severity="warning",
    reference="RFC 3030 §2",
    wakes=("hanging",),
    fires=r"""
        @T
        C "BDAT 4\r\nhi\r\n"
        S "250 2.0.0 Ok\r\n"
        @M
    """,
    silent=r"""
        @T
        C "BDAT 4\r\nhi\r\n"
        S "250 2.0.0 Ok\r\n"
        C "BDAT 0 LAST\r\n"
        S "250 2.0.0 Ok\r\n"
        @M
    """,
)
def bdat_missing_last(view: View) -> Iterator[Hit]:
    """The letter was never declared finished.

    Trigger: a piece of a message was accepted, none was marked as the last, and a command came
    that does not belong between pieces, or the connection ended.
    Advice: a fault of the client; the server has thrown the pieces away.
    Traps: RSET and QUIT give the message up, a note. After a refused piece that is in order.
    Where DATA follows it is bdat-mixed-with-data, and a piece that was cut off is
    bdat-chunk-incomplete.
    """
    if not unbroken(view) or not unbroken_replies(view):
        return
    if "verb:BURL" in view.topics:
        return  # it may have brought the last piece
    pieces: dict[int, list[Exchange]] = {}
    for exchange in view.exchanges("BDAT"):
        pieces.setdefault(id(exchange.letter), []).append(exchange)
    at = places(view)
    for letter in view.dialogue.letters:
        body, own = letter.body, pieces.get(id(letter))
        if body is None or body.complete or letter.eom is not None or own is None:
            continue
        if all(e.accepted and view.clean(e) for e in own):
            yield from _unfinished(view, own, at[id(own[-1])] + 1)


def _unfinished(view: View, pieces: list[Exchange], behind: int) -> Iterator[Hit]:
    """The end of a message whose pieces were all accepted and none was the last."""
    exchanges = view.dialogue.exchanges
    last = pieces[-1]
    following = (exchanges[i] for i in range(behind, len(exchanges)))
    after = next((e for e in following if e.verb not in _BETWEEN), None)
    if after is not None and after.verb == "DATA":
        return
    severity: Severity | None = None
    if after is not None:
        how = f"then {said(after)} came{heard(after)}"
        severity = "note" if after.verb in _GIVEN_UP else None
    elif over(view) and not view.dialogue.chunk_left:
        how = "then the connection ended"
    else:
        return
    count = plural(len(pieces), "piece")
    yield view.at(
        f"{count} of the message came, the last with {said(last)}; none was marked LAST, {how}.",
        last,
        severity=severity,
    )


@check(
    "bdat-after-last",
    group="extension",
    severity="error",
    reference="RFC 3030 §2",
    wakes=("no-mail",),
    fires=r"""
        @T
        C "BDAT 4 LAST\r\nhi\r\n"
        S "250 2.0.0 Ok\r\n"
        C "BDAT 4 LAST\r\nhi\r\n"
        S "503 5.5.1 need MAIL\r\n"
    """,
    silent=r"""
        @T
        C "BDAT 4 LAST\r\nhi\r\n"
        S "250 2.0.0 Ok\r\n"
        @M
        @R
        C "BDAT 4 LAST\r\nhi\r\n"
        S "250 2.0.0 Ok\r\n"
    """,
)
def bdat_after_last(view: View) -> Iterator[Hit]:
    """More pieces after "that was the last piece".

    Trigger: BDAT behind a BDAT with LAST, without a new MAIL between them.
    Advice: a fault of the client.
    Traps: behind RSET or EHLO it is data-without-rcpt.
    """
    at = places(view)
    for before, letter in pairwise(view.dialogue.letters):
        last, piece = before.eom, letter.data
        if last is None or last.verb != "BDAT" or letter.mail is not None:
            continue
        if piece is None or piece.verb != "BDAT":
            continue
        between = view.dialogue.exchanges[at[id(last)] + 1 : at[id(piece)]]
        if any(e.verb not in _BETWEEN for e in between):
            continue
        if view.clean(last) and view.clean(piece) and unbroken(view):
            hit = view.at(f"{said(piece)} came behind {said(last)}{heard(piece)}.", piece)
            hit.frames = [last.frame, *hit.frames]
            yield hit


@check(
    "bdat-after-failure",
    group="extension",
    severity="error",
    reference="RFC 3030 §2",
    wakes=("refused:BDAT",),
    fires=r"""
        @T
        C "BDAT 4\r\nhi\r\n"
        S "452 4.3.1 no space\r\n"
        C "BDAT 4 LAST\r\nhi\r\n"
        S "503 5.5.1 no\r\n"
    """,
    silent=r"""
        @T
        C "BDAT 4\r\nhi\r\nBDAT 4 LAST\r\nhi\r\n"
        S "452 4.3.1 no space\r\n503 5.5.1 no\r\n"
    """,
)
def bdat_after_failure(view: View) -> Iterator[Hit]:
    """The sender kept feeding pieces after a refusal.

    Trigger: the client had the refusal (4yz or 5yz) of one piece and sent another of the same
    message, without RSET.
    Advice: a fault of the client; it must give the message up.
    Traps: pieces that were on their way when the refusal came are as they should be.
    """
    refused: dict[int, Exchange] = {}
    for exchange in view.exchanges("BDAT"):
        letter: Letter | None = exchange.letter
        before = refused.get(id(letter))
        if before is not None and before.reply is not None and had(view, exchange, before.reply):
            if view.clean(exchange) and view.clean(before) and unbroken(view):
                hit = view.at(
                    f"The server had refused {said(before)} with {answer(before.reply)}, but the "
                    f"client went on with {said(exchange)}{heard(exchange)}.",
                    exchange,
                )
                hit.frames = [before.reply.frame, *hit.frames]
                yield hit
        elif exchange.refused:
            refused.setdefault(id(letter), exchange)


CHECKS = (bdat_missing_last, bdat_after_last, bdat_after_failure)
