"""What the server's text calls the mail: the key to its log.

No standard says where it stands; these are the forms of the servers one meets.
"""

from __future__ import annotations

import re

__all__ = ["queue_id"]

# One row a server: where its final reply names the message.
_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("Postfix", re.compile(r"\bqueued as ([0-9A-Za-z]{5,})", re.IGNORECASE)),
    ("Exim", re.compile(r"\bid=([0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4})\b")),
    ("Exchange", re.compile(r"\[InternalId=(\d+)")),
    ("Sendmail", re.compile(r"^(?:2\.\d+\.\d+ )?(\w{8,}) Message accepted for delivery")),
    ("qmail", re.compile(r"\bok (\d{6,} qp \d+)", re.IGNORECASE)),
    ("Google", re.compile(r"OK +(?:\d{6,} )?([0-9A-Za-z.-]{6,}) - gsmtp")),
    (
        "any",
        re.compile(r"\b(?:queue[ -]?id|queued|id)[ =:]+<?([0-9A-Za-z][0-9A-Za-z._-]{5,})", re.I),
    ),
)


def queue_id(text: str) -> str | None:
    """The queue id in a 250 to the end of data, if a known form shows one."""
    for _, form in _FORMS:
        match = form.search(text)
        if match:
            return match[1]
    return None
