"""Standard output and standard error.

Data leaves as bytes: blocks into a file or pipe, without delay on a terminal or when the input
is slow. Whether colour and
cursor movement are welcome is decided here and nowhere else.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smtpsniff.output.paint import Paint

BLOCK = 1 << 18  # bytes that are gathered before they go to a file or a pipe
SOON = 0.05  # seconds that lines for a terminal may be gathered: a write for each is slow


def is_terminal(stream: object) -> bool:
    """Whether a person looks at it; a closed or replaced stream is none."""
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]
    except (AttributeError, ValueError, OSError):
        return False


def wants_colour(choice: str, stream: object) -> bool:
    """Whether to colour: `--color`, then NO_COLOR (any value), then what the stream is."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return is_terminal(stream)


def paint_for(output: Output, choice: str) -> Paint:
    """Colours and width for text on standard output."""
    from smtpsniff.output.paint import Paint

    width = None
    if output.terminal:
        import shutil

        width = max(shutil.get_terminal_size().columns, 40)
    if wants_colour(choice, sys.stdout):
        return Paint.coloured(sys.stdout, width)
    return Paint(width)


class Output:
    """Standard output in binary."""

    def __init__(self) -> None:
        self._flushed = 0.0
        self._stream = sys.stdout
        self._raw = getattr(sys.stdout, "buffer", None)
        self.terminal = is_terminal(sys.stdout)
        self.eager = self.terminal  # to show what there is whenever more may be long in coming
        self._blocks: list[bytes] = []
        self._size = 0
        # A pipe carries UTF-8, whatever the locale: a program reads it. A terminal gets its own.
        encoding = (getattr(sys.stdout, "encoding", None) or "utf-8") if self.terminal else "utf-8"
        self._encoding = encoding.lower()
        self._plain = not _shows(self._encoding, "→←×…·")

    def write(self, data: bytes) -> None:
        """Write bytes, as soon as enough are together; on a terminal, soon."""
        self._blocks.append(data)
        self._size += len(data)
        if self._size >= BLOCK or (self.terminal and time.monotonic() - self._flushed > SOON):
            self.flush()

    def pause(self) -> None:
        """Nothing may come for a while: show what there is, if anybody waits for it."""
        if self.eager:
            self.flush_if_any()

    def flush_if_any(self) -> None:
        """Hand over what there is."""
        if self._blocks:
            self.flush()

    def text(self, text: str) -> None:
        """Write text in the stream's encoding; what that cannot show is escaped."""
        if self._plain:
            text = text.translate(_PLAIN)
        self.write(text.encode(self._encoding, "backslashreplace"))

    def line(self, text: str = "") -> None:
        """Write one line of text."""
        self.text(text + "\n")

    def flush(self) -> None:
        """Hand over everything. BrokenPipeError when nobody reads any more."""
        data = b"".join(self._blocks)
        self._blocks.clear()
        self._size = 0
        self._flushed = time.monotonic()
        if self._stream is None:  # no standard output at all, as under pythonw
            return
        if self._raw is None:  # replaced by a stream of text
            self._stream.write(data.decode(self._encoding))
            return
        self._raw.write(data)
        self._raw.flush()


_PLAIN = str.maketrans(
    {"→": "->", "←": "<-", "×": "x", "…": "...", "·": "-", "–": "-", "“": '"', "”": '"'}
)


def _shows(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def tell(message: str, *below: str) -> None:
    """One line on standard error, with the program's name; never a reason to fail.

    Lines `below` it show what it speaks of.
    """
    from smtpsniff.text import safe

    lines = [f"smtpsniff: {safe(message)}\n", *(f"  {safe(line)}\n" for line in below)]
    try:
        sys.stderr.write("".join(lines))
        sys.stderr.flush()
    except (AttributeError, ValueError, OSError):
        pass


def abandon_output() -> None:
    """After a broken pipe: let the interpreter flush its leftovers into nothing."""
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
    except (AttributeError, ValueError, OSError):
        pass
