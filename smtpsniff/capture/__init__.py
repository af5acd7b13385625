"""Where packets come from: capture files become batches of raw packets.

This floor touches the world (files, memory maps, scapy); those above it never do.
"""

from smtpsniff.capture.batch import Buffer, PacketBatch
from smtpsniff.capture.errors import CaptureError, Damage
from smtpsniff.capture.files import Capture, open_capture
from smtpsniff.capture.interface import Interface

__all__ = [
    "Buffer",
    "Capture",
    "CaptureError",
    "Damage",
    "Interface",
    "PacketBatch",
    "open_capture",
]
