"""Checks of login methods: what the server offers, and what the client chose (RFC 4954 §4, §9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.logins import PLAIN, attempts, method, methods_offered
from smtpsniff.checks.registry import Hit, check
from smtpsniff.text import safe, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.logins import Attempt
    from smtpsniff.checks.view import View

__all__ = ["METHOD_CHECKS"]

_WAKES = ("verb:AUTH", "verb:X-EXPS")
# Methods that send the password itself (RFC 4616; draft-murchison-sasl-login). A token of
# XOAUTH2 is as good for an hour, but no server offers it where it takes no TLS first.
_PASSWORD = ("PLAIN", "LOGIN")
# Broken or outdated: RFC 6331 (DIGEST-MD5), draft-ietf-sasl-crammd5-to-historic, [MS-NLMP] §5.1,
# RFC 4505 §4 (ANONYMOUS proves nothing), RFC 2222 §7.1, which RFC 4422 dropped (KERBEROS_V4).
_WEAK = {
    "CRAM-MD5": "is an outdated method",
    "DIGEST-MD5": "is an outdated method",
    "NTLM": "is an outdated method",
    "KERBEROS_V4": "is an outdated method",
    "ANONYMOUS": "proves nothing about the sender",
}
# SHA-1 is no longer recommended for signatures; within SCRAM nobody has broken it (RFC 7677 §1).
_AGEING = frozenset({"SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"})
# What is stronger than a password in clear: it never leaves the client.
_STRONGER = ("SCRAM-", "CRAM-MD5", "DIGEST-MD5", "GSSAPI", "NTLM", "EXTERNAL")
# Width of a list of methods in a finding.
LIST_WIDTH = 120


@check(
    "auth-offered-without-tls",
    group="auth",
    severity="warning",
    reference="RFC 4954 §4, §9",
    wakes=("passwords-offered",),
    fires=r"""
        @G ; @EA ; @Q
    """,
    silent=r"""
        @G ; C "EHLO a.example.net\r\n" ; S "250-mx.example\r\n250 AUTH SCRAM-SHA-256\r\n" ; @Q
    """,
)
def auth_offered_without_tls(view: View) -> Iterator[Hit]:
    """The server invites unprotected passwords.

    Trigger: a reply to EHLO outside TLS offers AUTH PLAIN or LOGIN.
    Advice: let the server offer them inside TLS only (Postfix: smtpd_tls_auth_only = yes).
    Traps: within one machine, or between private addresses, it is a note; a recording of what was
        decrypted shows what was offered inside TLS.
    """
    tls = view.dialogue.tls
    opened = tls.command.end if tls is not None and tls.opened and tls.command else None
    for hello in view.dialogue.hellos:
        reply = hello.reply
        if reply is None or not hello.accepted or hello.in_tls or not view.clean(hello):
            continue
        if opened is not None and hello.start >= opened:
            continue
        offered = [word for key, words in reply.said.keywords if key == "AUTH" for word in words]
        passwords = [word for word in _PASSWORD if word in {o.upper() for o in offered}]
        if passwords:
            too = any(key == "STARTTLS" for key, _ in reply.said.keywords)
            yield view.at(
                f"The server offered AUTH {' and '.join(passwords)} in clear text, "
                f"{'and STARTTLS as well' if too else 'without STARTTLS'}.",
                hello, severity="note" if view.loopback or view.private else None,
            )  # fmt: skip


@check(
    "auth-weak-mechanism",
    group="auth",
    severity="warning",
    reference="RFC 4954 §4, RFC 6331",
    wakes=_WAKES,
    fires=r"""
        @G ; @EA ; C "AUTH CRAM-MD5\r\n" ; S "334 PDFAeD4=\r\n"
        C "YSBiYg==\r\n" ; S "235 2.7.0 ok\r\n"
    """,
    silent=r"""
        @G ; @EA ; C "AUTH CRAM-MD5\r\n" ; S "504 5.5.4 Unknown mechanism\r\n"
    """,
)
def auth_weak_mechanism(view: View) -> Iterator[Hit]:
    """An outdated way of proving identity was used.

    Trigger: CRAM-MD5, DIGEST-MD5, NTLM, KERBEROS_V4 or ANONYMOUS, and the server went along; a note
        for SCRAM-SHA-1.
    Advice: use SCRAM-SHA-256, OAuth, or PLAIN inside TLS.
    Traps: a method that the server does not have was not used; GSSAPI and EXTERNAL are not weak.
    """
    for attempt in attempts(view):
        command, name = attempt.command, attempt.mechanism.upper()
        reply = command.reply
        if reply is None or not reply.positive or not view.clean(command):
            continue
        if name in _WEAK or name in _AGEING:
            why = _WEAK.get(name, "is built on SHA-1, which is on its way out")
            yield view.at(
                f"{method(attempt)} {why}.",
                command, severity="note" if name in _AGEING else None, key=name,
            )  # fmt: skip


def _better(attempt: Attempt) -> str:
    """What the server had offered that would have kept the password from the wire."""
    hello = attempt.command.hello
    listed = [m for m in methods_offered(attempt) if m.startswith(_STRONGER)]
    if hello is not None and "STARTTLS" in hello.offered:
        listed.insert(0, "STARTTLS")
    return shorten(safe(", ".join(listed)), LIST_WIDTH)


@check(
    "auth-downgrade",
    group="auth",
    severity="warning",
    reference="RFC 4954 §9",
    wakes=_WAKES,
    fires=r"""
        @G ; @EA ; C "AUTH PLAIN AGEAYg==\r\n" ; S "235 2.7.0 ok\r\n"
    """,
    silent=r"""
        @G
        C "EHLO a.example.net\r\n" ; S "250-mx.example\r\n250 AUTH PLAIN LOGIN\r\n"
        C "AUTH PLAIN AGEAYg==\r\n" ; S "235 2.7.0 ok\r\n"
    """,
)
def auth_downgrade(view: View) -> Iterator[Hit]:
    """The sender picked the weakest option on the list.

    Trigger: PLAIN, LOGIN, XOAUTH2 or OAUTHBEARER outside TLS, although the server had offered
        STARTTLS, or a method that does not send the secret itself.
    Advice: correct the client's settings; if they are right, look for a man in the middle who
        talked it out of the better one.
    Traps: within one machine nobody listens; login data that was sent in clear text is the cause,
        and this hangs under it.
    """
    for attempt in attempts(view):
        command = attempt.command
        if attempt.mechanism.upper() not in PLAIN or command.in_tls or view.loopback:
            continue
        better = _better(attempt)
        if better and view.clean(command):
            yield view.at(
                f"The client chose {method(attempt)} in clear text; the server had also offered "
                f"{better}.",
                command,
            )  # fmt: skip


METHOD_CHECKS = (auth_offered_without_tls, auth_weak_mechanism, auth_downgrade)
