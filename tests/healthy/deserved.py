"""What is found wrong with healthy programs, and why that is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from healthy.wire import Seen

__all__ = ["undeserved"]

# Client and kind of mail -> check -> why. They must be found each time.
DESERVED: dict[tuple[str, str], dict[str, str]] = {
    ("exim", "8bit"): {
        "body-8bit-without-8bitmime": "Exim sends 8-bit text on as it came and never says "
        "BODY=8BITMIME of it (its documentation: accept_8bitmime; RFC 6152 §3 wants it said)",
    },
    ("msmtp", "8bit"): {
        "body-8bit-without-8bitmime": "msmtp sends what it is given and has no word for MAIL",
    },
}
# Check -> why. They come and go with the machine's load.
PERHAPS = {
    "tcp-retransmission-burst": "loopback drops segments, too, where the receiver is slow to read "
    "and its buffer is full; that they were sent again is in the packets",
}


def undeserved(seen: Seen, client: str = "", kind: str = "") -> dict[str, str]:
    """Alarms for which there is no reason, and reasons for which there was no alarm."""
    reasons = DESERVED.get((client, kind), {})
    wrong = {name: text for name, text in seen.alarms.items() if name not in {**reasons, **PERHAPS}}
    missing = {name: f"not found, although {why}" for name, why in reasons.items()}
    return wrong | {name: why for name, why in missing.items() if name not in seen.alarms}
