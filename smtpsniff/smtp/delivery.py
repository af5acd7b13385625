"""From letters to transactions: what became of each recipient, and why (D.12).

The wire shows what the server said it would do, never more: `accepted` means that it took
the message for this recipient.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.mail import queue_id, read_headers
from smtpsniff.records import Message, MessageReply, Recipient, Transaction
from smtpsniff.smtp.reasons import classify
from smtpsniff.tcp.stream import covers
from smtpsniff.text import decode

if TYPE_CHECKING:
    from smtpsniff.records import Outcome
    from smtpsniff.smtp.body import Body
    from smtpsniff.smtp.dialogue import Dialogue
    from smtpsniff.smtp.model import Exchange, Letter, Reply

__all__ = ["address_of", "transaction"]

_PATH = re.compile(rb"(?:FROM|TO)[ \t]*:[ \t]*(<(?:\"(?:[^\"\\]|\\.)*\"|[^>\"])*>?|[^ \t<]*)", re.I)
# The common case, which a simple expression finds in a third of the time.
_PLAIN_PATH = re.compile(rb"(?:FROM|TO):<([!#-;=?-~]*)>", re.IGNORECASE)
_REFUSALS: dict[int, Outcome] = {4: "deferred", 5: "rejected"}


def address_of(argument: bytes) -> tuple[str, list[str]]:
    """Address without its brackets, and the parameters, of ``FROM:<path> params`` (§4.1.2)."""
    plain = _PLAIN_PATH.match(argument)
    if plain is not None:
        return plain[1].decode(), [decode(word) for word in argument[plain.end() :].split()]
    match = _PATH.match(argument)
    if match is None:
        return decode(argument), []
    path = match[1]
    if path.startswith(b"<"):
        path = path[1:-1] if path.endswith(b">") else path[1:]
    rest = argument[match.end() :].split()
    return decode(path), [decode(word) for word in rest]


def message_reply(reply: Reply, *, with_id: bool = False) -> MessageReply:
    """The reply that settled something."""
    return MessageReply(
        f"{reply.code:03d}", reply.text, reply.frame, reply.enhanced,
        queue_id(reply.text) if with_id and reply.kind == 2 else None,
    )  # fmt: skip


def _reason(exchange: Exchange, reply: Reply, site: str | None) -> str:
    return classify(reply.code, reply.enhanced, reply.text, exchange.verb, site).label


def _settling(letter: Letter) -> tuple[Exchange, Reply] | None:
    """The refusal that hits every accepted recipient: of DATA, BDAT, or of the message."""
    for exchange in (letter.data, letter.eom):
        if exchange is not None and exchange.reply is not None and exchange.reply.kind in (4, 5):
            return exchange, exchange.reply
    return None


def _recipient_replies(dialogue: Dialogue, letter: Letter) -> dict[int, Reply]:
    """LMTP and PRDR: the message's reply for each accepted recipient, by identity."""
    eom = letter.eom
    if eom is None or not eom.replies:
        return {}
    replies = eom.replies
    if replies[0].code == 353:
        replies = replies[1:]
    elif not dialogue.lmtp:
        return {}
    accepted = [r for r in letter.recipients if r.accepted]
    return {id(r): reply for r, reply in zip(accepted, replies, strict=False)}


def _recipient(
    letter: Letter, rcpt: Exchange, own: Reply | None, site: str | None, lmtp: bool
) -> Recipient:
    """One RCPT and what became of it."""
    address, _ = address_of(rcpt.argument)
    reply = rcpt.reply
    record = Recipient(address, "unknown")
    if reply is not None:
        record.code, record.enhanced = f"{reply.code:03d}", reply.enhanced
        record.text, record.frame = reply.text, reply.frame
    outcome, final, by = _fate(letter, rcpt, own, lmtp)
    record.outcome = outcome
    if final is not None and outcome in ("deferred", "rejected"):
        record.reason = _reason(by, final, site)
    if final is not None and final is not reply and outcome != "unknown":
        record.final = message_reply(final, with_id=own is not None)
    return record


def _fate(
    letter: Letter, rcpt: Exchange, own: Reply | None, lmtp: bool
) -> tuple[Outcome, Reply | None, Exchange]:
    """Outcome, the reply that settled it, and what that reply answered."""
    reply = rcpt.reply
    mail = letter.mail
    if mail is not None and mail.refused and (reply is None or reply.kind != 2):
        # The refusal of MAIL is the root; RCPT's 503 only follows from it.
        return _REFUSALS[mail.reply.kind], mail.reply, mail  # type: ignore[union-attr]
    if reply is None:
        return "unknown", None, rcpt
    if reply.kind in (4, 5):
        return _REFUSALS[reply.kind], reply, rcpt
    if reply.kind != 2:
        return "unknown", reply, rcpt
    eom = letter.eom
    if own is not None and eom is not None:
        return _REFUSALS.get(own.kind, "accepted"), own, eom
    settled = _settling(letter)
    if settled is not None:
        by, final = settled
        return _REFUSALS[final.kind], final, by
    if eom is not None and eom.reply is not None and eom.reply.kind == 2 and not lmtp:
        return "accepted", eom.reply, eom
    if letter.data is None and letter.ended_by:
        return "abandoned", None, rcpt
    return "unknown", None, rcpt


def _message(body: Body) -> Message:
    """What is known of the message."""
    message = Message(body.size, body.framing, body.complete and not body.missing, [], body.sha256)
    if body.size:
        headers = read_headers(body.head)
        if (body.head_complete or body.complete) and not body.head_cut:
            body.notable = headers.notable
        message.headers = headers.fields
        message.subject, message.from_ = headers.subject, headers.from_
        message.to, message.cc = headers.to, headers.cc
        message.date, message.message_id = headers.date, headers.message_id
    if not message.complete:
        message.sha256 = None
    return message


def _outcome(letter: Letter, recipients: list[Recipient]) -> str:
    """The transaction's own outcome, from what became of its recipients."""
    mail = letter.mail
    if mail is not None and mail.refused:
        return _REFUSALS[mail.reply.kind]  # type: ignore[union-attr]
    seen = {r.outcome for r in recipients}
    accepted = "accepted" in seen
    if accepted and len(seen) == 1:
        return "delivered"
    if accepted:
        return "partial"
    body = letter.body
    if body is not None and body.complete and letter.eom is not None and letter.eom.reply is None:
        return "ambiguous"
    eom = letter.eom
    if not recipients and eom is not None and eom.reply is not None:
        return {2: "delivered", 4: "deferred", 5: "rejected"}.get(eom.reply.kind, "unknown")
    if seen and seen <= {"rejected", "deferred"}:
        return "rejected" if "rejected" in seen else "deferred"
    if "rejected" in seen or "deferred" in seen:
        worst = "rejected" if "rejected" in seen else "deferred"
        return worst if "unknown" not in seen else "unknown"
    if letter.ended_by or (body is not None and not body.complete and not body.missing):
        return "aborted"
    return "unknown"


def transaction(dialogue: Dialogue, letter: Letter, site: str | None, over: bool) -> Transaction:
    """The record of one letter. `over`: the connection was seen to end."""
    sender: str | None = None
    params: list[str] = []
    if letter.mail is not None:
        sender, params = address_of(letter.mail.argument)
    own = _recipient_replies(dialogue, letter)
    recipients = [
        _recipient(letter, rcpt, own.get(id(rcpt)), site, dialogue.lmtp)
        for rcpt in letter.recipients
    ]
    outcome = _outcome(letter, recipients)
    if outcome == "unknown" and over and letter.data is None and _fully_answered(letter):
        outcome = "aborted"
    if outcome == "ambiguous" and _closed_before(dialogue, letter.body):
        outcome = "aborted"
    if outcome == "aborted":
        for recipient in recipients:
            if recipient.outcome == "unknown":
                recipient.outcome = "abandoned"
    record = Transaction(
        mail_from=sender,
        params=params,
        recipients=recipients,
        outcome=outcome,  # type: ignore[arg-type]
    )
    if letter.body is not None and (
        letter.body.size or letter.body.complete or letter.body.missing
    ):
        record.message = _message(letter.body)
    eom = letter.eom
    if eom is not None and eom.replies:
        record.reply = message_reply(eom.replies[-1], with_id=True)
    return record


def _closed_before(dialogue: Dialogue, body: Body | None) -> bool:
    """Whether the server had closed its side before it got the end of the message."""
    server = dialogue.connection.sides[1 - dialogue.client]
    if server.fin is None or server.fin.ack < 0 or body is None or dialogue.swapped:
        return False
    return not covers(server.fin.ack, dialogue.c.stream.after(body.end))


def _fully_answered(letter: Letter) -> bool:
    """Whether the server had answered all there was, so that the client is who stopped."""
    sent = [letter.mail, *letter.recipients]
    return all(e is not None and e.reply is not None for e in sent)
