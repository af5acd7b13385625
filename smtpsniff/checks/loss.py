"""What the network lost, damaged or held up, and how long that took."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from smtpsniff.checks.moments import failed, moment
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import NANOSECONDS, duration, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.moments import Moment
    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity
    from smtpsniff.tcp import Side
    from smtpsniff.tcp.trouble import Again, Shut

__all__ = ["CHECKS"]

ETHERNET = 1460  # octets of a full segment (RFC 9293 §3.7.1), where no SYN told


def _both(view: View) -> tuple[tuple[str, Side, str, Side], tuple[str, Side, str, Side]]:
    return (
        ("client", view.client, "server", view.server),
        ("server", view.server, "client", view.client),
    )


def _lost(side: Side) -> list[Again]:
    """Segments that were sent again because they, or their acknowledgements, had got lost."""
    if side.trouble is None:
        return []
    return [a for a in side.trouble.again if not a.spurious and not a.disordered]


def _segments(side: Side) -> int:
    """Segments with payload that a side sent, about; those of a long stream are not all kept."""
    stream = side.stream
    full = side.mss if side.mss > 0 else ETHERNET
    return max(len(stream.starts), stream.end // full)


@check(
    "tcp-retransmission-burst",
    group="tcp",
    severity="warning",
    reference="RFC 6298; RFC 9293 §3.8.1",
    wakes=("tcp-trouble",),
    fires="""
        @G
        LOSS C "EHLO a.example.net\\r\\n" 4
        S "250 mx.example\\r\\n"
        @Q
    """,
    silent="""
        @G
        LOSS C "EHLO a.example.net\\r\\n" 2
        S "250 mx.example\\r\\n"
        @Q
    """,
)
def tcp_retransmission_burst(
    view: View, *, segments: int = 5, share: float = 3.0, copies: int = 3
) -> Iterator[Hit]:
    """Packets kept getting lost, so data had to be sent again.

    Trigger: one side sent `segments` or more segments with data again, and more than `share` of
    all of them, or the same octet again `copies` times.
    Advice: look at the link on the side that the sentence names: duplex, radio, congestion, and
    the largest packet that passes.
    Traps: what had been acknowledged before it came again, what was only overtaken, keep-alives
    and packets that a mirror port delivered twice do not count. An error where a mail failed.
    Thresholds:
        segments (segments, at least 1): sent again by one side.
        share (%): of its segments with data.
        copies (copies, at least 1): of one segment, besides the first.
    """
    for who, side, peer, _ in _both(view):
        lost = _lost(side)
        if not lost:
            continue
        total = _segments(side) + len(lost)
        most = max(Counter(again.seq for again in lost).values())
        if (len(lost) < segments or 100 * len(lost) <= share * total) and most < copies:
            continue
        behind = sum(again.seen for again in lost)
        where = f"between the point of capture and the {peer}"
        if behind * 2 < len(lost):
            where = f"between the {who} and the point of capture"
        same = f", the same one up to {most} times" if most > 1 else ""
        text = (
            f"The {who} had to send {plural(len(lost), 'segment')} again{same}; "
            f"{'it was' if len(lost) == 1 else 'they were'} lost {where}, "
            f"{moment(view, lost[0].frame).words}{_one_by_one(view)}."
        )
        severity: Severity | None = "error" if failed(view) else None
        yield Hit(text, [a.frame for a in lost[:5]], lost[0].time, None, severity, key=who)


def _one_by_one(view: View) -> str:
    """Without selective acknowledgements each loss of a flight costs a round trip (RFC 2018)."""
    if view.client.syn is None or view.server.syn is None:
        return ""
    if view.client.sack and view.server.sack:
        return ""
    return "; without selective acknowledgements, which one side did not offer, each costs more"


@check(
    "tcp-rto-stall",
    group="timing",
    severity="warning",
    reference="RFC 6298 §5",
    wakes=("tcp-trouble",),
    fires="""
        @G
        LOSS C "EHLO a.example.net\\r\\n" 2
        S "250 mx.example\\r\\n"
        @Q
    """,
    silent="""
        @G
        C "EHLO a.example.net\\r\\n"
        +2.0 S "250 mx.example\\r\\n"
        @Q
    """,
)
def tcp_rto_stall(view: View, *, silence: float = 0.8, share: float = 30.0) -> Iterator[Hit]:
    """The wait here was the network losing a packet, not the mail server thinking.

    Trigger: neither side sent anything for `silence` until a segment was sent again, and such
    silences make up `share` or more of the time that this step of the dialogue took.
    Advice: look for packet loss; tuning the mail server does not help.
    Traps: a receiver whose window is closed is waited for, too, and has a check of its own. What
    had been acknowledged before it came again was not waited for.
    Thresholds:
        silence (s): before a segment comes again.
        share (%): of the step of the dialogue.
    """
    for who, side, _, other in _both(view):
        steps: dict[int, tuple[Moment, list[Again]]] = {}
        for again in _lost(side):
            if again.quiet >= silence * NANOSECONDS and not _was_shut(other, again.time):
                step = moment(view, again.frame)
                steps.setdefault(step.start, (step, []))[1].append(again)
        for step, stalls in steps.values():
            waited = sum(again.quiet for again in stalls)
            if waited * 100 < share * (step.end - step.start):
                continue
            text = (
                f"Nothing moved for {duration(waited / NANOSECONDS)} {step.words}, until the "
                f"{who} sent again what had got lost."
            )
            frames = [again.frame for again in stalls]
            yield Hit(text, frames, stalls[0].time, step.entry)


def _was_shut(side: Side, time: int) -> bool:
    """Whether a side's window was closed then."""
    shut = side.trouble.shut if side.trouble is not None else []
    return any(s.time <= time and (not s.until or time <= s.until) for s in shut)


@check(
    "tcp-zero-window",
    group="tcp",
    severity="warning",
    reference="RFC 9293 §3.8.6.1",
    wakes=("tcp-trouble",),
    fires="""
        @T
        @D
        C "Subject: t\\r\\n"
        WIN S 0
        +2.0 WIN S 65536
        C "\\r\\nhi\\r\\n"
        @X
        @Q
    """,
    silent="""
        @T
        @D
        C "Subject: t\\r\\n"
        WIN S 0
        +0.5 WIN S 65536
        C "\\r\\nhi\\r\\n"
        @X
        @Q
    """,
)
def tcp_zero_window(view: View, *, closed: float = 1.0) -> Iterator[Hit]:
    """The receiving program stopped reading, so the sender had to wait.

    Trigger: one side's window was closed for `closed` in all.
    Advice: a server that stops during a message has a slow disk, a slow filter or too much to
    do; a client that stops is slow itself.
    Traps: the window of a SYN, FIN or reset says nothing. Where the beginning was not captured
    the window's scale is not known, but nought is nought. An error where a mail failed.
    Thresholds:
        closed (s): altogether, in one session.
    """
    for who, side, peer, _ in _both(view):
        shut = side.trouble.shut if side.trouble is not None else []
        waited = sum(_how_long(view, s) for s in shut) / NANOSECONDS
        if not shut or waited < closed:
            continue
        longest = max(shut, key=lambda s: _how_long(view, s))
        when = moment(view, longest.frame)
        probes = sum(s.probes for s in shut)
        asked = f" and asked {plural(probes, 'time')}" if probes else ""
        text = (
            f"The {who} took nothing in for {duration(waited)}, most of it {when.words}; "
            f"the {peer} waited{asked}."
        )
        frames = [frame for s in shut[:5] for frame in (s.frame, s.until_frame)]
        yield Hit(
            text, frames, longest.time, when.entry, "error" if failed(view) else None, key=who
        )


def _how_long(view: View, shut: Shut) -> int:
    return (shut.until or view.connection.end) - shut.time


@check(
    "tcp-bad-checksum",
    group="tcp",
    severity="warning",
    reference="RFC 9293 §3.1",
    wakes=("tcp-trouble",),
    fires="""
        @G
        LOSS C "EHLO a.example.net\\r\\n" 2 damaged
        S "250 mx.example\\r\\n"
        @Q
    """,
    silent="""
        @G
        C "EHLO a.example.net\\r\\n" damaged
        S "250 mx.example\\r\\n"
        @Q
    """,
)
def tcp_bad_checksum(view: View) -> Iterator[Hit]:
    """A packet was damaged on the way.

    Trigger: a segment's TCP checksum is wrong, the same octets were sent again, and the
    checksum of the second copy is right.
    Advice: look at network cards, cables and boxes on the way.
    Traps: where the network card computes checksums, all that the capturing host sends looks
    wrong; a wrong checksum alone is therefore nothing.
    """
    for who, side, _, _ in _both(view):
        damaged = [again for again in _lost(side) if again.damaged]
        if damaged:
            text = (
                f"{plural(len(damaged), 'segment')} of the {who} came with a wrong checksum "
                f"and had to be sent again, {moment(view, damaged[0].frame).words}."
            )
            yield Hit(text, [a.frame for a in damaged[:5]], damaged[0].time, key=who)


CHECKS = (
    tcp_retransmission_burst,
    tcp_rto_stall,
    tcp_zero_window,
    tcp_bad_checksum,
)
