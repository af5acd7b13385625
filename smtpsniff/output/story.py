"""One session for people: verdict, facts, what was said, what became of each mail.

Plain text of it can be pasted into a ticket as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.output.labels import ENDED, OUTCOMES, STARTTLS
from smtpsniff.output.paint import pad, wrap
from smtpsniff.output.row import address
from smtpsniff.output.timeline import finding_lines, timeline
from smtpsniff.output.units import count, moment, span
from smtpsniff.text import safe, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.output.paint import Paint
    from smtpsniff.records import Message, MessageReply, Recipient, Session, Sides, Transaction

__all__ = ["story"]

LABEL = 14  # columns of the names of facts
RECIPIENTS_SHOWN = 100  # on a terminal
_PARTS = {
    "connect": "connecting", "greeting": "waiting for the greeting", "tls": "setting up TLS",
    "server": "server", "client": "client", "network": "network", "loss": "lost packets",
    "transfer": "sending messages", "after_dot": "server, after the message", "unknown": "unknown",
}  # fmt: skip


def story(session: Session, files: list[str], digits: int, paint: Paint) -> Iterator[str]:
    """All lines."""
    yield from _title(session, files, paint)
    yield ""
    yield from _facts(session, files, digits, paint)
    loose = [finding for finding in session.findings if finding.entry is None]
    if loose:
        yield ""
        for finding in loose:
            yield from finding_lines(finding, paint, 0)
    if session.timeline:
        yield ""
        yield from timeline(session, paint)
    for index, mail in enumerate(session.transactions, 1):
        yield ""
        yield from _mail(mail, f"mail {index}" if len(session.transactions) > 1 else "mail", paint)
    yield from _remarkable(session, paint)


def _title(session: Session, files: list[str], paint: Paint) -> Iterator[str]:
    verdict = session.verdict
    word = paint(verdict.outcome, OUTCOMES[verdict.outcome].style)
    where = f" ({safe(files[session.file or 0])})" if files else ""
    yield f"{paint(f'session {session.number}', 'head')}: {word}{where}"
    yield from wrap(safe(verdict.text), paint.width)


def _fact(name: str, text: str, paint: Paint) -> Iterator[str]:
    """A name and what there is to say, wrapped beside it."""
    width = None if paint.width is None else paint.width - LABEL
    for index, line in enumerate(wrap(text, width)):
        yield (paint(pad(name, LABEL), "dim") if not index else " " * LABEL) + line


def _facts(session: Session, files: list[str], digits: int, paint: Paint) -> Iterator[str]:
    facts = {
        "client": f"{address(session.client)}{_calls_itself(session)}",
        "server": f"{address(session.server)}{_greets(session)}",
        "time": _time(session, digits),
        "TLS": _tls(session),
        "login": _logins(session),
        "ended": f"{session.ended}: {ENDED.get(session.ended, '')}".rstrip(": "),
        "missing": _missing(session),
        "file": ", ".join(f"{i}: {safe(f)}" for i, f in enumerate(files, 1)) if files[1:] else "",
        "community": session.community_id,
    }
    for name, text in facts.items():
        if text:
            yield from _fact(name, text, paint)
    # In one piece, to be copied.
    yield paint(pad("wireshark", LABEL), "dim") + session.display_filter


def _calls_itself(session: Session) -> str:
    helo = session.helo
    if helo is None:
        return ""
    refused = "" if helo.accepted else ", which was refused"
    return f"  {helo.verb} {shorten(safe(helo.name), 256)}{refused}"


def _greets(session: Session) -> str:
    greeting = session.greeting
    return (
        f"  {shorten(safe(greeting.text.partition(chr(10))[0].strip()), 256)}" if greeting else ""
    )


def _time(session: Session, digits: int) -> str:
    frames = f"frames {session.first_frame}-{session.last_frame}"
    when = f"{moment(session.start, digits)} UTC, {span(session.duration)}"
    return f"{when}, {count(session.packets, 'packet')}, {frames}"


def _tls(session: Session) -> str:
    tls = session.tls
    if tls is None:
        return STARTTLS.get(session.starttls or "", "")
    version = safe(tls.version or "TLS")
    name = f", for {safe(tls.sni)}" if tls.sni else ""
    opened = "" if tls.decrypted else ", not opened"
    begin = "by STARTTLS" if tls.how == "starttls" else "from the first byte"
    return f"{version} {begin}, frame {tls.frame}{name}{opened}"


def _logins(session: Session) -> str:
    logins = []
    for auth in session.auth or ():
        user = f" as {shorten(safe(auth.user), 256)}" if auth.user else ""
        logins.append(f"{safe(auth.mechanism)}{user}: {auth.code or 'no answer'}")
    return "; ".join(logins)


def _missing(session: Session) -> str:
    """What the capture lacks."""
    complete = session.complete
    parts = []
    if not complete.start:
        parts.append("the beginning")
    for side, octets in (("client", complete.gaps.client), ("server", complete.gaps.server)):
        if octets:
            parts.append(f"{count(octets, 'octet')} of the {side}")
    if not complete.end:
        parts.append("the end")
    return ", ".join(parts)


def _mail(mail: Transaction, title: str, paint: Paint) -> Iterator[str]:
    """Envelope, message and reply of one transaction."""
    style = OUTCOMES[mail.outcome].style
    yield f"{paint(title, 'head')}: {paint(mail.outcome, style)}"
    sender = "(not seen)" if mail.mail_from is None else f"<{safe(mail.mail_from)}>"
    yield from _fact("  from", " ".join([sender, *map(safe, mail.params)]), paint)
    people = mail.recipients
    shown = people if paint.width is None else people[:RECIPIENTS_SHOWN]
    for recipient in shown:
        yield from _recipient(recipient, paint)
    if len(people) > len(shown):
        yield from _fact("  to", f"and {len(people) - len(shown)} more", paint)
    if mail.message is not None:
        yield from _message(mail.message, paint)
    if mail.reply is not None:
        yield from _fact("  reply", _words(mail.reply), paint)
        if mail.reply.queue_id:
            yield from _fact("  queue id", safe(mail.reply.queue_id), paint)


def _words(reply: MessageReply) -> str:
    return f"{reply.code} {_flat(reply.text)} (frame {reply.frame})"


def _flat(text: str) -> str:
    return safe(text.replace("\n", " "))


_RECIPIENT_STYLES = {"accepted": "good", "deferred": "warning", "rejected": "error"}


def _recipient(recipient: Recipient, paint: Paint) -> Iterator[str]:
    """Who, what became of it, and the words that decided it where they are its own."""
    words = ""
    final = recipient.final
    if recipient.outcome in ("deferred", "rejected"):
        if final is not None:
            words = _words(final)
        elif recipient.code:
            frame = f" (frame {recipient.frame})" if recipient.frame else ""
            words = f"{recipient.code} {_flat(recipient.text or '')}{frame}"
    reason = f" ({recipient.reason})" if recipient.reason else ""
    text = f"<{safe(recipient.address)}> {recipient.outcome}{reason}"
    lines = list(_fact("  to", f"{text}: {words}" if words else text, paint))
    style = _RECIPIENT_STYLES.get(recipient.outcome, "dim")
    marked = f" {recipient.outcome}"
    for line in lines:
        if marked in line:
            head, _, tail = line.rpartition(marked) if not words else line.partition(marked)
            line, marked = f"{head} {paint(recipient.outcome, style)}{tail}", "\0"
        yield line


def _message(message: Message, paint: Paint) -> Iterator[str]:
    size = f"{count(message.size, 'octet')}"
    if not message.complete:
        size += ", not complete"
    if message.framing == "bdat":
        size += ", by BDAT"
    facts = {
        "message": size, "sha256": message.sha256, "From:": message.from_, "To:": message.to,
        "Cc:": message.cc, "Subject:": message.subject, "Date:": message.date,
        "Message-ID:": message.message_id,
    }  # fmt: skip
    for name, text in facts.items():
        if text:
            yield from _fact(f"  {name}", _flat(text), paint)


def _remarkable(session: Session, paint: Paint) -> Iterator[str]:
    """Where the time went, and what TCP had to repair."""
    parts = [
        (seconds, part)
        for part, seconds in (session.delays or {}).items()
        if part in _PARTS and seconds > 0.01 * session.duration and seconds >= 0.0005
    ]
    trouble = _tcp(session)
    if parts or trouble:
        yield ""
    if parts:
        parts.sort(reverse=True)
        text = ", ".join(f"{_PARTS[part]} {span(seconds)}" for seconds, part in parts)
        yield from _fact("time went", text, paint)
    if trouble:
        yield from _fact("TCP", trouble, paint)


def _tcp(session: Session) -> str:
    tcp = session.tcp
    parts = [
        f"{words} {numbers}"
        for words, sides in (
            ("sent again", tcp.retransmissions),
            ("out of order", tcp.out_of_order),
            ("window closed", tcp.zero_windows),
            ("bad checksums", tcp.bad_checksums),
        )
        if (numbers := _sides(sides))
    ]
    if not parts:
        return ""
    trips = [f"{who} {span(trip)}" for who, trip in
             (("client", tcp.rtt.client), ("server", tcp.rtt.server)) if trip]  # fmt: skip
    if trips:
        parts.append(f"round trip to {' and '.join(trips)}")
    return "; ".join(parts)


def _sides(sides: Sides | None) -> str:
    if sides is None:
        return ""
    both = (("client", sides.client), ("server", sides.server))
    return ", ".join(f"{number} by the {who}" for who, number in both if number)
