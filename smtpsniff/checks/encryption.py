"""Checks of what the two sides of TLS agreed on: version, cipher, name (RFC 9325)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.registry import Hit, check
from smtpsniff.text import safe
from smtpsniff.tls.hellos import ECH, SERVER_NAME
from smtpsniff.tls.names import version_name
from smtpsniff.tls.suites import suite_name, weakness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity
    from smtpsniff.smtp.handover import Tls

__all__ = ["ENCRYPTION_CHECKS", "at_handshake"]

SSL_3, TLS_1_1 = 0x0300, 0x0302
# Bits of a Diffie-Hellman prime (RFC 9325 §4.1: 2048 or more).
SHORTEST_PRIME = 2048
# Between mail servers TLS is taken where it can be had, and no TLS is the only other choice.
RELAY = 25
_HOPELESS = ("_NULL_", "_EXPORT")


def at_handshake(view: View, tls: Tls, text: str, severity: Severity | None = None) -> Hit:
    """A hit at the handshake's first packet."""
    entry = next((e for e in view.session.timeline if e.kind == "tls"), None)
    return Hit(text, [tls.frame], tls.time, entry, severity)


@check(
    "tls-old-version",
    group="tls",
    severity="warning",
    reference="RFC 8996, RFC 9325 §3.1.1",
    wakes=("tls",),
    fires=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n"
        C "\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x03" "r"*32 "\x00\x00\x02\xc0\x2f\x01\x00"
        S "\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01" "r"*32 "\x00\xc0\x13\x00"
    """,
    silent=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n"
        C "\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x03" "r"*32 "\x00\x00\x02\xc0\x2f\x01\x00"
        S "\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03" "r"*32 "\x00\xc0\x2f\x00"
    """,
)
def tls_old_version(view: View) -> Iterator[Hit]:
    """An outdated encryption version is in use.

    Trigger: the server's hello chooses TLS 1.0 or 1.1; an error for SSL.
    Advice: update the side that has nothing newer.
    Traps: the version in the records of a ClientHello says nothing; between mail servers (port 25)
        old TLS is still better than clear text.
    """
    tls = view.dialogue.tls
    server = tls.server.server if tls is not None else None
    if tls is None or server is None or not 0x0002 <= server.version <= TLS_1_1:
        return
    client = tls.client.client
    chosen = version_name(server.version)
    offered = max(client.versions) if client is not None else 0
    newest = version_name(offered)
    who = (
        "the client offers nothing newer" if 0 < offered <= server.version
        else f"the server chose it, although the client offers {newest}" if offered
        else "the client's offer was not captured"
    )  # fmt: skip
    still = (
        "" if view.session.server.port != RELAY else "; between mail servers it beats clear text"
    )
    yield at_handshake(
        view, tls, f"The two sides speak {chosen}: {who}{still}.",
        "error" if server.version <= SSL_3 else None,
    )  # fmt: skip


@check(
    "tls-weak-cipher",
    group="tls",
    severity="warning",
    reference="RFC 9325 §4.1",
    wakes=("tls",),
    fires=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n" ; @CH
        S "\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03" "r"*32 "\x00\x00\x05\x00"
    """,
    silent=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n" ; @CH
        S "\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03" "r"*32 "\x00\xc0\x2f\x00"
    """,
)
def tls_weak_cipher(view: View) -> Iterator[Hit]:
    """The chosen lock is easy to pick.

    Trigger: the server's hello chooses a suite with RC4, DES, 3DES or no authentication, or its
        key exchange has a Diffie-Hellman prime of fewer than 2048 bits; an error for suites that
        encrypt nothing or for export.
    Advice: update the cipher settings of the side that is older.
    Traps: between mail servers (port 25) Postfix takes anonymous suites by design, a note.
    """
    tls = view.dialogue.tls
    server = tls.server.server if tls is not None else None
    if tls is None or server is None:
        return
    suite = suite_name(server.cipher)
    why = weakness(suite)
    severity: Severity | None = None
    if not why and 0 < tls.prime_bits < SHORTEST_PRIME:
        why = f"came with a Diffie-Hellman prime of {tls.prime_bits} bits only"
    elif any(word in suite for word in _HOPELESS):
        severity = "error"
    elif "_anon_" in suite and view.session.server.port == RELAY:
        severity = "note"
    if why:
        yield at_handshake(view, tls, f"The server chose {safe(suite)}, which {why}.", severity)


@check(
    "tls-sni-missing",
    group="tls",
    severity="note",
    reference="RFC 6066 §3, RFC 7672 §8.1",
    wakes=("tls",),
    fires=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n"
        C "\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x03" "r"*32 "\x00\x00\x02\xc0\x2f\x01\x00"
        @SH
    """,
    silent=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n"
        C "\x16\x03\x01\x00\x3a\x01\x00\x00\x36\x03\x03" "r"*32 "\x00\x00\x02\xc0\x2f\x01\x00"
        C "\x00\x0b\x00\x00\x00\x07\x00\x05\x00\x00\x02mx" ; @SH
    """,
)
def tls_sni_missing(view: View) -> Iterator[Hit]:
    """The sender did not say which host name it wants.

    Trigger: a ClientHello without a server name.
    Advice: switch it on in the sender: DANE asks for it, and hosts with several certificates.
    Traps: a client that was given an address instead of a name must not send one; an encrypted
        ClientHello hides it.
    """
    tls = view.dialogue.tls
    client = tls.client.client if tls is not None else None
    if tls is None or client is None or len(client.ciphers) == 0:
        return
    if not client.has(SERVER_NAME) and not client.has(ECH):
        yield at_handshake(view, tls, "The client's hello names no server.")


ENCRYPTION_CHECKS = (tls_old_version, tls_weak_cipher, tls_sni_missing)
