"""Checks of how big a message is and of its bytes beyond ASCII (RFC 1870, RFC 6152)."""

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
    return eom.reply.code == 552 or (eom.reply.enhanced or "")[1:] == ".3.4"


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
    "body-8bit-without-8bitmime",
    group="extension",
    severity="warning",
    reference="RFC 5321 §2.4, RFC 6152 §3",
    wakes=("eight-bit",),
    fires=r"""
        @T ; @D ; C "Subject: t\r\n\r\nna\xc3\xafve\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
    silent=r"""
        @G ; @E ; C "MAIL FROM:<s@a.example.net> BODY=8BITMIME\r\n" ; S "250 2.1.0 Ok\r\n" ; @R
        @D ; C "Subject: t\r\n\r\nna\xc3\xafve\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
)
def body_8bit_without_8bitmime(view: View) -> Iterator[Hit]:
    """The mail contains special characters, sent without asking whether the server can carry them.

    Trigger: a byte above 127 in the message, and MAIL had neither BODY=8BITMIME or BINARYMIME nor
        SMTPUTF8; an error if the server does not offer 8BITMIME, or refused because of it.
    Advice: switch 8BITMIME on in the client, or encode the message.
    Traps: harmless where the server offers 8BITMIME and took the message, so never an error there.
    """
    for letter in view.dialogue.letters:
        body, mail = letter.body, letter.mail
        if body is None or not body.eight_bit or mail is None or not view.clean(mail):
            continue
        if any(
            name == "SMTPUTF8" or (name == "BODY" and value.upper() in ("8BITMIME", "BINARYMIME"))
            for name, value in parameters(mail)
        ):
            continue
        eom = letter.eom
        offered = view.offered(mail, "8BITMIME")
        reply = eom.reply if eom is not None else None
        blamed = reply is not None and (reply.enhanced or "")[:4] in ("5.6.", "4.6.")
        yield view.at(
            "The message has bytes above 127, but MAIL did not say BODY=8BITMIME"
            + ("" if offered is not False else ", which the server had not offered")
            + (replied(eom) if eom is not None else "") + ".",
            eom or mail, severity="error" if offered is False or blamed else None,
        )  # fmt: skip


SIZE_CHECKS = (
    size_declared_exceeds_limit,
    size_message_exceeds_limit,
    body_8bit_without_8bitmime,
)
