"""Is it SMTP, and who is the client? Asked of the first bytes of both streams (A.10, A.11)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.smtp.preface import FIRST_WORDS, MAX_FRONT, Front, in_front, may_be_in_front
from smtpsniff.smtp.verbs import VERBS
from smtpsniff.tls import is_client_hello

if TYPE_CHECKING:
    from smtpsniff.tcp import Connection, Stream

__all__ = ["MAIL_PORTS", "STARTS", "client_of", "is_mail"]

# SMTP, SMTPS (RFC 8314), submission (RFC 6409), its common twin, and LMTP.
MAIL_PORTS = frozenset({25, 465, 587, 2525, 24})
# Where less proof is enough: the mail ports, and the content filter ports of Postfix' manual.
_LIKELY_PORTS = MAIL_PORTS | {10024, 10025, 10026}
HEAD = 4096  # bytes of each direction that are looked at
THRESHOLD, LIKELY_THRESHOLD = 5, 3

# First four payload bytes, letters lowered by OR 0x20, that make a connection worth a look.
# The PROXY v2 signature begins with CR LF, which the OR turns into 0x2d2a2d2a.
_FIRST = (b"220 ", b"220-", b"421 ", b"421-", b"554 ", b"554-", b"521 ", b"550 ", b"ehlo", b"helo",
          b"lhlo", b"mail", b"rcpt", b"prox", b"\r\n\r\n")  # fmt: skip
STARTS = frozenset(int.from_bytes(word, "big") | 0x20202020 for word in _FIRST + FIRST_WORDS)

_GREETING = re.compile(rb"(?:220|421|554|521|4[0-9][0-9]|5[0-9][0-9])[ -]")
_NAMED = re.compile(rb"E?SMTP|LMTP", re.IGNORECASE)
_MASKED = re.compile(rb"220[ -][*20 ]+\r?\n")
_FOREIGN = re.compile(rb"FTP|NNTP|SSH-|\* OK|\+OK|HTTP/")
_HELLO = re.compile(rb"[ \t]*(?:EHLO|HELO|LHLO)\b", re.IGNORECASE)
_ENVELOPE = re.compile(rb"^(?:MAIL FROM|RCPT TO)[ \t]*:", re.IGNORECASE | re.MULTILINE)
_OTHER_VERB = re.compile(rb"^(?:STARTTLS|AUTH |NOOP|RSET|QUIT)", re.IGNORECASE | re.MULTILINE)
_OFFERS = re.compile(
    rb"^250[ -](?:PIPELINING|SIZE|8BITMIME|STARTTLS|AUTH|DSN|ENHANCEDSTATUSCODES|CHUNKING|"
    rb"SMTPUTF8|ETRN|VRFY|HELP|XFORWARD|XCLIENT)\b",
    re.IGNORECASE | re.MULTILINE,
)
_FTP_LIKE = re.compile(rb"(?:USER |PASS |SYST|FEAT|AUTH TLS|GET |POST |CONNECT )", re.IGNORECASE)

_ASKS = re.compile(rb"PROXY |CONNECT |\x05([\x01-\x08])[\x00-\x09]|\x04\x01")
_REPLY_LINE = re.compile(rb"^[2-5][0-5][0-9][ -]", re.MULTILINE)
_VERB_LINE = re.compile(rb"^[ \t]*([A-Za-z-]{4,14})(?=[ \t:\r\n]|$)", re.MULTILINE)


def _score(client: bytes, server: bytes, server_first: bool) -> int:
    """Points for SMTP with these first bytes (A.10)."""
    first_line = server.split(b"\n", 1)[0] + b"\n"
    score = 0
    if server_first and _GREETING.match(server):
        score += 3
        if _NAMED.search(first_line) or _MASKED.match(first_line):
            score += 1
    if _FOREIGN.search(first_line):
        score -= 3
    if _HELLO.match(client):
        score += 4
    if _ENVELOPE.search(client):
        score += 2
    if _OTHER_VERB.search(client):
        score += 1
    if _OFFERS.search(server):
        score += 2
    if _FTP_LIKE.match(client):
        score -= 4
    return score


def is_mail(connection: Connection, extra_ports: frozenset[int] = frozenset()) -> bool | None:
    """Whether the connection carries SMTP, LMTP or TLS on a mail port; None: too early to say."""
    ports = {port for _, port in connection.endpoints}
    if not (MAIL_PORTS.isdisjoint(ports) and extra_ports.isdisjoint(ports)):
        return True
    threshold = LIKELY_THRESHOLD if ports & _LIKELY_PORTS else THRESHOLD
    client = client_of(connection)
    c = connection.sides[client].stream
    s = connection.sides[1 - client].stream
    if may_be_in_front(c.data):
        front = in_front(c.data[:MAX_FRONT], s.data[:MAX_FRONT])
        if front.prefaces or front.more or front.refused:
            return _is_mail_behind(front, c, s)
    first = bool(s.starts) and (not c.starts or s.times[0] <= c.times[0])
    return _judge(c.data[:HEAD], s.data[:HEAD], first, threshold)


def _judge(client: bytes, server: bytes, server_first: bool, threshold: int) -> bool | None:
    """Whether these first bytes, HEAD at most, are SMTP."""
    if _score(client, server, server_first) >= threshold:
        return True
    if _FTP_LIKE.match(client) or max(len(client), len(server)) >= HEAD:
        return False
    return None


def _is_mail_behind(front: Front, client: Stream, server: Stream) -> bool | None:
    """The same of what follows a PROXY header, or the answer of a proxy that was asked."""
    if front.refused:
        return False
    if front.more:
        return None
    if front.port in MAIL_PORTS:
        return True
    said, heard = client.data[front.client :][:HEAD], server.data[front.server :][:HEAD]
    if is_client_hello(said):
        return False  # the web, nearly always
    spoke = client.times[client.piece(front.client)] if said else None
    answered = server.times[server.piece(front.server)] if heard else None
    first = answered is not None and (spoke is None or answered <= spoke)
    return _judge(said, heard, first, THRESHOLD)


def _votes(data: bytes, peer: bytes, ports: tuple[int, int], extra: frozenset[int]) -> int:
    """Votes for the sender of `data` being the client; negative: the server (A.11)."""
    mine, other = ports
    votes = 0
    head = data[:HEAD]
    if is_client_hello(head) or _ASKS.match(head):
        votes += 3
    known = sum(1 for m in _VERB_LINE.finditer(head) if m[1].upper().decode() in VERBS)
    votes += 2 * min(known, 3)
    # Text of a message may quote replies: they count as the first payload, or where the other
    # side speaks in verbs.
    if _REPLY_LINE.match(head) or (not known and _VERB_LINE.match(peer[:HEAD])):
        votes -= 2 * min(len(_REPLY_LINE.findall(head)), 3)
    known_ports = MAIL_PORTS | extra
    votes += (other in known_ports) - (mine in known_ports)
    votes += (mine >= 32768 and other < 1024) - (other >= 32768 and mine < 1024)
    return votes


def client_of(connection: Connection, extra: frozenset[int] = frozenset()) -> int:
    """Index of the client's side: who sent the SYN, else who speaks like one."""
    if connection.initiator is not None:
        return connection.initiator
    a, b = connection.sides
    (_, port_a), (_, port_b) = connection.endpoints
    first = _votes(a.stream.data, b.stream.data, (port_a, port_b), extra)
    second = _votes(b.stream.data, a.stream.data, (port_b, port_a), extra)
    return 0 if first >= second else 1
