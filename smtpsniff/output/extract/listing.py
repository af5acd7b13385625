"""What was extracted, in a few words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smtpsniff.output.units import count
from smtpsniff.text import safe, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["lines"]

_SUBJECT = 60


def lines(entry: dict[str, Any]) -> Iterator[str]:
    """Lines about one message: an entry of the index."""
    sender = entry.get("mail_from")
    recipients = entry["recipients"]
    to = f"<{recipients[0].address}>" if recipients else "nobody seen"
    if len(recipients) > 1:
        to += f" and {len(recipients) - 1} more"
    whom = f"{'sender not seen' if sender is None else f'<{sender}>'} to {to}"
    yield f"{entry['file']}  {count(entry['size'], 'octet')}  {entry['outcome']}"
    yield f"  {safe(whom)}"
    if entry.get("subject"):
        yield f"  Subject: {safe(shorten(entry['subject'], _SUBJECT))}"
    if "lacks" in entry:
        yield f"  not whole: lacks {' and '.join(entry['lacks'])}"
    for gap in entry["gaps"]:
        if "length" in gap:
            yield f"  {count(gap['length'], 'octet')} missing at offset {gap['offset']}"
    for part in entry["attachments"]:
        yield f"  {_part(part)}"
    for bound in entry.get("limits_hit", ()):
        yield f"  bound hit: {bound}"


def _part(part: dict[str, Any]) -> str:
    name = part.get("filename")
    kind = part["content_type"]
    seen = part.get("sniffed_type")
    if seen is not None and seen != kind and not seen.startswith("text/"):
        kind += f" (looks like {seen})"
    called = f'"{safe(shorten(name, _SUBJECT))}"' if name else "without a name"
    into = f" -> {part['file']}" if "file" in part else ""
    whole = "" if part["complete"] else ", not whole"
    return f"attachment {called}, {kind}, {count(part['size'], 'octet')}{whole}{into}"
