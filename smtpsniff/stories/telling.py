"""From joined attempts and patterns to story records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from smtpsniff.checks.choice import EVERYTHING
from smtpsniff.checks.view import quote
from smtpsniff.records import SEVERITIES, Attempt, Endpoint, Finding, Story, Timestamp
from smtpsniff.stories.mails import fate
from smtpsniff.stories.retries import CHECKS, greylisted
from smtpsniff.stories.saying import at, clock, elapsed, people, times

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smtpsniff.checks.choice import Choice
    from smtpsniff.checks.registry import Hit
    from smtpsniff.records import Severity
    from smtpsniff.stories.facts import Facts, Try
    from smtpsniff.stories.mails import Mail
    from smtpsniff.stories.patterns import Pattern

__all__ = ["Teller"]

# Attempts that the sentence tells one by one.
SPELLED = 4
_RANK = {severity: rank for rank, severity in enumerate(SEVERITIES)}

WORDS = {
    "delivered": "accepted",
    "partial": "accepted for some",
    "deferred": "put off",
    "rejected": "refused",
    "ambiguous": "sent whole and not answered",
    "aborted": "broken off",
}
_FALLBACK, _DUPLICATE = "mx-fallback", "msg-duplicate-sent"


class Teller:
    """Makes records, with the findings of the checks that are on."""

    def __init__(self, choice: Choice = EVERYTHING) -> None:
        self._rules = [(check, choice.run(check)) for check in CHECKS if check.id not in choice.off]
        self._greylisting = "rcpt-greylisted" not in choice.off

    def mail(self, mail: Mail) -> Story:
        """One mail over all its attempts."""
        findings = [
            _finding(check.id, check.severity, hit)
            for check, run in self._rules
            for hit in run(mail)
        ]
        if self._greylisting:
            findings += [_finding("rcpt-greylisted", "warning", hit) for hit in greylisted(mail)]
        findings.sort(key=lambda finding: _RANK[finding.severity])
        found = {finding.check for finding in findings}
        attempts = mail.attempts
        failed = [facts for facts, _ in mail.failed] if _FALLBACK in found else []
        addresses = _addresses(mail)
        sessions = [facts.number for facts in failed] + [t.session for t in attempts]
        outcome = _outcome(mail, addresses)
        return Story(
            kind=_kind(len(attempts), found),
            sessions=list(dict.fromkeys(sessions)),
            text=_sentence(mail, addresses, failed),
            start=Timestamp(min([attempts[0].time, *(facts.start for facts in failed)])),
            end=Timestamp(mail.last),
            findings=findings,
            mail_from=attempts[0].sender,
            recipients=addresses,
            message_id=next((t.message_id for t in attempts if t.message_id), None),
            outcome=outcome,
            attempts=[_attempt(t) for t in attempts],
        )

    def pattern(self, pattern: Pattern) -> Story:
        """One pattern over several sessions."""
        hit = pattern.hit()
        finding = _finding(pattern.check.id, pattern.check.severity, hit)
        finding.count = pattern.total
        finding.file = pattern.sighting.seen[0].file
        return Story(
            kind="pattern",
            sessions=sorted(pattern.sessions),
            text=hit.text,
            start=Timestamp(pattern.start),
            end=Timestamp(pattern.end),
            findings=[finding],
        )


def _finding(check: str, severity: Severity, hit: Hit) -> Finding:
    frames = sorted({frame for frame in hit.frames if frame})
    return Finding(
        check,
        hit.severity or severity,
        hit.confidence,
        frames,
        Timestamp(hit.time),
        hit.text,
        1,
        [],
    )


Kind = Literal["retry", "fallback", "duplicate", "single", "pattern"]


def _kind(attempts: int, found: Iterable[str]) -> Kind:
    if _DUPLICATE in found:
        return "duplicate"
    if _FALLBACK in found:
        return "fallback"
    return "retry" if attempts > 1 else "single"


def _addresses(mail: Mail) -> list[str]:
    """All recipients, as first written."""
    found: dict[str, str] = {}
    for attempt in mail.attempts:
        for person in attempt.recipients:
            found.setdefault(person.address.lower(), person.address)
    return list(found.values())


def _outcome(mail: Mail, addresses: list[str]) -> str:
    """What became of the mail in the end, in the words of a transaction."""
    fates = {fate(mail, address) for address in addresses}
    if "accepted" in fates:
        return "delivered" if len(fates) == 1 else "partial"
    if mail.attempts[-1].outcome in ("ambiguous", "aborted") or not fates:
        return mail.attempts[-1].outcome
    return next((o for o in ("rejected", "deferred") if o in fates), "unknown")


def _attempt(attempt: Try) -> Attempt:
    return Attempt(
        session=attempt.session,
        time=Timestamp(attempt.time),
        frame=attempt.frame,
        client=Endpoint(attempt.client, attempt.client_port),
        server=Endpoint(attempt.server, attempt.port),
        recipients=[person.address for person in attempt.recipients],
        outcome=attempt.outcome,
        reply=attempt.reply or None,
        file=attempt.file,
    )


def _sentence(mail: Mail, addresses: list[str], failed: list[Facts]) -> str:
    """The whole story in one sentence."""
    attempts = mail.attempts
    parts = [
        f"no luck with {at(facts.server, facts.port)} ({quote(facts.failed)}, session "
        f"{facts.number})"
        for facts in failed
    ]
    parts.append(_first(attempts[0]))
    before = attempts[0]
    following = attempts[1:]
    skipped = len(following) - SPELLED + mail.more
    if skipped > 0:
        parts.append(f"tried {times(skipped)} more")
        following = following[-SPELLED:]
    for attempt in following:
        parts.append(_later(before, attempt))
        before = attempt
    total = attempts[-1].time - attempts[0].time
    end = f"; {elapsed(total)} from first to last" if len(attempts) > 2 else ""
    who = f"Mail from {people([attempts[0].sender])} for {people(addresses)}"
    return f"{who}: {', '.join(parts)}{end}."


def _first(attempt: Try) -> str:
    return (
        f"{_words(attempt)} at {clock(attempt.time)} by {at(attempt.server, attempt.port)}"
        f"{_reply(attempt)}"
    )


def _later(before: Try, attempt: Try) -> str:
    verb = "sent" if before.outcome == "delivered" else "tried"
    again = f"{verb} again after {elapsed(max(attempt.time - before.time, 0))}"
    where = ""
    if attempt.server != before.server:
        where = f" at {at(attempt.server, attempt.port)}"
    return f"{again}{where}, {_words(attempt)}{_reply(attempt)}"


def _words(attempt: Try) -> str:
    return WORDS.get(attempt.outcome, "without a visible end")


def _reply(attempt: Try) -> str:
    session = f"session {attempt.session}"
    return f" ({quote(attempt.reply)}, {session})" if attempt.reply else f" ({session})"
