"""What a login must not show: its payload, wherever it turns up again (RFC 4954 §4, §9).

A payload may stray from its place: sent ahead of an AUTH that was refused, behind a mistyped
verb, or echoed by the server in its answer. It is masked where it enters the model, so that no
text made of it later can show it.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smtpsniff.smtp.model import Exchange

__all__ = [
    "MASK",
    "SHORTEST",
    "is_mechanism",
    "masked_command",
    "masked_stray",
    "payloads",
    "without",
]

# Shorter words would be found in any text; the shortest real payload ("a" NUL "b") has four.
SHORTEST = 4

_BASE64 = re.compile(r"[A-Za-z0-9+/]{4,}={0,2}")
# SASL mechanism names are up to 20 upper-case letters, digits, hyphens and underscores
# (RFC 4422 §3.1); people type them in lower case, too. Base64 mixes its cases.
_MECHANISM = re.compile(r"[A-Z0-9_-]{1,20}|[a-z0-9_-]{1,20}|[A-Z][a-z0-9_-]{1,19}")
_STRAY = re.compile(
    r"(\S+[ \t]+(?:PLAIN|LOGIN|XOAUTH2?|OAUTHBEARER|CRAM-MD5|DIGEST-MD5|NTLM|SCRAM-[\w-]+)[ \t]+)"
    r"(\S.*)",
    re.IGNORECASE,
)
MASK = b"(masked)"


def is_mechanism(word: str) -> bool:
    """Whether `word` may be shown as the name of a mechanism."""
    return _MECHANISM.fullmatch(word) is not None


def masked_command(text: str) -> str:
    """``AUTH PLAIN AGEAYg==`` with its payload masked."""
    words = text.split(None, 2)
    if len(words) > 1 and not is_mechanism(words[1]):
        return f"{words[0]} ({len(text.split(None, 1)[1])} octets, masked)"
    if len(words) < 3 or words[2].strip() in ("", "="):
        return text
    return f"{words[0]} {words[1]} ({len(words[2].strip())} octets, masked)"


def masked_stray(text: str, *, after_auth: bool) -> str:
    """A line that is no command, masked where it looks like a login's payload.

    ``AUHT PLAIN AGEAYg==`` always; base64 alone only `after_auth`.
    """
    match = _STRAY.fullmatch(text)
    if match:
        return f"{match[1]}({len(match[2])} octets, masked)"
    if after_auth and _BASE64.fullmatch(text):
        return f"({len(text)} octets, masked)"
    return text


def payloads(exchange: Exchange) -> list[bytes]:
    """The payload of an AUTH command or response, and the passwords that it holds."""
    if exchange.verb == "<auth-response>":
        payload = exchange.argument
    else:
        words = exchange.argument.split(None, 1)
        payload = words[1].strip() if len(words) > 1 else b""
        if words and not is_mechanism(words[0].decode("latin-1")):
            payload = exchange.argument  # sent in the mechanism's place
    if len(payload) < SHORTEST:
        return []
    return [payload, *_passwords(payload)]


def _passwords(payload: bytes) -> list[bytes]:
    """The last part of what PLAIN sends (RFC 4616 §2), whatever mechanism was named."""
    try:
        parts = base64.b64decode(payload, validate=True).split(b"\0")
    except (binascii.Error, ValueError):
        return []
    return [parts[2]] if len(parts) == 3 and len(parts[2]) >= SHORTEST else []


def without(raw: bytes, secrets: list[bytes]) -> bytes:
    """A server's words without the login's secrets; the same object where there are none."""
    for secret in secrets:
        if secret in raw:
            raw = raw.replace(secret, MASK)
    return raw
