"""Where the keys of TLS come from: key logs, and the captures themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.capture import Capture
from smtpsniff.capture.keylog import KeyLogFile
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

    def more() -> bytes:
        nonlocal taken
        log = capture.notes.key_log
        begin, taken = taken, len(log)
        return log[begin:]

    return more
