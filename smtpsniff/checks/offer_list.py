"""The list of extensions in a server's answer to EHLO: its form, and what contradicts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.asking import places
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import said
from smtpsniff.checks.view import quote
from smtpsniff.smtp.extensions import EHLO_LINE, EXTENSIONS, parse_ehlo_keyword

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Confidence
    from smtpsniff.smtp.model import Exchange

__all__ = ["CHECKS"]

_EXTENDED = ("EHLO", "LHLO")
# After these a server may well offer something else (RFC 3207 §4.2, RFC 4954 §4).
_RENEWS = frozenset({"STARTTLS", "X-ANONYMOUSTLS", "AUTH", "X-EXPS", "<auth-response>", "XCLIENT"})


def _lists(view: View) -> Iterator[tuple[Exchange, tuple[str, ...]]]:
    """Answers to EHLO and LHLO without their first line, which names the server."""
    for hello in view.dialogue.hellos:
        reply = hello.reply
        if hello.verb in _EXTENDED and hello.accepted and reply is not None and view.clean(hello):
            yield hello, reply.lines[1:]


@check(
    "ext-keyword-malformed",
    group="extension",
    severity="warning",
    reference="RFC 5321 §4.1.1.1",
    wakes=("odd-offer",),
    fires=r"""
        @G
        C "EHLO a.example.net\r\n"
        S "250-mx.example\r\n250-SIZE=1000\r\n250 PIPELINING\r\n"
    """,
    silent=r"""
        @G
        C "EHLO a.example.net\r\n"
        S "250-mx.example\r\n250-AUTH=LOGIN\r\n250-AUTH LOGIN \r\n250 X_PIPE_CONNECT\r\n"
    """,
)
def ext_keyword_malformed(view: View) -> Iterator[Hit]:
    """One line of the server's feature list is not written correctly.

    Trigger: a line behind the first in the answer to EHLO that is no keyword with words behind
    it: an empty line, a keyword with an odd first character or with an = sign, characters that
    are not printable ASCII.
    Advice: correct the server's settings; most clients pass over the line.
    Traps: the first line is no keyword; AUTH= is for old clients; a keyword of X's is
    command-masked. Blanks at the end are nothing to speak of.
    """
    for hello, lines in _lists(view):
        for line in lines:
            if not EHLO_LINE.fullmatch(line):
                what = f"The line {quote(line)}" if line.strip() else "An empty line"
                yield view.at(
                    f"{what} in the server's list of features is no keyword with its parameters.",
                    hello,
                )


@check(
    "ext-keyword-duplicate",
    group="extension",
    severity="note",
    reference="RFC 5321 §4.1.1.1",
    wakes=("odd-offer",),
    fires=r"""
        @G
        C "EHLO a.example.net\r\n"
        S "250-mx.example\r\n250-SIZE 1000\r\n250 SIZE 2000\r\n"
    """,
    silent=r"""
        @G
        C "EHLO a.example.net\r\n"
        S "250-mx.example\r\n250-AUTH LOGIN PLAIN\r\n250-AUTH=LOGIN\r\n250-HELP\r\n250 HELP\r\n"
    """,
)
def ext_keyword_duplicate(view: View) -> Iterator[Hit]:
    """The server listed a feature twice, contradicting itself.

    Trigger: one keyword on two lines of the answer to EHLO, with different parameters.
    Advice: correct the proxy that joins two lists, or the server's settings.
    Traps: AUTH= for old clients beside AUTH is no contradiction; nor are two equal lines.
    """
    for hello, lines in _lists(view):
        seen: dict[str, str] = {}
        for line in lines:
            keyword = line.partition(" ")[0].upper()
            first = seen.setdefault(keyword, line)
            if keyword and first.split()[1:] != line.split()[1:]:
                yield view.at(f"The server offered both {quote(first)} and {quote(line)}.", hello)


@check(
    "ext-keyword-unregistered",
    group="extension",
    severity="note",
    reference="RFC 5321 §2.2.2, §4.1.5",
    wakes=("home-made-offer",),
    fires=r"""
        @G
        C "EHLO a.example.net\r\n"
        S "250-mx.example\r\n250-FASTLANE\r\n250 PIPELINING\r\n"
    """,
    silent=r"""
        @G
        C "EHLO a.example.net\r\n"
        S "250-mx.example\r\n250-XFASTLANE\r\n250-PRDR\r\n250 LIMITS MAILMAX=9\r\n"
    """,
)
def ext_keyword_unregistered(view: View) -> Iterator[Hit]:
    """The server advertises a home-made feature without the X prefix.

    Trigger: a keyword that is not registered, does not begin with X, and is none of those that
    are met in practice all the same.
    Advice: nothing to do; no client will know it.
    Traps: PIPECONNECT, PRDR, VERP and the like are known, and a last line of "OK" is none. A
    line that is no keyword at all is
    ext-keyword-malformed.
    """
    for hello, lines in _lists(view):
        for line in lines:
            keyword = parse_ehlo_keyword(line)[0]
            known = keyword in EXTENSIONS or keyword[:1] == "X" or line.upper() == "OK"
            if keyword and not known and EHLO_LINE.fullmatch(line):
                yield view.at(f"The server offered {quote(line)}, which is in no register.", hello)


@check(
    "ext-list-changed",
    group="extension",
    severity="note",
    reference="RFC 3207 §4.2",
    wakes=("hello-again",),
    fires=r"""
        @G
        @ET
        @EN
    """,
    silent=r"""
        @G
        @EA
        C "AUTH PLAIN AGEAYg==\r\n"
        S "235 2.7.0 ok\r\n"
        @E
    """,
)
def ext_list_changed(view: View) -> Iterator[Hit]:
    """The server's feature list changed during the talk.

    Trigger: two answers to EHLO in one session list different extensions, and neither TLS, a
    login nor XCLIENT came between them.
    Advice: ask whether a load balancer or firewall has a hand in it.
    Traps: after TLS, a login or XCLIENT another list is to be expected; the order does not
    matter.
    """
    before: tuple[Exchange, dict[str, list[str]]] | None = None
    at = places(view)
    for hello, lines in _lists(view):
        listed = {key: sorted(params) for key, params in map(parse_ehlo_keyword, lines) if key}
        if before is not None and listed != before[1] and not _renewed(view, before[0], hello, at):
            old = before[1]
            gone = [f"without {key}" for key in old if key not in listed]
            new = [f"with {key}" for key in listed if key not in old]
            other = [f"another {key}" for key in listed if key in old and old[key] != listed[key]]
            hit = view.at(
                f"The second answer to {said(hello)} lists other features than the first: "
                f"{quote(', '.join([*gone, *new, *other]))}.",
                hello,
            )
            hit.frames = [before[0].frame, *hit.frames]
            yield hit
        before = hello, listed


def _renewed(view: View, first: Exchange, second: Exchange, at: dict[int, int]) -> bool:
    """Whether something came between two introductions after which the list may differ."""
    between = view.dialogue.exchanges[at[id(first)] : at[id(second)]]
    return first.in_tls != second.in_tls or any(
        e.verb in _RENEWS and not e.refused for e in between
    )


@check(
    "starttls-offered-in-tls",
    group="extension",
    severity="error",
    reference="RFC 3207 §4.2",
    wakes=("hello-in-tls",),
    fires=r"""
        @G
        @ET
        C "STARTTLS\r\n"
        S "220 2.0.0 go\r\n"
        @ET
        @Q
    """,
    silent=r"""
        @G
        @ET
        C "STARTTLS\r\n"
        S "220 2.0.0 go\r\n"
        @E
        @Q
    """,
)
def starttls_offered_in_tls(view: View) -> Iterator[Hit]:
    """The server offers encryption inside encryption.

    Trigger: an answer to EHLO within TLS lists STARTTLS.
    Advice: correct the server.
    Traps: what TLS hides must be readable for it: with keys, or where the recording was made
    behind whoever took the TLS off, which is only likely.
    """
    tls = view.dialogue.tls
    command = tls.command if tls is not None and tls.opened else None
    since = command.end if command is not None else None
    for hello, lines in _lists(view):
        if not hello.in_tls and (since is None or hello.start < since):
            continue
        if any(parse_ehlo_keyword(line)[0] == "STARTTLS" for line in lines):
            confidence: Confidence = "certain" if hello.in_tls else "likely"
            yield view.at(
                f"The answer to {said(hello)} lists STARTTLS, although the server had agreed to "
                f"TLS before.",
                hello,
                confidence=confidence,
            )


@check(
    "smtputf8-without-8bitmime-offer",
    group="extension",
    severity="error",
    reference="RFC 6531 §3.1",
    wakes=("odd-offer",),
    fires=r"""
        @G
        C "EHLO a.example.net\r\n"
        S "250-mx.example\r\n250-SMTPUTF8\r\n250 PIPELINING\r\n"
    """,
    silent=r"""
        @G
        C "EHLO a.example.net\r\n"
        S "250-mx.example\r\n250-8bitmime\r\n250 SMTPUTF8\r\n"
    """,
)
def smtputf8_without_8bitmime_offer(view: View) -> Iterator[Hit]:
    """The server's feature list is inconsistent.

    Trigger: an answer to EHLO lists SMTPUTF8 without 8BITMIME, or SMTPUTF8 with parameters.
    Advice: correct the server, or the firewall that hides 8BITMIME.
    Traps: keywords may be written in any case.
    """
    for hello, lines in _lists(view):
        listed = dict(map(parse_ehlo_keyword, lines))
        if "SMTPUTF8" not in listed:
            continue
        if "8BITMIME" not in listed:
            yield view.at("The server offered SMTPUTF8 without 8BITMIME, which it needs.", hello)
        elif listed["SMTPUTF8"]:
            words = quote(" ".join(listed["SMTPUTF8"]))
            yield view.at(f"The server offered SMTPUTF8 with parameters, {words}.", hello)


CHECKS = (
    ext_keyword_malformed, ext_keyword_duplicate, ext_keyword_unregistered, ext_list_changed,
    starttls_offered_in_tls, smtputf8_without_8bitmime_offer,
)  # fmt: skip
