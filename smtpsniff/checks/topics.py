"""What is remarkable about a session, in words that checks subscribe to.

A healthy session has its verbs and little else, so few checks wake. Cheap to compute: most
topics were noted by the dialogue while it read.

Of commands
    ``verb:X``        command (or pseudo-verb) X was sent
    ``unknown-verb``  a command that stands in no table
    ``odd-line``      bytes of a command line that are not printable ASCII, a blank before the
                      verb, more than 512 octets; ``line-end``: it did not end in CRLF
    ``argument``      DATA, RSET, QUIT or STARTTLS with an argument
    ``parameters``    MAIL or RCPT with something behind the path that the server had not
                      plainly offered; ``odd-parameters``: more than a plain SIZE, BODY and
                      AUTH=<>; ``odd-path``: a path that is not simply <name@domain>
    ``odd-chunk``     BDAT without a size that can be one
    ``odd-name``      a hello without a plain host name or address literal; ``literal-name``:
                      with one; ``own-name``: the server's; ``hello-again``: two; ``hello-in-tls``
    ``no-hello``      MAIL before anybody was introduced
    ``early``         a command was sent before the previous reply was complete
    ``no-quit``       nobody said goodbye; ``cut-off``: and the last reply was 5yz;
                      ``unanswered``: commands without a reply
    ``wordless``      the client sent nothing
Of replies
    ``refused``       some reply was 4yz or 5yz; ``refused:X`` to command X; ``mistake``: 5yz
                      to a command other than RCPT; ``421``;
                      ``unknown-to-server``: 500 or 502; ``moved``: 251 or 551;
                      ``reason:ID``: a delivery reason's check
    ``odd-reply``     a code that its command does not list; ``odd-code``: outside the grammar
    ``odd-text``      bytes or length of a reply line; of these ``odd-bytes``, ``long-reply``
                      and ``no-text``; ``too-long``: it complains of a length
    ``no-enhanced``   no enhanced code where one may be owed; ``odd-enhanced``: class differs;
                      ``bad-enhanced``: written wrongly, or where none belongs
    ``odd-offer``     a line of the answer to EHLO that contradicts the rules, or another line;
                      ``home-made-offer``: a keyword in no list; ``offer:X``: of LIMITS, REQUIRETLS
    ``353``           one answer for each recipient follows
    ``garbage``       lines that are no reply lines; ``mismatch``: lines with different codes;
                      ``unterminated``; ``unsolicited``: answers nothing; ``masked``: XXXX
    ``passwords-offered``  AUTH PLAIN or LOGIN is on an EHLO list
    ``no-greeting``, ``odd-greeting`` (no name in it), ``slow-greeting``
Of messages
    ``data``          a message was sent; ``hanging``: without a verdict, or never ended
    ``no-mail``       recipients or a message without MAIL
    ``null-sender``   a message from <>; ``size-off``: SIZE promised another size
    ``bare-lf``, ``bare-cr``, ``nul``, ``long-line``, ``variants``, ``unstuffed``, ``eight-bit``:
                      something in it; ``empty``: nothing
    ``no-from``, ``no-date``, ``no-message-id``, ``twice``, ``received``, ``return-path``,
    ``no-field``      of its header (`smtpsniff.mail.headers`); ``odd-date``: of another time
    ``message-after-refusal``, ``variant-accepted``
    ``outcome:X``     of a transaction or a recipient
Of the connection
    ``clear``         no TLS; ``tls``; ``starttls:X`` (the record's label); ``proxy``;
                      ``role-reversal``
    ``gap``, ``one-sided``, ``midstream``, ``no-connection``, ``closed``, ``reset``,
    ``wait:PART``     a stretch of half a second or more (`smtpsniff.timing.PARTS`); ``split``: a
                      command came in several segments
    ``tcp-trouble``   retransmissions, conflicts, zero windows; ``icmp``: errors of routers;
                      ``desynchronised``
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from smtpsniff.checks.delivery_reasons import refusals
from smtpsniff.checks.names import judge
from smtpsniff.checks.sizes import size_limit
from smtpsniff.mail.dates import is_near
from smtpsniff.smtp.extensions import LONGEST_LINE
from smtpsniff.smtp.verbs import reply_fit
from smtpsniff.text import decode

if TYPE_CHECKING:
    from smtpsniff.checks.view import View
    from smtpsniff.smtp.model import Exchange

__all__ = ["topics_of"]

_EXPECTED = frozenset({"positive", "listed", "common", "universal"})
_HELLOS = ("EHLO", "HELO", "LHLO")
_PATHS = frozenset({"MAIL", "RCPT", "SEND", "SOML", "SAML"})
_BARE = frozenset({"DATA", "RSET", "QUIT", "STARTTLS"})
_NO_MISTAKE = frozenset({"RCPT", "QUIT", "<greeting>", "<eom>"})
_ATOM = rb"[A-Za-z0-9#$&'*+/=?^_`{|}~-]+"  # without ! and %, which may hide a route
_LABEL = rb"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_PLAIN_PATH = re.compile(
    rb"(?:FROM:<(?=>)|(?:FROM|TO):<(?=[^>]))(?:" + _ATOM + rb"(?:\." + _ATOM + rb")*@"
    + _LABEL + rb"(?:\." + _LABEL + rb")+)?>",
    re.IGNORECASE,
)  # fmt: skip
# What ordinary clients put behind a path.
_SIZE, _BODY = rb"(?: SIZE=[0-9]{1,20})", rb"(?: BODY=(?:7BIT|8BITMIME))"
_PLAIN_PARAMETERS = re.compile(
    rb"(?:" + _SIZE + rb"?" + _BODY + rb"?|" + _BODY + _SIZE + rb")(?: AUTH=<>)?", re.IGNORECASE
)
_ASKED_WITH = {b"SIZE": "SIZE", b"BODY": "8BITMIME", b"AUTH": "AUTH"}
_DECLARED = re.compile(rb"(?i: SIZE)=([0-9]{1,20})(?: |\Z)")
LEAST_OFF = 100  # octets, and a percent; the check has thresholds above it
# RFC 5321 §4.5.3.1: a path may have 256 octets, its local part 64.
LONG_PATH = 64
SLOW_GREETING = 1_000_000_000  # nanoseconds; the checks have their own thresholds above it


def topics_of(view: View) -> set[str]:
    """The topics of one session."""
    dialogue = view.dialogue
    topics = dialogue.topics
    for exchange in dialogue.exchanges:
        verb = exchange.verb
        reply = exchange.reply
        topics.update(_of_pair(verb, reply.code if reply is not None else 0))
        if verb in _PATHS:
            _of_path(exchange, topics)
        elif verb in _BARE and exchange.argument:
            topics.add("argument")
        if exchange.first_frame != exchange.frame:
            topics.add("split")
    for wait in view.waits:
        topics.add("wait:" + wait.part)
    for hello in dialogue.hellos:
        _of_hello(view, hello, topics)
    if len(dialogue.hellos) > 1:
        topics.add("hello-again")
    if "verb:QUIT" not in topics:
        topics.add("no-quit")
        if dialogue.last_reply is not None and dialogue.last_reply.code >= 500:
            topics.add("cut-off")
    if "refused" in topics:
        topics.update("reason:" + check for check in refusals(view))
    for reply in dialogue.replies:
        if reply.garbage:
            topics.add("garbage")
        if not reply.terminated:
            topics.add("unterminated")
    if dialogue.unsolicited:
        topics.add("unsolicited")
    _of_greeting(view, topics)
    _of_letters(view, topics)
    _of_connection(view, topics)
    return topics


@lru_cache(4096)
def _of_pair(verb: str, code: int) -> tuple[str, ...]:
    """Topics of a command and its answer's code (0: none)."""
    topics = ["verb:" + verb]
    if not code:
        topics.append("unanswered")
        return tuple(topics)
    if code >= 400:
        topics.append("refused:" + verb)
        if code >= 500 and verb not in _NO_MISTAKE:
            topics.append("mistake")
    if reply_fit(verb, code) not in _EXPECTED:
        topics.append("odd-reply")
    return tuple(topics)


def _of_path(exchange: Exchange, topics: set[str]) -> None:
    argument = exchange.argument
    match = _PLAIN_PATH.match(argument)
    if match is None or match.end() > LONG_PATH:
        topics.update(("odd-path", "parameters", "odd-parameters"))
    elif match.end() != len(argument):
        if exchange.verb != "MAIL" or not _PLAIN_PARAMETERS.fullmatch(argument, match.end()):
            topics.update(("parameters", "odd-parameters"))
        elif not _may_ask(exchange, argument[match.end() :]):
            topics.add("parameters")
    hello = exchange.hello
    if hello is not None and hello.exchange is None:
        topics.add("no-hello")


def _may_ask(exchange: Exchange, plain: bytes) -> bool:
    """Whether the server had offered all that these plain parameters ask for."""
    hello = exchange.hello
    if hello is None:
        return False
    for word in plain.split():
        keyword = _ASKED_WITH[word[:4].upper()]
        if keyword not in hello.offered:
            return False
        if keyword == "SIZE" and int(word[5:]) > size_limit(exchange):
            return False
    return True


def _of_hello(view: View, hello: Exchange, topics: set[str]) -> None:
    tls = view.dialogue.tls
    if hello.in_tls or (tls is not None and tls.opened):
        topics.add("hello-in-tls")
    name = decode(hello.argument)
    kind = judge(name).kind
    if kind != "name":
        topics.add("literal-name" if kind == "literal" else "odd-name")
    greeting = view.dialogue.greeting
    replies = (hello.reply, greeting.reply if greeting is not None else None)
    owned = {r.lines[0].partition(" ")[0].lower() for r in replies if r is not None}
    if name.lower() in owned or view.session.server.ip in name:
        topics.add("own-name")


def _of_greeting(view: View, topics: set[str]) -> None:
    greeting = view.dialogue.greeting
    reply = greeting.reply if greeting is not None else None
    if greeting is None or reply is None:
        topics.add("no-greeting")
        return
    if reply.time - greeting.time >= SLOW_GREETING:
        topics.add("slow-greeting")
    if judge(reply.lines[0].partition(" ")[0]).kind not in ("name", "literal"):
        topics.add("odd-greeting")


def _of_letters(view: View, topics: set[str]) -> None:
    for letter in view.dialogue.letters:
        body, mail = letter.body, letter.mail
        if mail is None:
            topics.add("no-mail")
        if body is None:
            continue
        topics.add("data")
        if mail is not None:
            _of_announced(mail.argument, body.size, topics)
        if not body.complete or letter.eom is None or letter.eom.reply is None:
            topics.add("hanging")
        topics.update(body.notable)
        if body.bare_lf:
            topics.add("bare-lf")
        if body.bare_cr:
            topics.add("bare-cr")
        if body.nul:
            topics.add("nul")
        if body.long_lines or body.line > LONGEST_LINE:
            topics.add("long-line")
        if body.complete and not body.size:
            topics.add("empty")
        if body.variants:
            topics.add("variants")
        if body.unstuffed:
            topics.add("unstuffed")
        if body.eight_bit:
            topics.add("eight-bit")
    for transaction in view.session.transactions:
        topics.add("outcome:" + transaction.outcome)
        message = transaction.message
        if message is not None and message.date and not is_near(message.date, view.session.start):
            topics.add("odd-date")
        for recipient in transaction.recipients:
            topics.add("outcome:" + recipient.outcome)


def _of_announced(argument: bytes, size: int, topics: set[str]) -> None:
    """What MAIL said of the message: no sender, another size."""
    if argument[5:7] == b"<>":
        topics.add("null-sender")
    found = _DECLARED.search(argument) if b" " in argument else None
    if found is not None:
        declared = int(found[1])
        if abs(size - declared) > max(declared // 100, LEAST_OFF):
            topics.add("size-off")


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
    if not client.stream.end:
        topics.add("wordless")
    if not client.packets or not server.packets:
        topics.add("one-sided")
    if client.stream.gaps or server.stream.gaps:
        topics.add("gap")
    if view.dialogue.tls is None:
        topics.add("clear")
    if view.session.starttls:
        topics.add("starttls:" + view.session.starttls)
    for side in (client, server):
        if side.retransmissions or side.conflicts or side.zero_windows or len(side.syns) > 1:
            topics.add("tcp-trouble")
    if view.connection.errors:
        topics.add("icmp")
