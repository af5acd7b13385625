"""What the tests of checks share: the findings of a dialogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogue import sessions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from smtpsniff.checks import Check
    from smtpsniff.records import Finding

MESSAGE = r"@D ; @H ; @X"
LATER = "SESSION at=900 ; OPEN"  # the capture goes on, without this connection


def _flat(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Findings with those folded under them."""
    for finding in findings:
        yield finding
        yield from _flat(finding.related)


def every(text: str, **options: Any) -> list[Finding]:  # noqa: ANN401
    """All findings of a dialogue."""
    found = [f for session in sessions(text, **options) for f in _flat(session.findings)]
    assert not [f.text for f in found if f.check == "internal-error"]
    return found


def found(name: str, text: str, **options: Any) -> list[Finding]:  # noqa: ANN401
    """Findings of one check."""
    return [f for f in every(text, **options) if f.check == name]


def one(name: str, text: str, **options: Any) -> Finding:  # noqa: ANN401
    """The only finding of one check."""
    (finding,) = found(name, text, **options)
    return finding


def judge_example(check: Check) -> None:
    """A check speaks in its own example, and is silent in the other."""
    finding = one(check.id, check.fires)
    assert finding.text.endswith(".")
    assert finding.frames
    assert finding.time
    assert not found(check.id, check.silent)
    for text in (check.sentence, check.trigger, check.advice, check.traps):
        assert text.endswith(".")
