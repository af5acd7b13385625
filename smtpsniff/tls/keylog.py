"""Secrets of TLS sessions, as programs write them down: the NSS key log (SSLKEYLOGFILE).

A line is a label, the random of a ClientHello and a secret, all but the label in hex
(RFC 9850 §2). Lines that say something else are passed over, as everybody does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KeyRing"]

# Lines kept: five a session of TLS 1.3, so 200,000 sessions in some 150 MB.
MAX_SECRETS = 1_000_000
# The end of what was fed, without a line end so far: the longest line has 250 octets.
MAX_LINE = 1 << 10

_LINE = re.compile(
    rb"^(CLIENT_RANDOM|(?:CLIENT|SERVER)_HANDSHAKE_TRAFFIC_SECRET|CLIENT_EARLY_TRAFFIC_SECRET"
    rb"|(?:CLIENT|SERVER)_TRAFFIC_SECRET_0) ([0-9A-Fa-f]{64}) "
    rb"((?:[0-9A-Fa-f]{2}){32,64})[ \t]*\r?$",
    re.MULTILINE,
)


class KeyRing:
    """Secrets by the client's random and their label. `sources` are asked when one is missing."""

    def __init__(self, *sources: Callable[[], bytes]) -> None:
        self._sources = sources
        self._rests = [b""] * len(sources)
        self._known: dict[bytes, dict[str, bytes]] = {}
        self.size = 0
        self.full: set[str] = set()  # bounds that were hit

    def refresh(self) -> None:
        """Take what the sources have come to know since."""
        for index, more in enumerate(self._sources):
            data = more()
            if not data:
                continue
            data = self._rests[index] + data
            end = data.rfind(b"\n") + 1
            self._rests[index] = data[end:][-MAX_LINE:]
            self.add(data[:end])

    def finish(self) -> None:
        """No source will say more: a last line may lack its end."""
        self.refresh()
        for index, rest in enumerate(self._rests):
            self.add(rest)
            self._rests[index] = b""

    def add(self, lines: bytes) -> None:
        """Take whole lines."""
        for label, random, secret in _LINE.findall(lines):
            if self.size >= MAX_SECRETS:
                self.full.add(f"TLS secrets: {MAX_SECRETS}")
                return
            of_session = self._known.setdefault(bytes.fromhex(random.decode()), {})
            self.size += label.decode() not in of_session
            of_session[label.decode()] = bytes.fromhex(secret.decode())

    def secrets(self, random: bytes) -> dict[str, bytes]:
        """What is known of the session that a ClientHello with this random began."""
        if random not in self._known:
            self.refresh()
        return self._known.get(random, {})
