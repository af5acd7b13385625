"""What several attempts at one mail show: retries, fallbacks, duplicates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.view import quote
from smtpsniff.stories.saying import at, clock, elapsed, known, people

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.records import Confidence
    from smtpsniff.stories.facts import Try
    from smtpsniff.stories.mails import Mail

__all__ = ["CHECKS", "greylisted"]

SECOND = 1_000_000_000
# Reasons that say nothing but "not now": greylisting may be behind them (C.3).
_UNSPECIFIC = frozenset({"policy-unspecified", "system-unavailable", ""})


def _hit(text: str, *attempts: Try, confidence: Confidence = "certain") -> Hit:
    """A hit with the replies of some attempts as evidence, those of the first one's file."""
    frames = [attempt.frame for attempt in attempts if attempt.file == attempts[0].file]
    return Hit(text, frames, attempts[-1].time, confidence=confidence)


def _answer(attempt: Try) -> str:
    """``put off at 10:00:03 with "451 …" (session 1)``, without the verb."""
    words = f" with {quote(attempt.reply)}" if attempt.reply else ""
    return f"at {clock(attempt.time)}{words} (session {attempt.session})"


def _not_taken(attempt: Try) -> str:
    return "was put off" if attempt.outcome in ("deferred", "partial") else "got no answer"


def _put_off(mail: Mail) -> Iterator[tuple[str, Try, Try, int]]:
    """Recipients that were put off and later accepted: address, first, last, attempts."""
    seen: dict[str, tuple[Try, int]] = {}
    for attempt in mail.attempts:
        for person in attempt.recipients:
            low = person.address.lower()
            first, tries = seen.get(low, (attempt, 0))
            if person.outcome == "accepted":
                if tries:
                    yield person.address, first, attempt, tries + 1
                seen.pop(low, None)
            elif person.outcome in ("deferred", "unknown"):
                seen[low] = (first, tries + 1)


@check(
    "retry-succeeded",
    group="delivery",
    severity="note",
    reference="RFC 5321 §4.5.4.1",
    wakes=("mail",),
    fires=r"""
        @G ; @E ; @M ; C "RCPT TO:<r@mx.example>\r\n" ; S "451 4.3.0 Try again later\r\n" ; @Q
        SESSION at=400
        @T ; @D ; @H ; @X ; @Q
    """,
    silent=r"""
        @G ; @E ; @M ; C "RCPT TO:<r@mx.example>\r\n" ; S "451 4.3.0 Try again later\r\n" ; @Q
        SESSION at=400
        @G ; @E ; @M ; C "RCPT TO:<q@mx.example>\r\n" ; S "250 2.1.5 Ok\r\n" ; @D ; @H ; @X ; @Q
    """,
)
def retry_succeeded(mail: Mail) -> Iterator[Hit]:
    """The mail got through on a later attempt.

    Trigger: a recipient that was put off, or whose answer was not seen, is accepted when the same
        sender's network tries again.
    Advice: nothing is wrong now; the time between the two is the delay that somebody noticed.
    Traps: where neither Message-ID nor size tells mails apart, the second may be another mail
        between the same two people.
    """
    for address, first, last, tries in _put_off(mail):
        text = (
            f"{people([address])} {_not_taken(first)} {_answer(first)} and was accepted "
            f"{elapsed(last.time - first.time)} later, at attempt {tries} (session {last.session})."
        )
        sure = bool(first.message_id or (first.size and first.size == last.size))
        yield _hit(text, first, last, confidence="certain" if sure else "likely")


def greylisted(mail: Mail, *, waited: float = 60.0) -> Iterator[Hit]:
    """Hits of `rcpt-greylisted` without a word of it: put off unspecifically, then accepted."""
    for address, first, last, _ in _put_off(mail):
        person = next(p for p in first.recipients if p.address.lower() == address.lower())
        if person.outcome != "deferred" or person.reason not in _UNSPECIFIC:
            continue
        if last.time - first.time >= waited * SECOND and first.server == last.server:
            text = (
                f"{people([address])} was put off without a reason and accepted "
                f"{elapsed(last.time - first.time)} later, as greylisting does."
            )
            yield _hit(text, first, last, confidence="likely")


@check(
    "retry-too-fast",
    group="delivery",
    severity="warning",
    reference="RFC 5321 §4.5.4.1",
    wakes=("mail",),
    fires=r"""
        @P = @G ; @E ; @M ; C "RCPT TO:<r@mx.example>\r\n" ; S "451 4.3.0 later\r\n" ; @Q
        @P
        SESSION at=20 ; @P
        SESSION at=40 ; @P
        SESSION at=60 ; @P
        SESSION at=80 ; @P
    """,
    silent=r"""
        @P = @G ; @E ; @M ; C "RCPT TO:<r@mx.example>\r\n" ; S "451 4.3.0 later\r\n" ; @Q
        @P
        SESSION at=20 ; @P
        SESSION at=2000 ; @P
        SESSION at=4000 ; @P
        SESSION at=6000 ; @P
    """,
)
def retry_too_fast(mail: Mail, *, attempts: int = 5, within: float = 600.0) -> Iterator[Hit]:
    """The sender hammers the server.

    Trigger: five attempts (`attempts`) or more at the same mail within ten minutes (`within`),
        each but the last put off.
    Advice: let the sender wait longer each time; RFC 5321 asks for half an hour at least.
    Traps: one quick retry, or the next mail server of the domain, is as it should be.
    Thresholds:
        attempts (times, at least 2): attempts, the first included.
        within (s): the time in which they were made.
    """
    run: list[Try] = []
    for attempt in mail.attempts:
        run = [t for t in run if attempt.time - t.time <= within * SECOND]
        run.append(attempt)
        if len(run) >= attempts:
            total = len(mail.attempts) + mail.more
            spent = elapsed(run[-1].time - run[0].time)
            text = (
                f"{run[0].client} tried {len(run)} times within {spent}, though it was put off "
                f"each time; {total} attempts in all."
            )
            yield _hit(text, *run)
            return
        if attempt.outcome != "deferred":
            run = []


@check(
    "retry-after-permanent",
    group="delivery",
    severity="warning",
    reference="RFC 5321 §4.2.1",
    wakes=("mail",),
    fires=r"""
        @P = @T ; @D ; @H ; C ".\r\n" ; S "554 5.7.1 spam\r\n" ; @Q
        @P
        SESSION at=300 ; @P
    """,
    silent=r"""
        @P = @T ; @D ; @H ; C ".\r\n" ; S "451 4.7.1 later\r\n" ; @Q
        @P
        SESSION at=300 ; @P
    """,
)
def retry_after_permanent(mail: Mail) -> Iterator[Hit]:
    """The sender repeats what was refused for good.

    Trigger: the same mail for the same recipient is sent to the same server again after 5yz.
    Advice: the client takes 5yz for "not now", or somebody put the mail back into the queue;
        correct what the reply names first.
    Traps: another server of the domain may be asked; so may the rest of too many recipients.
        Where neither Message-ID nor size is known it may be another mail (possible).
    """
    refused: dict[tuple[str, str], Try] = {}
    told = set()
    for attempt in mail.attempts:
        for person in attempt.recipients:
            key = (person.address.lower(), attempt.server)
            first = refused.get(key)
            if first is not None and first is not attempt and key not in told:
                told.add(key)
                text = (
                    f"{people([person.address])} was refused for good {_answer(first)}, and the "
                    f"same mail came again {elapsed(attempt.time - first.time)} later "
                    f"(session {attempt.session})."
                )
                yield _hit(text, first, attempt, confidence=_sureness(first, attempt))
            if person.outcome == "rejected" and person.reason != "too-many-rcpt":
                refused.setdefault(key, attempt)


def _sureness(first: Try, again: Try) -> Confidence:
    """How sure it is that both are one mail."""
    if first.message_id and first.message_id == again.message_id:
        return "certain"
    return "likely" if first.size and first.size == again.size else "possible"


@check(
    "mx-fallback",
    group="delivery",
    severity="note",
    reference="RFC 5321 §5.1",
    wakes=("mail",),
    fires=r"""
        SYN C ; RSTACK S
        SESSION at=2 server=192.0.2.10
        @T ; @D ; @H ; @X ; @Q
    """,
    silent=r"""
        SYN C ; RSTACK S
        SESSION at=200 server=192.0.2.10
        @T ; @D ; @H ; @X ; @Q
    """,
)
def mx_fallback(mail: Mail, *, within: float = 60.0) -> Iterator[Hit]:
    """The first server did not work, so the backup was used.

    Trigger: a connection failed, or its greeting said no, and the client's very next one, to
        another server within 60 s (`within`), carried a mail (likely); or a mail was put off and
        sent to another server within that time.
    Advice: mend the first server; until then mail is slower and the backup carries the load.
    Traps: a failed connection does not say which mail it was for, so nothing is told of clients
        with more than five sessions in a minute.
    Thresholds:
        within (s): from the failure to the next attempt.
    """
    first = mail.attempts[0]
    near = [facts for facts, gap in mail.failed if gap <= within * SECOND]
    if near:
        tried = ", ".join(
            f"{at(f.server, f.port)} ({known(f.failed)}, session {f.number})" for f in near
        )
        text = f"{tried} did not take the connection, so {at(first.server, first.port)} was asked."
        frames = [near[0].frame] + ([first.frame] if near[0].file == first.file else [])
        yield Hit(text, frames, first.time, confidence="likely")
    for before, after in zip(mail.attempts, mail.attempts[1:], strict=False):
        if before.server == after.server or after.time - before.time > within * SECOND:
            continue
        if before.outcome in ("deferred", "aborted", "partial"):
            text = (
                f"{at(before.server, before.port)} did not take the mail {_answer(before)}, so "
                f"{at(after.server, after.port)} was asked {elapsed(after.time - before.time)} "
                f"later (session {after.session})."
            )
            yield _hit(text, before, after)
            return


@check(
    "msg-duplicate-sent",
    group="delivery",
    severity="warning",
    reference="RFC 1047; RFC 5321 §4.5.4.1",
    wakes=("mail",),
    fires=r"""
        @T ; @D ; @H ; C ".\r\n" ; +60 RST S
        SESSION at=960
        @T ; @D ; @H ; @X ; @Q
    """,
    silent=r"""
        @T ; @D ; @H ; C ".\r\n" ; +60 RST S
        SESSION at=960
        @T ; @D ; C "Message-ID: <2@a.example.net>\r\n\r\nhi\r\n" ; @X ; @Q
    """,
)
def msg_duplicate_sent(mail: Mail) -> Iterator[Hit]:
    """The same letter was handed over twice to the same person.

    Trigger: a message with the same Message-ID went whole to the same recipient and server twice,
        accepted or without an answer that was seen.
    Advice: usually a receipt was lost: let the client wait ten minutes for it, and make the
        server answer before it scans.
    Traps: other recipients of the same message, and a letter that was changed before it was sent
        again, are no duplicates.
    """
    taken: dict[tuple[str, str], Try] = {}
    for attempt in mail.attempts:
        if not attempt.sent or not attempt.message_id:
            continue
        for person in attempt.recipients:
            if person.outcome not in ("accepted", "unknown"):
                continue
            key = (person.address.lower(), attempt.server)
            first = taken.setdefault(key, attempt)
            if first is attempt or _changed(first, attempt):
                continue
            lost = first.outcome == "ambiguous"
            text = (
                f"{known(attempt.message_id)} was sent to {people([person.address])} twice, "
                f"in sessions {first.session} and {attempt.session}, "
                f"{elapsed(attempt.time - first.time)} apart"
                f"{'; nobody had answered the first' if lost else ''}."
            )
            yield _hit(text, first, attempt, confidence="likely" if lost else "certain")
            return


def _changed(first: Try, again: Try) -> bool:
    return bool(first.digest and again.digest and first.digest != again.digest)


CHECKS = (
    retry_succeeded,
    retry_too_fast,
    retry_after_permanent,
    mx_fallback,
    msg_duplicate_sent,
)
