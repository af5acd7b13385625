"""What stories need to know of one session: little, and cheap to send between processes.

Made where the session was analysed, from its finished record, so that frames are those of its
file. Most sessions have attempts and no events; the strings are the record's own.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING

from msgspec import Struct, msgpack

if TYPE_CHECKING:
    from smtpsniff.records import Entry, Session, Transaction
    from smtpsniff.smtp.dialogue import Dialogue

__all__ = ["Event", "Facts", "Rcpt", "Try", "facts_of", "pack", "unpack"]

# What a story quotes of a reply; the session has all of it.
QUOTED = 160
# Events of one kind in one session that are kept; a session of a scanner can have thousands.
MAX_EVENTS = 200
# Recipients of one mail that are followed; RFC 5321 §4.5.3.1.8 asks servers to take 100.
MAX_RECIPIENTS = 1000

_LOGIN_FAILED = frozenset({"534", "535", "550", "554"})
_FAILED_TLS = frozenset({"failed", "refused", "fallback"})
_BOUNCE = re.compile(
    r"undeliver|delivery (?:status|failure|has failed|notification)|failure notice|returned mail"
    r"|mail (?:delivery|system error)|unzustellbar|non remis",
    re.IGNORECASE,
)
_VERIFIER = re.compile(r"(?:postmaster|verif|callout|probe|sender-check|double-bounce)", re.I)


class Rcpt(Struct, array_like=True, gc=False):
    """One recipient of an attempt."""

    address: str
    outcome: str
    code: str
    reason: str


class Try(Struct, array_like=True, gc=False):
    """One attempt at one mail: one transaction. `reply` is what settled it, if anything did."""

    session: int
    time: int
    frame: int
    file: int | None
    client: str
    client_port: int
    server: str
    port: int
    sender: str
    outcome: str
    reply: str
    recipients: list[Rcpt]
    size: str = ""  # as declared with SIZE=
    message_id: str = ""
    digest: str = ""
    sent: bool = False  # the whole message left the client
    heard: bool = True  # something of the server's side was captured


class Event(Struct, array_like=True, gc=False):
    """Something notable in a session, of a kind that patterns count."""

    kind: str
    what: str = ""
    detail: str = ""
    frame: int = 0


class Facts(Struct, array_like=True, gc=False):
    """One session. `failed`: why it never came to a dialogue, or empty."""

    number: int
    start: int
    end: int
    frame: int
    file: int | None
    client: str
    server: str
    port: int
    failed: str
    starttls: str
    accepted: int  # recipients
    refused: int
    tries: list[Try]
    events: list[Event]


_encode = msgpack.Encoder().encode
_decode = msgpack.Decoder(Facts).decode


def pack(facts: Facts) -> bytes:
    """Facts for another process."""
    return _encode(facts)


def unpack(packed: bytes) -> Facts:
    """Facts from another process."""
    return _decode(packed)


def facts_of(session: Session, dialogue: Dialogue | None) -> Facts:
    """The facts of a finished record, with the dialogue that it was made of."""
    client, server = session.client, session.server
    facts = Facts(  # times as plain integers, which can be packed
        session.number, session.start + 0, session.end + 0, session.first_frame, session.file,
        client.ip, server.ip, server.port, "", session.starttls or "", 0, 0, [], [],
    )  # fmt: skip
    for mail in session.transactions:
        facts.tries.append(_try(session, mail, facts))
    greeting = session.greeting
    if session.ended in ("refused", "unreachable"):
        facts.failed = "no answer" if session.ended == "unreachable" else "connection refused"
    elif greeting is not None and greeting.code[0] in "45":
        facts.failed = _quoted(f"{greeting.code} {greeting.text}")
        if greeting.code[0] == "4":
            facts.events.append(Event("rate-limited", greeting.code, "", greeting.frame))
    topics = dialogue.topics if dialogue is not None else ()
    if session.auth and dialogue is not None:
        _logins(session, dialogue, facts)
    if "verb:VRFY" in topics or "verb:EXPN" in topics:
        _questions(session, facts)
    if session.starttls in _FAILED_TLS:
        facts.events.append(Event("tls-failed", session.starttls or "", "", facts.frame))
    elif session.starttls == "not-offered":
        _not_offered(session, facts, "masked" in topics)
    return facts


def _try(session: Session, mail: Transaction, facts: Facts) -> Try:
    """One transaction; its recipients are counted in `facts`."""
    recipients = []
    for person in mail.recipients[:MAX_RECIPIENTS]:
        outcome, reason = person.outcome, person.reason or ""
        recipients.append(Rcpt(person.address, outcome, person.code or "", reason))
        if outcome == "accepted":
            facts.accepted += 1
        elif outcome in ("rejected", "deferred"):
            facts.refused += 1
            _refusal(reason, outcome, person.address, person.frame or 0, facts)
    frame, reply = _settled(mail)
    attempt = Try(
        0, facts.end, frame or session.first_frame, session.file,
        session.client.ip, session.client.port, session.server.ip, session.server.port,
        mail.mail_from or "", mail.outcome, reply, recipients,
    )  # fmt: skip
    if frame:
        attempt.time = _time_of(session.timeline, frame, facts.end)
    attempt.heard = bool(reply) or any(person.code for person in recipients)
    for word in mail.params:
        if word[:5].upper() == "SIZE=":
            attempt.size = word[5:]
    message = mail.message
    if message is not None:
        attempt.message_id = message.message_id or ""
        attempt.digest = (message.sha256 or "")[:16]
        attempt.sent = message.complete
    if not attempt.sender and recipients and mail.mail_from is not None:
        _null_sender(session, mail, attempt, facts)
    elif (
        len(recipients) == 1
        and message is None
        and mail.outcome == "aborted"
        and _VERIFIER.match(attempt.sender)
    ):
        facts.events.append(Event("callout", recipients[0].address, "", attempt.frame))
    return attempt


def _refusal(reason: str, outcome: str, address: str, frame: int, facts: Facts) -> None:
    """Refusals that patterns count."""
    if len(facts.events) >= MAX_EVENTS:
        return
    if reason in ("unknown-user", "mailbox-disabled") and outcome == "rejected":
        facts.events.append(Event("unknown-user", address, "", frame))
    elif reason == "rate-limit":
        facts.events.append(Event("rate-limited", reason, "", frame))


def _null_sender(session: Session, mail: Transaction, attempt: Try, facts: Facts) -> None:
    """MAIL FROM:<>: a notice, or the question whether an address exists."""
    address = attempt.recipients[0].address
    message = mail.message
    if message is not None:
        words = f"{message.subject or ''} {message.from_ or ''}"
        bounce = _BOUNCE.search(words) or "mailer-daemon" in words.lower()
        facts.events.append(Event("notice", address, "bounce" if bounce else "", attempt.frame))
    elif len(mail.recipients) == 1 and len(session.transactions) <= 3:
        facts.events.append(Event("callout", address, "", attempt.frame))


def _settled(mail: Transaction) -> tuple[int, str]:
    """Frame and text of the reply that settled a mail; (0, "") if none did."""
    reply = mail.reply
    if reply is not None:
        return reply.frame, _quoted(f"{reply.code} {reply.text}")
    for person in mail.recipients:
        if person.outcome in ("deferred", "rejected"):
            if person.final is not None:
                return person.final.frame, _quoted(f"{person.final.code} {person.final.text}")
            return person.frame or 0, _quoted(f"{person.code} {person.text}")
    return (mail.recipients[-1].frame or 0, "") if mail.recipients else (0, "")


def _quoted(text: str) -> str:
    return (text.replace("\n", " ") if "\n" in text else text)[:QUOTED]


def _time_of(timeline: list[Entry], frame: int, otherwise: int) -> int:
    for entry in reversed(timeline):
        if entry.frame == frame:
            return entry.time + 0
    return otherwise


def _logins(session: Session, dialogue: Dialogue, facts: Facts) -> None:
    """Logins that failed or succeeded: who, and a digest that tells equal attempts from others."""
    for login, exchange in zip(session.auth or (), dialogue.auths, strict=False):
        if len(facts.events) >= MAX_EVENTS:
            return
        secret = b"".join([exchange.line, *_responses(dialogue, exchange.end)])
        digest = blake2b(secret, digest_size=8).hexdigest()
        if login.code in _LOGIN_FAILED:
            facts.events.append(Event("login-failed", login.user or "", digest, login.frame))
        elif login.code == "235":
            facts.events.append(Event("login-accepted", login.user or "", digest, login.frame))


def _responses(dialogue: Dialogue, end: int) -> list[bytes]:
    """The client's lines of a login behind the AUTH command that ends at this offset."""
    lines = []
    for exchange in dialogue.exchanges:
        if exchange.start >= end:
            if exchange.verb != "<auth-response>":
                break
            lines.append(exchange.line)
    return lines


def _questions(session: Session, facts: Facts) -> None:
    """VRFY and EXPN, with the code of the answer."""
    asked: dict[int, str] = {}
    for index, entry in enumerate(session.timeline):
        if entry.verb in ("VRFY", "EXPN"):
            asked[index] = entry.text
        elif entry.answers in asked and len(facts.events) < MAX_EVENTS:
            facts.events.append(
                Event("question", asked[entry.answers], entry.code or "", entry.frame)
            )


def _not_offered(session: Session, facts: Facts, masked: bool) -> None:
    """No STARTTLS for a client that asked for the list of extensions, with EHLO."""
    hello = session.helo
    if hello is None or hello.verb != "EHLO" or not hello.accepted:
        facts.starttls = ""  # nobody can tell
    elif masked:
        words = [e.keyword for e in session.extensions or () if not e.keyword.strip("XA")]
        facts.events.append(Event("masked", ",".join(words), "", facts.frame))
