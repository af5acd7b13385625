"""Text from the wire: bytes to text without loss, and the one sanitiser.

Whatever a peer sent may be shown on a terminal, in a table or on a page. Two
functions stand between: `decode` turns bytes into text that can be turned back,
`safe` takes the power out of every character that a terminal or a page would obey.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["decode", "safe", "shorten"]


def decode(raw: bytes) -> str:
    """Text of wire bytes: UTF-8 where it decodes; else every offending byte is ``\\xHH``.

    In text with such escapes a literal backslash is doubled, so that the bytes can be
    had back. Control characters stay: records carry them, `safe` disarms them.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")


# What a terminal, a browser or a reader's eye could be led astray by: C0 and C1 controls
# (ESC, BEL, backspace, NEL), DEL, line and paragraph separators, the bidirectional controls
# (U+061C, U+200E/F, U+202A-E, U+2066-9), zero-width and other invisible marks, the byte order
# mark, interlinear annotation, lone surrogates, tag characters and the soft hyphen.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"
)
_NAMED = {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"}


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    named = _NAMED.get(character)
    if named is not None:
        return named
    point = ord(character)
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


# More combining marks than this on one character are no writing but a tower that covers
# the lines above ("Zalgo"); the longest sequences of real scripts have four or five.
_MARKS_IN_A_ROW = 8


def safe(text: str, *, keep: str = "") -> str:
    """`text` with every character that could drive or deceive a display made visible.

    `keep` names characters to leave alone (a caller that lays out lines passes ``"\\n"``).
    """
    if text.isascii() and text.isprintable():
        return text
    if keep:
        text = _UNSAFE.sub(lambda m: m.group() if m.group() in keep else _escape(m), text)
    else:
        text = _UNSAFE.sub(_escape, text)
    return text if text.isascii() else _tame_marks(text)


def _tame_marks(text: str) -> str:
    marks = 0
    out: list[str] = []
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= _MARKS_IN_A_ROW:
            out.append(character)
    return "".join(out)


def shorten(text: str, width: int) -> str:
    """`text` cut to `width` characters, the cut shown by an ellipsis."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"
