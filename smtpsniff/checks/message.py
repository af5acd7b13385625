"""Checks of the message on the wire: its header, its lines, its end, and the receipt for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.content import CONTENT_CHECKS
from smtpsniff.checks.endings import ENDING_CHECKS, by_sight
from smtpsniff.checks.header import HEADER_CHECKS
from smtpsniff.checks.journey import JOURNEY_CHECKS
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import duration, plural
from smtpsniff.tcp.stream import covers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Confidence
    from smtpsniff.smtp.model import Letter

__all__ = ["CHECKS"]


def _arrived(view: View, letter: Letter) -> bool:
    """Whether the server acknowledged the last byte of the message, in its RST at the latest."""
    eom, body, server = letter.eom, letter.body, view.server
    end = max(eom.end if eom is not None else 0, body.end if body is not None else 0)
    if not end:
        return False
    last = view.client.stream.after(end)
    return covers(server.ack, last) or (server.rst is not None and covers(server.rst.ack, last))


def _stands(view: View, letter: Letter) -> bool:
    """Whether DATA was seen to be accepted, or BDAT sent, with no doubt about it."""
    data = letter.data
    return data is not None and view.clean(data) and not data.refused


def _cut_short(view: View, letter: Letter) -> bool:
    """Whether the message lacks its end, as far as the server got it."""
    body, eom = letter.body, letter.eom
    if body is None:
        return False
    if eom is not None:
        hanging = eom.reply is None and not eom.replies and view.clean(eom)
        return hanging and not _arrived(view, letter)
    if body.complete or by_sight(body) is not None:
        return False
    # Between chunks the client may stop as it likes; within one it may not.
    dialogue = view.dialogue
    return body.framing == "data" or (dialogue.chunk_left > 0 and dialogue.body is body)


@check(
    "msg-truncated",
    group="message",
    severity="error",
    reference="RFC 5321 §4.1.1.4, §4.1.1.10",
    wakes=("hanging",),
    fires=r"""
        @T ; @D ; @H ; +5 RST C
    """,
    silent=r"""
        @T ; @D ; @H ; @X ; RST C
    """,
)
def msg_truncated(view: View) -> Iterator[Hit]:
    """The letter stopped in the middle, or its end never reached the server.

    Trigger: a message without its end, or a chunk without its last octets, or an end that the
        server's TCP never acknowledged; and the connection ended or fell silent.
    Advice: look at the network (packet sizes), at the client's timeouts, at content filters.
    Traps: if only the recording ended it is a note; if bytes were not captured the end may be
        among them (possible); a server that had refused already ended it.
    """
    for letter in view.dialogue.letters:
        body = letter.body
        if body is None or not _stands(view, letter) or not _cut_short(view, letter):
            continue
        ended = view.session.ended
        what = (
            f"The message broke off after {plural(body.size, 'octet')}, without its end"
            if letter.eom is None
            else "The message was sent whole, but the server never acknowledged its end"
        )
        sure = letter.eom is None and not body.missing and not view.client.stream.gaps
        unsure: Confidence = "likely" if letter.eom is not None else "possible"
        yield view.at(
            f"{what} ({_ENDS.get(ended, 'the connection ended')}).", letter.eom or letter.data,
            severity="note" if ended == "capture-ended" else None,
            confidence="certain" if sure else unsure,
        )  # fmt: skip


_ENDS = {
    "capture-ended": "the recording ends here",
    "rst-by-client": "the client reset the connection",
    "rst-by-server": "the server reset the connection",
    "client-close": "the client closed the connection",
    "server-close": "the server closed the connection",
    "idle-expired": "nothing came any more",
}


@check(
    "eom-reply-missing",
    group="delivery",
    severity="error",
    reference="RFC 1047, RFC 5321 §4.5.3.2.6, §6.1",
    wakes=("hanging",),
    fires=r"""
        @T ; @D ; @H ; C ".\r\n" ; +60 RST S
    """,
    silent=r"""
        @T ; @D ; @H ; C ".\r\n" ; +60 S "451 4.3.0 scan failed\r\n" ; RST S
    """,
)
def eom_reply_missing(view: View, *, hasty: float = 5.0) -> Iterator[Hit]:
    """The letter arrived but the receipt did not, so it will probably be sent twice.

    Trigger: the end of a message, acknowledged by the server's TCP, and no reply before the
        connection ended or fell silent.
    Advice: client: wait ten minutes; server: answer before slow scans; look for duplicates.
    Traps: if the end never reached the server the message was cut short; 4yz is an answer; a
        client that hangs up within seconds is the cause itself; where the server's bytes were
        captured in two versions, the answer may be in the one that was not believed.
    Thresholds:
        hasty (s): a client that hangs up this soon after the end of its message did not wait
            (RFC 5321 §4.5.3.2.6 asks for ten minutes), and the sentence says so.
    """
    if view.session.ended == "capture-ended" or view.server.stream.gaps or view.server.conflicts:
        return
    for letter in view.dialogue.letters:
        eom = letter.eom
        if eom is None or eom.replies or eom.reply is not None or not view.clean(eom):
            continue
        if letter.body is None or not letter.body.complete or not _arrived(view, letter):
            continue
        sent = max(eom.time, letter.body.time)
        who = _who_hung_up(view, sent, hasty)
        yield view.at(f"The server got the whole message and never answered: {who}.", eom)


def _who_hung_up(view: View, since: int, hasty: float) -> str:
    """Who ended the connection, and how long after the end of the message."""
    ends = [
        (mark.frame, mark.time, name)
        for side, name in ((view.client, "client"), (view.server, "server"))
        for mark in (side.fin, side.rst)
        if mark is not None
    ]
    if not ends:
        return f"nothing came for {duration(view.waited(since))}"
    _, time, name = min(ends)
    seconds = (time - since) / 1e9
    why = ", which is no time to wait" if name == "client" and seconds < hasty else ""
    return f"the {name} ended the connection after {duration(seconds)}{why}"


CHECKS = (
    *HEADER_CHECKS,
    *CONTENT_CHECKS,
    *JOURNEY_CHECKS,
    msg_truncated,
    eom_reply_missing,
    *ENDING_CHECKS,
)
