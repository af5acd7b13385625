"""What is remarkable about a session, in words that checks subscribe to.

A healthy session has its verbs and little else, so few checks wake. Cheap to compute: most
topics were noted by the dialogue while it read.

``verb:X``            command (or pseudo-verb) X was sent
``refused``           some reply was 4yz or 5yz; ``421``
``early``             a command was sent before the previous reply was complete
``line-end``          a command line did not end in CRLF
``unknown-verb``      a command that stands in no table
``message-after-refusal``  DATA was refused and a message followed
``variant-accepted``  the server took a nonstandard end of data
``unsolicited``       a reply that answers nothing
``odd-reply``         a reply with a code that its command does not list
``garbage``           server lines that are no reply lines
``mismatch``          lines of one reply with different codes
``unterminated``      a multi-line reply that never ended
``unanswered``        commands without a reply
``hanging``           a message without a verdict, or one that never ended
``data``              a message was sent; ``bare-lf``, ``variants``: something in it
``clear``             mail or credentials outside TLS; ``tls``; ``proxy``; ``role-reversal``
``gap``               bytes missing; ``one-sided``; ``midstream``; ``cut``
``closed``            FIN or RST seen; ``reset``
``no-connection``     no SYN-ACK
``tcp-trouble``       retransmissions, conflicts, zero windows
``desynchronised``    pairing lost certainty
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.smtp.verbs import reply_fit

if TYPE_CHECKING:
    from smtpsniff.checks.view import View

__all__ = ["topics_of"]

_EXPECTED = frozenset({"positive", "listed", "common", "universal"})


def topics_of(view: View) -> set[str]:
    """The topics of one session."""
    dialogue = view.dialogue
    topics = dialogue.topics
    for exchange in dialogue.exchanges:
        topics.add("verb:" + exchange.verb)
        reply = exchange.reply
        if reply is None:
            topics.add("unanswered")
        elif reply_fit(exchange.verb, reply.code) not in _EXPECTED:
            topics.add("odd-reply")
    for reply in dialogue.replies:
        if reply.garbage:
            topics.add("garbage")
        if reply.codes:
            topics.add("mismatch")
        if not reply.terminated:
            topics.add("unterminated")
    if dialogue.unsolicited:
        topics.add("unsolicited")
    _of_letters(view, topics)
    _of_connection(view, topics)
    return topics


def _of_letters(view: View, topics: set[str]) -> None:
    for letter in view.dialogue.letters:
        body = letter.body
        if body is None:
            continue
        topics.add("data")
        if not body.complete or letter.eom is None or letter.eom.reply is None:
            topics.add("hanging")
        if body.bare_lf or body.bare_cr:
            topics.add("bare-lf")
        if body.variants:
            topics.add("variants")


def _of_connection(view: View, topics: set[str]) -> None:
    client, server = view.client, view.server
    if client.rst is not None or server.rst is not None:
        topics |= {"reset", "closed"}
    if client.fin is not None or server.fin is not None:
        topics.add("closed")
    if client.syn is None and server.syn is None:
        topics.add("midstream")
    elif server.syn is None:
        topics.add("no-connection")
    if not client.packets or not server.packets:
        topics.add("one-sided")
    if client.stream.gaps or server.stream.gaps:
        topics.add("gap")
    if view.dialogue.tls is None:
        topics.add("clear")
    for side in (client, server):
        if side.retransmissions or side.conflicts or side.zero_windows or len(side.syns) > 1:
            topics.add("tcp-trouble")
