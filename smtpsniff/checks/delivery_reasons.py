"""One check for each reason why a server refuses or puts off a mail (D.12), made from a table.

Why a reply was given is decided once, in `smtpsniff.smtp.reasons`; here the refusals of a session
are gathered, grouped by what the server said, and told with the recipients they hit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from smtpsniff.checks.delivery_table import ROWS, Row
from smtpsniff.checks.registry import Check, Hit, check
from smtpsniff.checks.view import quote
from smtpsniff.smtp.enhanced import site_of
from smtpsniff.smtp.reasons import check_of, classify, skeleton
from smtpsniff.text import safe, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smtpsniff.checks.view import View
    from smtpsniff.records import Recipient, Transaction
    from smtpsniff.smtp.model import Exchange, Letter, Reply

__all__ = ["REASON_CHECKS", "Refusal", "names"]

# Recipients named in one finding; the record has all of them.
NAMED = 5
# Width of an address in a list of them: longer than nearly all (RFC 5321 allows 254).
ADDRESS_WIDTH = 80
# Codes with which STARTTLS is demanded of a login; 534 and 538 have a check of their own.
_TLS_FIRST = frozenset({421, 451, 530, 554})


class Refusal(NamedTuple):
    """One recipient, sender or login that was refused."""

    who: str
    label: str
    code: int
    enhanced: str | None
    text: str
    exchange: Exchange
    frame: int
    letter: Letter | None
    record: Transaction | None


def names(addresses: Iterable[str]) -> str:
    """Up to five different names, and how many more there are."""
    different = list(dict.fromkeys(addresses))
    shown = different[:NAMED]
    told = ", ".join(shown)
    if (
        not (told.isascii() and told.isprintable())
        or max(map(len, shown), default=0) > ADDRESS_WIDTH
    ):
        told = ", ".join([shorten(safe(name), ADDRESS_WIDTH) for name in shown])
    return told + (f" and {len(different) - NAMED} more" if len(different) > NAMED else "")


def _settled_by(letter: Letter, rcpt: Exchange, recipient: Recipient) -> Exchange:
    """What the server was answering when it refused this recipient."""
    if recipient.final is None:
        return rcpt
    for exchange in (letter.mail, letter.data):
        if exchange is not None and exchange.refused:
            return exchange
    return letter.eom or rcpt


def _of_recipient(
    letter: Letter, record: Transaction, rcpt: Exchange, recipient: Recipient
) -> Refusal:
    final = recipient.final
    by = _settled_by(letter, rcpt, recipient)
    if final is not None:
        code, enhanced, text, frame = final.code, final.enhanced, final.text, final.frame
    else:
        code, enhanced = recipient.code or "", recipient.enhanced
        text, frame = recipient.text or "", recipient.frame or 0
    reason = recipient.reason or ""
    who = _sender(record) if reason == "sender-rejected" else recipient.address
    return Refusal(who, reason, int(code or 0), enhanced, text, by, frame, letter, record)


def _sender(record: Transaction) -> str:
    return f"the sender <{record.mail_from or ''}>"


def _without_recipients(letter: Letter, record: Transaction) -> tuple[str, Exchange] | None:
    """What was refused of a letter in which no recipient was named: MAIL, or the message."""
    if letter.mail is not None and letter.mail.refused:
        return _sender(record), letter.mail
    if letter.eom is not None and letter.eom.refused:
        return "the message", letter.eom
    return None


def _classified(
    view: View, who: str, exchange: Exchange, reply: Reply,
    letter: Letter | None = None, record: Transaction | None = None,
) -> Refusal:  # fmt: skip
    greeting = view.session.greeting
    site = site_of(greeting.text, greeting.text) if greeting is not None else None
    label = classify(reply.code, reply.enhanced, reply.text, exchange.verb, site).label
    return Refusal(
        who, label, reply.code, reply.enhanced, reply.text, exchange, reply.frame, letter, record
    )


def _gather(view: View) -> dict[str, list[Refusal]]:
    """All refusals of a session by the check that tells them."""
    found: dict[str, list[Refusal]] = {}

    def add(refusal: Refusal) -> None:
        if view.clean(refusal.exchange):
            found.setdefault(check_of(refusal.label, refusal.code), []).append(refusal)

    letters = (letter for letter in view.dialogue.letters if not letter.void)
    for letter, record in zip(letters, view.session.transactions, strict=False):
        for rcpt, recipient in zip(letter.recipients, record.recipients, strict=False):
            if recipient.reason is not None:
                add(_of_recipient(letter, record, rcpt, recipient))
        if not letter.recipients and (refused := _without_recipients(letter, record)):
            who, exchange = refused
            if exchange.reply is not None:
                add(_classified(view, who, exchange, exchange.reply, letter, record))
    for login in view.dialogue.auths:
        if login.reply is not None and login.reply.code in _TLS_FIRST:
            refusal = _classified(view, "the login", login, login.reply)
            if refusal.label == "tls-required":
                add(refusal)
    return found


_last: list[tuple[View, dict[str, list[Refusal]]]] = []


def refusals(view: View) -> dict[str, list[Refusal]]:
    """As `_gather`, remembered for the twenty checks that ask of the same session in a row."""
    if not _last or _last[0][0] is not view:
        _last[:] = [(view, _gather(view))]
    return _last[0][1]


def _without_address(refusal: Refusal) -> str:
    """What the server said, but for the recipient it says it of."""
    return refusal.text.replace(refusal.who, "") if refusal.who else refusal.text


def _groups(refusals: list[Refusal]) -> Iterable[tuple[str, list[Refusal]]]:
    """Refusals that say the same, but for addresses and numbers."""
    first = refusals[0]
    plain = _without_address(first)
    if all(r.code == first.code and _without_address(r) == plain for r in refusals[1:]):
        return [("", refusals)]  # by far the most, and without a search for all that varies
    groups: dict[str, list[Refusal]] = {}
    keys: dict[tuple[int, str], str] = {}
    for refusal in refusals:
        said = refusal.code, refusal.text
        if said not in keys:
            keys[said] = f"{refusal.code} {refusal.label} {skeleton(refusal.text)}"
        groups.setdefault(keys[said], []).append(refusal)
    return groups.items()


def _hits(view: View, row: Row, refusals: list[Refusal]) -> list[Hit]:
    """A hit for each refusal; those of a group have one text and are counted together."""
    hits: list[Hit] = []
    for key, group in _groups(refusals):
        first = group[0]
        words = quote(f"{first.code:03d} {first.text}".replace("\n", " "))
        more = row.detail(view, first) if row.detail is not None else ""
        text = f"{row.lead}: {names(r.who for r in group)}; the server said {words}{more}."
        severity = row.severity if first.code >= 500 else row.later or row.severity
        if row.rank is not None:
            severity = row.rank(view, first)
        for r in group:
            at = r.exchange
            frames = (at.first_frame, at.frame, r.frame)
            hits.append(Hit(text, frames, at.time, at.entry, severity, key=key))
    return hits


def _document(row: Row) -> str:
    return (
        f"{row.sentence}\n\nTrigger: {row.trigger}\nAdvice: {row.advice}\n"
        f"Traps: {row.traps or 'none known.'}"
    )


def _make(row: Row) -> Check:
    def rule(view: View) -> Iterable[Hit]:
        found = refusals(view).get(row.id)
        return _hits(view, row, found) if found else ()

    rule.__doc__ = _document(row)
    rule.__name__ = rule.__qualname__ = row.id.replace("-", "_")
    return check(
        row.id, group="delivery", severity=row.severity, reference=row.reference,
        wakes=(f"reason:{row.id}",), fires=row.fires, silent=row.silent,
    )(rule)  # fmt: skip


REASON_CHECKS = tuple(_make(row) for row in ROWS)
