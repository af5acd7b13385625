"""The records: what leaves smtpsniff, as Python objects and as JSON.

Absent means unknown: a field that is None does not appear in JSON. Times are
nanoseconds since 1970 UTC (`Timestamp`, RFC 3339 in JSON), durations and delays seconds.
Text is as `smtpsniff.text.decode` gives it; whoever shows it sanitises it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

__all__ = [
    "Attachment", "Attempt", "Auth", "Complete", "Endpoint", "Entry", "Extension", "FileInfo",
    "Finding", "Greeting", "Helo", "Interface", "Layer", "Message", "MessageReply", "Recipient",
    "Run", "Selected", "Session", "Sides", "Story", "TcpFacts", "Timestamp", "TlsFacts",
    "Transaction", "Verdict",
    "encoder", "schema",
]  # fmt: skip

Severity = Literal["error", "warning", "note"]
Confidence = Literal["certain", "likely", "possible"]
Party = Literal["client", "server", "network"]
Outcome = Literal["accepted", "deferred", "rejected", "abandoned", "unknown"]

Protocol = Literal["smtp", "lmtp", "tls", "unknown"]
Kind = Literal[
    "connect", "greeting", "command", "reply", "auth", "data", "end-of-data", "chunk", "tls",
    "gap", "close", "reset", "note",
]  # fmt: skip

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


class Timestamp(int):
    """Nanoseconds since 1970-01-01 UTC. In JSON: RFC 3339 with the capture's precision."""

    __slots__ = ()

    def rfc3339(self, digits: int = 9) -> str:
        """``2026-11-23T10:00:00.000000Z`` with `digits` (0 to 9) decimals, not rounded."""
        return rfc3339(self, digits)


class Endpoint(Struct, frozen=True, gc=False):
    """One end of a connection; as text ``192.0.2.25:25`` or ``[2001:db8::25]:25``."""

    ip: str
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


class Layer(Struct, omit_defaults=True, gc=False):
    """One layer around a session: a tunnel, a tag, or a proxy that was asked for a connection.

    `layer` is its name; of the rest, each has what its header tells. The number by which a
    layer tells its networks or users apart is called as its standard calls it.
    """

    # ip, vlan, pbb, mpls, pppoe, nsh, gre, erspan, vxlan, geneve, gtp, teredo, l2tp, etherip;
    # proxy (a PROXY header), socks4, socks5, http-connect
    layer: str
    source: str | None = None  # the tunnel's ends, as the session's first packet has them;
    destination: str | None = None  # or what a PROXY header tells
    source_port: int | None = None  # of a PROXY header
    destination_port: int | None = None
    id: int | None = None  # VLAN, service instance, service path, L2TP tunnel
    label: int | None = None
    vni: int | None = None
    key: int | None = None
    teid: int | None = None
    session: int | None = None  # PPPoE, ERSPAN, L2TP
    host: str | None = None  # whom a SOCKS or HTTP proxy was asked for, as the client wrote it
    port: int | None = None
    version: int | None = None  # of a PROXY header


class Sides(Struct, gc=False, omit_defaults=True):
    """One number for each side; `client` is what the client sent, or the tap-to-client trip."""

    client: float | int | None = None
    server: float | int | None = None


class Gaps(Struct, gc=False):
    """Bytes that were sent but never captured."""

    client: int = 0
    server: int = 0


class Complete(Struct, omit_defaults=True, gc=False):
    """How much of the connection the capture holds."""

    start: bool
    end: bool
    gaps: Gaps
    dropped: int | None = None  # packets, of any connection, that the live capture lost meanwhile


class Greeting(Struct, omit_defaults=True, gc=False):
    """The server's first reply (RFC 5321 §4.3.1)."""

    code: str
    text: str
    frame: int
    delay: float | None = None
    file: int | None = None


class Helo(Struct, omit_defaults=True, gc=False):
    """The last accepted EHLO, HELO or LHLO; else the last one sent."""

    verb: str
    name: str
    accepted: bool
    code: str | None = None


class Extension(Struct, gc=False):
    """One keyword of an EHLO reply, as offered."""

    keyword: str
    params: list[str]
    in_tls: bool


class Auth(Struct, omit_defaults=True, gc=False):
    """One AUTH exchange (RFC 4954), without its secret unless that was asked for.

    `lines`: responses the client sent behind the command. `authzid`: on whose behalf, where that
    is not the user. `secrets`: the password, or what programs that try passwords take, by name.
    """

    mechanism: str
    frame: int
    user: str | None = None
    code: str | None = None
    realm: str | None = None
    authzid: str | None = None
    result: Literal["accepted", "refused", "cancelled"] | None = None
    initial_response: bool = False
    lines: int = 0
    secrets: dict[str, str] | None = None
    file: int | None = None


class TlsOffer(Struct, omit_defaults=True, gc=False):
    """What the client would take, in its order."""

    versions: list[str]
    ciphers: list[str]
    groups: list[str] | None = None
    alpn: list[str] | None = None


class TlsAlert(Struct, gc=False):
    """An alert that was sent in clear (RFC 8446 §6)."""

    from_: Party = field(name="from")
    level: Literal["warning", "fatal"]
    description: str


class Certificate(Struct, omit_defaults=True):
    """A certificate as the server sent it. Nothing in it was verified."""

    subject: str
    issuer: str
    names: list[str]
    serial: str
    sha256: str
    not_before: Timestamp | None = None
    not_after: Timestamp | None = None
    key: str | None = None
    bits: int | None = None
    signature: str | None = None


class TlsFacts(Struct, omit_defaults=True):
    """What the wire shows of TLS: what was chosen, and in `offered` what the client would take.

    Certificates are those of TLS 1.2 and older, the server's own first; TLS 1.3 hides them, unless
    there are keys. `unopened` says why the keys that were given do not open it.
    """

    how: Literal["starttls", "implicit"]
    frame: int
    decrypted: bool
    version: str | None = None
    cipher: str | None = None
    group: str | None = None
    sni: str | None = None
    alpn: list[str] | None = None
    offered: TlsOffer | None = None
    resumed: bool | None = None
    retried: bool | None = None
    alerts: list[TlsAlert] | None = None
    ja3: str | None = None
    ja3s: str | None = None
    ja4: str | None = None
    certificates: list[Certificate] | None = None
    unopened: str | None = None
    file: int | None = None


class Recipient(Struct, omit_defaults=True, gc=False):
    """One RCPT and what became of it."""

    address: str
    outcome: Outcome
    code: str | None = None
    enhanced: str | None = None
    text: str | None = None
    frame: int | None = None
    final: MessageReply | None = None
    reason: str | None = None
    file: int | None = None


class MessageReply(Struct, omit_defaults=True, gc=False):
    """The reply that settled a message (or one recipient of it)."""

    code: str
    text: str
    frame: int
    enhanced: str | None = None
    queue_id: str | None = None
    file: int | None = None


class Attachment(Struct, omit_defaults=True, gc=False):
    """One attachment of a message, decoded; digests only where every octet of it was captured."""

    content_type: str
    size: int
    filename: str | None = None
    md5: str | None = None
    sha1: str | None = None
    sha256: str | None = None


class Message(Struct, omit_defaults=True):
    """A message as it travelled. Size and digest are of the dot-unstuffed bytes."""

    size: int
    framing: Literal["data", "bdat"]
    complete: bool
    headers: list[tuple[str, str]]
    sha256: str | None = None
    subject: str | None = None
    from_: str | None = field(default=None, name="from")
    to: str | None = None
    cc: str | None = None
    date: str | None = None
    message_id: str | None = None
    attachments: list[Attachment] | None = None  # where they were asked for


class Transaction(Struct, omit_defaults=True, kw_only=True):
    """One MAIL, its recipients and its message (RFC 5321 §3.3); no sender if none was seen."""

    mail_from: str | None = None
    params: list[str]
    recipients: list[Recipient]
    outcome: Literal[
        "delivered", "partial", "deferred", "rejected", "ambiguous", "aborted", "unknown"
    ]
    message: Message | None = None
    reply: MessageReply | None = None


class Entry(Struct, omit_defaults=True, gc=False):
    """One line of the timeline. `time` and `frame` are of its last byte."""

    time: Timestamp
    frame: int
    frames: tuple[int, int]
    from_: Party = field(name="from")
    kind: Kind
    text: str
    in_tls: bool
    delay: float | None = None
    verb: str | None = None
    code: str | None = None
    enhanced: str | None = None
    lines: int | None = None
    answers: int | None = None
    size: int | None = None
    recipient: str | None = None
    file: int | None = None


class Finding(Struct, omit_defaults=True):
    """What one check found. `related` holds the consequences folded under a root cause."""

    check: str
    severity: Severity
    confidence: Confidence
    frames: list[int]
    time: Timestamp
    text: str
    count: int
    related: list[Finding]
    entry: int | None = None
    file: int | None = None


class TcpFacts(Struct, omit_defaults=True):
    """What TCP did. Each side counts what it sent, by Wireshark's rules.

    `retransmissions` are all segments sent again, `spurious` those of them that had been
    acknowledged before; `mirrored` packets were captured twice, and count nowhere else.
    """

    rtt: Sides = field(default_factory=Sides)
    mss: Sides = field(default_factory=Sides)
    retransmissions: Sides = field(default_factory=Sides)
    spurious: Sides = field(default_factory=Sides)
    out_of_order: Sides = field(default_factory=Sides)
    zero_windows: Sides = field(default_factory=Sides)
    window_full: Sides = field(default_factory=Sides)
    keep_alives: Sides = field(default_factory=Sides)
    bad_checksums: Sides | None = None
    mirrored: Sides | None = None


class Verdict(Struct, omit_defaults=True):
    """The session in one sentence, with the frames that prove it."""

    outcome: Literal[
        "unreachable", "refused", "rejected", "deferred", "ambiguous", "aborted", "partial",
        "unknown", "delivered", "opaque", "no-mail",
    ]  # fmt: skip
    text: str
    frames: list[int]
    cause: str | None = None
    file: int | None = None


class Session(Struct, omit_defaults=True, tag_field="schema", tag="smtpsniff.session/1"):
    """One TCP connection that carried, or was meant to carry, mail."""

    number: int
    protocol: Protocol
    client: Endpoint
    server: Endpoint
    community_id: str
    display_filter: str
    first_frame: int
    last_frame: int
    packets: int
    start: Timestamp
    end: Timestamp
    duration: float
    complete: Complete
    ended: str
    timeline: list[Entry]
    transactions: list[Transaction]
    findings: list[Finding]
    verdict: Verdict
    tcp: TcpFacts
    greeting: Greeting | None = None
    helo: Helo | None = None
    extensions: list[Extension] | None = None
    auth: list[Auth] | None = None
    starttls: str | None = None
    tls: TlsFacts | None = None
    delays: dict[str, Any] | None = None
    encapsulation: list[Layer] | None = None  # the layers outside, outermost first
    file: int | None = None
    last_file: int | None = None  # of last_frame


class Attempt(Struct, omit_defaults=True, kw_only=True):
    """One attempt at one mail. `time` and `frame` are of the reply that settled it."""

    session: int
    time: Timestamp
    frame: int
    client: Endpoint
    server: Endpoint
    recipients: list[str]
    outcome: str
    reply: str | None = None
    file: int | None = None


class Story(Struct, omit_defaults=True, kw_only=True, tag_field="schema", tag="smtpsniff.story/1"):
    """One mail over all its attempts, or one pattern, over several sessions.

    `kind` is ``retry`` (one mail, tried again), ``fallback`` (with another server), ``duplicate``
    (sent again though it had been sent whole), ``single`` (one attempt) or ``pattern``. Frames of
    findings are in the session that their text or `sessions` names first.
    """

    kind: Literal["retry", "fallback", "duplicate", "single", "pattern"]
    sessions: list[int]
    text: str
    start: Timestamp
    end: Timestamp
    findings: list[Finding]
    mail_from: str | None = None
    recipients: list[str] | None = None
    message_id: str | None = None
    outcome: str | None = None
    attempts: list[Attempt] | None = None


class FileInfo(Struct, omit_defaults=True):
    """One input file. `damaged_at` is the byte offset where reading had to stop."""

    path: str
    size: int
    format: str
    packets: int
    first: Timestamp | None = None
    last: Timestamp | None = None
    damaged_at: int | None = None
    damage: str | None = None
    sha256: str | None = None  # where it was asked for


class Interface(Struct, omit_defaults=True):
    """One capture interface as the file names it."""

    link: int
    name: str | None = None
    file: int | None = None
    description: str | None = None
    filter: str | None = None  # what was captured, in tcpdump's language
    hardware: str | None = None
    os: str | None = None
    snaplen: int | None = None
    received: int | None = None  # packets, as whoever captured counted them
    dropped: int | None = None


class Dropped(Struct, omit_defaults=True):
    """Packets lost before smtpsniff saw them."""

    kernel: int | None = None
    queue: int | None = None


class Selected(Struct, omit_defaults=True):
    """What was asked for of all that was read."""

    filter: str | None = None  # packets: tcpdump's language
    where: str | None = None  # sessions, by their own keys
    of_packets: int | None = None
    of_sessions: int | None = None


class Run(Struct, omit_defaults=True, tag_field="schema", tag="smtpsniff.run/1"):
    """The last line: what was read and what it amounted to."""

    version: str
    files: list[FileInfo]
    interfaces: list[Interface]
    dropped: Dropped
    packets: int
    tcp_connections: int
    sessions: int
    outcomes: dict[str, int]
    findings: dict[str, int]
    limits_hit: list[str]
    selected: Selected | None = None
    command: str | None = None  # with the digests of its inputs


_EPOCH_DAYS = 719_468  # days from 0000-03-01 to 1970-01-01 in the proleptic Gregorian calendar


def _date(days: int) -> str:
    """``YYYY-MM-DD`` of a day number since 1970; any year, unlike `datetime`."""
    days += _EPOCH_DAYS
    era, day_of_era = divmod(days, 146_097)
    year = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day = day_of_era - (365 * year + year // 4 - year // 100)
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5 - 1
    month = month + 3 if month < 10 else month - 9
    return f"{year + era * 400 + (month <= 2):04d}-{month:02d}-{day:02d}"


@lru_cache(256)  # neighbours share their second
def _to_the_second(second: int) -> str:
    days, rest = divmod(second, 86_400)
    return f"{_date(days)}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"


def rfc3339(nanoseconds: int, digits: int = 6) -> str:
    """RFC 3339 UTC text of a time in nanoseconds since 1970, `digits` decimals, cut not rounded."""
    second, fraction = divmod(nanoseconds, 1_000_000_000)
    if digits == 6:
        return f"{_to_the_second(second)}.{fraction // 1000:06d}Z"
    decimals = f".{fraction:09d}"[: digits + 1] if digits else ""
    return f"{_to_the_second(second)}{decimals}Z"


MAX_SECONDS = 256  # whose text is kept


def encoder(digits: int = 6) -> msgspec.json.Encoder:
    """A JSON encoder for records; times get `digits` decimals (the capture's own precision)."""

    # Neighbours share their second: the text up to it, by the digits in front of the last nine.
    seconds: dict[str, str] = {}
    known = seconds.get

    def hook(value: object) -> str:
        if type(value) is not Timestamp:
            raise NotImplementedError(f"no JSON for {type(value).__name__}")
        if digits != 6:
            return rfc3339(value, digits)
        number = str(value)
        second = known(number[:-9])
        if second is not None:
            return f"{second}{number[-9:-3]}Z"
        text = rfc3339(value)
        if value >= 1_000_000_000:  # with nine digits behind those of the second
            if len(seconds) >= MAX_SECONDS:
                seconds.clear()
            seconds[number[:-9]] = text[:-7]
        return text

    return msgspec.json.Encoder(enc_hook=hook)


def schema() -> dict[str, Any]:
    """The JSON Schema of the records (`smtpsniff schema`)."""

    def hook(kind: type) -> dict[str, Any]:
        if kind is Timestamp:
            return {"type": "string", "format": "date-time"}
        raise NotImplementedError(kind)

    (one_of,), components = msgspec.json.schema_components(
        [Session | Story | Run], schema_hook=hook, ref_template="#/$defs/{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "smtpsniff records, one a line",
        **one_of,
        "$defs": components,
    }
