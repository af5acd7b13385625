"""Rebuilds SMTP dialogues from captured packets and says what went wrong.

for session in smtpsniff.read("mail.pcap"):
    print(session.number, session.verdict.text)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["CaptureDenied", "CaptureError", "__version__", "read", "read_stories", "sniff"]

if TYPE_CHECKING:
    from smtpsniff.capture import CaptureError
    from smtpsniff.capture.live import CaptureDenied
    from smtpsniff.pipeline import read, read_stories
    from smtpsniff.pipeline.live import sniff

_HOMES = {
    "read": "smtpsniff.pipeline",
    "read_stories": "smtpsniff.pipeline",
    "sniff": "smtpsniff.pipeline.live",
    "CaptureError": "smtpsniff.capture",
    "CaptureDenied": "smtpsniff.capture.live",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  # whatever the name stands for
    """Import on first use: `smtpsniff explain` must not pay for numpy."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)
