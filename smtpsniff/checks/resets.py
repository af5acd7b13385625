"""How connections end other than in peace: resets, and who stopped talking too early."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import answer, handshake_done, mark_hit, said, whole_from
from smtpsniff.smtp.model import Phase
from smtpsniff.tcp.stream import MODULUS, covers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.smtp.model import Exchange
    from smtpsniff.tcp import Mark, Side

__all__ = ["CHECKS"]

# A reset counts if its number lies within a window of where its sender stood (RFC 9293
# §3.10.7.4); mail servers advertise less than this.
WINDOW = 4 << 20
# After these words of the server the line may be cut: it said that it closes.
GOODBYES = frozenset({221, 421, 521})


def _valid(side: Side, rst: Mark) -> bool:
    """Whether the number of the reset fits what its sender had sent."""
    if side.next < 0 and not side.stream.end:
        return True
    stood = side.stream.top() if side.stream.end else side.next
    distance = (rst.seq - stood) & MODULUS
    return min(distance, MODULUS + 1 - distance) <= WINDOW if distance else True


def _quit(view: View, frame: int) -> Exchange | None:
    """The QUIT that was sent before `frame`."""
    return next((e for e in view.exchanges("QUIT") if e.frame < frame), None)


def _parted(view: View, frame: int) -> bool:
    """Whether the two had said goodbye before `frame`: QUIT and its answer."""
    goodbye = _quit(view, frame)
    reply = goodbye.reply if goodbye is not None else None
    return reply is not None and reply.kind == 2 and reply.frame < frame


def _before(mark: Mark | None, frame: int) -> bool:
    return mark is not None and mark.frame < frame


def _last(view: View, frame: int) -> Exchange | None:
    """The last thing that the client said before `frame`."""
    found = [e for e in view.dialogue.exchanges if e.line and e.frame < frame]
    return found[-1] if found else None


def _readable(view: View, rst: Mark) -> bool:
    """Whether what was said up to the reset could be read: neither hidden nor encrypted."""
    tls = view.dialogue.tls
    if tls is not None and tls.completed and not tls.decrypted:
        return False
    return view.two_sided and whole_from(view, rst.frame)


def _before_words(view: View, rst: Mark) -> str:
    """What the two had said last, for the sentence of a reset."""
    last = _last(view, rst.frame)
    if last is None:
        return ""
    reply = last.reply
    if reply is not None and reply.frame < rst.frame:
        return f" after {said(last)} and its answer {answer(reply)}"
    return f" while the answer to {said(last)} was still owed"


@check(
    "tcp-half-close-by-client",
    group="tcp",
    severity="warning",
    reference="RFC 5321 §4.1.1.10; RFC 9293 §3.6",
    wakes=("closed",),
    fires="""
        @G
        C "EHLO a.example.net\\r\\n"
        FIN C
        S "250 mx.example\\r\\n"
        FIN S
    """,
    silent="""
        @G
        C "QUIT\\r\\n"
        FIN C
        S "221 2.0.0 Bye\\r\\n"
        FIN S
    """,
)
def tcp_half_close_by_client(view: View) -> Iterator[Hit]:
    """The sender stopped talking but went on listening; some servers then drop the mail.

    Trigger: the client's FIN while a reply was owed, without QUIT, and the server still spoke
    afterwards.
    Advice: scripts that pipe text into `nc` do not wait for answers; use a real mail client.
    Traps: a FIN with or after QUIT is fine, and so is one before anything was asked.
    """
    fin = view.client.fin
    if fin is None or "verb:QUIT" in view.topics:
        return
    frames = view.server.stream.frames
    if not frames or frames[-1] <= fin.frame or not whole_from(view, fin.frame):
        return
    for reply in view.dialogue.replies:
        asked = reply.answers
        if reply.first_frame <= fin.frame or asked is None or asked.verb == "<greeting>":
            continue
        heard = covers(fin.ack, view.server.stream.after(reply.end))
        if asked.frame <= fin.frame and not heard:
            text = f"The client closed its side while the answer to {said(asked)} was still owed."
            hit = view.at(text, asked, reply)
            hit.frames = [asked.frame, fin.frame, reply.frame]
            yield hit
            return


@check(
    "tcp-reset-by-client",
    group="tcp",
    severity="error",
    reference="RFC 5321 §4.1.1.10; RFC 9293 §3.5.2",
    wakes=("reset",),
    fires="""
        @G
        @EN
        RST C
    """,
    silent="""
        @G
        @EN
        @Q
        RST C
    """,
)
def tcp_reset_by_client(view: View) -> Iterator[Hit]:
    """The sender's machine slammed the connection shut instead of saying goodbye.

    Trigger: a reset from the client, its number within the window, before QUIT was answered.
    Advice: look for a crash, a time limit or a virus scanner on the sender's side; what became
    of the mail stands with the transaction.
    Traps: a reset after 221, after both FINs or after the server closed is tidying up; one that
    answers late words of the server after the client's own FIN, or follows QUIT, is a warning.
    A client that never spoke is a probe or lost patience. Inside TLS a QUIT cannot be seen.
    """
    client, server = view.client, view.server
    rst = client.rst
    if rst is None or not client.stream.end or not _valid(client, rst):
        return
    if not _readable(view, rst) or _parted(view, rst.frame) or _before(server.fin, rst.frame):
        return
    if _before(server.rst, rst.frame):
        return
    closed = _before(client.fin, rst.frame)
    if closed and not _answers_late_words(view, rst):
        return
    gentle = closed or _quit(view, rst.frame) is not None
    text = f"The client reset the connection{_before_words(view, rst)}."
    yield mark_hit(text, rst, client.fin, severity="warning" if gentle else None)


def _answers_late_words(view: View, rst: Mark) -> bool:
    """Whether the server still spoke between the client's FIN and its reset."""
    fin = view.client.fin
    return fin is not None and any(
        fin.frame < frame < rst.frame for frame in view.server.stream.frames
    )


@check(
    "tcp-reset-by-server",
    group="tcp",
    severity="error",
    reference="RFC 5321 §3.8, §4.1.1.10",
    wakes=("reset",),
    fires="""
        @G
        @EN
        RST S
    """,
    silent="""
        @G
        @EN
        @Q
        RST S
    """,
)
def tcp_reset_by_server(view: View) -> Iterator[Hit]:
    """The server's side cut the line abruptly.

    Trigger: a reset from the server, its number within the window, while it owed an answer or
    the session was under way.
    Advice: look in the server's log at that second; if it has nothing, suspect a firewall.
    Traps: what was accepted before stays delivered. A reset after 221, 421, a refusing greeting
    or either side's FIN is a consequence of those. After QUIT it is a warning only. Inside TLS
    the end of the session cannot be seen.
    """
    client, server = view.client, view.server
    rst = server.rst
    if rst is None or (view.started and not handshake_done(view)) or not _valid(server, rst):
        return
    if not _readable(view, rst) or _parted(view, rst.frame) or _before(server.fin, rst.frame):
        return
    if _before(client.rst, rst.frame) or _said_goodbye(view, rst):
        return
    owed = [e for e in view.dialogue.exchanges if e.frame < rst.frame and _owed(e, rst)]
    if _before(client.fin, rst.frame) and not owed:
        return
    text = f"The server reset the connection{_before_words(view, rst)}{_stands(view, rst)}."
    yield mark_hit(text, rst, severity="warning" if _quit(view, rst.frame) else None)


def _owed(exchange: Exchange, rst: Mark) -> bool:
    reply = exchange.reply
    return not exchange.lost and (reply is None or reply.frame > rst.frame)


def _said_goodbye(view: View, rst: Mark) -> bool:
    """Whether the server had announced that it closes, or refused the session at all."""
    said_last = [r for r in view.dialogue.replies if r.frame < rst.frame]
    if said_last and said_last[-1].code in GOODBYES:
        return True
    return view.dialogue.phase in (Phase.REFUSED, Phase.CONNECT, Phase.CLOSING)


def _stands(view: View, rst: Mark) -> str:
    """A comforting word, where a message had been accepted before."""
    accepted = any(
        letter.eom is not None and letter.eom.accepted and letter.eom.frame < rst.frame
        for letter in view.dialogue.letters
    )
    return "; the message that it had accepted before stands" if accepted else ""


@check(
    "tcp-reset-after-close",
    group="tcp",
    severity="note",
    reference="RFC 9293 §3.6",
    wakes=("reset",),
    fires="""
        @G
        @EN
        @Q
        RST C
    """,
    silent="""
        @G
        @EN
        RST C
    """,
)
def tcp_reset_after_close(view: View) -> Iterator[Hit]:
    """A harmless, untidy hang-up.

    Trigger: a reset after the answer to QUIT, or after a FIN of the same side.
    Advice: none.
    Traps: a reset that answers late words after the client's FIN is told as that.
    """
    for side, who in ((view.client, "client"), (view.server, "server")):
        rst = side.rst
        if rst is None:
            continue
        parted = _parted(view, rst.frame)
        if not parted and not _before(side.fin, rst.frame):
            continue
        if not parted and side is view.client and _answers_late_words(view, rst):
            continue
        yield mark_hit(f"The {who} reset a connection that was already over.", rst)


CHECKS = (
    tcp_half_close_by_client,
    tcp_reset_by_client,
    tcp_reset_by_server,
    tcp_reset_after_close,
)
