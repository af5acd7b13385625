"""When in the dialogue something befell the connection, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from smtpsniff.checks.saying import said

if TYPE_CHECKING:
    from smtpsniff.checks.view import View
    from smtpsniff.records import Entry
    from smtpsniff.smtp.model import Exchange

__all__ = ["Moment", "failed", "moment"]


class Moment(Struct, gc=False):
    """A stretch of the dialogue: what is going on, from when to when (ns), where it is shown."""

    words: str
    start: int
    end: int
    entry: Entry | None = None


def moment(view: View, frame: int) -> Moment:
    """What the two were at when `frame` passed."""
    for letter in view.dialogue.letters:
        body, eom = letter.body, letter.eom
        if body is None or not body.first_frame or frame < body.first_frame:
            continue
        until = eom.frame if eom is not None else view.connection.last_frame
        if frame <= until:
            end = eom.time if eom is not None else view.connection.end
            return Moment("while the message was sent", body.first_time, end, body.entry)
        reply = eom.reply if eom is not None else None
        if eom is not None and (reply is None or frame <= reply.frame):
            end = reply.time if reply is not None else view.connection.end
            return Moment("after the end of the message", eom.time, end, eom.entry)
    asked: Exchange | None = None
    for exchange in view.dialogue.exchanges:
        if exchange.first_frame > frame:
            break
        asked = exchange
    if asked is None:
        return Moment("before a word was said", view.connection.start, view.connection.end)
    reply = asked.reply
    if reply is None or frame <= reply.frame:
        words = "before the greeting" if not asked.line else f"at {said(asked)}"
        end = reply.time if reply is not None else view.connection.end
        return Moment(words, asked.first_time, end, asked.entry)
    words = "after the greeting" if not asked.line else f"after the answer to {said(asked)}"
    return Moment(words, reply.time, view.connection.end, reply.entry)


def failed(view: View) -> bool:
    """Whether some mail of the session did not get through, for no reason that anybody gave."""
    return not view.topics.isdisjoint(("outcome:aborted", "outcome:ambiguous"))
