"""What other tools state of the corpus, one claim a field, each held against our records.

Not counted, for they are no statements about the dialogue or the mail: alerts, digests of what a
peer makes of a body, and what it derives from Received fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from corpus.corpus_views import (
    Event,
    Piece,
    addresses,
    count,
    dialogue,
    events_of,
    fields_of,
    header,
    md5,
    pieces_in,
    sessions_in,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


class Claim(NamedTuple):
    """One statement: `place` tells where in the truth it stands."""

    file: str
    place: str
    field: str
    wanted: Any
    got: Any
    holds: bool

    @property
    def key(self) -> tuple[str, str, str]:
        """What the tables of misses name it by."""
        return self.file, self.place, self.field


def _first(values: list[str]) -> str | None:
    return values[0] if values else None


def _envelope_to(event: Event) -> set[str]:
    return {r.address for r in event.transaction.recipients} if event.transaction else set()


def _mailboxes(event: Event, field: str, envelope: set[str]) -> set[str]:
    """Arkime's union of header and envelope addresses, in lower case."""
    return addresses(header(event, field)) | {a.lower() for a in envelope}


def _mail_from(event: Event) -> str | None:
    return event.transaction.mail_from if event.transaction else None


def _split(texts: list[str]) -> set[str]:
    """Zeek cuts address lists at the commas, and keeps the names."""
    return {part.strip() for text in texts for part in text.split(",")}


# What a peer states of a mail, under the peer's name for it: our value of it.
OF_MAIL: dict[str, Callable[[Event], Any]] = {
    "mailfrom": _mail_from,
    "rcptto": _envelope_to,
    "date": lambda e: _first(header(e, "date")),
    "from": lambda e: _first(header(e, "from")),
    "to": lambda e: _split(header(e, "to")),
    "cc": lambda e: _split(header(e, "cc")),
    "subject": lambda e: _first(header(e, "subject")),
    "message_id": lambda e: _first(header(e, "message-id")),
    "in_reply_to": lambda e: _first(header(e, "in-reply-to")),
    "user_agent": lambda e: _first(header(e, "user-agent") + header(e, "x-mailer")),
    "mime_version": lambda e: _first(header(e, "mime-version")),
    "content_type": lambda e: _first(header(e, "content-type")),
    "received": lambda e: header(e, "received"),
    "header_names": lambda e: {name.lower() for name, _ in fields_of(e)},
    "header_or_envelope_from": lambda e: _mailboxes(e, "from", {_mail_from(e) or ""}) or {""},
    "header_or_envelope_to": lambda e: _mailboxes(e, "to", _envelope_to(e)),
    "last_reply": lambda e: _first(e.replies[-1:]),
    "subject_md5": lambda e: md5(_first(header(e, "subject")) or ""),
    "helo": lambda e: e.session.helo.name if e.session.helo else None,
    "tls": lambda e: e.session.tls is not None,
    "starttls": lambda e: e.session.tls is not None and e.session.tls.how == "starttls",
    "tls_version": lambda e: e.session.tls.version if e.session.tls else None,
    "banner": lambda e: (g := e.session.greeting) and f"{g.code} {g.text}",
    "client_ip": lambda e: e.session.client.ip,
    "client_port": lambda e: e.session.client.port,
    "server_ip": lambda e: e.session.server.ip,
    "server_port": lambda e: e.session.server.port,
    "auth_user": lambda e: {a.user for a in e.session.auth or ()},
    "arkime_smtp_tags": lambda e: {
        *(f"smtp:auth{a.mechanism.lower()}" for a in e.session.auth or ()),
        *(["smtp:starttls"] if any(x.verb == "STARTTLS" for x in e.session.timeline) else []),
    },
    "arkime_smtp_statuscode_tags": lambda e: {
        t.reply.code for t in e.session.transactions if t.reply is not None
    },
    "client_bytes": lambda e: sum(x.kind in ("command", "data") for x in e.session.timeline),
    "packets": lambda e: e.session.packets,
    "protocols": lambda e: {
        e.session.protocol,
        "tcp",
        *(one.layer.rstrip("45") for one in e.session.encapsulation or ()),
    },
    "hostname": lambda e: _first(e.session.greeting.text.split()) if e.session.greeting else None,
    **{
        name: lambda e, name=name: count(e.session, name)
        for name in ("n_mail_commands", "n_rcpt_commands",
                     *(f"replies_{digit}xx" for digit in "2345"))
    },
}  # fmt: skip


def same(field: str, wanted: Any, got: Any) -> bool:  # noqa: ANN401 (as the peer has it)
    """Whether our value is the one that is stated."""
    if field == "received":
        return bool(wanted == got)
    if field == "tls_version":  # "TLSv1.2", "3.1 (TLS 1.0)"
        return got is not None and wanted.replace("TLS ", "TLSv").strip("()").endswith(got)
    if isinstance(wanted, list):
        values = got if isinstance(got, set) else {got}
        return {_plain(field, v) for v in wanted} == {_plain(field, v) for v in values}
    return bool(_plain(field, wanted) == _plain(field, got))


def _plain(field: str, value: Any) -> Any:  # noqa: ANN401 (as above)
    """Without what peers spell otherwise: blanks at the ends and in folds, capitals."""
    if not isinstance(value, str):
        return value
    if field == "message_id":
        value = value.strip("<>")
    if field in ("content_type", "from", "to"):
        value = " ".join(value.split())
    return value.strip().lower() if field in ("helo", "header_or_envelope_from") else value.strip()


def _fitting(stated: dict[str, Any], events: list[Event]) -> Event | None:
    """The mail that the statement is about: the one of which most is true."""
    best: tuple[int, Event | None] = (0, None)
    ends = ("client_ip", "client_port", "server_ip", "server_port")
    for event in events:
        if any(k in stated and stated[k] != OF_MAIL[k](event) for k in ends):
            continue
        points = sum(same(k, v, OF_MAIL[k](event)) for k, v in stated.items() if k in OF_MAIL)
        if points > best[0]:
            best = (points, event)
    return best[1]


def _of_sessions(
    file: str, place: str, stated: list[dict[str, Any]], events: list[Event]
) -> Iterator[Claim]:
    left = list(events)
    for number, one in enumerate(stated):
        where = f"{place} {number}"
        if one.get("packets_c2s") == one.get("packets_s2c") == 0:
            continue  # Arkime saves a session twice when it is idle: no packet, no statement
        fields = {k: v for k, v in one.items() if k in OF_MAIL}
        if "packets_c2s" in one:
            fields["packets"] = one["packets_c2s"] + one["packets_s2c"]
        event = _fitting(fields, left)
        if event is not None:
            left.remove(event)
        for field, wanted in fields.items():
            got = OF_MAIL[field](event) if event is not None else None
            yield Claim(
                file, where, field, wanted, got, event is not None and same(field, wanted, got)
            )


# Suricata's fields of a mail that are not this issue's: dropped, and then the count is "at least".
_MIME = ("suricata_mime_status", "filenames", "urls", "body_md5")


def _of_transactions(
    file: str, place: str, stated: list[dict[str, Any]], events: list[Event], caution: bool
) -> Iterator[Claim]:
    for number, one in enumerate(stated):
        match = one["match"]
        dropped = any(key in match for key in _MIME) or "has_key" in match or caution
        fields = {k: v for k, v in match.items() if k in OF_MAIL}
        absent = [k for k in match.get("not_has_key", ()) if k in _ABSENT]
        if "other" in match or (one["count"] == 0 and dropped) or (caution and not fields):
            continue  # nothing is left that could be held against anything
        hits = [
            e for e in events
            if all(same(k, v, OF_MAIL[k](e)) for k, v in fields.items())
            and match.get("tx_id", e.index) == e.index and all(_ABSENT[k](e) for k in absent)
        ]  # fmt: skip
        wanted, got = one["count"], len(hits)
        yield Claim(
            file, f"{place} {number}", ",".join(["count", *sorted(fields)]), wanted, got,
            got >= (wanted or 1) if dropped or wanted is None else got == wanted,
        )  # fmt: skip


_ABSENT: dict[str, Callable[[Event], bool]] = {
    "smtp.mail_from": lambda e: not _mail_from(e),
    "smtp.rcpt_to": lambda e: not _envelope_to(e),
    "smtp.rcpt_to[0]": lambda e: not _envelope_to(e),
    "smtp.rcpt_to[1]": lambda e: len(_envelope_to(e)) < 2,
    "email.to[1]": lambda e: len(addresses(header(e, "to"))) < 2,
    "email.from": lambda e: not header(e, "from"),
    "email": lambda e: e.transaction is None or e.transaction.message is None,
}


def _dialogue_claims(
    file: str, place: str, stated: list[dict[str, Any]], sessions: Sequence[Any]
) -> Iterator[Claim]:
    for number, one in enumerate(stated):
        theirs = [
            (line[0], str(line[1]), "" if line[1] in ("**", ".") else str(line[2]).strip())
            for line in one["lines"]
        ]
        both = any(line[0] == "S" for line in theirs)
        ours = [
            [tuple(part.strip() for part in line) for line in dialogue(session, both)]
            for session in sessions
            if (session.client.port, session.server.port)
            == (one["client_port"], one["server_port"])
        ]
        if not any(line[1] == "." for line in theirs):  # the peer does not show ends of data
            ours = [[line for line in lines if line[1] != "."] for lines in ours]
        if len(ours) == 1 and theirs[-1][1] == "QUIT" and both:
            ours = [ours[0][: len(theirs)]]  # it stops there
        yield Claim(
            file, f"{place} {number}", "dialogue", theirs, ours[0] if ours else None, theirs in ours
        )


def _others(
    file: str, place: str, entry: dict[str, Any], sessions: Sequence[Any]
) -> Iterator[Claim]:
    """Statements about connections and logins."""
    smtp = [s for s in sessions if s.protocol in ("smtp", "lmtp")]
    for number, conn in enumerate(entry.get("conns", ())):
        if conn.get("service") == "smtp":
            yield Claim(
                file, f"{place} conn {number}", "service", "smtp", len(smtp), len(smtp) > number
            )
        if "duration" in conn:
            got = next((s.duration for s in smtp if s.client.port == conn["client_port"]), None)
            wanted = float(conn["duration"])
            holds = got is not None and abs(got - wanted) < 1e-3
            yield Claim(file, f"{place} conn {number}", "duration", wanted, got, holds)
    connections = entry.get("counts", {}).get("smtp_connections")
    if connections is not None:
        yield Claim(
            file, place, "smtp_connections", connections, len(smtp), len(smtp) == connections
        )
    user = entry.get("auth", {}).get("user")
    if user is not None:
        got = {a.user for s in sessions for a in s.auth or ()}
        yield Claim(file, place, "auth_user", user, got, user in got)
    for flow in entry.get("other_events", ()):
        match = flow["match"]
        if match.get("event_type") == "flow" and "smtp" in match.values():
            yield Claim(
                file,
                place,
                "app_proto",
                flow["count"],
                len(sessions),
                flow["count"] == len(sessions),
            )


# Fields of statements about parts: each must hold, or be listed with the reason.
OF_PARTS = frozenset({
    "filename", "filenames", "md5", "sha1", "sha256", "attachment_md5", "attachment_sha256", "urls",
    "part size", "part type",
})  # fmt: skip
_DIGESTS = {
    "md5": "md5", "sha1": "sha1", "sha256": "sha256", "attachment_md5": "md5",
    "attachment_sha256": "sha256",
}  # fmt: skip
# Names that peers cut: Suricata at 255 octets, Arkime at 4095. We keep them.
SHORTEST_CUT = 255
# Zeek counts the line end that belongs to the boundary.
_LINE_END = 2


def _of_pieces(
    file: str, place: str, entry: dict[str, Any], pieces: Sequence[Piece]
) -> Iterator[Claim]:
    """Statements about parts: their names, sizes and digests."""
    for number, one in enumerate(entry.get("parts", ())):
        if one.get("count") == 0:
            continue
        ours = [p for p in pieces if one.get("client_port") in (None, p.client_port)]
        for field in ("filename", "sha1", "sha256"):
            if one.get(field) is not None:
                yield _piece(file, f"{place} part {number}", field, one[field], ours)
        size = one.get("bytes", one.get("size"))
        if size is not None and one.get("state") != "TRUNCATED":
            sizes = sorted({p.size for p in ours})
            holds = any(0 <= size - ours <= _LINE_END for ours in sizes)
            yield Claim(file, f"{place} part {number}", "part size", size, sizes, holds)
        kind = one.get("sniffed_mime_type")
        if kind is not None:
            types = {p.sniffed for p in ours if 0 <= size - p.size <= _LINE_END} if size else {
                p.sniffed for p in ours
            }  # fmt: skip
            yield Claim(file, f"{place} part {number}", "part type", kind, types, kind in types)
    stated = [*entry.get("sessions", ()), *(t["match"] for t in entry.get("transactions", ())
                                            if t["count"] != 0)]  # fmt: skip
    for number, one in enumerate(stated):
        for field in ("attachment_md5", "attachment_sha256", "filenames", "urls"):
            for wanted in one.get(field, ()):
                yield _piece(file, f"{place} parts {number}", field, wanted, pieces)


def _piece(file: str, place: str, field: str, wanted: str, pieces: Sequence[Piece]) -> Claim:
    name = _DIGESTS.get(field)
    got: set[str | None]
    if field == "urls":
        got = {url for piece in pieces for url in piece.urls}
        return Claim(file, place, field, wanted, got, any(wanted in str(url) for url in got))
    if name is not None:
        got = {piece.digests[name] for piece in pieces}
        return Claim(file, place, field, wanted, got, wanted in got)
    got = {piece.filename for piece in pieces}
    whole = len(wanted) < SHORTEST_CUT
    holds = wanted in got or any(not whole and str(ours).startswith(wanted) for ours in got)
    return Claim(file, place, field, wanted, got, holds)


def _of_flows(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The flows of nDPI, with the names that sessions use."""
    found = []
    for flow in entry.get("flows", ()):
        one = {k: v for k, v in flow.items() if k in OF_MAIL}
        one["protocols"] = ["tls" if flow["ndpi_proto"] == "SMTPS" else "smtp", "tcp"]
        one["packets"] = flow["pkts_c2s"] + flow["pkts_s2c"]
        found.append(one)
    return found


def claims(corpus: Path, truth: dict[str, Any]) -> Iterator[Claim]:
    """Every claim of the truth."""
    for number, entry in enumerate(truth["captures"]):
        if entry.get("kind") == "tcp-layer":
            continue
        file = entry["file"]
        sessions = sessions_in(corpus / "captures" / file)
        events = [event for session in sessions for event in events_of(session)]
        place = f"{entry['source'].split()[0]}#{number}"
        caution = "IPS" in entry.get("caution", "")
        stated = [*entry.get("sessions", ()), *_of_flows(entry)]
        yield from _of_sessions(file, place, stated, events)
        yield from _of_transactions(file, place, entry.get("transactions", []), events, caution)
        yield from _dialogue_claims(file, place, entry.get("dialogue", []), sessions)
        yield from _others(file, place, entry, sessions)
        yield from _of_pieces(file, place, entry, pieces_in(corpus / "captures" / file))
