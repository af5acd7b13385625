"""What a check is, and how one is written.

A check is a function from a `View` of one session to the places where it found something. Its
documentation, its test and its catalogue entry are one object::

    @check(
        "greeting-rejected-permanent",
        group="reply",
        severity="error",
        reference="RFC 5321 §3.1, §4.3.2",
        wakes=("verb:<greeting>",),
        fires='''
            OPEN
            S "554 no\\\\r\\\\n"
        ''',
        silent='''
            @G
            @Q
        ''',
    )
    def greeting_rejected_permanent(view: View) -> Iterator[Hit]:
        \"\"\"The server refused to talk to this sender at all.

        Trigger: the complete greeting has a 5yz code.
        Advice: read the text; 521 means that this host never takes mail.
        Traps: an early talker is the root cause, not this.
        \"\"\"

`wakes` names topics (`smtpsniff.checks.topics`); a session with none of them does not pay for
the check. `fires` and `silent` are dialogues in the language of the tests: the first must fire
this very check, the second must not.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from smtpsniff.checks.view import View
    from smtpsniff.records import Confidence, Entry, Severity

__all__ = ["Check", "Hit", "Rule", "check"]

GROUPS = (
    "tcp", "timing", "security", "reply", "smtp-sequence", "smtp-syntax", "extension", "message",
    "tls", "auth", "delivery",
)  # fmt: skip


class Hit(Struct, gc=False):
    """One place where a check found something.

    `text` is for people and quotes the wire; `severity` overrides the check's own; hits with
    the same `key` are counted together as one finding.
    """

    text: str
    frames: Iterable[int]
    time: int
    entry: Entry | None = None
    severity: Severity | None = None
    confidence: Confidence = "certain"
    key: str = ""


Rule = Callable[["View"], Iterable[Hit]]


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the catalogue."""

    id: str
    group: str
    severity: Severity
    reference: str
    wakes: frozenset[str]
    fires: str
    silent: str
    sentence: str
    trigger: str
    advice: str
    traps: str
    run: Rule


_HEADING = re.compile(r"^(Trigger|Advice|Traps):[ \n]", re.MULTILINE)


def _sections(rule: Rule) -> dict[str, str]:
    """The docstring's first paragraph and its headed sections, each as one line."""
    parts = _HEADING.split(inspect.getdoc(rule) or "")
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    found["Sentence"] = parts[0]
    return {name: " ".join(text.split()) for name, text in found.items()}


def check(
    id: str,  # noqa: A002  # it is what the catalogue, the record and the user call it
    *,
    group: str,
    severity: Severity,
    reference: str,
    fires: str,
    silent: str,
    wakes: Iterable[str] = (),
) -> Callable[[Rule], Check]:
    """Make a `Check` of a rule function; everything about it comes from here and its docstring."""

    def build(rule: Rule) -> Check:
        text = _sections(rule)
        return Check(
            id, group, severity, reference, frozenset(wakes),
            textwrap.dedent(fires).strip(), textwrap.dedent(silent).strip(),
            text["Sentence"], text.get("Trigger", ""), text.get("Advice", ""),
            text.get("Traps", ""), rule,
        )  # fmt: skip

    return build
