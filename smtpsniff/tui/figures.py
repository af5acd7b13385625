"""Counts, causes and waits of sessions, as lines."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from smtpsniff.checks import CATALOGUE
from smtpsniff.output.digest import Count, Digest
from smtpsniff.output.histogram import sparkline
from smtpsniff.output.labels import OUTCOMES
from smtpsniff.output.paint import fit, wrap
from smtpsniff.output.units import count, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from smtpsniff.tui.item import Item
    from smtpsniff.tui.style import Piece

__all__ = ["figures"]

FINDINGS = 30  # kinds of findings that are listed
BAR = 30  # columns of the longest bar


def figures(items: Iterable[Item], width: int) -> Iterator[list[Piece]]:
    """All lines, for so many columns."""
    digest, found = Digest(), dict[str, Count]()
    for item in items:
        digest.add(item.row, [item.wait] if item.wait is not None else [])
        for spotted in dict.fromkeys((s.check, s.severity) for s in item.row.spotted):
            check, severity = spotted
            found.setdefault(check, Count(severity=severity)).add(item.row.number)
    sentences = {check.id: check.sentence for check in CATALOGUE}
    yield from _plain(digest.sentence(sentences), width)
    yield from _over_time(digest, width)
    yield from _outcomes(digest)
    yield from _causes(digest, sentences, width)
    yield from _waits(digest, width)
    yield from _found(found, width)


def _plain(text: str, width: int, indent: int = 0) -> Iterator[list[Piece]]:
    for line in wrap(text, max(width - indent, 20)):
        yield [(" " * indent + line, "")]


def _title(words: str) -> Iterator[list[Piece]]:
    yield [("", "")]
    yield [(words, "head")]


def _over_time(digest: Digest, width: int) -> Iterator[list[Piece]]:
    bars, meaning = sparkline(digest.histogram.bins(max(width - 2, 10)))
    if meaning:
        yield from _title("sessions over time")
        yield [(f"  {bars}", "client")]
        yield [(f"  {meaning}", "dim")]


def _outcomes(digest: Digest) -> Iterator[list[Piece]]:
    counted = digest.counted()
    most = max((number for _, number in counted), default=1)
    if counted:
        yield from _title("outcomes")
    for outcome, number in counted:
        style = OUTCOMES[outcome].style
        bar = "█" * max(round(number / most * BAR), 1)
        yield [(f"  {outcome:12}", style), (f"{number:9,}  ", ""), (bar, style)]


def _causes(digest: Digest, sentences: dict[str, str], width: int) -> Iterator[list[Piece]]:
    causes = digest.causes(sentences)
    if causes:
        yield from _title("causes of failure")
    for cause in causes:
        where = Count(cause.sessions, cause.named).where()
        yield [(f"  {cause.sessions:7,}  ", ""), (cause.check, "error"), (f" ({where})", "dim")]
        yield from _plain(cause.sentence, width, 11)


def _waits(digest: Digest, width: int) -> Iterator[list[Piece]]:
    slowest = digest.slowest()
    if slowest:
        yield from _title("longest waits")
    for wait, number in slowest:
        seconds = f"  {span(wait.seconds):>8}"
        whom = f"  session {number}, frame {wait.frame}, for the {wait.party}: "
        words = fit(wait.text, max(width - len(seconds) - len(whom), 8))
        yield [(seconds, "head"), (whom, ""), (words, wait.party)]


def _found(found: dict[str, Count], width: int) -> Iterator[list[Piece]]:
    ranked = Counter({check: counted.sessions for check, counted in found.items()}).most_common()
    if ranked:
        yield from _title("findings")
    for check, _ in ranked[:FINDINGS]:
        counted = found[check]
        yield [(f"  {counted.severity:8}", counted.severity),
               (f"{counted.sessions:7,}  {check} ({counted.where()})", "")]  # fmt: skip
    if len(ranked) > FINDINGS:
        yield [(f"  and {count(len(ranked) - FINDINGS, 'other')}", "dim")]
