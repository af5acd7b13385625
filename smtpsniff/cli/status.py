"""Exit statuses."""

from __future__ import annotations

FINE = 0
FINDINGS = 1  # at or above --fail-on
USAGE = 2  # or input that cannot be read at all
NO_SMTP = 3
DENIED = 4  # no permission to capture
INTERRUPTED = 130  # as a shell reports SIGINT
BROKEN_PIPE = 141  # as a shell reports SIGPIPE: the reader has gone, as in `| head`
