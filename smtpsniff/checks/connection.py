"""How connections begin, or fail to: what TCP alone tells before a word of SMTP."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import (
    NANOSECONDS,
    connected_at,
    duration,
    handshake_done,
    mark_hit,
    plural,
)
from smtpsniff.tcp.errors import refuses
from smtpsniff.tcp.stream import covers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.tcp import Mark

__all__ = ["CHECKS"]

# Copies this close together are one packet that a mirror port delivered twice.
MIRRORED = 1_000_000


@check(
    "tcp-syn-unanswered",
    group="tcp",
    severity="error",
    reference="RFC 9293 §3.5; RFC 5321 §4.5.4.1",
    wakes=("no-connection",),
    fires="""
        SYN C
        +1.0 SYN C
        +20.0 SYN C
    """,
    silent="""
        SYN C
        +1.0 SYN C
    """,
)
def tcp_syn_unanswered(view: View, *, patience: float = 21.0) -> Iterator[Hit]:
    """The sender knocked and nobody answered.

    Trigger: one SYN or more, and neither SYN-ACK, RST nor ICMP error until the connection was
    given up or for 21 s (`patience`) after the first SYN, about three of them.
    Advice: look for a firewall or a provider that blocks port 25, at routing, and whether the
    server is up; see whether the domain's other mail servers answer.
    Traps: a capture of the client's direction only looks the same; what the client sends after
    its SYN gives that away, but an attempt that really failed has nothing of the kind. Whether
    other sessions of the capture show both directions cannot be seen here.
    Thresholds:
        patience (s): three SYNs, 1, 2 and 4 s apart, and as long again (RFC 6298 §2): who has
            not answered by then will not.
    """
    client, server = view.client, view.server
    if client.syn is None or server.packets or client.packets > len(client.syns):
        return
    if any(map(refuses, view.connection.errors)):
        return
    waited = view.waited(client.syn.time)
    if waited < patience:
        return
    tries = len(client.syns)
    text = (
        f"Nobody at port {view.session.server.port} answered "
        f"{plural(tries, 'attempt')} to connect within {duration(waited)}."
    )
    yield mark_hit(text, *client.syns)


@check(
    "tcp-connection-refused",
    group="tcp",
    severity="error",
    reference="RFC 9293 §3.5.2, §3.10.7",
    wakes=("no-connection",),
    fires="""
        SYN C
        RSTACK S
    """,
    silent="""
        OPEN
        RST S
    """,
)
def tcp_connection_refused(view: View, *, within: float = 3.0) -> Iterator[Hit]:
    """The machine can be reached, but no mail service listens there, or a firewall says no.

    Trigger: a RST that acknowledges the SYN within 3 s (`within`) of it, and never a SYN-ACK.
    Advice: start the mail server, bind it to this address and port, or change the firewall rule
    that rejects.
    Traps: a refusal of one address followed by success at the next is only half as bad, but
    that is another session and cannot be seen here.
    Thresholds:
        within (s): the RST of a closed port comes at once; a later one answers something else.
    """
    client, rst = view.client, view.server.rst
    if client.syn is None or rst is None or view.server.syn is not None:
        return
    if not covers(rst.ack, (client.syn.seq + 1) & 0xFFFF_FFFF):
        return
    asked = max((s for s in client.syns if s.frame < rst.frame), key=_time, default=None)
    if asked is None or rst.time - asked.time > within * NANOSECONDS:
        return
    text = f"The server refused the connection to port {view.session.server.port} with a reset."
    yield mark_hit(text, asked, rst)


def _time(mark: Mark) -> int:
    return mark.time


def _copies(marks: list[Mark]) -> list[Mark]:
    """Retransmissions among `marks`, without what a mirror port duplicated."""
    return [later for earlier, later in pairwise(marks) if later.time - earlier.time >= MIRRORED]


@check(
    "tcp-syn-retransmitted",
    group="tcp",
    severity="warning",
    reference="RFC 6298 §2",
    wakes=("tcp-trouble",),
    fires="""
        SYN C
        +1.0 OPEN
        S "220 mx.example ESMTP\\r\\n"
        @Q
    """,
    silent="""
        SYN C
        +0.2 OPEN
        S "220 mx.example ESMTP\\r\\n"
        @Q
    """,
)
def tcp_syn_retransmitted(view: View, *, after: float = 1.0) -> Iterator[Hit]:
    """The connection opened only after retries, and mail waits for that.

    Trigger: more than one SYN or SYN-ACK was needed and connecting took 1 s (`after`) or longer.
    Advice: look for packet loss, a full listen queue or a limit on new connections at the
    server.
    Traps: a mirror port shows packets twice, less than a millisecond apart; such copies do not
    count.
    Thresholds:
        after (s): the first retransmission of a SYN is due after 1 s (RFC 6298 §2).
    """
    client, server = view.client, view.server
    if not handshake_done(view) or client.syn is None or server.syn is None:
        return
    again = _copies(client.syns) + _copies(server.syns)
    taken = (connected_at(view) - client.syn.time) / NANOSECONDS
    if not again or taken < after:
        return
    repeated = plural(len(again), "repeated packet")
    text = f"Connecting took {duration(taken)} and {repeated}."
    yield mark_hit(text, client.syn, *again, client.handshake)


@check(
    "tcp-handshake-incomplete",
    group="tcp",
    severity="error",
    reference="RFC 9293 §3.5",
    wakes=("tcp-trouble", "reset"),
    fires="""
        SYN C
        SYN S
        +1.0 SYN S
        +2.0 SYN S
    """,
    silent="""
        @G
        @Q
    """,
)
def tcp_handshake_incomplete(view: View, *, repeats: int = 2) -> Iterator[Hit]:
    """The server answered the knock, but the caller was gone.

    Trigger: a SYN-ACK, nothing more from the caller, and the SYN-ACK was repeated twice (`repeats`)
    or the connection was reset.
    Advice: look at the way back: a firewall that keeps state, an asymmetric route, a forged
    sender.
    Traps: a caller that resets right after the SYN-ACK scans ports: a note.
    Thresholds:
        repeats (times): SYN-ACKs after the first: by then the caller is not only slow.
    """
    client, server = view.client, view.server
    if client.syn is None or server.syn is None:
        return
    if client.packets > len(client.syns) + (client.rst is not None):
        return
    if client.rst is not None:
        text = "A port probe: the caller reset the connection as soon as the server answered."
        yield mark_hit(text, client.syn, server.syn, client.rst, severity="note")
    elif len(server.syns) > repeats or view.closed:
        text = (
            f"The server answered the attempt to connect {plural(len(server.syns), 'time')}, "
            "but the caller never went on."
        )
        yield mark_hit(text, *server.syns, server.rst)


@check(
    "tcp-connect-only-probe",
    group="tcp",
    severity="note",
    reference="RFC 5321 §3.8",
    wakes=("wordless",),
    fires="""
        @G
        FIN C
        FIN S
    """,
    silent="""
        @G
        @Q
    """,
)
def tcp_connect_only_probe(view: View, *, within: float = 10.0) -> Iterator[Hit]:
    """Something connected and left without a word, as monitoring does.

    Trigger: a complete handshake, not an octet from the client, which closed within 10 s
    (`within`); the server said nothing or its greeting.
    Advice: nothing, if it is your load balancer; it would be polite to send QUIT.
    Traps: a client that leaves a silent server after 10 s or more lost patience; one that
    leaves a server that refused it does what it should.
    Thresholds:
        within (s): probes leave at once; whoever stays longer was waiting for the greeting.
    """
    client = view.client
    if client.stream.end or client.stream.gaps or not handshake_done(view):
        return
    left = _who_left_first(view)
    if left is None or (left.time - connected_at(view)) >= within * NANOSECONDS:
        return
    replies = view.dialogue.replies
    if view.server.stream.gaps or len(replies) > 1 or any(r.kind != 2 for r in replies):
        return
    text = "Something connected and left without saying anything."
    yield mark_hit(text, view.client.syn, left)


def _who_left_first(view: View) -> Mark | None:
    """The client's FIN or RST, if it came before the server's."""
    own = [m for m in (view.client.fin, view.client.rst) if m is not None]
    theirs = [m for m in (view.server.fin, view.server.rst) if m is not None]
    first = min(own, key=_time, default=None)
    if first is None or any(m.frame < first.frame for m in theirs):
        return None
    return first


CHECKS = (
    tcp_syn_unanswered,
    tcp_connection_refused,
    tcp_syn_retransmitted,
    tcp_handshake_incomplete,
    tcp_connect_only_probe,
)
