"""What is told of one session, as values: the one source of every view of it.

The terminal's story, its ladder and the page of a report lay out the same account, so they say
the same. All text in it is safe to show; nothing is cut or coloured yet.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from msgspec import Struct

from smtpsniff.mail.received import hops
from smtpsniff.output.labels import ENDED, STARTTLS
from smtpsniff.output.layers import layer
from smtpsniff.output.units import count, moment, span
from smtpsniff.records import rfc3339
from smtpsniff.text import safe, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.mail.received import Hop
    from smtpsniff.records import (
        Entry,
        Finding,
        Message,
        MessageReply,
        Recipient,
        Session,
        Sides,
        Transaction,
    )

__all__ = ["Account", "Fact", "Line", "Mail", "Part", "Said", "account", "text_of", "tone_of"]

SUBJECT = 60  # columns of a subject beside its message
HOPS = 20  # stations shown of a message's way; the latest ones are those that can be trusted
ATTACHMENTS = 50  # shown of one message; the record has them all
NAME = 256  # the longest domain or address (RFC 5321 §4.5.3.1); what is longer is an attack
PARTS = {
    "connect": "connecting", "greeting": "waiting for the greeting", "tls": "setting up TLS",
    "server": "server", "client": "client", "network": "network", "loss": "lost packets",
    "transfer": "sending messages", "after_dot": "server, after the message", "unknown": "unknown",
}  # fmt: skip


class Said(Struct, frozen=True, gc=False):
    """A finding, and under it what follows from it: pairs of check and text.

    `frames` are written as those of lines are.
    """

    check: str
    severity: str
    confidence: str
    text: str
    count: int
    frames: list[str]
    hence: list[tuple[str, str]]


class Line(Struct, gc=False, omit_defaults=True):
    """One entry of the timeline. `time` is nanoseconds since 1970, `at` seconds since the session
    began, `wait` seconds since what it follows upon; `entry` is its index in the record.

    `tone` is ``error`` or ``warning`` for a refusal, ``dim`` for what nobody said, else empty;
    `phase` names the part of the session that it belongs to. `asked` is what a reply answers, as
    `smtp.verbs` names it; `verb`, `code` and `enhanced` are those of the record.
    """

    time: int
    at: float
    wait: float | None
    frame: str
    party: str
    kind: str
    phase: str
    tone: str
    text: list[str]
    findings: list[Said]
    verb: str = ""
    code: str = ""
    enhanced: str = ""
    asked: str = ""
    in_tls: bool = False
    entry: int = -1


class Fact(Struct, frozen=True, gc=False):
    """A name and what there is to say. `mark` is a word in it that an outcome's colour fits."""

    name: str
    text: str
    mark: str = ""


class Mail(Struct, frozen=True, gc=False):
    """One transaction."""

    title: str
    outcome: str
    facts: list[Fact]


class Part(Struct, frozen=True, gc=False):
    """A part of the session's time: its key in the record, words for it, seconds.

    `low` is the least it can have been, where that is markedly less.
    """

    key: str
    words: str
    seconds: float
    low: float | None = None


class Account(Struct, gc=False):
    """All there is to tell. `loose` findings belong to no line of the timeline.

    `start` is nanoseconds since 1970, `duration` seconds; times of the capture have `digits`
    decimals.
    """

    number: int
    outcome: str
    file: str
    verdict: str
    facts: list[Fact]
    display_filter: str
    loose: list[Said]
    lines: list[Line]
    mails: list[Mail]
    parts: list[Part]
    duration: float
    trouble: str
    start: int
    digits: int
    client: str
    server: str


def account(session: Session, files: list[str], digits: int) -> Account:
    """The account of a session. `files` are those of the run, times have `digits` decimals."""
    mails = session.transactions
    return Account(
        number=session.number,
        outcome=session.verdict.outcome,
        file=safe(files[session.file or 0]) if files else "",
        verdict=safe(session.verdict.text),
        facts=[f for f in _facts(session, files, digits) if f.text],
        display_filter=session.display_filter,
        loose=[_said(f) for f in session.findings if f.entry is None],
        lines=list(_lines(session)),
        mails=[
            _mail(mail, f"mail {index}" if len(mails) > 1 else "mail")
            for index, mail in enumerate(mails, 1)
        ],
        parts=_parts(session),
        duration=session.duration,
        trouble=_tcp(session),
        start=int(session.start),
        digits=digits,
        client=str(session.client),
        server=str(session.server),
    )


def _said(finding: Finding) -> Said:
    hence = [(related.check, safe(related.text)) for related in finding.related]
    return Said(
        finding.check, finding.severity, finding.confidence, safe(finding.text), finding.count,
        [_frame(frame, finding.file) for frame in finding.frames], hence,
    )  # fmt: skip


def _frame(frame: int, file: int | None) -> str:
    """``12``, or ``2:12`` where there are several files: the second one's."""
    return str(frame) if file is None else f"{file + 1}:{frame}"


# -- facts ---------------------------------------------------------------------------------


def _facts(session: Session, files: list[str], digits: int) -> Iterator[Fact]:
    yield Fact("client", f"{session.client!s}{_calls_itself(session)}")
    yield Fact("server", f"{session.server!s}{_greets(session)}")
    if session.encapsulation:
        yield Fact("through", ", ".join(map(layer, session.encapsulation)))
    yield Fact("time", _time(session, digits))
    yield Fact("TLS", _tls(session))
    yield Fact("certificate", _certificate(session))
    yield Fact("login", _logins(session))
    yield Fact("ended", f"{session.ended}: {ENDED.get(session.ended, '')}".rstrip(": "))
    yield Fact("missing", _missing(session))
    if files[1:]:
        own = sorted({session.file or 0, *(entry.file or 0 for entry in session.timeline)})
        yield Fact("file", ", ".join(f"{i + 1}: {safe(files[i])}" for i in own))
    yield Fact("community", session.community_id)


def _calls_itself(session: Session) -> str:
    helo = session.helo
    if helo is None:
        return ""
    fate = "which was refused" if helo.code else "which was not answered"
    return f"  {helo.verb} {shorten(safe(helo.name), NAME)}" + (
        "" if helo.accepted else f", {fate}"
    )


def _greets(session: Session) -> str:
    greeting = session.greeting
    return (
        f"  {shorten(safe(greeting.text.partition(chr(10))[0].strip()), NAME)}" if greeting else ""
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
    name = f", for {shorten(safe(tls.sni), NAME)}" if tls.sni else ""
    opened = ", opened with its keys" if tls.decrypted else ", not opened"
    if tls.unopened:
        opened += f": {safe(tls.unopened)}"
    begin = "by STARTTLS" if tls.how == "starttls" else "from the first byte"
    chosen = [safe(word) for word in (tls.cipher, tls.group) if word]
    if tls.resumed:
        chosen.append("an earlier session resumed")
    how = "".join(f", {word}" for word in chosen)
    return f"{version} {begin}, frame {tls.frame}{name}{how}{opened}"


def _certificate(session: Session) -> str:
    """The server's own certificate: whose, until when, which key, by whom."""
    if session.tls is None or not session.tls.certificates:
        return ""
    leaf = session.tls.certificates[0]
    parts = [shorten(safe(leaf.subject), NAME)]
    if leaf.not_after is not None:
        parts.append(f"until {rfc3339(leaf.not_after, 0)[:10]}")
    if leaf.key is not None:
        parts.append(f"{safe(leaf.key)} {leaf.bits or ''}".rstrip())
    own = leaf.issuer == leaf.subject
    parts.append("by itself" if own else f"by {shorten(safe(leaf.issuer), NAME)}")
    return ", ".join(parts)


def _logins(session: Session) -> str:
    logins = []
    for auth in session.auth or ():
        user = f" as {shorten(safe(auth.user), NAME)}" if auth.user else ""
        realm = f" of {shorten(safe(auth.realm), NAME)}" if auth.realm else ""
        behalf = f" for {shorten(safe(auth.authzid), NAME)}" if auth.authzid else ""
        method = safe(auth.mechanism) or "AUTH without a method"
        end = auth.result or auth.code or "no answer"
        if auth.code and auth.result in ("accepted", "refused"):
            end = f"{auth.result} ({auth.code})"
        shown = "".join(f"; {safe(k)} {safe(v)}" for k, v in (auth.secrets or {}).items())
        logins.append(f"{method}{user}{realm}{behalf}: {end}{shown}")
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


# -- the timeline --------------------------------------------------------------------------


def _lines(session: Session) -> Iterator[Line]:
    """A line for each entry, replies under what they answer, findings with their line."""
    under: dict[int, list[Finding]] = defaultdict(list)
    for finding in session.findings:
        if finding.entry is not None:
            under[finding.entry].append(finding)
    subjects = _subjects(session)
    many = session.file is not None
    phases = _phases(session.timeline)
    for index in _order(session.timeline):
        entry = session.timeline[index]
        yield Line(
            int(entry.time),
            (entry.time - session.start) / 1e9,
            entry.delay,
            _frame(entry.frame, (entry.file or 0) if many else None),
            entry.from_,
            entry.kind,
            phases[index],
            tone_of(entry),
            list(text_of(entry, subjects.get(index, ""))),
            [_said(finding) for finding in under.get(index, ())],
            entry.verb or "",
            entry.code or "",
            entry.enhanced or "",
            _asked(entry, session.timeline),
            entry.in_tls,
            index,
        )


# What else than a command a server answers.
_ASKED = {"end-of-data": "<eom>", "chunk": "BDAT", "auth": "<auth-response>"}


def _asked(entry: Entry, entries: list[Entry]) -> str:
    """What a reply answers; empty for what is no reply, or answers nothing that was seen."""
    if entry.kind == "greeting":
        return "<greeting>"
    if entry.answers is None or entry.answers >= len(entries):
        return ""
    asked = entries[entry.answers]
    return _ASKED.get(asked.kind) or asked.verb or "<unknown>"


def _order(entries: list[Entry]) -> list[int]:
    """Indices by time, but each reply after what it answers, and after that one's chunk."""
    replies: dict[int, list[int]] = defaultdict(list)
    for index, entry in enumerate(entries):
        if entry.answers is not None:
            replies[entry.answers].append(index)
    own = [index for index, entry in enumerate(entries) if entry.answers is None]
    order: list[int] = []
    due: list[int] = []
    for index in own:
        if entries[index].kind != "chunk":
            order += due
            due = []
        order.append(index)
        due += replies.get(index, ())
    return order + due


def _subjects(session: Session) -> dict[int, str]:
    """Entry index of each message's (last) part to its subject, where they can be told apart."""
    parts = [i for i, e in enumerate(session.timeline) if e.kind == "data"]
    mails = [t.message for t in session.transactions if t.message is not None]
    by_data = [message for message in mails if message.framing == "data"]
    if len(parts) != len(by_data):
        return {}
    return {
        index: safe(message.subject)
        for index, message in zip(parts, by_data, strict=True)
        if message.subject
    }


_BY_VERB = {
    "EHLO": "introduction", "HELO": "introduction", "LHLO": "introduction", "AUTH": "login",
    "STARTTLS": "TLS", "X-ANONYMOUSTLS": "TLS", "DATA": "message", "BDAT": "message",
    "QUIT": "goodbye",
}  # fmt: skip
_BY_KIND = {
    "connect": "connection", "greeting": "connection", "tls": "TLS", "close": "end", "reset": "end",
}  # fmt: skip
_SENDERS = ("MAIL", "SEND", "SOML", "SAML")


def _phases(entries: list[Entry]) -> list[str]:
    """The part of the session that each entry belongs to; a reply to that of its command."""
    mails = sum(entry.verb in _SENDERS for entry in entries)
    phases: list[str] = []
    now, mail = "connection", 0
    for entry in entries:
        if entry.answers is not None and entry.answers < len(phases):
            phases.append(phases[entry.answers])
            continue
        if entry.verb in _SENDERS:
            mail += 1
            now = f"mail {mail}" if mails > 1 else "mail"
        else:
            now = _BY_KIND.get(entry.kind) or _BY_VERB.get(entry.verb or "", now)
        phases.append(now)
    return phases


_SAYING = frozenset(("greeting", "command", "reply", "auth"))
_REFUSALS = {"4": "warning", "5": "error"}


def tone_of(entry: Entry) -> str:
    """What a line sounds like: ``error`` or ``warning`` for a refusal, ``dim`` for no words."""
    if entry.kind == "reply" and entry.code:
        return _REFUSALS.get(entry.code[0], "")
    return "" if entry.kind in _SAYING else "dim"


def text_of(entry: Entry, subject: str = "") -> Iterator[str]:
    """The entry's own lines: replies with their code as on the wire."""
    lines = [safe(line.removesuffix("\r")) for line in entry.text.split("\n")]
    if entry.kind in ("reply", "greeting") and entry.code:
        for line in lines[:-1]:
            yield f"{entry.code}-{line}"
        yield f"{entry.code} {lines[-1]}".rstrip()
        return
    if entry.kind == "data" and subject:
        lines[-1] += f", Subject: {shorten(subject, SUBJECT)}"
    elif entry.kind == "end-of-data":
        lines = [". (end of message)"]
    yield from lines


# -- mails ---------------------------------------------------------------------------------


def _mail(mail: Transaction, title: str) -> Mail:
    """Envelope, message and reply of one transaction."""
    sender = "(not seen)" if mail.mail_from is None else f"<{safe(mail.mail_from)}>"
    facts = [Fact("from", " ".join([sender, *map(safe, mail.params)]))]
    facts += [_recipient(recipient) for recipient in mail.recipients]
    if mail.message is not None:
        facts += _message(mail.message)
    if mail.reply is not None:
        facts.append(Fact("reply", _words(mail.reply)))
        if mail.reply.queue_id:
            facts.append(Fact("queue id", safe(mail.reply.queue_id)))
    return Mail(title, mail.outcome, facts)


def _words(reply: MessageReply) -> str:
    return f"{reply.code} {_flat(reply.text)} (frame {reply.frame})"


def _flat(text: str) -> str:
    return safe(text.replace("\n", " "))


def _recipient(recipient: Recipient) -> Fact:
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
    return Fact("to", f"{text}: {words}" if words else text, recipient.outcome)


def _message(message: Message) -> Iterator[Fact]:
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
            yield Fact(name, _flat(text))
    stations = hops(message.headers)
    for hop in stations[-HOPS:]:
        yield Fact("came by", _hop(hop))
    for attachment in (message.attachments or ())[:ATTACHMENTS]:
        name = shorten(safe(attachment.filename), NAME) if attachment.filename else "(no name)"
        what = f"{safe(attachment.content_type)}, {count(attachment.size, 'octet')}"
        yield Fact("attachment", f"{name}, {what}, SHA-256 {attachment.sha256 or 'unknown'}")


def _hop(hop: Hop) -> str:
    """A station of the way that the message says it came; each server tells of itself."""
    sender = hop.from_ or "(not said)"
    if hop.ip and hop.ip not in sender:
        sender += f" [{hop.ip}]"
    way = f"{sender} → {hop.by or '(not said)'}"
    if hop.with_:
        way += f" with {hop.with_}"
    if hop.delay is None:
        return shorten(safe(way), 2 * NAME) + (f", {hop.date}" if hop.date else "")
    later = f"{span(hop.delay)} later" if hop.delay >= 0 else f"{span(-hop.delay)} earlier"
    return f"{shorten(safe(way), 2 * NAME)}, {later}"


# -- where the time went, and what TCP had to repair -------------------------------------------


def _parts(session: Session) -> list[Part]:
    """Parts of the session's time that matter, the longest first."""
    delays = session.delays or {}
    bounds = delays.get("bounds", {})
    parts = [
        Part(key, PARTS[key], seconds, _least(bounds, key, seconds))
        for key, seconds in delays.items()
        if key in PARTS and seconds > 0.01 * session.duration and seconds >= 0.0005
    ]
    return sorted(parts, key=lambda part: (part.seconds, part.key), reverse=True)


MARKEDLY = 0.9  # a lower bound above this share of the whole tells a reader nothing


def _least(bounds: dict[str, list[float]], key: str, seconds: float) -> float | None:
    low = bounds[key][0] if key in bounds else seconds
    return low if low < MARKEDLY * seconds else None


def _tcp(session: Session) -> str:
    tcp = session.tcp
    parts = [
        f"{words} {numbers}"
        for words, sides in (
            ("sent again", tcp.retransmissions),
            ("of these needlessly", tcp.spurious),
            ("out of order", tcp.out_of_order),
            ("window closed", tcp.zero_windows),
            ("window full", tcp.window_full),
            ("keep-alives", tcp.keep_alives),
            ("bad checksums", tcp.bad_checksums),
            ("captured twice", tcp.mirrored),
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
