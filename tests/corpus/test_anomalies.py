"""What other tools find odd in real captures, and what we say there: anomalies.json.

Each event stands under the check or fact that holds it, or under the reason why none does; an
event in neither place fails the test, so a new one cannot be passed over.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from corpus.corpus_views import sessions_in
from smtpsniff.checks import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from smtpsniff.records import Finding

KNOWN = frozenset(check.id for check in CATALOGUE)


# Event, or (file, event) where it means another thing there -> our checks that say the same; any
# one of them will do.
RULES: dict[str | tuple[str, str], tuple[str, ...]] = {
    "weird: smtp_huge_bdat_chunk": ("bdat-syntax",),
    "weird: smtp_invalid_bdat_command": ("bdat-syntax",),
    "anomaly: INVALID_BDAT": ("bdat-syntax", "bdat-size-mismatch"),
    "anomaly: INVALID_PIPELINED_SEQUENCE": (
        "bdat-after-failure", "bdat-size-mismatch", "pipelining-past-sync-command",
        "body-lines-as-commands",
    ),
    "anomaly: DATA_COMMAND_REJECTED": ("data-without-rcpt",),
    # HELO and EHLO in one session; that tool means a field of its own record.
    "anomaly: DUPLICATE_FIELDS": ("ehlo-repeated",),
    ("suricata-verify__smtp-bdat-bad-tail-next-mail.pcap", "anomaly: (any)"): ("bdat-syntax",),
    ("suricata-verify__smtp-ehlo-reset-after-rejected-data.pcap", "anomaly: (any)"): (
        "data-without-rcpt",
    ),
    '"moloch-bof" buffer-overflow regression input (contains a >1000-byte line)': (
        "msg-line-too-long",
    ),
}  # fmt: skip

# Events that no check of ours is about, and why.
NOT_OURS: dict[str, str] = {
    "weird: exceeded_mime_max_header_bytes": "a bound of that tool; our own are notes",
    "smtp event: MIME_LONG_BOUNDARY": "the parts of a message are no matter of the dialogue",
    "anomaly: MIME_LONG_FILENAME": "as above",
    "anomaly: MIME_LONG_ENC_LINE": "as above",
    "anomaly: MIME_LONG_LINE": "longer than 76, which RFC 2045 asks of encoded lines only",
    "Phish::BogusSiteURL": "what a message says is not judged",
    "Phish::WatchedFileType": "as above",
    "Phish::SensitiveURI": "as above",
    "AgentTesla::C2_Traffic_Observed": "as above",
}

# Events that must not be raised (count 0) -> our findings that would be the same mistake. Of "(any)"
# it is every error.
MUST_NOT: dict[str, tuple[str, ...]] = {
    "anomaly: APPLAYER_DETECT_PROTOCOL_ONLY_ONE_DIRECTION": ("tcp-one-direction-only",),
    "anomaly: TRUNCATED_LINE": ("command-line-too-long", "reply-line-too-long"),
    "anomaly: UNPARSABLE_CONTENT": ("msg-header-malformed",),
    "anomaly: (any)": (),
}


def _flat(findings: list[Finding]) -> Iterator[Finding]:
    for finding in findings:
        yield finding
        yield from _flat(finding.related)


def _found(corpus: Path, file: str) -> list[Finding]:
    sessions = sessions_in(corpus / "captures" / file)
    return [finding for session in sessions for finding in _flat(session.findings)]


def _events(corpus: Path) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((corpus / "anomalies.json").read_text("utf-8"))
    return loaded


def _rule(event: dict[str, Any]) -> tuple[str, ...] | None:
    return RULES.get((event["file"], event["event"])) or RULES.get(event["event"])


def test_tables_name_checks() -> None:
    for checks in (*RULES.values(), *MUST_NOT.values()):
        assert KNOWN.issuperset(checks)


def test_every_event_has_its_place(corpus: Path) -> None:
    for event in _events(corpus):
        name = event["event"]
        if event.get("count") == 0:
            assert name in MUST_NOT, name
        else:
            assert (_rule(event) is None) == (name in NOT_OURS), name


def test_what_must_be_raised(corpus: Path) -> None:
    missing = []
    for event in _events(corpus):
        wanted = _rule(event)
        if event.get("count") == 0 or wanted is None:
            continue
        found = {finding.check for finding in _found(corpus, event["file"])}
        if found.isdisjoint(wanted):
            missing.append((event["file"], event["event"], sorted(found)))
    assert not missing


def test_what_must_not_be_raised(corpus: Path) -> None:
    wrong = []
    for event in _events(corpus):
        if event.get("count") != 0:
            continue
        never = MUST_NOT[event["event"]]
        wrong += [
            (event["file"], event["event"], finding.text)
            for finding in _found(corpus, event["file"])
            if finding.check in never or (not never and finding.severity == "error")
        ]
    assert not wrong
