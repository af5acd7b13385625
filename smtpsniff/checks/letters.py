"""What checks of messages share: which are known whole, and what the server made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.offers import parameters, replied
from smtpsniff.smtp.reasons import classify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity, Transaction
    from smtpsniff.smtp.body import Body
    from smtpsniff.smtp.model import Exchange, Letter

__all__ = ["blamed", "headers", "is_binary", "judged", "verdict", "whole"]

# Refusals that may be about the form of a message; the others name another cause.
_FORMAL = frozenset({"protocol", "policy-unspecified"})


def whole(view: View) -> Iterator[tuple[Letter, Body, Exchange]]:
    """Messages of which no byte is missing, with their DATA or first BDAT."""
    for letter in view.dialogue.letters:
        body, data = letter.body, letter.data
        if body is not None and data is not None and not body.missing and view.clean(data):
            yield letter, body, data


def headers(view: View, topic: str) -> Iterator[tuple[Letter, Exchange, Transaction]]:
    """Letters whose header is known whole and of which `topic` was noted, with their records."""
    records = iter(view.session.transactions)
    for letter in view.dialogue.letters:
        if letter.void:
            continue
        record = next(records, None)
        body, data = letter.body, letter.data
        if record is None or body is None or data is None or body.missing:
            continue
        if topic in body.notable and view.clean(data):
            yield letter, data, record


def is_binary(letter: Letter) -> bool:
    """Whether the client said that the message is no text (RFC 3030 §3)."""
    return letter.mail is not None and any(
        name == "BODY" and value.upper() == "BINARYMIME" for name, value in parameters(letter.mail)
    )


def blamed(letter: Letter) -> bool:
    """Whether the message was refused, and for no other reason than its form."""
    eom = letter.eom
    if eom is None or eom.reply is None or not eom.refused:
        return False
    reply = eom.reply
    return classify(reply.code, reply.enhanced, reply.text, "<eom>").label in _FORMAL


def judged(letter: Letter) -> Severity | None:
    """An error where the server refused the message for its form; else the check's own."""
    return "error" if blamed(letter) else None


def verdict(letter: Letter) -> str:
    """Why the server refused the message, as the end of a sentence; empty if it did not."""
    return replied(letter.eom) if letter.eom is not None and letter.eom.refused else ""
