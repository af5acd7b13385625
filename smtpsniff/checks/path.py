"""What lies on the way between the two: proxies, rewriting boxes, tunnels that swallow packets."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import plural
from smtpsniff.checks.view import quote
from smtpsniff.tcp.stream import covers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.tcp import Conflict

__all__ = ["CHECKS"]

# Exchanges whose octets are nobody's business.
_SECRETS = ("AUTH", "X-EXPS", "<auth-response>")


@check(
    "tcp-pmtu-black-hole",
    group="tcp",
    severity="error",
    reference="RFC 2923 §2.1, RFC 4821, RFC 8201",
    wakes=("tcp-trouble",),
    fires="""
        @T
        @D
        LOSS C "A"*1448 3
    """,
    silent="""
        @T
        @D
        LOSS C "A"*1448 3
        C "\\r\\n.\\r\\n"
        S "250 2.0.0 Ok\\r\\n"
    """,
)
def tcp_pmtu_black_hole(view: View, *, octets: int = 1200, copies: int = 3) -> Iterator[Hit]:
    """Small packets get through and big ones vanish, so mail hangs just as the message is sent.

    Trigger: the first 1200 octets or more (`octets`) of a message were sent three times
    (`copies`) and nothing of
    them was ever acknowledged, while all the small commands before them were.
    Advice: let ICMP "fragmentation needed" and "packet too big" pass, or clamp the segment size
    on the tunnel.
    Traps: a network that fails at this very moment looks the same, hence only likely. Segments
    that get stuck later in a message, or in the server's TLS certificate, are not told.
    Thresholds:
        octets (octets, at least 1): TCP carries 1460 over Ethernet and more than 1200 over most
            tunnels: whatever is larger travels in full segments (RFC 2923 §2.1).
        copies (times, at least 2): the first one and those sent again.
    """
    client, server = view.client, view.server
    if client.retransmissions < copies - 1 or not view.two_sided or server.ack < 0:
        return
    letter = next((x for x in reversed(view.dialogue.letters) if x.body is not None), None)
    if letter is None or letter.body is None or letter.body.start <= 0:
        return
    stream, start = client.stream, letter.body.start
    unacknowledged = stream.end - start
    if unacknowledged < octets or any(gap.at >= start for gap in stream.gaps):
        return
    if not covers(server.ack, stream.after(start)) or covers(server.ack, stream.after(start + 1)):
        return
    body = letter.body
    text = (
        f"{plural(unacknowledged, 'octet')} of message were sent {client.retransmissions + 1} "
        "times and never acknowledged, though every small packet before was."
    )
    yield Hit(text, [body.first_frame], body.first_time, None, None, "likely")


@check(
    "proxy-protocol-header",
    group="tcp",
    severity="note",
    reference="HAProxy PROXY protocol",
    wakes=("proxy",),
    fires="""
        OPEN
        C "PROXY TCP4 192.0.2.1 192.0.2.9 4711 25\\r\\n"
        S "220 mx.example ESMTP\\r\\n"
        @EN
        @Q
    """,
    silent="""
        @G
        @EN
        @Q
    """,
)
def proxy_protocol_header(view: View) -> Iterator[Hit]:
    """A load balancer put the real sender's address in front.

    Trigger: the client's first octets are a PROXY header, version 1 or 2.
    Advice: see that the mail server expects it on this port, and from the balancer only.
    Traps: whoever may send the header can claim any address; from a public one it is a warning.
    """
    public = ip_address(view.session.client.ip).is_global
    for entry in view.session.timeline:
        if entry.kind == "note" and entry.from_ == "client" and entry.text.startswith("PROXY "):
            text = f"A proxy announced whom it speaks for: {quote(entry.text)}."
            yield Hit(text, entry.frames, entry.time, entry, "warning" if public else None)
            return


@check(
    "tcp-overlap-conflict",
    group="security",
    severity="warning",
    reference="RFC 9293 §3.10",
    wakes=("tcp-trouble",),
    fires="""
        SESSION port=40000
        @G
        @EN
        SESSION port=40000 at=0.1
        C "EHLO b.example.net\\r\\n"
    """,
    silent="""
        @G
        LOSS C "EHLO a.example.net\\r\\n" 2
        S "250 mx.example\\r\\n"
        @Q
    """,
)
def tcp_overlap_conflict(view: View) -> Iterator[Hit]:
    """The same piece of the conversation exists in two versions, which can hide an attack.

    Trigger: two copies of the same octets differ.
    Advice: suspect injected packets, or a box on the way that rewrites; compare captures taken
    on both sides of it.
    Traps: keep-alives repeat an octet as garbage and do not count. A copy damaged on the way
    has a wrong checksum; the copy with the good one is kept, the difference is still told.
    Octets of a login are not shown.
    """
    for who, side in (("client", view.client), ("server", view.server)):
        for conflict in side.conflicts:
            versions = _versions(view, who, conflict)
            text = f"The {who} seems to have said two things at once{versions}."
            yield Hit(text, conflict.frames, _time_of(view, conflict), key=who)


def _time_of(view: View, conflict: Conflict) -> int:
    """When the first copy came, as nearly as the dialogue remembers."""
    times = (e.time for e in view.dialogue.exchanges if e.frame >= conflict.frames[0])
    return next(times, view.connection.start)


def _versions(view: View, who: str, conflict: Conflict) -> str:
    """Both versions, unless they may hold a secret."""
    end = conflict.offset + len(conflict.kept)
    if who == "client" and any(
        e.start < end and conflict.offset < e.end for e in view.exchanges(*_SECRETS)
    ):
        return ""
    return f": {quote(conflict.kept)} and {quote(conflict.dropped)}"


CHECKS = (
    tcp_pmtu_black_hole,
    proxy_protocol_header,
    tcp_overlap_conflict,
)
