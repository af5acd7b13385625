"""Records as JSON: one object a line, or one document with all of them."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from smtpsniff.records import encoder
from smtpsniff.text import safe

if TYPE_CHECKING:
    from smtpsniff.records import Run, Session, Story

__all__ = ["JsonRenderer", "Ndjson", "SingleDocument", "harmless"]

# Sessions are rendered before their number is known. It stands at the same place in each.
_UNNUMBERED = b'"number":0,'


class JsonRenderer:
    """A session's record in bytes. Goes to worker processes, so it holds no encoder when sent."""

    def __init__(self, digits: int = 6) -> None:
        self.digits = digits

    def __getstate__(self) -> dict[str, Any]:
        return {"digits": self.digits}

    @cached_property
    def _encode(self) -> Any:  # noqa: ANN401
        return encoder(self.digits).encode

    def render(self, session: Session) -> bytes:
        """The record."""
        data: bytes = self._encode(session)
        return data

    def number(self, rendered: bytes, number: int) -> bytes:
        """The record with its number in place."""
        return rendered.replace(_UNNUMBERED, b'"number":%d,' % number, 1)

    def story(self, record: Story) -> bytes:
        """A story's record."""
        data: bytes = self._encode(record)
        return data

    def run(self, record: Run) -> bytes:
        """The run record."""
        data: bytes = self._encode(record)
        return data


def harmless(record: bytes) -> bytes:
    """The same JSON for a terminal: characters that could drive or deceive it are escaped."""
    return _BEYOND_ASCII.sub(_escape, record.decode()).encode()


# JSON has escaped the control characters below these.
_BEYOND_ASCII = re.compile("[^\x00-\x7e]")


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    if safe(character) == character:
        return character
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


class Ndjson:
    """One record a line, the run's last."""

    def session(self, record: bytes) -> bytes:
        """A session's line."""
        return record + b"\n"

    def story(self, record: bytes) -> bytes:
        """A story's line."""
        return record + b"\n"

    def end(self, run: bytes) -> bytes:
        """The last line."""
        return run + b"\n"


class SingleDocument:
    """``{"sessions": [...], "stories": [...], "run": {...}}``."""

    def __init__(self) -> None:
        self._before = b'{"sessions":[\n'
        self._stories: list[bytes] = []

    def session(self, record: bytes) -> bytes:
        """A session, with what stands between it and the one before."""
        before, self._before = self._before, b",\n"
        return before + record

    def story(self, record: bytes) -> bytes:
        """A story waits for the end of the sessions; there are few."""
        self._stories.append(record)
        return b""

    def end(self, run: bytes) -> bytes:
        """The end of the list, the stories, and the run."""
        before = self._before if self._before.startswith(b"{") else b"\n"
        stories = b",\n".join(self._stories)
        return before + b'],"stories":[\n' + stories + b'\n],"run":' + run + b"}\n"
