"""The dialogue machine: two ordered streams in, exchanges and letters out.

Theory of operation
    Two cursors, one in each stream. Client bytes are read ahead until a *barrier*: a command
    whose answer decides what the following bytes are (DATA, AUTH, STARTTLS…). Replies are read
    as they come and answer the queue of outstanding commands in order (RFC 5321 §4.2,
    RFC 2920 §3.2). Neither order of arrival nor packet borders matter, because a reply may
    answer a command only if its segment acknowledges that command: what the server had not
    received it cannot have answered. `advance` may stop anywhere and go on with more bytes.

Rules of this file
    Nothing here raises on wire data. State (`phase`, `hello`, letters accepted) changes when a
    reply is paired, in the order of replies: state is what the server accepted. What the client
    merely sent is `mode`: how its next bytes are to be read.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Literal

from smtpsniff.smtp import content, handover, holding, pairing, smuggling
from smtpsniff.smtp.body import Body
from smtpsniff.smtp.commands import parse_bdat, read_commands, read_unended
from smtpsniff.smtp.log import Log
from smtpsniff.smtp.logins import passwords
from smtpsniff.smtp.model import NO_HELLO, Exchange, Hello, Letter, Mode, Phase, Reply
from smtpsniff.smtp.reader import Reader
from smtpsniff.smtp.replies import read_reply
from smtpsniff.smtp.secrets import payloads
from smtpsniff.smtp.verbs import VERBS
from smtpsniff.tcp.stream import HALF, MODULUS

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtpsniff.records import Layer
    from smtpsniff.smtp.body import Sink
    from smtpsniff.tcp import Connection
    from smtpsniff.tls.opening import Opener

__all__ = ["Dialogue"]

# A line without an end is not waited for longer than this: 12,288 octets is the longest that
# any extension allows (RFC 4954 §4), and servers hang up far below this bound.
MAX_LINE = 1 << 16
_BARRIERS = frozenset(name for name, verb in VERBS.items() if verb.barrier and name != "BDAT")
_MAILS = frozenset({"MAIL", "SEND", "SOML", "SAML"})
_HELLOS = frozenset({"EHLO", "HELO", "LHLO"})


class Dialogue:
    """One SMTP or LMTP session in the making. `client` is the index of the client's side.

    `new_sink` makes, for each message, who keeps its octets; `show_secrets` leaves the payloads of
    logins as they are; `new_opener` gives who opens TLS, or None where there are no keys at all.
    """

    def __init__(
        self,
        connection: Connection,
        client: int,
        new_sink: Callable[[], Sink] | None = None,
        *,
        show_secrets: bool = False,
        new_opener: Callable[[], Opener | None] | None = None,
    ) -> None:
        self.connection = connection
        self.client = client
        self.c = Reader(connection.sides[client].stream)
        self.s = Reader(connection.sides[1 - client].stream)
        self.log = Log(self)
        self.opened = connection.start  # or when a proxy said that the way is open
        self.layers: list[Layer] = []  # what stood in front of SMTP
        self.started = connection.sides[client].syn is not None or (
            connection.sides[1 - client].syn is not None
        )
        self.mode = Mode.COMMANDS
        self.phase = Phase.GREETING if self.started else Phase.UNKNOWN
        self.hello: Hello | None = NO_HELLO if self.started else None
        self.queue: deque[Exchange] = deque()
        self.exchanges: list[Exchange] = []
        self.replies: list[Reply] = []
        self.unsolicited: list[Reply] = []
        self.letters: list[Letter] = []
        self.letter: Letter | None = None  # that the client is at, in the order it sent
        self.hold: Exchange | None = None  # the barrier that the client's bytes wait at
        self.body: Body | None = None
        self.chunk_left = 0
        self.hellos: list[Exchange] = []
        self.auths: list[Exchange] = []
        self.secrets: list[bytes] = []  # of logins: masked wherever they turn up again
        self.greeting: Exchange | None = None
        self.tls: handover.Tls | None = None
        self.lmtp = False
        self.strict = False  # this server ends lines at CR LF only (`line_mode`)
        self.swapped = False
        self.last_reply: Reply | None = None
        self.hidden = 0  # commands that may lie in a gap, at most
        self.lost_replies = False  # a gap in the server's stream since the last reply
        self.topics: set[str] = set()
        self.notes: list[str] = []
        self.show_secrets = show_secrets
        self._new_sink = new_sink
        self.new_opener = new_opener
        self._begun = False

    # -- driving -----------------------------------------------------------------------

    def advance(self, final: bool = False) -> None:
        """Read what can be read. `final`: no more bytes will come."""
        unsealing = self.tls.unsealing if self.tls is not None and self.tls.decrypted else None
        if unsealing is not None:
            unsealing.advance(final)
        self.c.refresh()
        self.s.refresh()
        if not self._begun and not self._begin(final):
            return
        while True:
            stand = (self.c.pos, self.s.pos, self.mode, self.hold, len(self.exchanges))
            self.read_client(final)
            self.read_server(final)
            moved = (self.c.pos, self.s.pos, self.mode, self.hold, len(self.exchanges)) != stand
            # Nothing moves by itself any more: what stands in the way may be passed over.
            if not moved and not holding.pass_over(self, final):
                break
        if final:
            self._finish()

    def _finish(self) -> None:
        """What was under way when the stream ended belongs in the log, too."""
        handover.finish_tls(self)
        if self.mode is Mode.BODY and self.body is not None:
            self.body.end = self.c.pos
            content.close_body(self, self.body)
        elif self.mode is Mode.CHUNK:
            exchange = next(e for e in reversed(self.exchanges) if e.verb in ("BDAT", "XEXCH50"))
            self.log.chunk(exchange, self.c.pos)

    def _begin(self, final: bool) -> bool:
        """Decide how the first bytes are to be read; False to wait for more."""
        c, s = self.c.stream, self.s.stream
        if not c.starts and not s.starts:
            if final:
                for name, stream in (("client", c), ("server", s)):
                    for gap in stream.gaps:
                        self.log.gap(name, gap)
            return False
        if not handover.skip_prefaces(self, final):
            return False
        self._begun = True
        asked, answered = self.c.first_frame, self.s.first_frame
        first_is_server = bool(answered) and (not asked or answered < asked)
        word = self.c.bytes(self.c.pos, self.c.pos + 4).upper()
        code = self.s.bytes(self.s.pos, self.s.pos + 3)
        greets = first_is_server and code in (b"220", b"554", b"421")
        # Nothing else is answered 220 where the client's first word is its introduction.
        greets |= code == b"220" and word in (b"EHLO", b"HELO", b"LHLO")
        if (self.started or greets) and not handover.begins_with_tls(self):
            self.greeting = self.push("<greeting>", b"", 0, 0, first=True)
        if not self.started:
            holding.begin_in_the_middle(self)
        return True

    def release(self) -> None:
        """Forget the bytes that were read, except what may have to be read again."""
        self.c.release(smuggling.keep_from(self))
        self.s.release(self.s.pos)
        if self.tls is not None and self.tls.decrypted and self.tls.unsealing is not None:
            self.tls.unsealing.release()

    @property
    def opaque(self) -> bool:
        """Whether part of it is hidden in TLS."""
        return self.tls is not None and not self.tls.decrypted

    def close(self) -> None:
        """Done with: cut the references that go in circles, so that memory is free at once."""
        for exchange in self.exchanges:
            exchange.reply = exchange.early_of = exchange.letter = exchange.hello = None
            exchange.body = None
            exchange.replies = []
        self.hello = self.greeting = self.letter = self.tls = None
        self.letters = []
        self.log.close()

    # -- the client's stream -----------------------------------------------------------

    def read_client(self, final: bool) -> None:
        """Read client bytes up to the next barrier, gap or end."""
        while self.hold is None:
            if not _READ[self.mode](self, final):
                return

    def _read_commands(self, final: bool) -> bool:
        if read_commands(self):
            return True
        size = self.c.limit - self.c.pos
        if not size or (not (final and self.c.at_gap is None) and size < MAX_LINE):
            return False
        read_unended(self, self.c.limit)
        return True

    def _read_auth(self, final: bool) -> bool:
        end = self.c.find_line()
        if end < 0:
            if not (final and self.c.limit > self.c.pos):
                return False
            end = self.c.limit
        exchange = self.push("<auth-response>", self.c.bytes(self.c.pos, end), self.c.pos, end)
        exchange.argument = exchange.line.strip()
        if not self.show_secrets:
            self.secrets += payloads(exchange)
            if self.auths:
                self.secrets += passwords(self, self.auths[-1])
        self.log.ours.append(exchange)
        self.c.pos = end
        self.hold = exchange
        return True

    def _read_opaque(self, final: bool) -> bool:
        handover.read_tls(self, final)
        return self.mode is not Mode.OPAQUE

    # -- making exchanges --------------------------------------------------------------

    def push(
        self, verb: str, line: bytes, start: int, end: int, *, first: bool = False
    ) -> Exchange:
        """Enqueue something that the server owes an answer to; `first` for the greeting."""
        stream = self.c.stream
        if first or not stream.starts:
            began = self.opened
            exchange = Exchange(
                verb,
                line,
                start,
                end,
                0,
                began,
                0,
                began,
                -1,
                self.phase,
                self.hello,
                self.log.in_tls,
                self.log.me,
            )
        else:
            a, b = self.c.span(start, end)
            frames, times = stream.frames, stream.times
            exchange = Exchange(
                verb, line, start, end, frames[a], times[a], frames[b], times[b], stream.acks[a],
                self.phase, self.hello, self.log.in_tls, self.log.me,
            )  # fmt: skip
        if self.last_reply is not None and not self.queue and not first:
            pairing.judge_early(self, exchange, self.last_reply)
        self.queue.append(exchange)
        self.exchanges.append(exchange)
        return exchange

    def new_body(self, framing: Literal["data", "bdat"]) -> Body:
        """A message begins where the client's cursor stands."""
        body = Body(framing, self.c.pos)
        if self._new_sink is not None:
            body.sink = self._new_sink()
        return body

    def place(self, exchange: Exchange) -> None:
        """Give a command its place in a letter, and hold where its answer decides."""
        verb = exchange.verb
        if verb in _MAILS:
            before = self.letter
            self.letter = exchange.letter = Letter(exchange)
            self.letters.append(self.letter)
            if before is not None:
                before.ended_by = verb
                self.letter.before = before
        elif verb == "RCPT" or verb == "DATA":
            letter = self.letter
            if letter is None:
                letter = self.letter = Letter(None)
                self.letters.append(letter)
            exchange.letter = letter
            if verb == "RCPT":
                letter.recipients.append(exchange)
            else:
                letter.data = exchange
        elif verb == "BDAT":
            self._place_bdat(exchange)
            return
        elif verb == "QUIT" or verb == "RSET" or verb in _HELLOS:
            if verb in _HELLOS:
                self.hellos.append(exchange)
                self.lmtp = verb == "LHLO"
            if self.letter is not None:
                exchange.letter = self.letter
                self.letter.ended_by = verb
                self.letter = None
        elif verb == "AUTH" or verb == "X-EXPS":
            self.auths.append(exchange)
            if not self.show_secrets:
                self.secrets += payloads(exchange) + passwords(self, exchange)
        if verb in _BARRIERS:
            self.hold = exchange

    def _place_bdat(self, exchange: Exchange) -> None:
        """BDAT: so many raw octets follow, whatever the answer (RFC 3030 §2)."""
        if self.letter is None:
            self.letter = Letter(None)
            self.letters.append(self.letter)
        letter = self.letter
        exchange.letter = letter
        size, _ = parse_bdat(exchange.argument)
        if size is None:
            if letter.data is None:
                letter.data = exchange
            self.topics.add("odd-chunk")
            return  # malformed: whatever follows is read as commands, as servers do
        self.read_server(False, exchange)  # whether CHUNKING was offered stands in a reply
        if self.hello is not None and self.hello.exchange and "CHUNKING" not in self.hello.offered:
            self.hold = exchange
            return
        content.begin_chunk(self, exchange, size)

    def give_up(self, bound: str) -> bool:
        """Stop reading: a named bound was hit. Everything so far stands."""
        self.notes.append(bound)
        self.mode = Mode.OPAQUE
        self.c.pos = self.c.limit
        return False

    # -- the server's stream -----------------------------------------------------------

    def read_server(self, final: bool, until: Exchange | None = None) -> None:
        """Read replies as long as they are complete, and pair them; up to that of `until`."""
        while self.mode is not Mode.OPAQUE or self.tls is None:
            begin = self.s.pos
            if begin >= self.s.limit:
                return
            if until is not None and (not self.queue or self.queue[0] is until):
                return  # the client's bytes behind it were not read yet
            if not final and smuggling.must_wait(self):
                return
            held = self.hold
            reply = read_reply(self.s, final)
            if reply is None:
                return
            if not pairing.take(self, reply, final):
                self.s.rewind(begin)
                return
            if self.hold is not held:
                return  # a barrier fell: what the next reply answers stands behind it

    def read_cut_reply(self) -> bool:
        """Take a reply whose end the snap length cut off, as far as it goes."""
        begin = self.s.pos
        reply = read_reply(self.s, True, cut=True)
        if reply is None or not reply.code or not pairing.take(self, reply, True):
            self.s.rewind(begin)
            return False
        if reply.answers is not None:
            reply.answers.tainted = True
            if reply.answers.verb in _HELLOS:
                self.hello = None  # part of the list is missing
        return True

    def held_back(self, reply: Reply) -> bool:
        """Whether the server had more than we do: the client's bytes wait behind a hole in them."""
        stream = self.c.stream
        waits = any(
            side.stream is stream.wire and side.pending is not None and side.pending.segments
            for side in self.connection.sides
        )
        beyond = (reply.ack - stream.top()) & MODULUS if stream.end else 0
        return waits and reply.ack >= 0 and 0 < beyond < HALF

    def had_received(self, reply: Reply, exchange: Exchange) -> bool:
        """Whether the server had the command when it began this reply."""
        if exchange.verb == "<greeting>":
            return True
        ack = reply.ack
        if ack < 0:
            return exchange.frame <= reply.first_frame
        stream = self.c.stream
        plain = stream.straight and not stream.gaps
        end = stream.first + exchange.end if plain else stream.after(exchange.end)
        return (ack - end) & MODULUS < HALF


_READ = {
    Mode.COMMANDS: Dialogue._read_commands,
    Mode.AUTH: Dialogue._read_auth,
    Mode.BODY: content.read_body,
    Mode.CHUNK: content.read_chunk,
    Mode.OPAQUE: Dialogue._read_opaque,
}
