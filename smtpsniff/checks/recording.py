"""What the recording itself lacks or contradicts, so that silence is not taken for health."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import plural, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Confidence
    from smtpsniff.tcp import Gap, Side

__all__ = ["CHECKS"]

# Fewer packets than this tell nothing about the other direction.
FEW_PACKETS = 3


def _gaps(view: View, why: str) -> list[tuple[str, Gap]]:
    """The gaps of one kind, with who sent what is missing."""
    return [
        (who, gap)
        for who, side in (("client", view.client), ("server", view.server))
        for gap in side.stream.gaps
        if gap.why == why
    ]


def _gap_hit(text: str, gaps: list[tuple[str, Gap]], view: View) -> Hit:
    frames = [gap.frame for _, gap in gaps]
    confidence: Confidence = "certain" if view.two_sided else "possible"
    return Hit(text, frames, gaps[0][1].time, None, None, confidence)


@check(
    "tcp-capture-gap",
    group="tcp",
    severity="note",
    reference="RFC 9293 §3.4",
    wakes=("gap",),
    fires="""
        @G
        @EN
        GAP C 100
        S "250 Ok\\r\\n"
        @Q
    """,
    silent="""
        @G
        @EN
        @Q
    """,
)
def tcp_capture_gap(view: View) -> Iterator[Hit]:
    """Part of the conversation is missing from the recording, though not from the network.

    Trigger: one side acknowledged octets of the other that were never captured.
    Advice: capture again with larger buffers or at another point; read findings near the gap
    with care.
    Traps: where only one direction was captured nothing proves that the octets arrived. A live
    capture knows what it dropped itself, and says so.
    """
    gaps = _gaps(view, "lost")
    if not gaps:
        return
    parts = [
        f"{plural(size, 'octet')} of the {who}"
        for who in ("client", "server")
        if (size := sum(gap.length for sender, gap in gaps if sender == who))
    ]
    text = f"The capture lacks {' and '.join(parts)}, in {plural(len(gaps), 'place')}."
    if view.connection.dropped:
        dropped = plural(view.connection.dropped, "packet")
        text += f" That is its own doing: it dropped {dropped} at the time."
    yield _gap_hit(text, gaps, view)


@check(
    "tcp-truncated-capture",
    group="tcp",
    severity="note",
    reference="pcap: captured and original length",
    wakes=("gap",),
    fires="""
        @G
        @EN
        @Q
    """,
    silent="""
        @G
        @EN
        @Q
    """,
)
def tcp_truncated_capture(view: View) -> Iterator[Hit]:
    """The recording kept only the first part of each packet.

    Trigger: a segment with payload whose captured length is less than its length on the wire.
    Advice: capture whole packets, with `-s 0` or `--snapshot-length 0`.
    Traps: none known; the packet's record has both lengths.
    """
    gaps = _gaps(view, "cut")
    if gaps:
        missing = plural(sum(gap.length for _, gap in gaps), "octet")
        text = f"The capture cut {plural(len(gaps), 'packet')} short; {missing} are missing."
        yield Hit(text, [gap.frame for _, gap in gaps], gaps[0][1].time)


@check(
    "tcp-one-direction-only",
    group="tcp",
    severity="note",
    reference="RFC 9293 §3.4",
    wakes=("one-sided",),
    fires="""
        C "EHLO a.example.net\\r\\n"
        C "MAIL FROM:<s@a.example.net>\\r\\n"
        C "QUIT\\r\\n"
    """,
    silent="""
        SYN C
        +1.0 SYN C
        +2.0 SYN C
    """,
)
def tcp_one_direction_only(view: View) -> Iterator[Hit]:
    """Only one side of the talk was recorded.

    Trigger: three packets or more, and payload or acknowledgements of exactly one side.
    Advice: mirror both directions; look at VLANs and asymmetric routing.
    Traps: attempts to connect that nobody answers have one side too, but neither payload nor
    acknowledgements.
    """
    if view.connection.packets < FEW_PACKETS:
        return
    client, server = view.client, view.server
    if _progress(client) == _progress(server):
        return
    missing = "server" if _progress(client) else "client"
    text = f"Only one direction was captured: nothing of the {missing} is here."
    yield Hit(text, [view.connection.first_frame], view.connection.start)


def _progress(side: Side) -> bool:
    """Whether a side sent payload, or acknowledged something."""
    return bool(side.stream.end or side.ack >= 0)


@check(
    "tcp-midstream-start",
    group="tcp",
    severity="note",
    reference="RFC 9293 §3.5",
    wakes=("midstream",),
    fires="""
        @EN
        @Q
    """,
    silent="""
        @G
        @EN
        @Q
    """,
)
def tcp_midstream_start(view: View) -> Iterator[Hit]:
    """The recording began in the middle; what came before is unknown.

    Trigger: no SYN of either side.
    Advice: none; checks that need to know what the server offered are off for this session.
    Traps: a SYN that was lost by the capture looks the same.
    """
    connection = view.connection
    text = "The capture begins in the middle of this connection"
    first = next((e for e in view.dialogue.exchanges if e.line), None)
    text += f"; the first command in it is {said(first)}." if first is not None else "."
    yield Hit(text, [connection.first_frame], connection.start)


@check(
    "session-desynchronised",
    group="smtp-sequence",
    severity="note",
    reference="RFC 5321 §4.2; RFC 2920 §3.2",
    wakes=("desynchronised",),
    fires="""
        @G
        @E
        C "MAIL FROM:<s@a.example.net>\\r\\nRCPT TO:<r@mx.example>\\r\\n"
        GAP S 14
        S "250 2.1.5 Ok\\r\\n"
        @Q
    """,
    silent="""
        @T
        @Q
    """,
)
def session_desynchronised(view: View) -> Iterator[Hit]:
    """From here on nobody can be sure which answer belongs to which command.

    Trigger: replies were lost by the capture while several commands waited for one.
    Advice: capture without loss; if nothing was lost, one side broke the rule of one reply to
    each command.
    Traps: findings about the exchanges in doubt are held back.
    """
    doubtful = next((e for e in view.dialogue.exchanges if e.tainted and e.reply is not None), None)
    text = "Replies are missing: which command the next one answers is a guess"
    if doubtful is not None:
        text += f", from {said(doubtful)} on"
    yield view.at(text + ".", doubtful)


@check(
    "role-reversal",
    group="smtp-sequence",
    severity="note",
    reference="RFC 2645; RFC 821 §3.8",
    wakes=("role-reversal",),
    fires="""
        @G
        @EN
        C "ATRN example.org\\r\\n"
        S "250 2.0.0 Now reversing the connection\\r\\n"
        C "220 a.example.net ESMTP\\r\\n"
        S "EHLO mx.example\\r\\n"
    """,
    silent="""
        @G
        @EN
        C "TURN\\r\\n"
        S "502 5.5.1 Not implemented\\r\\n"
        @Q
    """,
)
def role_reversal(view: View) -> Iterator[Hit]:
    """Client and server changed places on the same connection.

    Trigger: ATRN or TURN was answered 250.
    Advice: normal for mail fetched on demand with ATRN; TURN without a login gives mail to
    whoever asks.
    Traps: none known; the answer of the server proves it.
    """
    for exchange in view.exchanges("ATRN", "TURN"):
        if exchange.accepted:
            yield view.at(f"The two changed roles after {said(exchange)}.", exchange)


CHECKS = (
    tcp_capture_gap,
    tcp_truncated_capture,
    tcp_one_direction_only,
    tcp_midstream_start,
    session_desynchronised,
    role_reversal,
)
