"""Checks of what a message's way here left in it: stations, dates (RFC 5321 §4.4, §6.3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from smtpsniff.checks.letters import headers, verdict
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import plural
from smtpsniff.checks.view import quote
from smtpsniff.mail.dates import read_date
from smtpsniff.smtp.reasons import classify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity
    from smtpsniff.smtp.model import Letter

__all__ = ["JOURNEY_CHECKS"]

NANOSECONDS = 10**9
HOUR, DAY = 3600, 86_400
# RFC 5321 §6.3 has servers bear at least 100 stations before they call it a loop; Postfix stops
# at 50 (hopcount_limit), Exim at 30 (received_headers_max).
LOOPED_STATIONS = 100

_COMMENT = re.compile(r"\([^()]*\)")
_BY = re.compile(r"(?:^|\s)by\s+([A-Za-z0-9._:\[\]-]+)", re.IGNORECASE)
# Content filters hand a mail back to the host that they run on.
_SAME_HOST = re.compile(r"localhost\b|\[?127\.|\[?(?:IPv6:)?::1\b", re.IGNORECASE)


class Station(NamedTuple):
    """One Received field: the host that wrote it, and when (seconds since 1970, if it says so)."""

    host: str
    time: int | None


def _stations(fields: list[tuple[str, str]]) -> list[Station]:
    """The way of a message, its first station first; a host's own filters are no station."""
    way: list[Station] = []
    for name, value in reversed(fields):
        if name.lower() != "received":
            continue
        trace, _, when = value.rpartition(";")
        match = _BY.search(_COMMENT.sub(" ", trace or value))
        host = match[1].lower().rstrip(".") if match is not None else ""
        if host and not _SAME_HOST.match(host) and (not way or way[-1].host != host):
            way.append(Station(host, read_date(when)))
    return way


def _circle(way: list[Station]) -> tuple[str, int]:
    """The host that was visited most often, in the order of time, and how often."""
    visits: dict[str, list[int | None]] = {}
    for host, time in way:
        visits.setdefault(host, []).append(time)
    host, times = max(visits.items(), key=lambda item: len(item[1]), default=("", []))
    known = [time for time in times if time is not None]
    return (host, len(times)) if known == sorted(known) else ("", 0)


@check(
    "msg-received-loop",
    group="message",
    severity="warning",
    reference="RFC 5321 §6.3",
    wakes=("received",),
    fires=r"""
        @T ; @D
        C "Received: by b.example; Mon, 23 Nov 2026 10:00:04 +0000\r\n"
        C "Received: by a.example; Mon, 23 Nov 2026 10:00:03 +0000\r\n"
        C "Received: by b.example; Mon, 23 Nov 2026 10:00:02 +0000\r\n"
        C "Received: by a.example; Mon, 23 Nov 2026 10:00:01 +0000\r\n"
        C "Received: by b.example; Mon, 23 Nov 2026 10:00:00 +0000\r\n"
        C "Subject: t\r\n\r\nhi\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
    silent=r"""
        @T ; @D
        C "Received: by b.example; Mon, 23 Nov 2026 10:00:04 +0000\r\n"
        C "Received: by localhost; Mon, 23 Nov 2026 10:00:03 +0000\r\n"
        C "Received: by b.example; Mon, 23 Nov 2026 10:00:02 +0000\r\n"
        C "Received: by b.example; Mon, 23 Nov 2026 10:00:01 +0000\r\n"
        C "Received: by a.example; Mon, 23 Nov 2026 10:00:00 +0000\r\n"
        C "Subject: t\r\n\r\nhi\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
)
def msg_received_loop(view: View, *, fields: int = 25, visits: int = 3) -> Iterator[Hit]:
    """The letter has passed the same stations again and again.

    Trigger: 25 Received fields (`fields`) or more; or one host three times (`visits`) with others
        in between, later each time. An error from 100 fields on, and if the server refused it as a
        loop.
    Advice: look at forwarding rules, aliases and MX records that point back at their own host.
    Traps: filters within one host add fields of their own, which stand next to each other or name
        localhost; a list or a forwarder may bring a mail back once.
    Thresholds:
        fields (fields, at least 3): real mail has up to a dozen.
        visits (times, at least 2): to one host, others in between.
    """
    for letter, data, record in headers(view, "received"):
        assert record.message is not None
        header = record.message.headers
        number = sum(name.lower() == "received" for name, _ in header)
        if number < min(fields, 2 * visits - 1):
            continue  # too few for a host to come up so often with others in between
        host, times = _circle(_stations(header))
        if number < fields and times < visits:
            continue
        severity: Severity | None = (
            "error" if number >= LOOPED_STATIONS or _refused_as_loop(letter) else None
        )
        again = f"; it passed {quote(host)} {times} times" if times >= visits else ""
        yield view.at(
            f"The message has {number} Received fields{again}{verdict(letter)}.",
            letter.eom or data, severity=severity,
        )  # fmt: skip


def _refused_as_loop(letter: Letter) -> bool:
    eom = letter.eom
    if eom is None or eom.reply is None or not eom.refused:
        return False
    return classify(eom.reply.code, eom.reply.enhanced, eom.reply.text, "<eom>").label == "loop"


@check(
    "msg-return-path-present",
    group="message",
    severity="note",
    reference="RFC 5321 §4.4",
    wakes=("return-path",),
    fires=r"""
        @T ; @D ; C "Return-Path: <s@a.example.net>\r\nSubject: t\r\n\r\nhi\r\n.\r\n"
        S "250 2.0.0 Ok\r\n"
    """,
    silent=r"""
        @T ; @D ; C "Subject: t\r\n\r\nReturn-Path: <s@a.example.net>\r\n.\r\n"
        S "250 2.0.0 Ok\r\n"
    """,
)
def msg_return_path_present(view: View) -> Iterator[Hit]:
    """This field is added at final delivery and should not travel.

    Trigger: a Return-Path field in the header of a message on its way.
    Advice: let forwarders and resenders take it off.
    Traps: LMTP is the final delivery.
    """
    if view.session.protocol == "lmtp":
        return
    for letter, data, record in headers(view, "return-path"):
        assert record.message is not None
        value = next(v for name, v in record.message.headers if name.lower() == "return-path")
        yield view.at(
            f"The message has a Return-Path field already: {quote(value)}.", letter.eom or data
        )


@check(
    "msg-date-skewed",
    group="message",
    severity="note",
    reference="RFC 5322 §3.6.1",
    wakes=("odd-date",),
    fires=r"""
        @T ; @D
        C "Date: Mon, 23 Nov 2009 10:00:00 +0000\r\nSubject: t\r\n\r\nhi\r\n.\r\n"
        S "250 2.0.0 Ok\r\n"
    """,
    silent=r"""
        @T ; @D ; @H ; @X
    """,
)
def msg_date_skewed(view: View, *, ahead: float = 24.0, behind: float = 7.0) -> Iterator[Hit]:
    """The letter's clock is wrong, or it waited long.

    Trigger: a Date more than 24 hours (`ahead`) after the time of the capture, or more than 7 days
        (`behind`) before it.
    Advice: set the sender's clock; if that is right, look for a queue where mail waits.
    Traps: mail that is sent again keeps its date; recordings may be given another time.
    Thresholds:
        ahead (h, at least 24): clocks and time zones differ by less.
        behind (d, at least 2): mail may wait in queues for five days (RFC 5321 §4.5.4.1).
    """
    records = zip((x for x in view.dialogue.letters if not x.void), view.session.transactions,
                  strict=False)  # fmt: skip
    for letter, record in records:
        body, message, data = letter.body, record.message, letter.data
        if body is None or message is None or not message.date or data is None:
            continue
        written = read_date(message.date)
        if written is None or body.missing or not view.clean(data):
            continue
        late = body.first_time / NANOSECONDS - written
        if -ahead * HOUR <= late <= behind * DAY:
            continue
        days = plural(round(abs(late) / DAY), "day")
        yield view.at(
            f"The message is dated {quote(message.date)}, {days} "
            f"{'earlier' if late > 0 else 'later'} than it was sent.",
            letter.eom or data,
        )  # fmt: skip


JOURNEY_CHECKS = (msg_received_loop, msg_return_path_present, msg_date_skewed)
