"""Replaces what must not be told in texts: what a session is known to name, and what looks alike.

A reply or a sentence of ours keeps its words but for these; a command or a part of a header keeps
only the words of the protocol.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smtpsniff.output.redact.tokens import Tokens

__all__ = ["ADDRESS", "Wording"]

SHORTEST = 3  # a shorter word would be found in any text
SHORTEST_NUMBER = 5  # a shorter number is more often a count or a code than somebody's
# What is known of one session: words are looked up, but each text of several words is searched for
# in every other. A session with more is hostile, and keeps the protocol's words only.
MOST_WORDS = 20_000
MOST_PHRASES = 500
MOST_CUTS = 8  # places in one text where something was cut; ours have one or two
_LONGEST = 300  # characters of a known text that are looked for where a sentence was cut

_ATOM = r"[^\s<>()\[\]\"',;:@\\]"
# What may begin anywhere begins only once in a run: no search is quadratic.
ADDRESS = re.compile(
    rf"(?:\"[^\"\r\n]{{0,256}}\"|(?<!{_ATOM}){_ATOM}+)@(?:\[[^\]\s]{{0,64}}\]|[\w.-]*\w)",
    re.UNICODE,
)
_IP4 = r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)"
_IP6 = (
    r"(?:(?<=IPv6:)|(?<![\w:.]))(?:(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}"
    r"|(?:[0-9A-Fa-f]{1,4}:){0,7}:(?:[0-9A-Fa-f]{1,4}:){0,6}"
    r"(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{1,4})?)(?![\w:])"
)
_ALIKE = re.compile(
    r"(?P<url>\b[A-Za-z][A-Za-z0-9+.-]{1,15}://[^\s<>\"]+)"
    r"|(?P<encoded>=\?[^?\s]+\?[bBqQ]\?[^?\s]*(?:\?=)?)"
    rf"|(?P<address>{ADDRESS.pattern})"
    rf"|(?P<ip6>{_IP6})|(?P<ip4>{_IP4})"
    r"|(?P<host>(?<![\w@.-])(?:[\w-]+\.)+[^\W\d_][\w-]+(?![\w@-]))"
    r"|(?P<opaque>(?<![\w+/])(?=[A-Za-z0-9+/]*[0-9])(?=[A-Za-z0-9+/]*[A-Za-z])"
    r"[A-Za-z0-9+/]{14,}={0,2}(?!\w))"
    r"|(?P<word>\w[\w'+~!#$%&*-]*)",
    re.UNICODE,
)
_QUOTED = re.compile(r'"([^"]*)"')
_LINE_ENDS = re.compile(r"(?:CR|LF|CRLF)(?:\.(?:CR|LF|CRLF))+")  # as our sentences write them
_PARTS = re.compile(r"([\s<>:;,=\"'()\[\]{}|]+)")
_HELD = "\ue000{}\ue001"  # stands for a token until all is looked at
_HOLD = re.compile("\ue000(\\d+)\ue001")
_MORE = frozenset(
    ("FROM", "TO", "LAST", "RFC822", "UTF-8", "7BIT", "8BITMIME", "BINARYMIME", "FULL", "HDRS",
     "NEVER", "SUCCESS", "FAILURE", "DELAY", "SMTPUTF8", "BY", "WITH", "ID", "FOR", "VIA", "SMTP",
     "ESMTP", "ESMTPS", "ESMTPA", "ESMTPSA", "LMTP", "LMTPS", "LMTPSA", "HTTP", "HTTPS", "UTF8SMTP",
     "LOCAL", "MASKED", "OCTETS", "TLS", "IPV6", "ADDR", "NAME", "PORT", "PROTO", "SOURCE", "LOGIN",
     "DESTADDR", "DESTPORT", "IDENT", "HELO", "UNAVAILABLE", "TEMPUNAVAIL", "REMOTE", "PROXY",
     "TCP4", "TCP6", "PLAIN", "CRAM-MD5", "DIGEST-MD5", "NTLM", "SCRAM-SHA-1", "SCRAM-SHA-256",
     "XOAUTH2", "OAUTHBEARER", "EXTERNAL", "ANONYMOUS", "GSSAPI", "AND", "THE", "OF", "HTTP/1.0",
     "HTTP/1.1", "LOCALHOST")
)  # fmt: skip


@cache
def _protocol() -> frozenset[str]:
    """Words that name nobody: verbs, keywords, parameters and their values, mechanisms."""
    from smtpsniff.smtp.extensions import EXTENSIONS, LEGACY_VERBS
    from smtpsniff.smtp.parameters import PARAMETERS
    from smtpsniff.smtp.verbs import VERBS

    words = {*VERBS, *EXTENSIONS, *LEGACY_VERBS, *(name for _, name in PARAMETERS)}
    words |= _MORE
    return frozenset(words)


@cache
def _ours() -> frozenset[str]:
    """Words of our own sentences: hiding someone called so would leave nothing to read."""
    from smtpsniff.checks import CATALOGUE

    text = " ".join(f"{check.sentence} {check.id}" for check in CATALOGUE)
    common = "accepted address closed connection mail message octets packet session user users"
    return frozenset(re.findall(r"\w{2,}", f"{text} {common}".casefold()))


class Wording:
    """The texts of one session. Tell it what there is to hide with `know`, then ask."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self._words: dict[str, str] = {}
        self._phrases: dict[str, str] = {}
        self._longest_first: list[str] = []
        self.strict = False  # more is known than can be looked for: keep the protocol's words only

    def know(self, value: str | None, token: str) -> None:
        """A text, and what stands in its place."""
        value = (value or "").strip()
        key = value.casefold()
        if len(value) < SHORTEST or key.upper() in _protocol():
            return
        if len(self._words) >= MOST_WORDS or len(self._phrases) >= MOST_PHRASES:
            self.strict = True
            return
        whole = _ALIKE.fullmatch(value)
        if whole is None:
            self._phrases.setdefault(key, token)
        elif whole.lastgroup == "word":
            if key not in _ours() and not (key.isdigit() and len(key) < SHORTEST_NUMBER):
                self._words.setdefault(key, token)
        elif whole.lastgroup in ("opaque", "encoded"):
            self._words.setdefault(key, token)

    def free(self, text: str) -> str:
        """A reply, or any text: known values and what looks like one are replaced."""
        if not text:
            return text
        if self.strict:
            return self.words(text)
        text = text.replace("\ue000", "?").replace("\ue001", "?")
        held: list[str] = []
        if self._phrases:
            found = self._without_phrases(text, held)
            if found is None:
                return self.words(text)
            text = found
        cuts = text.count("…")
        if cuts > MOST_CUTS:
            return self.words(_HOLD.sub("", text))
        if cuts:
            text = self._without_cut(text)
        text = _ALIKE.sub(self._alike, text)
        return _HOLD.sub(lambda m: held[int(m[1])], text) if held else text

    def sentence(self, text: str) -> str:
        """One of ours: what it quotes of a client is held to the protocol's words."""
        parts: list[str] = []
        at = 0
        for match in _QUOTED.finditer(text):
            first = match[1].split(None, 1)
            if first and first[0].upper() in _protocol():  # a command
                parts += (self.free(text[at : match.start()]), f'"{self.words(match[1])}"')
                at = match.end()
        return "".join((*parts, self.free(text[at:])))

    def words(self, text: str, keep: Iterable[str] = ()) -> str:
        """A command, or what is as strict: only words of the protocol and numbers stay."""
        kept = frozenset(word.upper() for word in keep)
        held: list[str] = []

        def hold(match: re.Match[str]) -> str:
            held.append(self.tokens.address(match[0]))
            return _HELD.format(len(held) - 1)

        text = ADDRESS.sub(hold, text.replace("\ue000", "?").replace("\ue001", "?"))
        parts = (
            part if index % 2 or _HOLD.fullmatch(part) else self._word(part, kept)
            for index, part in enumerate(_PARTS.split(text))
        )
        return _HOLD.sub(lambda m: held[int(m[1])], "".join(parts))

    def _word(self, word: str, kept: frozenset[str]) -> str:
        upper = word.upper()
        if not word or upper in _protocol() or upper in kept or word.isdigit():
            return word
        if not any(c.isalnum() for c in word):
            return word
        known = self._words.get(word.casefold())
        if known is not None:
            return known
        if "@" in word:
            return self.tokens.address(word)
        match = _ALIKE.fullmatch(word)
        if match is not None and match.lastgroup in ("host", "ip4", "ip6"):
            return self._alike(match)
        return self.tokens.named("Text", word)

    def _alike(self, match: re.Match[str]) -> str:
        kind, text, tokens = match.lastgroup, match[0], self.tokens
        if kind == "word":
            return self._known_word(text)
        if kind == "address":
            return tokens.address(text)
        if kind in ("ip4", "ip6"):
            return tokens.ip(text) if text.strip(":") else text
        if kind == "host":
            if _LINE_ENDS.fullmatch(text):
                return text
            return self._words.get(text.casefold()) or tokens.host(text)
        if kind == "url":
            return self._url(text)
        return self._words.get(text.casefold()) or tokens.named("Text", text)

    def _known_word(self, text: str) -> str:
        token = self._words.get(text.casefold())
        if token is not None or text.isalnum():
            return token or text
        return re.sub(r"\w+", lambda m: self._words.get(m[0].casefold(), m[0]), text)

    def _url(self, text: str) -> str:
        scheme, _, rest = text.partition("://")
        host, slash, path = rest.partition("/")
        return f"{scheme}://{self.tokens.host(host)}{slash}" + (
            self.tokens.named("Text", path) if path else ""
        )

    def _without_phrases(self, text: str, held: list[str]) -> str | None:
        """The text with marks in place of known ones; None where one cannot be cut out."""
        folded = text.casefold()
        if len(self._longest_first) < len(self._phrases):
            self._longest_first = sorted(self._phrases, key=len, reverse=True)
        for phrase in self._longest_first:
            if phrase in folded:
                held.append(self._phrases[phrase])
                mark = _HELD.format(len(held) - 1)
                text, times = re.subn(re.escape(phrase), mark, text, flags=re.IGNORECASE)
                if not times:  # letters that fold to several, as ß does
                    return None
                folded = text.casefold()
        return text

    def _without_cut(self, text: str) -> str:
        """Before an ellipsis: the beginning of something known, else the last word."""
        parts = text.split("…")
        for index, part in enumerate(parts[:-1]):
            folded = part[-_LONGEST:].casefold()
            longest = 0
            for known in self._phrases:  # of a word, what is cut goes anyway
                if known[:SHORTEST] not in folded:
                    continue
                for size in range(min(len(known), len(folded)), longest, -1):
                    if folded.endswith(known[:size]):
                        longest = size
                        break
            word = re.search(r"[^\s\"<(]*$", part)
            longest = max(longest, len(word[0]) if word else 0)
            parts[index] = part[: len(part) - longest] if longest else part
        return "…".join(parts)
