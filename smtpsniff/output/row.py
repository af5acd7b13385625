"""What the session table shows of one session: few strings, safe to print, cheap to send."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from smtpsniff.output.labels import ENDED
from smtpsniff.text import safe, shorten

if TYPE_CHECKING:
    from smtpsniff.records import Finding, Session, Transaction

__all__ = ["Row", "RowRenderer", "Spotted"]

# Outcomes whose verdict stands under the row.
FAILED = frozenset(
    ("rejected", "deferred", "ambiguous", "aborted", "partial", "refused", "unreachable", "unknown")
)
_WORST = ("rejected", "deferred", "ambiguous", "aborted", "partial", "unknown", "delivered")
LONGEST_PATH = 256  # octets of an address (RFC 5321 §4.5.3.1.3); what is longer is no address
TOLD = 3  # errors in words; `show` has the rest
_QUOTED = re.compile(r'"([2-5][0-9][0-9] .+)"')


class Spotted(NamedTuple):
    """A finding, for the row and for the counts; without text where it is only named."""

    severity: str
    check: str
    text: str


@dataclass(slots=True)
class Row:
    """One session."""

    number: int
    start: int
    outcome: str
    client: str
    server: str
    mail: str
    verdict: str  # empty where there is nothing to tell
    spotted: tuple[Spotted, ...]
    file: int | None
    cause: str = ""  # the check that heads the session
    duration: float = 0.0
    domains: tuple[str, ...] = ()  # of recipients


class RowRenderer:
    """Makes rows, in whatever process the sessions are."""

    def render(self, session: Session) -> Row:
        """The row of a session whose number is not known yet."""
        verdict = session.verdict
        headline = session.findings[0] if session.findings else None
        serious = headline is not None and headline.severity != "note"
        tell = verdict.outcome in FAILED or (verdict.outcome == "no-mail" and serious)
        told = safe(verdict.text) if tell else ""
        return Row(
            session.number, session.start, verdict.outcome,
            safe(session.client.ip), str(session.server), _mail(session),
            told, _spotted(session.findings, told), session.file,
            verdict.cause or "", session.duration, _domains(session),
        )  # fmt: skip

    def number(self, row: Row, number: int) -> Row:
        """The row with its number."""
        row.number = number
        return row


def _domains(session: Session) -> tuple[str, ...]:
    """Domains of the recipients, each once."""
    addresses = (r.address for mail in session.transactions for r in mail.recipients)
    return tuple(dict.fromkeys(_shown(a.rpartition("@")[2].lower()) for a in addresses if "@" in a))


def _spotted(findings: list[Finding], told: str) -> tuple[Spotted, ...]:
    """All findings; the first errors in words, unless the verdict has said the same."""
    spotted = []
    for index, finding in enumerate(findings):
        text = ""
        if index < TOLD and finding.severity == "error":
            text = safe(finding.text)
            if _says(told, text):
                text = ""
        spotted.append(Spotted(finding.severity, finding.check, text))
    return tuple(spotted)


def _says(told: str, text: str) -> bool:
    """Whether the verdict has this text, or ends in the same words of the server."""
    quoted = _QUOTED.search(text)
    words = quoted[1].removesuffix("…") if quoted else text.rstrip(".")
    return words in told


def _mail(session: Session) -> str:
    """Who wrote to whom, of the mail that went worst."""
    mails = session.transactions
    if not mails:
        return _instead(session)
    worst = min(mails, key=lambda mail: _WORST.index(mail.outcome))
    more = f" (and {len(mails) - 1} more)" if len(mails) > 1 else ""
    return _envelope(worst) + more


def _instead(session: Session) -> str:
    """What stands where a mail would."""
    if session.verdict.outcome == "opaque":
        return "(inside TLS)"
    if session.verdict.outcome in FAILED:
        return ""
    how = ENDED.get(session.ended, session.ended).rstrip(".")
    return f"({how[:1].lower()}{how[1:]})"


def _envelope(mail: Transaction) -> str:
    sender = "?" if mail.mail_from is None else _shown(mail.mail_from) or "<>"
    people = mail.recipients
    if not people:
        return f"{sender} →"
    unlucky = next((p for p in people if p.outcome != "accepted"), people[0])
    more = f" +{len(people) - 1}" if len(people) > 1 else ""
    return f"{sender} → {_shown(unlucky.address)}{more}"


def _shown(path: str) -> str:
    return shorten(safe(path), LONGEST_PATH)
