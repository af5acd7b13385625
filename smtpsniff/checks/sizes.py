"""Checks of how big a message is, and of what was said of it before (RFC 1870)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.offers import envelopes, parameters, replied
from smtpsniff.checks.registry import Hit, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.smtp.model import Exchange, Letter

__all__ = ["SIZE_CHECKS", "size_limit"]

# RFC 1870 §3: SIZE has at most 20 digits. Longer ones are nonsense, and costly to convert.
MAX_DIGITS = 20


def _number(text: str) -> int:
    """A number of the wire; 0 if it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else 0


def size_limit(exchange: Exchange | None) -> int:
    """The largest message the server said it takes; 0 if it named none (RFC 1870 §4)."""
    if exchange is None or exchange.hello is None:
        return 0
    offered = exchange.hello.offered.get("SIZE")
    return _number(offered[0]) if offered else 0


def _refused_for_size(letter: Letter | None) -> bool:
    eom = letter.eom if letter is not None else None
    if eom is None or eom.reply is None or not eom.refused:
        return False
    return eom.reply.code in (552, 452) or (eom.reply.enhanced or "")[1:] == ".3.4"


@check(
    "size-declared-exceeds-limit",
    group="extension",
    severity="warning",
    reference="RFC 1870 §4, §6.1",
    wakes=("parameters",),
    fires=r"""
        @G ; @E ; C "MAIL FROM:<s@a.example.net> SIZE=10001\r\n" ; S "552 5.3.4 Too big\r\n"
    """,
    silent=r"""
        @G ; @E ; C "MAIL FROM:<s@a.example.net> SIZE=10000\r\n" ; S "250 2.1.0 Ok\r\n"
    """,
)
def size_declared_exceeds_limit(view: View) -> Iterator[Hit]:
    """The sender announced a mail bigger than the server takes.

    Trigger: SIZE=n of MAIL is above the limit of the EHLO reply; an error if the server refused.
    Advice: send a smaller mail, or raise the limit.
    Traps: SIZE without a number, or with 0, names no limit; a server may be generous.
    """
    for exchange, pairs in envelopes(view):
        declared = next((_number(value) for name, value in pairs if name == "SIZE"), 0)
        limit = size_limit(exchange)
        if exchange.verb != "MAIL" or not 0 < limit < declared:
            continue
        failed = exchange.refused or _refused_for_size(exchange.letter)
        took = " and took it all the same" if exchange.accepted else ""
        yield view.at(
            f"The client announced {declared} octets to a server that takes {limit}"
            f"{took}{replied(exchange)}.",
            exchange, severity="error" if failed else None,
        )  # fmt: skip


@check(
    "size-message-exceeds-limit",
    group="extension",
    severity="error",
    reference="RFC 1870 §4, §6.3",
    wakes=("data",),
    fires=r"""
        @G ; C "EHLO a.example.net\r\n" ; S "250-mx.example\r\n250 SIZE 10\r\n" ; @M ; @R ; @D
        C "Subject: t\r\n\r\nhi\r\n.\r\n" ; S "552 5.3.4 Too big\r\n"
    """,
    silent=r"""
        @T ; @D ; @H ; @X
    """,
)
def size_message_exceeds_limit(view: View) -> Iterator[Hit]:
    """The letter itself was heavier than the server takes.

    Trigger: the size of the message, without doubled dots and the last line, is above the limit
        of the EHLO reply.
    Advice: let the client look at SIZE before it sends; send less, or raise the limit.
    Traps: where bytes were not captured their number is taken from TCP, which is likely but not
        certain.
    """
    for letter in view.dialogue.letters:
        body, data = letter.body, letter.data
        limit = size_limit(data)
        if body is None or data is None or not 0 < limit < body.size or not view.clean(data):
            continue
        at = letter.eom or data
        yield view.at(
            f"The message has {body.size} octets, the server takes {limit}{replied(at)}.",
            at, confidence="likely" if body.missing else "certain",
        )  # fmt: skip


@check(
    "size-declared-mismatch",
    group="extension",
    severity="note",
    reference="RFC 1870 §6, §6.3",
    wakes=("size-off",),
    fires=r"""
        @G ; @E ; C "MAIL FROM:<s@a.example.net> SIZE=9000\r\n" ; S "250 2.1.0 Ok\r\n" ; @R ; @D
        @H ; @X
    """,
    silent=r"""
        @G ; @E ; C "MAIL FROM:<s@a.example.net> SIZE=900\r\n" ; S "250 2.1.0 Ok\r\n" ; @R ; @D
        @H ; @X
    """,
)
def size_declared_mismatch(
    view: View, *, percent: float = 10.0, octets: int = 1024
) -> Iterator[Hit]:
    """The announced and the real size differ.

    Trigger: the size of the message is further from SIZE=n of its MAIL than `percent` of n and
        than `octets`; a warning where it is larger and the server refused it for its size.
    Advice: nothing, where it is a little; else ask what changed the message on its way out, such
        as a scanner or the conversion of line ends.
    Traps: doubled dots and the last line do not count. Many programs announce the size in their
        queue, where line ends have one octet. Messages that were cut off, or that the capture has
        in part only, are not judged.
    Thresholds:
        percent (%, at least 1): a difference up to this is an estimate.
        octets (octets, at least 100): and so is one up to this.
    """
    for letter in view.dialogue.letters:
        body, mail = letter.body, letter.mail
        if body is None or mail is None or body.missing or not body.complete:
            continue
        text = next((value for name, value in parameters(mail) if name == "SIZE"), "")
        off = body.size - _number(text)
        if not text or abs(off) <= max(_number(text) * percent / 100, octets):
            continue
        if view.clean(mail) and (letter.eom is None or view.clean(letter.eom)):
            refused = off > 0 and _refused_for_size(letter)
            yield view.at(
                f"MAIL announced {_number(text)} octets, the message has {body.size}"
                f"{replied(letter.eom) if letter.eom is not None else ''}.",
                letter.eom or mail, severity="warning" if refused else None,
            )  # fmt: skip


SIZE_CHECKS = (
    size_declared_exceeds_limit,
    size_message_exceeds_limit,
    size_declared_mismatch,
)
