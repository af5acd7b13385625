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

Numbers that users may set (PROTOCOL D has them in brackets) are keyword-only arguments with the
default, told of under the last heading of the docstring with their unit if they have one, and
the least that makes sense if that is not 0::

    def greeting_slow(view: View, *, note: float = 2.0, after: float = 5.0) -> Iterator[Hit]:
        \"\"\"The server took long to say hello.

        Trigger: `after` or longer from the handshake to the greeting; from `note` on a note.
        ...
        Thresholds:
            note (s, at least 1): from here on a note.
            after (s): from here on a warning.
        \"\"\"

They are then `greeting-slow.note` and `greeting-slow.after` in a configuration file and for
``--set``, and `explain` shows them. A threshold of two words is `two_words` here and
``two-words`` there. A whole number as default (`lines: int = 3`) admits whole numbers only.
Where nothing is set the rule is called as it stands; where something is, it is bound once for
a run (`smtpsniff.checks.choice`): neither costs anything in a session. Numbers that a standard
fixes are constants, as ever. A topic that wakes the check must be there for the least value.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from smtpsniff.records import Confidence, Entry, Severity

__all__ = ["Check", "Hit", "Number", "Rule", "Threshold", "check"]

Number = int | float

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


# Of one session; checks over sessions (`smtpsniff.stories`) read what their module says.
Rule = Callable[..., Iterable[Any]]


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number of a check that users may set. `id` is `CHECK.NAME`, `name` the argument's."""

    id: str
    name: str
    default: Number
    unit: str
    least: Number
    meaning: str


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
    thresholds: tuple[Threshold, ...] = ()


_HEADING = re.compile(r"^(Trigger|Advice|Traps|Thresholds):[ \n]", re.MULTILINE)
_THRESHOLD = re.compile(
    r"^\s+(?P<name>\w+) "
    r"\((?P<unit>(?:(?!at least)[^,()])*)(?:(?:, )?at least (?P<least>[\d.]+))?\): "
    r"(?P<meaning>(?:.|\n(?!\s+\w+ \())+)",
    re.MULTILINE,
)


def _sections(rule: Callable[..., object]) -> dict[str, str]:
    """The docstring's first paragraph and its headed sections."""
    parts = _HEADING.split(inspect.getdoc(rule) or "")
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    found["Sentence"] = parts[0]
    return found


def _thresholds(check: str, rule: Callable[..., object], text: str) -> tuple[Threshold, ...]:
    """The thresholds of a rule: defaults from its signature, the rest from its docstring."""
    defaults: dict[str, Number] = getattr(rule, "__kwdefaults__", None) or {}
    found = tuple(
        Threshold(
            f"{check}.{m['name'].replace('_', '-')}", m["name"], defaults.get(m["name"], 0),
            m["unit"], float(m["least"] or 0), " ".join(m["meaning"].split()),
        )
        for m in _THRESHOLD.finditer(text)
    )  # fmt: skip
    if [t.name for t in found] != list(defaults):
        raise TypeError(f"{check}: its thresholds are {list(defaults)}, told of are {found}")
    return found


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
        sections = _sections(rule)
        thresholds = _thresholds(id, rule, sections.pop("Thresholds", ""))
        text = {name: " ".join(part.split()) for name, part in sections.items()}
        return Check(
            id, group, severity, reference, frozenset(wakes),
            textwrap.dedent(fires).strip(), textwrap.dedent(silent).strip(),
            text["Sentence"], text.get("Trigger", ""), text.get("Advice", ""),
            text.get("Traps", ""), rule, thresholds,
        )  # fmt: skip

    return build
