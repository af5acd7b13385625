"""What a message says about itself: header fields, and the name the server gave it."""

from smtpsniff.mail.headers import Headers, read_headers
from smtpsniff.mail.queue_id import queue_id

__all__ = ["Headers", "queue_id", "read_headers"]
