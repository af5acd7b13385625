"""What boxes on the way do to a connection: forged resets, forgotten connections, no way at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.moments import moment
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import NANOSECONDS, duration, mark_hit, plural
from smtpsniff.tcp.errors import refuses, says
from smtpsniff.tcp.injection import forged
from smtpsniff.tcp.stream import covers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.tcp import Mark, Side

__all__ = ["CHECKS"]

# The first copy and two more: a segment that nobody answers, not one that was late.
COPIES = 2
# A reset this long after a segment answers it.
ANSWER_WITHIN = 3.0


@check(
    "tcp-connect-unreachable",
    group="tcp",
    severity="error",
    reference="RFC 792; RFC 4443; RFC 1122 §4.2.3.9",
    wakes=("icmp",),
    fires="""
        SYN C
        ICMP C 3 1 0
    """,
    silent="""
        SYN C
        ICMP C 3 1 0
        +1.0 OPEN
        S "220 mx.example ESMTP\\r\\n"
        @Q
    """,
)
def tcp_connect_unreachable(view: View) -> Iterator[Hit]:
    """A router on the way, or the host itself, said that the server cannot be reached.

    Trigger: an ICMP or ICMPv6 error, destination unreachable or out of hops, that quotes a SYN
    of this connection; the server itself never answered.
    Advice: look at routing and filtering at the router that the sentence names.
    Traps: the error must quote the SYN's very ports and number, or somebody forged it; one that
    was followed by a connection all the same was passing trouble.
    """
    if view.server.packets:
        return
    told = [error for error in view.connection.errors if refuses(error)]
    if not told:
        return
    first = told[0]
    server = f"port {view.session.server.port} of {view.session.server.ip}"
    by = "The server itself" if first.router == view.session.server.ip else f"Router {first.router}"
    times = f", {plural(len(told), 'time')}" if len(told) > 1 else ""
    text = f"{by} said about {server}: {says(first)}{times}."
    frames = [*(syn.frame for syn in view.client.syns), *(error.frame for error in told)]
    yield Hit(text, frames[:10], first.time)


@check(
    "tcp-reset-injected",
    group="tcp",
    severity="warning",
    reference="RFC 5961 §3",
    wakes=("reset",),
    fires="""
        @G
        @EN
        RST S ttl=40
        S "421 too late\\r\\n"
    """,
    silent="""
        @G
        @EN
        RST S
        S "421 too late\\r\\n"
    """,
)
def tcp_reset_injected(view: View, *, hops: int = 3) -> Iterator[Hit]:
    """The reset probably did not come from the mail server or client, but from a box in between.

    Trigger: the reset has `hops` or more hops left than all other packets of its sender, or
    fewer, and the sender went on after it, or both ends were reset within 50 ms, or its number
    is not the next one.
    Advice: look at firewalls and intrusion prevention on the way.
    Traps: some hosts mark resets with another time to live than all else; where the hops that
    both have come may be the same this is only possible.
    Thresholds:
        hops (hops, at least 1): by which the reset differs.
    """
    for who, side, other in (
        ("client", view.client, view.server), ("server", view.server, view.client),
    ):  # fmt: skip
        found = forged(side, other, hops)
        if found is None:
            continue
        text = (
            f"The reset in the {who}'s name came with {found.ttl} hops left, all else of the "
            f"{who} with {found.others}, and {found.why}: a third party seems to have sent it."
        )
        yield mark_hit(text, side.rst, confidence="possible" if found.plain else "likely")


@check(
    "tcp-idle-drop",
    group="tcp",
    severity="error",
    reference="RFC 5321 §4.5.3.2.7; RFC 5382 §5",
    wakes=("tcp-trouble", "reset"),
    fires="""
        @G
        @EN
        +90.0 LOSS C "NOOP\\r\\n" 4
    """,
    silent="""
        @G
        @EN
        +20.0 LOSS C "NOOP\\r\\n" 4
    """,
)
def tcp_idle_drop(view: View, *, idle: float = 60.0) -> Iterator[Hit]:
    """A firewall forgot the quiet connection and then dropped what came next.

    Trigger: nothing for `idle`, then one side sent data that was never acknowledged, in three
    copies or more, or that was answered by a reset; nobody had closed.
    Advice: raise the firewall's limit for idle connections above 10 minutes, or use keep-alives.
    Traps: a machine that crashed meanwhile looks the same; see whether other sessions with it
    ended at that time, too.
    Thresholds:
        idle (s): in which neither side sent data.
    """
    for who, side, other in (
        ("client", view.client, view.server), ("server", view.server, view.client),
    ):  # fmt: skip
        if side.keep_alives or not view.two_sided:
            continue
        sent = _unheard(side, other)
        if sent is None or any(m and m.time < sent[0] for m in (side.fin, other.fin)):
            continue
        time, frame, answer = sent
        before = _last_data(view, time)
        waited = (time - before) / NANOSECONDS
        if not before or waited < idle:
            continue
        what = "was answered by a reset" if answer is not None else "was never acknowledged"
        step = moment(view, frame)
        text = (
            f"After {duration(waited)} of silence what the {who} sent next {what}: "
            "something on the way had forgotten the connection, or the other end had died."
        )
        confidence = "likely"
        frames = [frame] if answer is None else [frame, answer.frame]
        yield Hit(text, frames, time, step.entry, None, confidence)  # type: ignore[arg-type]


def _unheard(side: Side, other: Side) -> tuple[int, int, Mark | None] | None:
    """Time and frame of data that got no acknowledgement, or the reset that answered it."""
    stream = side.stream
    if not stream.starts:
        return None
    last = stream.starts[-1]
    if covers(other.ack, stream.after(last + 1)):
        return None
    time, frame, rst = stream.times[-1], stream.frames[-1], other.rst
    if rst is not None and 0 <= rst.time - time <= ANSWER_WITHIN * NANOSECONDS:
        return time, frame, rst
    again = side.trouble.again if side.trouble is not None else []
    copies = [a for a in again if a.seq == stream.sequence(last)]
    return (time, frame, None) if len(copies) >= COPIES else None


def _last_data(view: View, time: int) -> int:
    """When either side last sent data before `time`; 0 if never."""
    found = 0
    for side in (view.client, view.server):
        times = side.stream.times
        found = max(found, next((t for t in reversed(times) if t < time), 0))
    return found


CHECKS = (
    tcp_connect_unreachable,
    tcp_reset_injected,
    tcp_idle_drop,
)
