"""One label and one sentence for a session: what a person pastes into a ticket.

The sentence says who, what and in which frame, in the server's own words, and never more
than the wire shows: a server *accepts* a mail; nobody on the wire sees it delivered.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.records import Verdict
from smtpsniff.text import safe, shorten

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtpsniff.records import Finding, Session, Transaction

__all__ = ["judge"]

# The worst transaction speaks for the session, in this order (CONTRACT).
_WORST = ("rejected", "deferred", "ambiguous", "aborted", "partial", "unknown", "delivered")
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")  # RFC 2034 §4, before the words of a refusal
_QUOTE = 160
_NAMED = 3  # recipients named in the sentence

_ENDED = {
    "quit-clean": "the session ended properly",
    "quit-no-221": "the client said QUIT and got no answer",
    "server-421": "the server closed it with 421",
    "server-close": "the server closed the connection",
    "client-close": "the client closed the connection",
    "rst-by-client": "the client reset the connection",
    "rst-by-server": "the server reset the connection",
    "rst-suspect-injected": "the connection was reset, perhaps by a third party",
    "idle-expired": "then nothing more was sent",
    "capture-ended": "the capture ends before the session does",
}


def _say(code: str | None, text: str | None) -> str:
    """The server's words, in quotes."""
    words = " ".join(part for part in (code, (text or "").replace("\n", " ")) if part)
    return '"' + shorten(safe(words), _QUOTE) + '"'


def _server(session: Session) -> str:
    """The server's name as it gave it, and its address."""
    words = session.greeting.text.split(None, 2) if session.greeting else []
    if words and _ENHANCED.fullmatch(words[0]):
        del words[0]
    name = words[0] if words else ""
    address = str(session.server)
    return f"{safe(name)} ({address})" if "." in name and len(name) < 128 else address


def _people(transaction: Transaction, outcomes: tuple[str, ...]) -> str:
    """Recipients with one of these outcomes, a few by name."""
    names = [f"<{safe(r.address)}>" for r in transaction.recipients if r.outcome in outcomes]
    shown = ", ".join(shorten(n, 80) for n in names[:_NAMED])
    more = len(names) - _NAMED
    return shown + (f" and {more} more" if more > 0 else "")


def _mail(transaction: Transaction, *outcomes: str) -> str:
    """``Mail from <a> for <b>``, with the recipients of these outcomes (all if none is given)."""
    everyone = ("accepted", "deferred", "rejected", "abandoned", "unknown")
    people = _people(transaction, outcomes or everyone)
    sender = transaction.mail_from
    origin = "" if sender is None else f" from <{shorten(safe(sender), 80)}>"
    return f"Mail{origin}" + (f" for {people}" if people else "")


def _frames(frames: list[int]) -> str:
    return f"frame {frames[0]}" if len(frames) == 1 else "frames " + ", ".join(map(str, frames))


def _refusal(
    session: Session, transaction: Transaction, outcome: str, verb: str
) -> tuple[str, list[int]]:
    """Who was refused, in whose words."""
    hit = next((r for r in transaction.recipients if r.outcome == outcome), None)
    reason = ""
    if hit is not None and hit.final is not None:
        words, frame = _say(hit.final.code, hit.final.text), hit.final.frame
    elif hit is not None:
        words, frame = _say(hit.code, hit.text), hit.frame or 0
    elif transaction.reply is not None:
        words, frame = _say(transaction.reply.code, transaction.reply.text), transaction.reply.frame
    else:
        words, frame = _mail_refusal(session, transaction)
    if hit is not None and hit.reason and hit.reason != "policy-unspecified":
        reason = f"{hit.reason}, "
    frames = [frame] if frame else []
    where = f" ({reason}{_frames(frames)})" if frames else ""
    text = f"{_mail(transaction, outcome)} was {verb} by {_server(session)}: {words}{where}."
    return text, frames


def _mail_refusal(session: Session, transaction: Transaction) -> tuple[str, int]:
    """MAIL itself was refused and no recipient followed: find its reply in the timeline."""
    for i, entry in enumerate(session.timeline):
        if entry.kind == "reply" and entry.answers is not None and (entry.code or "2")[0] in "45":
            asked = session.timeline[entry.answers]
            if asked.verb == "MAIL" and (transaction.mail_from or "") in asked.text:
                return _say(entry.code, entry.text), session.timeline[i].frame
    return "(no words were captured)", 0


def _rejected(session: Session, transaction: Transaction) -> tuple[str, list[int]]:
    return _refusal(session, transaction, "rejected", "rejected")


def _deferred(session: Session, transaction: Transaction) -> tuple[str, list[int]]:
    return _refusal(session, transaction, "deferred", "deferred")


def _ambiguous(session: Session, transaction: Transaction) -> tuple[str, list[int]]:
    end = next((e for e in reversed(session.timeline) if e.kind in ("end-of-data", "chunk")), None)
    frames = [end.frame] if end is not None else []
    sent = f"{_mail(transaction)} was sent whole to {_server(session)}"
    where = f" ({_frames(frames)})." if frames else "."
    if all(e.from_ != "server" for e in session.timeline):
        return f"{sent}; the server's side was not captured, nor its verdict{where}", frames
    why = _ENDED.get(session.ended, "the session ended")
    return f"{sent}, but no verdict was seen; {why}. It may be sent again{where}", frames


def _aborted(session: Session, transaction: Transaction) -> tuple[str, list[int]]:
    last = session.timeline[-1] if session.timeline else None
    frames = [last.frame] if last is not None else []
    message = transaction.message
    if message is not None and not message.complete:
        what = f"broke off after {message.size} octets of the message"
    elif message is not None:
        return f"{_mail(transaction)} was sent when {_server(session)} had closed already.", frames
    else:
        what = "was given up before its message was sent"
    why = _ENDED.get(session.ended, "the session ended")
    return f"{_mail(transaction)} to {_server(session)} {what}; {why}.", frames


def _partial(session: Session, transaction: Transaction) -> tuple[str, list[int]]:
    outcomes = [r.outcome for r in transaction.recipients]
    outcome = next((o for o in outcomes if o in ("rejected", "deferred")), "unknown")
    accepted = _people(transaction, ("accepted",))
    if outcome == "unknown":
        others = _people(transaction, ("unknown", "abandoned"))
        return (
            f"Mail was accepted by {_server(session)} for {accepted}; "
            f"what became of it for {others} cannot be seen.",
            [transaction.reply.frame] if transaction.reply is not None else [],
        )
    text, frames = _refusal(session, transaction, outcome, outcome)
    return f"Accepted for {accepted}; {text[0].lower()}{text[1:]}", frames


def _unknown(session: Session, transaction: Transaction) -> tuple[str, list[int]]:
    why = (
        "part of the session was not captured"
        if _holes(session)
        else _ENDED.get(session.ended, "the session ended")
    )
    return (
        f"{_mail(transaction)} to {_server(session)}: what became of it cannot be seen; {why}.",
        [],
    )


def _holes(session: Session) -> bool:
    gaps = session.complete.gaps
    return bool(gaps.client or gaps.server) or not session.complete.start


def _delivered(session: Session, transaction: Transaction) -> tuple[str, list[int]]:
    reply = transaction.reply
    if reply is None:
        return f"{_mail(transaction)} was accepted by {_server(session)}.", []
    return (
        f"{_mail(transaction)} was accepted by {_server(session)}: "
        f"{_say(reply.code, reply.text)} (frame {reply.frame}).",
        [reply.frame],
    )


_SENTENCES: dict[str, Callable[[Session, Transaction], tuple[str, list[int]]]] = {
    "rejected": _rejected, "deferred": _deferred, "ambiguous": _ambiguous, "aborted": _aborted,
    "partial": _partial, "unknown": _unknown, "delivered": _delivered,
}  # fmt: skip


_WORDS = frozenset({"greeting", "command", "reply", "data", "tls"})
_NO_REASON = (
    "auth-cleartext", "ehlo-argument", "helo-", "command-bare", "command-8bit", "command-leading",
    "command-line", "ext-", "greeting-no-domain", "greeting-slow", "greeting-split", "pipelining",
    "path-", "msg-", "starttls-offered", "tcp-overlap", "reply-bare", "enhanced-", "server-banner",
)  # fmt: skip


def judge(session: Session) -> Verdict:
    """Label, sentence and frames for a session whose findings are known."""
    headline = session.findings[0] if session.findings else None
    cause = headline.check if headline is not None and headline.severity != "note" else None
    for rule in (_no_connection, _refused, _by_transactions, _opaque):
        verdict = rule(session)
        if verdict is not None:
            verdict.cause = cause
            return verdict
    verdict = _no_mail(session, headline)
    verdict.cause = cause
    return verdict


def _no_connection(session: Session) -> Verdict | None:
    """No answer at all, or a reset at the SYN."""
    if session.ended not in ("unreachable", "refused"):
        return None
    entry = session.timeline[0] if session.timeline else None
    frames = list(dict.fromkeys(entry.frames)) if entry is not None else []
    told = next((e for e in session.timeline if e.from_ == "network" and e.kind == "note"), None)
    if session.ended == "unreachable" and told is not None:
        frames = [frames[0], told.frame]
        return Verdict(
            "unreachable",
            f"{_server(session)} cannot be reached from {session.client.ip}: {told.text} "
            f"({_frames(frames)}).",
            frames,
        )  # fmt: skip
    if session.ended == "unreachable":
        return Verdict(
            "unreachable",
            f"{_server(session)} did not answer: {entry.text if entry else 'no reply to the SYN'} "
            f"from {session.client.ip}, no reply ({_frames(frames)}).",
            frames,
        )  # fmt: skip
    frames = [frames[0], session.timeline[-1].frame] if frames else []
    return Verdict(
        "refused",
        f"{_server(session)} refused the connection from {session.client.ip}: "
        f"nothing listens there, or a firewall says so ({_frames(frames)}).",
        frames,
    )  # fmt: skip


def _refused(session: Session) -> Verdict | None:
    """A greeting that is not 220."""
    greeting = session.greeting
    if greeting is None or greeting.code[:1] == "2":
        return None
    return Verdict(
        "refused",
        f"{_server(session)} turned {session.client.ip} away at the greeting: "
        f"{_say(greeting.code, greeting.text)} (frame {greeting.frame}).",
        [greeting.frame],
    )


def _by_transactions(session: Session) -> Verdict | None:
    """The worst of the session's transactions."""
    if not session.transactions:
        return None
    outcomes = [t.outcome for t in session.transactions]
    worst = min(outcomes, key=_WORST.index) if len(outcomes) > 1 else outcomes[0]
    if worst == "unknown" and session.tls is not None and not session.tls.decrypted:
        return None
    text, frames = _SENTENCES[worst](session, session.transactions[outcomes.index(worst)])
    if len(outcomes) > 1:
        counts = ", ".join(f"{outcomes.count(o)} {o}" for o in _WORST if o in outcomes)
        text = f"{len(outcomes)} mails ({counts}). {text}"
    return Verdict(worst, text, frames)


def _opaque(session: Session) -> Verdict | None:
    """TLS that nobody opened."""
    if session.tls is None or session.tls.decrypted:
        return None
    frame = session.tls.frame
    began = session.complete.start and session.tls.version is None  # no ServerHello was seen
    if session.starttls == "failed" or (began and (session.complete.end or _spoke(session))):
        text = f"TLS with {_server(session)} could not be set up (frame {frame})."
    elif began:
        text = f"TLS with {_server(session)} had only begun when the capture ends (frame {frame})."
    else:
        what = "went on inside TLS and cannot be read"
        why = f": {session.tls.unopened}" if session.tls.unopened else ""
        text = f"The session with {_server(session)} {what} (frame {frame}){why}."
    return Verdict("opaque", text, [frame] if frame else [])


def _spoke(session: Session) -> bool:
    """Whether the server said something in clear."""
    return any(e.from_ == "server" and e.kind in ("note", "reply") for e in session.timeline)


def _no_mail(session: Session, headline: Finding | None) -> Verdict:
    """Nothing was mailed: say why, if a check knows."""
    ended = _ENDED.get(session.ended, "the session ended")
    text = f"No mail was sent to {_server(session)}; {ended}."
    frames: list[int] = []
    gaps = session.complete.gaps
    if gaps.client + gaps.server and not any(e.kind in _WORDS for e in session.timeline):
        text = (
            f"What {session.client.ip} and {_server(session)} said to each other cannot be seen: "
            f"{gaps.client + gaps.server} octets were not captured; {ended}."
        )
        return Verdict("unknown", text, frames)
    if headline is not None and headline.severity != "note":
        frames = headline.frames
        # Not every fault is the reason: a bad name in an accepted EHLO stops nobody.
        if headline.check.startswith(_NO_REASON):
            text += f" Noticed: {headline.text.rstrip('.')}."
        else:
            text = f"No mail was sent to {_server(session)}: {headline.text.rstrip('.')}."
    return Verdict("no-mail", text, frames)
