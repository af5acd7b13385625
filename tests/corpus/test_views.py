"""Every view of a session says what its record says: the story, the ladder, the report's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from report.pages import entries_of, page_of, unpacked

from corpus.corpus_files import files
from corpus.corpus_views import sessions_in
from smtpsniff.output.ladder import ladder
from smtpsniff.output.paint import Paint
from smtpsniff.output.report.entry import LONGEST_LINE, MOST_LINES
from smtpsniff.output.story import story
from smtpsniff.text import safe, shorten

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from smtpsniff.records import Entry, Session


def _words(entry: Entry) -> list[str]:
    """What the record says was said, as a person reads it."""
    lines = [safe(line.removesuffix("\r")) for line in entry.text.split("\n")]
    if entry.kind == "end-of-data":
        return [". (end of message)"]
    if entry.kind in ("reply", "greeting") and entry.code:
        marked = [f"{entry.code}-{line}" for line in lines]
        return [*marked[:-1], f"{entry.code} {lines[-1]}".rstrip()]
    return lines


def _agree(session: Session, held: dict[str, Any]) -> None:
    told = list(story(session, ["a capture"], 6, Paint(None)))
    text = "\n".join(told)
    drawn = "\n".join(story(session, ["a capture"], 6, Paint(LONGEST_LINE * 2), ladder))
    assert held["verdict"] == safe(session.verdict.text) == told[1]
    entries = sorted(session.timeline, key=lambda entry: (entry.frame, entry.text))
    lines = sorted(held["lines"], key=lambda line: (int(line["frame"]), line["text"]))
    assert len(entries) == len(lines)
    said = sorted((str(e.frame), e.from_, e.kind) for e in entries)
    assert sorted((line["frame"], line["party"], line["kind"]) for line in lines) == said
    for entry in entries:
        words = _words(entry)
        assert all(word in text for word in words)
        if all(len(word) < LONGEST_LINE // 2 for word in words) and len(words) < 60:
            assert all(word in drawn for word in words)
        kept = [shorten(word, LONGEST_LINE) for word in words[:MOST_LINES]]
        assert any(
            line["text"][: len(kept)] == kept
            or (entry.kind == "data" and line["text"][0].startswith(kept[0]))
            for line in lines
            if line["frame"] == str(entry.frame)
        )
    below = [*held["loose"], *(said for line in held["lines"] for said in line["findings"])]
    assert sorted(f["check"] for f in below) == sorted(f.check for f in session.findings)
    for finding in session.findings:
        assert safe(finding.text) in text
        assert safe(finding.text) in {f["text"] for f in below}
    for mail in session.transactions:
        for recipient in mail.recipients:
            assert f"<{safe(recipient.address)}> {recipient.outcome}" in text
    assert [mail["outcome"] for mail in held["mails"]] == [m.outcome for m in session.transactions]


def test_story_ladder_and_page_agree_with_the_record(corpus: Path) -> None:
    compared = 0
    for path in files(corpus):
        found = sessions_in(path)
        _, accounts = unpacked(page_of(entries_of(found, ["a capture"])))
        for session in found:
            _agree(session, accounts[session.number])
            compared += 1
    assert compared > 150
