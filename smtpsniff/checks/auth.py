"""Checks of logins (RFC 4954). No finding shows what the client sent: lengths and offsets only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.checks.login_lines import LINE_CHECKS
from smtpsniff.checks.logins import (
    PLAIN,
    attempts,
    method,
    methods_offered,
    refusals,
    verdict,
)
from smtpsniff.checks.methods import METHOD_CHECKS
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import plural
from smtpsniff.smtp.reasons import REASONS, classify
from smtpsniff.text import safe, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.smtp.model import Reply

__all__ = ["CHECKS"]

_WAKES = ("verb:AUTH", "verb:X-EXPS")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]*={0,2}")
_ALPHABET = re.compile(rb"[A-Za-z0-9+/]*")


@check(
    "auth-cleartext-credentials",
    group="auth",
    severity="error",
    reference="RFC 4954 §4, §9, RFC 8314 §3",
    wakes=_WAKES,
    fires=r"""
        @G ; @EA ; C "AUTH PLAIN AGEAYg==\r\n" ; S "235 2.7.0 ok\r\n"
    """,
    silent=r"""
        @G ; @EA ; C "AUTH CRAM-MD5\r\n" ; S "334 PDFAeD4=\r\n"
        C "YSBiYg==\r\n" ; S "235 2.7.0 ok\r\n"
    """,
)
def auth_cleartext_credentials(view: View) -> Iterator[Hit]:
    """The password crossed the network readable to anyone on the way.

    Trigger: login data of PLAIN, LOGIN, XOAUTH2 or OAUTHBEARER outside TLS, whatever the server
        made of it.
    Advice: switch TLS on before the login; change that password.
    Traps: within one machine nobody listens; AUTH LOGIN that stops at the first question gave
        nothing away, a note. A tunnel around the capture does not count: it was readable here.
    """
    for attempt in attempts(view):
        if attempt.mechanism.upper() not in PLAIN or attempt.command.in_tls or view.loopback:
            continue
        payloads = attempt.payloads
        if payloads:
            size = sum(len(data) for _, data in payloads)
            yield view.at(
                f"The client sent its login data ({method(attempt)}, {plural(size, 'octet')}) "
                "in clear text.",
                payloads[-1][0],
            )
        elif attempt.mechanism.upper() == "LOGIN" and attempt.command.verb == "AUTH":
            reply = attempt.command.reply
            if reply is not None and reply.code == 334:
                yield view.at(
                    "The client asked for AUTH LOGIN in clear text but sent no login data.",
                    attempt.command, severity="note",
                )  # fmt: skip


@check(
    "auth-failed",
    group="auth",
    severity="error",
    reference="RFC 4954 §6",
    wakes=_WAKES,
    fires=r"""
        @G ; @EA ; C "AUTH PLAIN AGEAYg==\r\n" ; S "535 5.7.8 Authentication failed\r\n"
    """,
    silent=r"""
        @G ; @EA ; C "AUTH PLAIN AGEAYg==\r\n" ; S "535 5.7.8 Only over TLS\r\n"
    """,
)
def auth_failed(view: View) -> Iterator[Hit]:
    """Wrong user name or password.

    Trigger: 535, or 5yz with X.7.8 or X.7.3, to a login; a warning if a later login succeeded.
    Advice: check the account; some providers want an app password or OAuth.
    Traps: 535 is also used for "use TLS first" and for methods that are switched off: read the
        words.
    """
    won = [e.frame for e in view.exchanges("AUTH", "X-EXPS", "<auth-response>") if e.accepted]
    for number, attempt, exchange, reply in refusals(view, "failed"):
        later = any(frame > exchange.frame for frame in won)
        yield view.at(
            f"Login attempt {number} ({method(attempt)}) failed: {verdict(exchange)}"
            f"{'; a later one succeeded' if later else ''}.",
            exchange, reply, severity="warning" if later else None,
        )  # fmt: skip


@check(
    "auth-policy-refused",
    group="auth",
    severity="error",
    reference="RFC 4954 §6",
    wakes=_WAKES,
    fires=r"""
        @G ; @EA ; C "AUTH LOGIN\r\n" ; S "534 5.7.9 Too weak\r\n"
    """,
    silent=r"""
        @G ; @EA ; C "AUTH PLAIN AGEAYg==\r\n" ; S "535 5.7.8 Authentication failed\r\n"
    """,
)
def auth_policy_refused(view: View) -> Iterator[Hit]:
    """The login method or the type of account is not allowed here.

    Trigger: 504, 534, 538, 550 5.7.x or 535 5.7.139 to a login, or 535 that speaks of TLS.
    Advice: switch TLS on, choose a method that the server offers; Exchange Online wants OAuth.
    Traps: 550 5.7.8 is about the password.
    """
    for _, attempt, exchange, reply in refusals(view, "policy"):
        yield view.at(
            f"The server does not allow {method(attempt)}: {verdict(exchange)}.", exchange, reply
        )


@check(
    "auth-temporary-failure",
    group="auth",
    severity="error",
    reference="RFC 4954 §6",
    wakes=_WAKES,
    fires=r"""
        @G ; @EA ; C "AUTH PLAIN AGEAYg==\r\n" ; S "454 4.7.0 Temporary failure\r\n"
    """,
    silent=r"""
        @G ; @EA ; C "AUTH PLAIN AGEAYg==\r\n" ; S "535 5.7.8 Authentication failed\r\n"
    """,
)
def auth_temporary_failure(view: View) -> Iterator[Hit]:
    """The server's login system is having trouble; the password may be fine.

    Trigger: a 4yz reply to a login.
    Advice: look at the server's password database or directory.
    Traps: servers that limit attempts say 450, 454 or 421 too; then the words tell.
    """
    for _, attempt, exchange, reply in refusals(view, "temporary"):
        label = classify(reply.code, reply.enhanced, reply.text, "AUTH").label
        limited = f" ({REASONS[label].what.rstrip('.')})" if label == "rate-limit" else ""
        yield view.at(
            f"The server could not judge {method(attempt)}: {verdict(exchange)}{limited}.",
            exchange, reply,
        )  # fmt: skip


def _bad_offset(data: bytes) -> int:
    """Where `data` stops being base64 (RFC 4648 §4); -1 if it is."""
    if _BASE64.fullmatch(data) and len(data) % 4 == 0:
        return -1
    end = _ALPHABET.match(data)
    return min(end.end() if end else 0, len(data))


@check(
    "auth-bad-base64",
    group="auth",
    severity="error",
    reference="RFC 4954 §4",
    wakes=_WAKES,
    fires=r"""
        @G ; @EA ; C "AUTH LOGIN\r\n" ; S "334 VXNlcm5hbWU6\r\n"
        C "bob@example\r\n" ; S "501 5.5.2 Invalid base64 data\r\n"
    """,
    silent=r"""
        @G ; @EA ; C "AUTH LOGIN\r\n" ; S "334 VXNlcm5hbWU6\r\n"
        C "*\r\n" ; S "501 5.7.0 Authentication aborted\r\n"
    """,
)
def auth_bad_base64(view: View) -> Iterator[Hit]:
    """The login data was garbled.

    Trigger: an initial response or a line of a login that is not base64.
    Advice: correct the client; somebody may have typed clear text.
    Traps: `*` gives up, an empty line answers an empty question, `=` is an empty initial
        response. Exchange's own login puts other words before its token.
    """
    for attempt in attempts(view):
        for exchange, data in attempt.payloads:
            whole = exchange.line.endswith(b"\n") and not exchange.tainted
            if not whole or (exchange is attempt.command and exchange.verb != "AUTH"):
                continue
            at = _bad_offset(data)
            if at >= 0:
                reply = exchange.reply
                yield view.at(
                    f"The client's login data ({method(attempt)}, {plural(len(data), 'octet')}) "
                    f"is not base64 from octet {at + 1} on"
                    + (f"; the server answered {verdict(exchange)}." if _tells(reply) else "."),
                    exchange,
                )  # fmt: skip


def _tells(reply: Reply | None) -> bool:
    """Whether a reply may be quoted: a question to the client may echo what it sent."""
    return reply is not None and reply.kind != 3


@check(
    "auth-cancelled",
    group="auth",
    severity="note",
    reference="RFC 4954 §4",
    wakes=_WAKES,
    fires=r"""
        @G ; @EA ; C "AUTH CRAM-MD5\r\n" ; S "334 PDFAeD4=\r\n"
        C "*\r\n" ; S "501 5.7.0 Authentication aborted\r\n"
    """,
    silent=r"""
        @G ; @EA ; C "AUTH CRAM-MD5\r\n" ; S "334 PDFAeD4=\r\n"
        C "YSBiYg==\r\n" ; S "235 2.7.0 ok\r\n"
    """,
)
def auth_cancelled(view: View) -> Iterator[Hit]:
    """The sender stopped the login.

    Trigger: a lone `*` in a login; a warning if the server answers anything but 501.
    Advice: somebody cancelled, or the client did not understand the server's question.
    Traps: none known.
    """
    for attempt in attempts(view):
        for exchange in attempt.responses:
            if exchange.argument == b"*" and view.clean(exchange):
                reply = exchange.reply
                odd = reply is not None and reply.code != 501
                yield view.at(
                    f"The client gave up its login ({method(attempt)})"
                    + (f"; the server answered {verdict(exchange)}." if reply is not None else "."),
                    exchange, severity="warning" if odd else None,
                )  # fmt: skip


@check(
    "auth-mechanism-not-offered",
    group="auth",
    severity="error",
    reference="RFC 4954 §4",
    wakes=_WAKES,
    fires=r"""
        @G ; @EA ; C "AUTH NTLM\r\n" ; S "504 5.5.4 Unknown mechanism\r\n"
    """,
    silent=r"""
        @G ; @EA ; C "AUTH login\r\n" ; S "334 VXNlcm5hbWU6\r\n"
    """,
)
def auth_mechanism_not_offered(view: View) -> Iterator[Hit]:
    """The sender tried a login method that the server does not have.

    Trigger: AUTH with a method that the AUTH line of the EHLO reply does not name; a warning if
        the server took it.
    Advice: configure the client for a method on the list.
    Traps: where the list was not seen nobody can tell; where AUTH is not offered at all that is
        the finding.
    """
    for attempt in attempts(view):
        command, offered = attempt.command, methods_offered(attempt)
        reply = command.reply
        if reply is None or not attempt.mechanism or not view.clean(command):
            continue
        if not view.offered(command, command.verb) or attempt.mechanism.upper() in offered:
            continue
        listed = shorten(safe(", ".join(offered)), 120) or "none"
        yield view.at(
            f"The client tried {method(attempt)}; the server offers {listed} and answered "
            + (f"{verdict(command)}." if _tells(reply) else f"{reply.code}."),
            command, reply, severity="warning" if reply.positive else None,
        )  # fmt: skip


CHECKS = (
    auth_cleartext_credentials,
    auth_failed,
    auth_policy_refused,
    auth_temporary_failure,
    auth_bad_base64,
    auth_cancelled,
    auth_mechanism_not_offered,
    *METHOD_CHECKS,
    *LINE_CHECKS,
)
