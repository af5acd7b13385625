"""Checks of a login's place and its lines: when, how long, and where the data stands (RFC 4954)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.checks.asking import ENVELOPE, unbroken, unbroken_replies
from smtpsniff.checks.logins import attempts, judge, method, verdict
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import plural
from smtpsniff.smtp.extensions import AUTH_LINE, line_limit
from smtpsniff.smtp.model import Phase
from smtpsniff.smtp.secrets import MASK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.logins import Attempt
    from smtpsniff.checks.view import View
    from smtpsniff.smtp.model import Exchange, Reply

__all__ = ["LINE_CHECKS"]

_WAKES = ("verb:AUTH", "verb:X-EXPS")
_LOGINS = frozenset({"AUTH", "X-EXPS"})
_ENDS = frozenset({"AUTH", "X-EXPS", "<auth-response>"})
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
# What Exchange says first for methods that the client must begin: [MS-SMTPNTLM] §2.2.1.4.
_SUPPORTED = re.compile(r"(?:ntlm|gssapi|gss-spnego) supported", re.IGNORECASE)
_TRANSACTION = ENVELOPE | {Phase.CHUNKS}
_OPENING = frozenset({"MAIL", "RCPT"})
# The server speaks first in these (RFC 2195 §2, RFC 2831 §2.1, the LOGIN draft §2.1): there is
# nothing that an initial response could say.
_SERVER_FIRST = frozenset({"CRAM-MD5", "DIGEST-MD5", "LOGIN"})
# Failed logins that a server should bear in one session (RFC 4954 §9).
BORNE = 3
_GOODBYE = frozenset({421, 221, 521})


@check(
    "auth-challenge-invalid",
    group="auth",
    severity="error",
    reference="RFC 4954 §4",
    wakes=_WAKES,
    fires=r"""
        @G ; @EA ; C "AUTH LOGIN\r\n" ; S "334 Username:\r\n" ; C "*\r\n" ; S "501 no\r\n"
    """,
    silent=r"""
        @G ; @EA ; C "AUTH LOGIN\r\n" ; S "334 VXNlcm5hbWU6\r\n" ; C "*\r\n" ; S "501 no\r\n"
    """,
)
def auth_challenge_invalid(view: View) -> Iterator[Hit]:
    """The server's login question is not encoded as required.

    Trigger: a 334 reply within a login whose text is not base64.
    Advice: correct the server.
    Traps: `334` without the blank behind it is a note, and so is what Exchange says before NTLM
        and GSSAPI begin ("ntlm supported").
    """
    for attempt in attempts(view):
        for exchange in attempt.steps:
            reply = exchange.reply
            if reply is None or reply.code != 334 or not view.clean(exchange):
                continue
            bare = reply.raw.rstrip(b"\r\n") == b"334"
            if _is_question(reply) and not bare:
                continue
            what = "has no blank behind its code" if bare else "is not base64"
            mild = bare or _SUPPORTED.fullmatch(reply.text.strip())
            yield view.at(
                f"The server's question to {method(attempt)} {what}: {verdict(exchange)}.",
                exchange, reply, severity="note" if mild else None,
            )  # fmt: skip


def _is_question(reply: Reply) -> bool:
    """Whether a 334 is as it should be; where it repeated a secret, its form cannot be told."""
    if MASK.decode() in reply.text:
        return True
    return len(reply.lines) == 1 and _BASE64.fullmatch(reply.text) is not None


@check(
    "auth-after-success",
    group="auth",
    severity="error",
    reference="RFC 4954 §4",
    wakes=_WAKES,
    fires=r"""
        @G ; @EA ; C "AUTH PLAIN AGEAYg==\r\n" ; S "235 2.7.0 ok\r\n"
        C "AUTH PLAIN AGEAYg==\r\n" ; S "503 5.5.1 Already authenticated\r\n"
    """,
    silent=r"""
        @G ; @EA ; C "AUTH PLAIN AGEAYg==\r\n" ; S "535 5.7.8 no\r\n"
        C "AUTH PLAIN AGEAYw==\r\n" ; S "235 2.7.0 ok\r\n"
    """,
)
def auth_after_success(view: View) -> Iterator[Hit]:
    """One may log in only once.

    Trigger: AUTH after a login that succeeded.
    Advice: correct the client.
    Traps: TLS and XCLIENT begin anew; EHLO does not.
    """
    won: Exchange | None = None
    for exchange in view.dialogue.exchanges:
        if exchange.verb in _ENDS and exchange.reply is not None and exchange.reply.code == 235:
            won = won or exchange
        elif exchange.verb in ("STARTTLS", "XCLIENT") and exchange.accepted:
            won = None
        if exchange.verb not in _LOGINS or won is None or won is exchange:
            continue
        if view.clean(exchange):
            yield view.at(
                f"The client sent {exchange.verb} again, although it had logged in already (frame "
                f"{won.frame}){_answered(exchange)}.",
                exchange,
            )  # fmt: skip


def _answered(exchange: Exchange) -> str:
    """What the server said, as the end of a sentence; its questions may repeat a secret."""
    reply = exchange.reply
    if reply is None:
        return ""
    said = verdict(exchange) if reply.kind != 3 else str(reply.code)
    return f"; the server answered {said}"


@check(
    "auth-during-transaction",
    group="auth",
    severity="error",
    reference="RFC 4954 §4",
    wakes=_WAKES,
    fires=r"""
        @G ; @EA ; @M ; C "AUTH PLAIN AGEAYg==\r\n" ; S "503 5.5.1 Not during a mail\r\n"
    """,
    silent=r"""
        @G ; @EA ; @M ; C "RSET\r\n" ; S "250 ok\r\n"
        C "AUTH PLAIN AGEAYg==\r\n" ; S "235 2.7.0 ok\r\n"
    """,
)
def auth_during_transaction(view: View) -> Iterator[Hit]:
    """Login attempted in the middle of sending a mail.

    Trigger: AUTH after MAIL was accepted, before the mail's end; or sent together with MAIL or
        RCPT, whatever became of them.
    Advice: correct the client.
    Traps: after a MAIL that was refused, and whose refusal the client had seen, no mail is open.
    """
    before: Exchange | None = None
    for exchange in view.dialogue.exchanges:
        if exchange.verb in _LOGINS and view.clean(exchange):
            blind = before is not None and before.verb in _OPENING and bool(exchange.early)
            if exchange.phase in _TRANSACTION or blind:
                yield view.at(
                    f"The client sent {exchange.verb} while a mail was open"
                    f"{_answered(exchange)}.",
                    exchange,
                )  # fmt: skip
        before = exchange


@check(
    "auth-initial-response-misuse",
    group="auth",
    severity="warning",
    reference="RFC 4954 §4",
    wakes=_WAKES,
    fires=r"""
        @G ; @EA ; C "AUTH CRAM-MD5 YSBiYg==\r\n" ; S "501 5.5.4 No initial response\r\n"
    """,
    silent=r"""
        @G ; @EA ; C "AUTH PLAIN AGEAYg==\r\n" ; S "235 2.7.0 ok\r\n"
    """,
)
def auth_initial_response_misuse(view: View) -> Iterator[Hit]:
    """The login data was put where it does not fit.

    Trigger: login data on the AUTH line itself that makes it longer than a command may be, or that
        the method leaves no room for because the server speaks first; an error if it was refused.
    Advice: let the client wait for the server's question (334), above all with large tickets.
    Traps: LOGIN with the name on its line is widely accepted, a note; NTLM begins so by design;
        a refusal of the user's name or password is not about the place.
    """
    for attempt in attempts(view):
        command = attempt.command
        if command.verb != "AUTH" or attempt.initial in (b"", b"=") or not view.clean(command):
            continue
        why = _misplaced(attempt)
        if not why:
            continue
        reply = command.reply
        refused = reply is not None and command.refused and judge(reply) == ""
        mild = attempt.mechanism.upper() == "LOGIN" and not refused and why == _SPEAKS_FIRST
        yield view.at(
            f"The client put its login data ({plural(len(attempt.initial.strip()), 'octet')}) on "
            f"the line of {method(attempt)}, {why}{_answered(command)}.",
            command, severity="error" if refused else "note" if mild else None,
        )  # fmt: skip


_SPEAKS_FIRST = "where the server speaks first"


def _misplaced(attempt: Attempt) -> str:
    command = attempt.command
    offered = command.hello.offered if command.hello is not None else None
    limit = line_limit("AUTH", offered)
    if limit is not None and len(command.line) > limit:
        return f"which is {plural(len(command.line), 'octet')} long, more than the {limit} allowed"
    return _SPEAKS_FIRST if attempt.mechanism.upper() in _SERVER_FIRST else ""


@check(
    "auth-line-too-long",
    group="auth",
    severity="error",
    reference="RFC 4954 §4, §6",
    wakes=_WAKES,
    fires=r"""
        @G ; @EA ; C "AUTH GSSAPI\r\n" ; S "334 \r\n"
        C "YWJj"*4000 "\r\n" ; S "500 5.5.6 Authentication exchange line is too long\r\n"
    """,
    silent=r"""
        @G ; @EA ; C "AUTH GSSAPI\r\n" ; S "334 \r\n"
        C "YWJj"*3000 "\r\n" ; S "535 5.7.8 no\r\n"
    """,
)
def auth_line_too_long(view: View) -> Iterator[Hit]:
    """The login ticket is bigger than the server's buffer.

    Trigger: a line of a login longer than 12288 octets, or a server that says so (500 5.5.6).
    Advice: raise the server's limit (Postfix: smtpd_sasl_response_limit); Kerberos tickets grow
        with the groups that a user is in.
    Traps: the AUTH command itself has the limit of a command, and a check of its own.
    """
    for attempt in attempts(view):
        for exchange in attempt.steps:
            reply = exchange.reply
            told = reply is not None and (reply.code, reply.enhanced) == (500, "5.5.6")
            long = exchange is not attempt.command and len(exchange.line) > AUTH_LINE
            if (told or long) and view.clean(exchange):
                size = plural(len(exchange.line), "octet")
                yield view.at(
                    f"A line of {method(attempt)} has {size}{_answered(exchange)}.", exchange
                )


@check(
    "auth-dropped-too-early",
    group="auth",
    severity="note",
    reference="RFC 4954 §9",
    wakes=("refused:AUTH", "refused:X-EXPS", "refused:<auth-response>"),
    fires=r"""
        @G ; @EA ; C "AUTH PLAIN AGEAYg==\r\n" ; S "535 5.7.8 no\r\n" ; FIN S ; FIN C
    """,
    silent=r"""
        @G ; @EA ; C "AUTH PLAIN AGEAYg==\r\n" ; S "535 5.7.8 no\r\n"
        S "421 4.7.0 Too many errors\r\n" ; FIN S ; FIN C
    """,
)
def auth_dropped_too_early(view: View) -> Iterator[Hit]:
    """The server hung up after fewer login failures than the standard suggests.

    Trigger: the server closes or resets the connection after one or two failed logins.
    Advice: a matter of policy; clients with an old password then need a new connection each time.
    Traps: a server that says goodbye (421, 221) or is asked to (QUIT) does not hang up.
    """
    if view.session.ended not in ("server-close", "rst-by-server"):
        return
    if not unbroken(view) or not unbroken_replies(view):
        return
    last = view.dialogue.exchanges[-1]
    failed = [
        exchange
        for attempt in attempts(view)
        for exchange in attempt.steps
        if exchange.reply is not None and judge(exchange.reply) == "failed"
    ]
    said = view.dialogue.last_reply
    if not failed or last is not failed[-1] or len(failed) >= BORNE:
        return
    if said is None or said.code in _GOODBYE or said is not last.reply:
        return
    yield view.at(
        f"The server ended the connection after {plural(len(failed), 'failed login')}.", last
    )


LINE_CHECKS = (
    auth_challenge_invalid,
    auth_after_success,
    auth_during_transaction,
    auth_initial_response_misuse,
    auth_line_too_long,
    auth_dropped_too_early,
)
