"""Which commands make one mail, where the server did not take them as they were sent.

While commands are read, each mail is as the client meant it. But the transaction is the
server's: a second MAIL that it refuses leaves the first one open, and so does a refused EHLO or
RSET (RFC 5321 §4.1.4); what follows belongs to the first. Asked when such a reply is paired.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smtpsniff.smtp.dialogue import Dialogue
    from smtpsniff.smtp.model import Exchange, Letter, Reply

__all__ = ["data_refused", "end_refused", "mail_answered"]


def mail_answered(dialogue: Dialogue, exchange: Exchange, reply: Reply) -> None:
    """MAIL while another mail is open: refused, the open one goes on."""
    letter = exchange.letter
    if letter is None or letter.before is None:
        return
    before, letter.before = letter.before, None
    if reply.kind >= 4 and before.mail is not None and before.mail.accepted:
        _go_on(dialogue, before, letter)


def end_refused(dialogue: Dialogue, exchange: Exchange, reply: Reply) -> None:
    """EHLO or RSET refused: the mail that it was to end goes on."""
    letter = exchange.letter
    if reply.kind < 4 or letter is None or letter.ended_by != exchange.verb:
        return
    following = dialogue.letter
    if following is None:
        letter.ended_by = ""
        dialogue.letter = letter
    elif following.mail is None:
        _go_on(dialogue, letter, following)


def data_refused(dialogue: Dialogue, exchange: Exchange) -> None:
    """DATA refused where there was no mail: that makes none (a check tells of it)."""
    letter = exchange.letter
    if letter is None or letter.mail is not None or letter.recipients or letter.body is not None:
        return
    letter.void = True
    if dialogue.letter is letter:
        dialogue.letter = None


def _go_on(dialogue: Dialogue, letter: Letter, taken: Letter) -> None:
    """What was sent as `taken` belongs to `letter`, which is open still."""
    letter.ended_by = taken.ended_by
    letter.recipients += taken.recipients
    taken.recipients = []
    letter.data, taken.data = taken.data or letter.data, None
    letter.body, taken.body = taken.body or letter.body, None
    letter.eom, taken.eom = taken.eom or letter.eom, None
    taken.void = True
    for exchange in dialogue.queue:
        if exchange.letter is taken:
            exchange.letter = letter
    if dialogue.letter is taken:
        dialogue.letter = letter
