"""Which tables there are, and their columns: name, kind and meaning, with where each value is.

The first column of every table is ``session``, the session's number; it is given when the row
leaves (`rows.py`), so nothing is listed for it here. An absent value is NULL.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SESSION", "TABLES", "Column", "Kind", "Table"]

Kind = Literal["int", "float", "bool", "text", "time"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `of` takes its value from what the table has a row for (`rows.py`)."""

    name: str
    kind: Kind
    about: str
    of: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Table:
    """One table; `columns` are those behind ``session``."""

    name: str
    about: str
    columns: tuple[Column, ...]


SESSION = Column("session", "int", "the session's number, which joins all tables", lambda: None)


def _side(facts: str, side: str) -> Callable[..., Any]:
    return lambda s: getattr(getattr(s.tcp, facts), side)


def _delay(part: str) -> Callable[..., Any]:
    return lambda s: (s.delays or {}).get(part)


def _findings(severity: str) -> Callable[..., Any]:
    return lambda s: sum(1 for f in s.findings if f.severity == severity)


def _maybe(thing: Any, name: str) -> Any:  # noqa: ANN401
    """A field of what may be absent."""
    return None if thing is None else getattr(thing, name)


def _login(s: Any, name: str) -> Any:  # noqa: ANN401
    """Of the login that counted: the last one."""
    return getattr(s.auth[-1], name) if s.auth else None


def domain_of(address: str | None) -> str | None:
    """The part behind the last @ in lower case; None where there is none."""
    domain = (address or "").rpartition("@")[2] if "@" in (address or "") else ""
    return domain.lower() or None


_PARTS = (
    ("connect", "connecting"), ("greeting", "waiting for the greeting"),
    ("tls", "setting up TLS"), ("server", "the server"), ("client", "the client"),
    ("network", "the network's round trips"), ("loss", "lost packets"),
    ("transfer", "sending messages"), ("after_dot", "the server, after the message"),
    ("unknown", "whom, cannot be told"),
)  # fmt: skip

_SESSIONS = (
    Column("file", "int", "index into the files of the run, where there are several",
           lambda s: s.file),
    Column("protocol", "text", "smtp, lmtp, tls or unknown", lambda s: s.protocol),
    Column("client_ip", "text", "who connected", lambda s: s.client.ip),
    Column("client_port", "int", "from which port", lambda s: s.client.port),
    Column("server_ip", "text", "to whom", lambda s: s.server.ip),
    Column("server_port", "int", "to which port", lambda s: s.server.port),
    Column("start_time", "time", "of its first packet", lambda s: s.start),
    Column("end_time", "time", "of its last packet", lambda s: s.end),
    Column("duration", "float", "seconds between them", lambda s: s.duration),
    Column("packets", "int", "packets of both sides", lambda s: s.packets),
    Column("first_frame", "int", "of its first packet", lambda s: s.first_frame),
    Column("last_frame", "int", "of its last packet", lambda s: s.last_frame),
    Column("outcome", "text", "of the verdict: delivered, rejected, deferred ...",
           lambda s: s.verdict.outcome),
    Column("cause", "text", "the check that heads it", lambda s: s.verdict.cause),
    Column("verdict", "text", "what became of it in one sentence", lambda s: s.verdict.text),
    Column("ended", "text", "how the connection ended", lambda s: s.ended),
    Column("greeting_code", "text", "reply code of the greeting",
           lambda s: _maybe(s.greeting, "code")),
    Column("greeting_text", "text", "what the server said first",
           lambda s: _maybe(s.greeting, "text")),
    Column("greeting_delay", "float", "seconds until it came",
           lambda s: _maybe(s.greeting, "delay")),
    Column("helo", "text", "how the client called itself", lambda s: _maybe(s.helo, "name")),
    Column("auth_mechanism", "text", "of the last login", lambda s: _login(s, "mechanism")),
    Column("auth_user", "text", "of the last login", lambda s: _login(s, "user")),
    Column("auth_code", "text", "what the server answered to it", lambda s: _login(s, "code")),
    Column("starttls", "text", "not-offered, unused, refused, failed, completed ...",
           lambda s: s.starttls),
    Column("tls_version", "text", "as chosen by the server", lambda s: _maybe(s.tls, "version")),
    Column("tls_cipher", "text", "as chosen by the server", lambda s: _maybe(s.tls, "cipher")),
    Column("tls_sni", "text", "the name that the client asked for", lambda s: _maybe(s.tls, "sni")),
    Column("mails", "int", "rows of transactions", lambda s: len(s.transactions)),
    Column("errors", "int", "findings that are errors, consequences not counted",
           _findings("error")),
    Column("warnings", "int", "findings that are warnings, consequences not counted",
           _findings("warning")),
    *(Column(f"delay_{part}", "float", f"seconds that went to {words}", _delay(part))
      for part, words in _PARTS),
    *(Column(f"rtt_{side}", "float", f"seconds of the round trip from the tap to the {side}",
             _side("rtt", side)) for side in ("client", "server")),
    *(Column(f"retransmissions_{side}", "int", f"segments sent again by the {side}",
             _side("retransmissions", side)) for side in ("client", "server")),
    Column("start_seen", "bool", "whether the capture has the handshake",
           lambda s: s.complete.start),
    Column("end_seen", "bool", "whether the capture has the end", lambda s: s.complete.end),
    Column("gap_client", "int", "octets of the client that were never captured",
           lambda s: s.complete.gaps.client),
    Column("gap_server", "int", "octets of the server that were never captured",
           lambda s: s.complete.gaps.server),
    Column("community_id", "text", "Community ID v1", lambda s: s.community_id),
    Column("display_filter", "text", "selects it in Wireshark", lambda s: s.display_filter),
)  # fmt: skip

_TRANSACTIONS = (
    Column("transaction", "int", "1 for the session's first mail, as in mail 1 of show",
           lambda n, t: n),
    Column("mail_from", "text", "the envelope's sender; empty for a bounce",
           lambda n, t: t.mail_from),
    Column("sender_domain", "text", "its domain, in lower case",
           lambda n, t: domain_of(t.mail_from)),
    Column("params", "text", "parameters of MAIL", lambda n, t: " ".join(t.params) or None),
    Column("outcome", "text", "delivered, partial, deferred, rejected, ambiguous, aborted, unknown",
           lambda n, t: t.outcome),
    Column("recipients", "int", "rows of recipients", lambda n, t: len(t.recipients)),
    Column("framing", "text", "data or bdat", lambda n, t: _maybe(t.message, "framing")),
    Column("size", "int", "octets of the message, without SMTP's own dots",
           lambda n, t: _maybe(t.message, "size")),
    Column("sha256", "text", "of these octets, where all were captured",
           lambda n, t: _maybe(t.message, "sha256")),
    Column("complete", "bool", "whether all of the message was captured",
           lambda n, t: _maybe(t.message, "complete")),
    Column("subject", "text", "of the header", lambda n, t: _maybe(t.message, "subject")),
    Column("header_from", "text", "of the header", lambda n, t: _maybe(t.message, "from_")),
    Column("header_to", "text", "of the header", lambda n, t: _maybe(t.message, "to")),
    Column("header_cc", "text", "of the header", lambda n, t: _maybe(t.message, "cc")),
    Column("header_date", "text", "of the header, as it was written",
           lambda n, t: _maybe(t.message, "date")),
    Column("message_id", "text", "of the header", lambda n, t: _maybe(t.message, "message_id")),
    Column("reply_code", "text", "of the reply to the message",
           lambda n, t: _maybe(t.reply, "code")),
    Column("reply_enhanced", "text", "its enhanced status code",
           lambda n, t: _maybe(t.reply, "enhanced")),
    Column("reply_text", "text", "its text", lambda n, t: _maybe(t.reply, "text")),
    Column("reply_frame", "int", "where it is", lambda n, t: _maybe(t.reply, "frame")),
    Column("queue_id", "text", "what the server's log calls the mail",
           lambda n, t: _maybe(t.reply, "queue_id")),
)  # fmt: skip

_RECIPIENTS = (
    Column("transaction", "int", "of which mail", lambda n, i, r: n),
    Column("recipient", "int", "1 for the mail's first RCPT", lambda n, i, r: i),
    Column("address", "text", "as in RCPT", lambda n, i, r: r.address),
    Column("domain", "text", "its domain, in lower case", lambda n, i, r: domain_of(r.address)),
    Column("outcome", "text", "accepted, deferred, rejected, abandoned, unknown",
           lambda n, i, r: r.outcome),
    Column("reason", "text", "of a refusal, in one word (smtpsniff explain has them)",
           lambda n, i, r: r.reason),
    Column("code", "text", "of the reply to RCPT", lambda n, i, r: r.code),
    Column("enhanced", "text", "its enhanced status code", lambda n, i, r: r.enhanced),
    Column("text", "text", "its text", lambda n, i, r: r.text),
    Column("frame", "int", "where it is", lambda n, i, r: r.frame),
    Column("final_code", "text", "of the reply that settled it, where that is another",
           lambda n, i, r: _maybe(r.final, "code")),
    Column("final_enhanced", "text", "its enhanced status code",
           lambda n, i, r: _maybe(r.final, "enhanced")),
    Column("final_text", "text", "its text", lambda n, i, r: _maybe(r.final, "text")),
    Column("final_frame", "int", "where it is", lambda n, i, r: _maybe(r.final, "frame")),
)  # fmt: skip

_EVENTS = (
    Column("entry", "int", "its place in the record's timeline, from 0", lambda i, e: i),
    Column("time", "time", "of its last octet", lambda i, e: e.time),
    Column("frame", "int", "of its last octet", lambda i, e: e.frame),
    Column("first_frame", "int", "of its first octet", lambda i, e: e.frames[0]),
    Column("file", "int", "index into the files of the run, where there are several",
           lambda i, e: e.file),
    Column("party", "text", "who: client, server or network", lambda i, e: e.from_),
    Column("kind", "text", "connect, greeting, command, reply, data, close ...",
           lambda i, e: e.kind),
    Column("verb", "text", "of a command, in upper case", lambda i, e: e.verb),
    Column("code", "text", "of a reply", lambda i, e: e.code),
    Column("enhanced", "text", "enhanced status code of a reply", lambda i, e: e.enhanced),
    Column("text", "text", "what was said", lambda i, e: e.text),
    Column("answers", "int", "of a reply: the entry that it answers", lambda i, e: e.answers),
    Column("delay", "float", "seconds since what it follows upon", lambda i, e: e.delay),
    Column("size", "int", "octets of a message, a chunk or a gap", lambda i, e: e.size),
    Column("in_tls", "bool", "whether it came in TLS", lambda i, e: e.in_tls),
)  # fmt: skip

_FINDINGS = (
    Column("finding", "int", "1 for the session's headline", lambda n, root, f: n),
    Column("root", "int", "of a consequence: the finding that it follows from",
           lambda n, root, f: root),
    Column("check_id", "text", "which check (smtpsniff explain has them)",
           lambda n, root, f: f.check),
    Column("severity", "text", "error, warning or note", lambda n, root, f: f.severity),
    Column("confidence", "text", "certain, likely or possible", lambda n, root, f: f.confidence),
    Column("time", "time", "when", lambda n, root, f: f.time),
    Column("frame", "int", "the first that proves it",
           lambda n, root, f: f.frames[0] if f.frames else None),
    Column("file", "int", "index into the files of the run, where there are several",
           lambda n, root, f: f.file),
    Column("entry", "int", "of events, that it speaks of", lambda n, root, f: f.entry),
    Column("count", "int", "how often", lambda n, root, f: f.count),
    Column("text", "text", "what was found, in a sentence", lambda n, root, f: f.text),
)  # fmt: skip

TABLES = (
    Table("sessions", "one row a TCP connection", _SESSIONS),
    Table("transactions", "one row a mail (MAIL and what followed)", _TRANSACTIONS),
    Table("recipients", "one row a RCPT and what became of it", _RECIPIENTS),
    Table("events", "one row a line of the timeline", _EVENTS),
    Table("findings", "one row a thing that a check found", _FINDINGS),
)
