"""From a connection and its dialogue to the session record, all but findings and verdict."""

from __future__ import annotations

from binascii import b2a_base64
from functools import lru_cache
from hashlib import sha1
from ipaddress import ip_address
from typing import TYPE_CHECKING

from smtpsniff.records import (
    Complete,
    Endpoint,
    Extension,
    Gaps,
    Greeting,
    Helo,
    Session,
    Sides,
    TcpFacts,
    Timestamp,
    Verdict,
)  # fmt: skip
from smtpsniff.smtp.delivery import transaction
from smtpsniff.smtp.ending import how_it_ended
from smtpsniff.smtp.enhanced import site_of
from smtpsniff.smtp.logins import login_record
from smtpsniff.smtp.timeline import timeline
from smtpsniff.smtp.tls_facts import starttls_label, tls_facts
from smtpsniff.tcp.trips import trips
from smtpsniff.text import decode

if TYPE_CHECKING:
    from smtpsniff.records import Protocol
    from smtpsniff.smtp.dialogue import Dialogue
    from smtpsniff.smtp.model import Exchange
    from smtpsniff.tcp import Connection, Side

__all__ = ["build"]

_NO_VERDICT = Verdict("unknown", "", [])


def build(dialogue: Dialogue) -> Session:
    """The record of one session. Findings and verdict are added by the floors below."""
    connection = dialogue.connection
    client, server = connection.sides[dialogue.client], connection.sides[1 - dialogue.client]
    ends = connection.endpoints
    c = Endpoint(*ends[dialogue.client])
    s = Endpoint(*ends[1 - dialogue.client])
    over = connection.closed or connection.idle >= 360
    site = _site(dialogue)
    session = Session(
        number=0,
        protocol=_protocol(dialogue),
        client=c,
        server=s,
        community_id=community_id(c.ip, s.ip, c.port, s.port),
        display_filter=_filter(connection, c, s),
        first_frame=connection.first_frame,
        last_frame=connection.last_frame,
        packets=connection.packets,
        start=Timestamp(connection.start),
        end=Timestamp(connection.end),
        duration=(connection.end - connection.start) / 1e9,
        complete=Complete(
            start=client.syn is not None and (server.syn is not None or server.packets == 0),
            end=connection.closed,
            gaps=Gaps(client.stream.missing, server.stream.missing),
            dropped=connection.dropped or None,
        ),
        ended=how_it_ended(dialogue),
        timeline=timeline(dialogue, client, server),
        transactions=[
            transaction(dialogue, letter, site, over)
            for letter in dialogue.letters
            if not letter.void
        ],
        findings=[],
        verdict=_NO_VERDICT,
        tcp=_tcp_facts(client, server),
    )
    if connection.encapsulation or dialogue.layers:
        session.encapsulation = [*(connection.encapsulation or ()), *dialogue.layers]
    _introductions(session, dialogue)
    _tls(session, dialogue)
    return session


def _protocol(dialogue: Dialogue) -> Protocol:
    if dialogue.tls is not None and dialogue.tls.how == "implicit" and dialogue.opaque:
        return "tls"
    if not dialogue.exchanges and not dialogue.replies:
        return "unknown"
    if any(e.verb == "LHLO" for e in dialogue.hellos):
        return "lmtp"
    if dialogue.replies or any(e.line for e in dialogue.exchanges):
        return "smtp"
    return "unknown"


def _site(dialogue: Dialogue) -> str | None:
    """Which big site the server belongs to: it decides what some codes mean (C.2)."""
    greeting = dialogue.greeting
    text = greeting.reply.text if greeting is not None and greeting.reply is not None else ""
    return site_of(text, text) if text else None


# -- connection facts --------------------------------------------------------------------


@lru_cache(4096)
def _packed(ip: str) -> bytes:
    """Network bytes of an address; IPv4 without the library's checks, which cost more than this."""
    return ip_address(ip).packed if ":" in ip else bytes(map(int, ip.split(".")))


def community_id(source: str, destination: str, sport: int, dport: int) -> str:
    """Community ID v1 with seed 0: the key under which other tools know the connection."""
    a, b = (_packed(source), sport), (_packed(destination), dport)
    low, high = (a, b) if a <= b else (b, a)
    ports = low[1].to_bytes(2, "big") + high[1].to_bytes(2, "big")
    digest = sha1(b"\0\0" + low[0] + high[0] + b"\x06\0" + ports).digest()
    return "1:" + b2a_base64(digest, newline=False).decode()


def _filter(connection: Connection, client: Endpoint, server: Endpoint) -> str:
    """A Wireshark display filter for this connection, by frames too where ports were reused."""
    version = "ipv6" if ":" in client.ip else "ip"
    text = (
        f"{version}.addr == {client.ip} && {version}.addr == {server.ip} && "
        f"tcp.port == {client.port} && tcp.port == {server.port}"
    )
    if connection.reused:
        text += (
            f" && frame.number >= {connection.first_frame}"
            f" && frame.number <= {connection.last_frame}"
        )
    return text


def _tcp_facts(client: Side, server: Side) -> TcpFacts:
    """Counts of both sides; round trips at the tap (E.1)."""
    near, far = trips(client, server)
    rtt = Sides(None if near is None else near / 1e9, None if far is None else far / 1e9)
    facts = TcpFacts(
        rtt=rtt,
        mss=Sides(client.mss if client.mss >= 0 else None, server.mss if server.mss >= 0 else None),
        retransmissions=_both(client.retransmissions, server.retransmissions),
        spurious=_both(client.spurious, server.spurious),
        out_of_order=_both(client.out_of_order, server.out_of_order),
        keep_alives=_both(client.keep_alives, server.keep_alives),
        zero_windows=_both(client.zero_windows, server.zero_windows),
        window_full=_both(client.window_full, server.window_full),
    )
    if client.bad_checksums >= 0 or server.bad_checksums >= 0:
        facts.bad_checksums = _both(max(client.bad_checksums, 0), max(server.bad_checksums, 0))
    if client.mirrored or server.mirrored:
        facts.mirrored = _both(client.mirrored, server.mirrored)
    return facts


_NEVER = Sides(0, 0)  # nobody changes it: most counts of most sessions


def _both(client: int, server: int) -> Sides:
    return Sides(client, server) if client or server else _NEVER


# -- greeting, hello, AUTH, TLS ------------------------------------------------------------


def _introductions(session: Session, dialogue: Dialogue) -> None:
    greeting = dialogue.greeting
    if greeting is not None and greeting.reply is not None:
        reply = greeting.reply
        session.greeting = Greeting(
            f"{reply.code:03d}",
            reply.text,
            reply.frame,
            reply.entry.delay if reply.entry is not None else None,
        )
    hellos = dialogue.hellos
    accepted = [e for e in hellos if e.accepted]
    if hellos:
        hello = accepted[-1] if accepted else hellos[-1]
        session.helo = Helo(
            hello.verb, decode(hello.argument), hello.accepted,
            f"{hello.reply.code:03d}" if hello.reply is not None else None,
        )  # fmt: skip
    offering = [e for e in accepted if e.verb != "HELO"]
    if offering:
        session.extensions = list(_extensions(offering[-1]))
    if dialogue.auths:
        shown = dialogue.show_secrets
        session.auth = [login_record(dialogue, e, secrets=shown) for e in dialogue.auths]


def _extensions(hello: Exchange) -> list[Extension]:
    assert hello.reply is not None
    return _as_offered(hello.reply.said.keywords, hello.in_tls)


@lru_cache(1024)
def _as_offered(keywords: tuple[tuple[str, tuple[str, ...]], ...], in_tls: bool) -> list[Extension]:
    """Records of a keyword list; servers offer the same one to everybody."""
    return [Extension(keyword, list(params), in_tls) for keyword, params in keywords]


def _tls(session: Session, dialogue: Dialogue) -> None:
    """What is known of TLS, and the STARTTLS label."""
    tls = dialogue.tls
    if tls is not None and (tls.frame or tls.how == "implicit"):
        session.tls = tls_facts(tls, session.first_frame)
    if session.protocol == "smtp" and (tls is None or tls.how == "starttls"):
        session.starttls = starttls_label(dialogue)
