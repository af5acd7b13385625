"""Checks of STARTTLS: asked for or not, and clear text where none may be (RFC 3207)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.certificates import CERTIFICATE_CHECKS
from smtpsniff.checks.encryption import ENCRYPTION_CHECKS
from smtpsniff.checks.handshake import HANDSHAKE_CHECKS, STALLED
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import answer
from smtpsniff.checks.starttls import STARTTLS_CHECKS
from smtpsniff.checks.view import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Entry, Severity
    from smtpsniff.smtp.handover import Tls
    from smtpsniff.smtp.model import Exchange

__all__ = ["CHECKS"]

# A server that shuts down says so in this way at any time (RFC 5321 §4.2.1).
_SHUTDOWN = b"421"


@check(
    "starttls-offered-not-used",
    group="tls",
    severity="warning",
    reference="RFC 3207, RFC 8314 §3.3",
    wakes=("starttls:unused",),
    fires=r"""
        @G ; @ET ; @M
    """,
    silent=r"""
        @G ; @ET ; @Q
    """,
)
def starttls_offered_not_used(view: View) -> Iterator[Hit]:
    """The server offered an envelope, the sender used a postcard.

    Trigger: STARTTLS was offered, and the client went on with MAIL or AUTH without asking for it.
    Advice: switch opportunistic TLS on in the sender.
    Traps: within one machine nobody needs it; between private addresses it is a note.
    """
    topics = view.topics
    if "verb:STARTTLS" in topics or "verb:X-ANONYMOUSTLS" in topics:
        return
    for exchange in view.exchanges("MAIL", "AUTH"):
        if exchange.in_tls or not view.offered(exchange, "STARTTLS") or not view.clean(exchange):
            continue
        if not view.loopback:
            yield view.at(
                f"The server offered STARTTLS; the client sent {exchange.verb} in clear text.",
                exchange, severity="note" if view.private else None,
            )  # fmt: skip
        return


@check(
    "starttls-refused",
    group="tls",
    severity="warning",
    reference="RFC 3207 §4",
    wakes=("verb:STARTTLS",),
    fires=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "454 4.7.0 TLS not available\r\n"
    """,
    silent=r"""
        @G ; @EN ; C "STARTTLS\r\n" ; S "502 5.5.1 What?\r\n"
    """,
)
def starttls_refused(view: View) -> Iterator[Hit]:
    """Encryption was offered but failed to start.

    Trigger: STARTTLS is answered 4yz or 5yz; an error if no mail was accepted afterwards.
    Advice: look at the server's certificate and key files, and at limits on TLS sessions.
    Traps: where it was not offered, to ask is the client's fault, and another finding.
    """
    for exchange, reply in view.answered("STARTTLS"):
        if not exchange.refused or view.offered(exchange, "STARTTLS") is False:
            continue
        later = [e for e in view.exchanges() if e.start >= exchange.end and e.line]
        mailed = any(e.verb == "MAIL" and e.accepted for e in later)
        went_on = next((e.verb for e in later), "")
        then = "went on in clear text" if mailed else f"sent {went_on}" if went_on else "stopped"
        yield view.at(
            f"The server refused to start TLS with {answer(reply)}; the client {then}.",
            exchange, severity=None if mailed else "error",
        )  # fmt: skip


# -- clear text where only TLS may be ------------------------------------------------------


def _agreed(view: View) -> tuple[Tls, Exchange] | None:
    """STARTTLS that the server accepted, with nothing missing after it."""
    tls = view.dialogue.tls
    if tls is None or tls.command is None or not view.clean(tls.command):
        return None
    if view.client.stream.gaps or view.server.stream.gaps or not tls.command.accepted:
        return None
    return tls, tls.command


def _clear_text(view: View, who: str) -> Entry | None:
    """The timeline's entry of what this side sent before TLS."""
    for entry in view.session.timeline:
        if entry.kind == "note" and entry.from_ == who and entry.text.startswith("clear text"):
            return entry
    return None


def _clear_hit(
    view: View, who: str, text: str, command: Exchange, severity: Severity | None
) -> Hit:
    hit = view.at(text, command, severity=severity)
    entry = _clear_text(view, who)
    if entry is not None:
        hit.frames = [*hit.frames, entry.frame]
        hit.entry, hit.time = entry, entry.time
    return hit


@check(
    "starttls-command-injection",
    group="security",
    severity="error",
    reference="RFC 3207 §5, §6, CVE-2011-0411",
    wakes=("tls",),
    fires=r"""
        @G ; @ET ; C "STARTTLS\r\nRSET\r\n" ; S "220 go\r\n" ; @CH ; @SH
    """,
    silent=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n" ; @CH ; @SH
    """,
)
def starttls_command_injection(view: View) -> Iterator[Hit]:
    """Plain-text commands were slipped in just before encryption started.

    Trigger: the client's stream has clear text between STARTTLS, accepted, and the ClientHello.
    Advice: update the server, which must throw such bytes away; look for a man in the middle.
    Traps: an empty line is a note; if STARTTLS was refused it is mere pipelining; whether the
        server obeyed cannot be seen without its keys.
    """
    found = _agreed(view)
    if found is None or not found[0].injected_command or not found[0].client_begun:
        return
    tls, command = found
    blank = not tls.injected_command.strip()
    yield _clear_hit(
        view, "client",
        f"Between STARTTLS and the encryption the client sent {quote(tls.injected_command)} in "
        "clear text.",
        command, "note" if blank else None,
    )  # fmt: skip


@check(
    "starttls-response-injection",
    group="security",
    severity="error",
    reference="RFC 3207 §6, CVE-2021-38371",
    wakes=("tls",),
    fires=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n250 mx.example\r\n" ; @CH ; @SH
    """,
    silent=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "220-go\r\n220 now\r\n" ; @CH ; @SH
    """,
)
def starttls_response_injection(view: View) -> Iterator[Hit]:
    """Extra server answers were slipped in before encryption; a careless sender would trust them.

    Trigger: the server's stream has clear text between the reply 220 and the ServerHello.
    Advice: update the client; look for a man in the middle.
    Traps: a reply of several lines ends with its last; 421 is how a server shuts down, a note;
        what follows the ClientHello, with no ServerHello ever, is a handshake that failed.
    """
    found = _agreed(view)
    if found is None or not found[0].injected_reply.strip():
        return
    tls, command = found
    entry = _clear_text(view, "server")
    early = tls.client_begun and entry is not None and entry.frame < tls.frame
    if not tls.server_begun and not early:
        return
    shutdown = tls.injected_reply.startswith(_SHUTDOWN)
    yield _clear_hit(
        view, "server",
        f"Between its reply to STARTTLS and the encryption the server sent "
        f"{quote(tls.injected_reply)} in clear text"
        f"{', as a server does that shuts down' if shutdown else ''}.",
        command, "note" if shutdown else None,
    )  # fmt: skip


@check(
    "starttls-plaintext-continues",
    group="tls",
    severity="error",
    reference="RFC 3207 §4.1",
    wakes=("tls",),
    fires=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n" ; C "EHLO a.example.net\r\n" ; FIN C
    """,
    silent=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n" ; @CH ; FIN C
    """,
)
def starttls_plaintext_continues(view: View, *, after: float = STALLED) -> Iterator[Hit]:
    """Both agreed to encrypt and then did not.

    Trigger: after STARTTLS was accepted the client goes on in clear text, and no ClientHello comes
        before the connection ends or ten seconds (`after`) have passed.
    Advice: correct the client.
    Traps: if a ClientHello comes after all, the clear text was slipped in; if the server went
        along, somebody may have recorded what was decrypted (possible; a note if it is SMTP).
    Thresholds:
        after (s): with the connection still open, how long a ClientHello is waited for.
    """
    found = _agreed(view)
    if found is None or found[0].client_begun or not found[0].injected_command.strip():
        return
    tls, command = found
    if view.closed or view.waited(command.time) >= after:
        along = bool(tls.injected_reply.strip())
        hit = _clear_hit(
            view, "client",
            f"The server agreed to STARTTLS, and the client sent {quote(tls.injected_command)} in "
            f"clear text{', as did the server' if along else ''}.",
            command, "note" if view.session.starttls == "completed-in-clear" else None,
        )  # fmt: skip
        hit.confidence = "possible" if along else "certain"
        yield hit


CHECKS = (
    starttls_offered_not_used,
    starttls_refused,
    starttls_command_injection,
    starttls_response_injection,
    starttls_plaintext_continues,
    *STARTTLS_CHECKS,
    *HANDSHAKE_CHECKS,
    *ENCRYPTION_CHECKS,
    *CERTIFICATE_CHECKS,
)
