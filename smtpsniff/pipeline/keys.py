"""Where the keys of TLS come from: key logs, and the captures themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.capture import Capture
from smtpsniff.capture.keylog import KeyLogFile
from smtpsniff.capture.trailing import trailing_keys
from smtpsniff.tls.keylog import KeyRing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from smtpsniff.capture.live import LiveCapture

__all__ = ["keys_of"]


def keys_of(captures: Iterable[Capture | LiveCapture], paths: Iterable[str]) -> KeyRing:
    """All that is known, and will be known as captures are read and key logs grow.

    Raises `CaptureError` for a key log that cannot be read.
    """
    return KeyRing(
        *(KeyLogFile(path).more for path in paths),
        *(_inside(capture) for capture in captures if isinstance(capture, Capture)),
    )


def _inside(capture: Capture) -> Callable[[], bytes]:
    """The secrets that a capture has in it, as far as it is read."""
    taken = 0
    lies_there = not (capture.streamed or capture.compression or capture.converted)
    look_behind = capture.format == "pcapng" and lies_there

    def more() -> bytes:
        nonlocal taken, look_behind
        log = capture.notes.key_log
        begin, taken = taken, len(log)
        behind, look_behind = look_behind, False
        return (trailing_keys(capture.path) if behind else b"") + log[begin:]

    return more
