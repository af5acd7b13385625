"""A key log on disk, read as it grows: programs write to it while they are recorded."""

from __future__ import annotations

from smtpsniff.capture.errors import CaptureError

__all__ = ["KeyLogFile"]

# Read at once: more than any key log of a day has, and little beside a capture.
CHUNK = 1 << 26


class KeyLogFile:
    """Ask it again and again; what it cannot read any more is as if it were not there.

    Raises `CaptureError` at once for a file that cannot be read at all.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._read = 0
        try:
            with open(path, "rb"):
                pass
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise CaptureError(path, reason[:1].lower() + reason[1:]) from None

    def more(self) -> bytes:
        """What was written to it since."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._read)
                data = file.read(CHUNK)
        except OSError:
            return b""
        self._read += len(data)
        return data
