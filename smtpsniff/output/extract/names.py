"""Names from the wire made fit for a folder.

A name is somebody else's choice: it may climb out of the folder, drive a terminal, hide what the
file is, or be a device on the system that it is copied to. The index keeps it as it was sent.
"""

from __future__ import annotations

import os
import re
import unicodedata

from smtpsniff.text import safe

__all__ = ["Names", "fit"]

# File systems allow 255 bytes; a number may be added to tell files apart.
MAX_BYTES = 200
# What counts as an extension when a name is cut; longer ones are part of the name.
MAX_EXTENSION = 20

# What ends a component, or means something to a file system, on any of the usual systems.
_SEPARATORS = re.compile(r"[/\\]")
_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f\x7f]')
_ESCAPED = re.compile(r"\\(?:[tnr0]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")
# Windows takes these for devices, whatever extension follows, and whatever their case.
_DEVICE = re.compile(
    r"(?:CON|PRN|AUX|NUL|CLOCK\$|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9¹²³])[ ]*(?:\..*)?",
    re.IGNORECASE | re.DOTALL,
)


def fit(name: str, otherwise: str) -> str:
    """A file name that stays in its folder and means nothing to any system; `otherwise` where
    nothing is left of it."""
    parts = [part for part in _SEPARATORS.split(name) if part.strip(". ")]
    text = unicodedata.normalize("NFC", parts[-1] if parts else "")
    text = _ESCAPED.sub("_", safe(text))  # no backslash was left in it, so these are escapes
    text = _FORBIDDEN.sub("_", text).lstrip(".- \u00a0").rstrip(". ")
    if _DEVICE.fullmatch(text):
        text = f"_{text}"
    return _cut(text) or otherwise


def _cut(text: str) -> str:
    """At most MAX_BYTES, the extension kept."""
    if len(text.encode()) <= MAX_BYTES:
        return text
    stem, extension = os.path.splitext(text)
    if len(extension.encode()) > MAX_EXTENSION:
        stem, extension = text, ""
    room = MAX_BYTES - len(extension.encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(". ") + extension


class Names:
    """Names that were given in one folder: none is given twice, even where case is not told
    apart."""

    def __init__(self) -> None:
        self._given: dict[str, int] = {}

    def new(self, name: str) -> str:
        """`name`, with a number where it was given before."""
        key = name.casefold()
        count = self._given.get(key, 0)
        self._given[key] = count + 1
        if not count:
            return name
        stem, extension = os.path.splitext(name)
        return self.new(f"{stem}-{count + 1}{extension}")
