"""Messages unfolded in the timeline: the octets that were sent, as lines under the line that says
how many there were (`show -v`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.output.paint import wrap
from smtpsniff.output.units import count
from smtpsniff.text import decode, safe, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.output.account import Line
    from smtpsniff.output.extract.keeping import Message
    from smtpsniff.output.extract.spool import Kept
    from smtpsniff.output.paint import Paint

__all__ = ["Bodies"]

# Octets shown of one message: more is for `extract`, and an editor.
MOST = 1 << 20
LONGEST_LINE = 2000  # columns, on a terminal


class Bodies:
    """The messages of one session, by the entry of its timeline that ended each."""

    def __init__(self, messages: list[Message]) -> None:
        self._texts = {
            message.lines[1]: _lines(message.kept)
            for message in messages
            if message.kept is not None
        }

    def beside(self, line: Line, paint: Paint, indent: int) -> Iterator[str]:
        """The message that this line ended, behind a bar."""
        blank = " " * indent
        width = None if paint.width is None else paint.width - indent - 2
        for text in self._texts.get(line.entry, ()):
            cut = text if width is None else shorten(text, LONGEST_LINE)
            for part in wrap(cut, width):
                yield f"{blank}{paint('|', 'dim')} {part}".rstrip()


def _lines(kept: Kept) -> list[str]:
    """Its octets as lines, safe to show."""
    if kept.path is None:
        data = kept.data[:MOST]
    else:
        with open(kept.path, "rb") as file:
            data = (file.read(MOST) + kept.data)[:MOST]
    lines = [safe(decode(line.removesuffix(b"\r"))) for line in data.split(b"\n")]
    if not lines[-1]:
        del lines[-1]
    if kept.size > len(data):
        rest = count(kept.size - len(data), "more octet")
        lines.append(f"… {rest} (smtpsniff extract has them all)")
    return lines
