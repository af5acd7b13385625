"""Packets from network interfaces: sockets, a thread that empties them, batches as of a file.

Nothing here sends: the sockets are only ever read.
"""

from smtpsniff.capture.live.capture import Limits, LiveCapture
from smtpsniff.capture.live.interfaces import Nic, choose, interfaces
from smtpsniff.capture.live.listener import CaptureDenied

__all__ = ["CaptureDenied", "Limits", "LiveCapture", "Nic", "choose", "interfaces"]
