"""What lies on the way between the two: proxies, rewriting boxes, tunnels that swallow packets."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from smtpsniff.addresses import is_private
from smtpsniff.checks.moments import moment
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.view import quote
from smtpsniff.tcp.errors import says, too_big
from smtpsniff.tcp.stream import MODULUS, covers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.tcp import Conflict, Side
    from smtpsniff.tcp.trouble import Again

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

    Trigger: a segment of `octets` or more was sent `copies` times and nothing of it was ever
    acknowledged, or only once it came in smaller pieces; smaller segments of the same side had
    been acknowledged, and no large one had, or a router said that packets were too big.
    Advice: let ICMP "fragmentation needed" and "packet too big" pass, or clamp the segment size
    on the tunnel.
    Traps: a network that fails at this very moment looks the same, hence only likely unless a
    router said so. Where large segments had got through before, it is the network. What offload
    joined counts as large.
    Thresholds:
        octets (octets, at least 1): TCP carries 1460 over Ethernet and more than 1200 over most
            tunnels: whatever is larger travels in full segments (RFC 2923 §2.1).
        copies (times, at least 2): the first one and those sent again.
    """
    if not view.two_sided:
        return
    for who, side, other in (
        ("client", view.client, view.server), ("server", view.server, view.client),
    ):  # fmt: skip
        stuck = _stuck(side, other, octets, copies)
        if stuck is None:
            continue
        seq, again = stuck
        told = next((e for e in view.connection.errors if too_big(e) and _of(side, e.seq)), None)
        if told is None and not _only_small(side, other, octets):
            continue
        large = max(a.length for a in again)
        through = covers(other.ack, (seq + 1) & MODULUS)
        end = "got through only in smaller pieces" if through else "was never acknowledged"
        router = f"; {told.router} had said: {says(told)}" if told is not None else ""
        when = moment(view, again[0].frame)
        text = (
            f"A segment of {large} octets of the {who} was sent {len(again) + 1} times "
            f"{when.words} and {end}, though small ones had passed{router}.{_sizes(view)}"
        )
        yield Hit(
            text, [*(a.frame for a in again[:5]), told.frame if told is not None else 0],
            again[0].time, when.entry, "warning" if through else None,
            "certain" if told is not None else "likely", key=who,
        )  # fmt: skip


def _stuck(side: Side, other: Side, octets: int, copies: int) -> tuple[int, list[Again]] | None:
    """A large segment that was sent so often and never taken, or only once it was cut."""
    found: dict[int, list[Again]] = {}
    cut: set[int] = set()
    for again in side.trouble.again if side.trouble is not None else ():
        if again.spurious or again.disordered:
            continue
        if again.length >= octets:
            found.setdefault(again.seq, []).append(again)
        elif again.seq in found:
            cut.add(again.seq)
    for seq, big in found.items():
        taken = other.ack >= 0 and covers(other.ack, (seq + 1) & MODULUS)
        if len(big) + 1 >= copies and (seq in cut if taken else other.ack >= 0):
            return seq, big
    return None


def _only_small(side: Side, other: Side, octets: int) -> bool:
    """Whether some segments were acknowledged, and none of them was large."""
    stream = side.stream
    small = False
    for start, end in pairwise([*stream.starts, stream.end]):
        if not covers(other.ack, stream.after(end)):
            break
        if end - start >= octets:
            return False
        small = True
    return small


def _of(side: Side, seq: int) -> bool:
    """Whether a router complained of a packet that this side sent."""
    return (seq - side.stream.first) & MODULUS <= (side.next - side.stream.first) & MODULUS


def _sizes(view: View) -> str:
    """What the two had agreed on, as evidence."""
    client, server = view.client.mss, view.server.mss
    if client < 0 or server < 0:
        return ""
    return f" The client had asked for segments of {client} octets, the server of {server}."


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
    public = not is_private(view.session.client.ip)
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
