"""The record's `tls` and `starttls`: what both sides' records say of TLS together."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from smtpsniff.records import Certificate, Timestamp, TlsAlert, TlsFacts, TlsOffer
from smtpsniff.tls.fingerprints import ja3, ja3s, ja4
from smtpsniff.tls.names import ALERTS, group_name, is_grease, version_name
from smtpsniff.tls.suites import suite_name
from smtpsniff.tls.x509 import read_certificate

if TYPE_CHECKING:
    from smtpsniff.records import Party
    from smtpsniff.smtp.dialogue import Dialogue
    from smtpsniff.smtp.handover import Tls
    from smtpsniff.tls.hellos import ClientHello

__all__ = ["starttls_label", "tls_facts"]

NANOSECONDS = 10**9
# Items of one list of an offer: the longest of real clients have a hundred and some.
MAX_OFFERED = 300
NAMED_CURVE = 3
_FATAL = 2


def tls_facts(tls: Tls, frame: int) -> TlsFacts:
    """What the wire shows of TLS; `frame` where no record was seen."""
    facts = TlsFacts(tls.how, tls.frame or frame, tls.decrypted)
    if tls.unsealing is not None and not tls.decrypted:
        facts.unopened = tls.unsealing.opener.why
    client, server = tls.client.client, tls.server.server
    if client is not None:
        facts.sni = client.sni
        facts.offered = _offer(client)
        if not client.sslv2:
            facts.ja3, facts.ja4 = ja3(client), ja4(client)
    if server is not None:
        facts.version = version_name(server.version) if server.version > 0xFF else None
        facts.cipher = suite_name(server.cipher)
        facts.alpn = server.alpn or None
        facts.group = _group(tls)
        if not server.retry:
            facts.ja3s = ja3s(server)
            facts.resumed = _resumed(tls)
        facts.retried = tls.server.retried or None
    if tls.server.certificates:
        facts.certificates = [_certificate(der) for der in tls.server.certificates]
    sides: tuple[tuple[Party, list[tuple[int, int]]], ...] = (
        ("client", tls.client.alerts), ("server", tls.server.alerts),
    )  # fmt: skip
    alerts = [
        TlsAlert(who, "fatal" if level == _FATAL else "warning", ALERTS.get(said, str(said)))
        for who, heard in sides
        for level, said in heard
    ]
    facts.alerts = alerts or None
    return facts


def _offer(hello: ClientHello) -> TlsOffer:
    """What the client would take."""
    return _in_words(hello.versions, hello.ciphers, hello.groups, tuple(hello.alpn))


@lru_cache(256)  # clients are few, and say the same each time
def _in_words(
    versions: tuple[int, ...],
    ciphers: tuple[int, ...],
    groups: tuple[int, ...],
    protocols: tuple[str, ...],
) -> TlsOffer:
    """Numbers as names; those that say nothing (RFC 8701) left out."""
    return TlsOffer(
        [version_name(v) for v in versions[:MAX_OFFERED]],
        [suite_name(c) for c in ciphers[:MAX_OFFERED] if not is_grease(c)],
        [group_name(g) for g in groups[:MAX_OFFERED] if not is_grease(g)] or None,
        list(protocols[:MAX_OFFERED]) or None,
    )


def _group(tls: Tls) -> str | None:
    """The group of the key exchange, or the size of a Diffie-Hellman prime of the server's own."""
    server, exchange = tls.server.server, tls.server.key_exchange
    if server is None:
        return None
    if server.group is not None:
        return group_name(server.group)
    suite = suite_name(server.cipher)
    if exchange[:1] == bytes((NAMED_CURVE,)) and "_ECDH" in suite:
        return group_name(int.from_bytes(exchange[1:3], "big"))
    bits = tls.prime_bits
    return f"dh{bits}" if bits else None


def _resumed(tls: Tls) -> bool | None:
    """Whether an earlier session goes on (RFC 8446 §2.2, RFC 5246 §7.3); None: nobody knows."""
    client, server = tls.client.client, tls.server.server
    if server is None or client is None:
        return None
    if server.version >= 0x0304:
        return server.resumes or None
    same = bool(client.session) and client.session == server.session
    return (same and tls.server.changed and not tls.server.certificates) or None


def _certificate(der: bytes) -> Certificate:
    found = read_certificate(der)
    return Certificate(
        found.subject, found.issuer, list(found.names), found.serial, found.sha256,
        Timestamp(found.not_before * NANOSECONDS) if found.not_before is not None else None,
        Timestamp(found.not_after * NANOSECONDS) if found.not_after is not None else None,
        found.key or None, found.bits, found.signature or None,
    )  # fmt: skip


def starttls_label(dialogue: Dialogue) -> str | None:
    """One label for what became of STARTTLS; None where nobody knows."""
    tls = dialogue.tls
    if tls is not None:
        return _label(dialogue, tls)
    asked = [e for e in dialogue.exchanges if e.verb in ("STARTTLS", "X-ANONYMOUSTLS")]
    if asked:
        if not asked[-1].refused:
            return None
        went_on = any(e.verb == "MAIL" and e.accepted and e.start > asked[-1].start
                      for e in dialogue.exchanges)  # fmt: skip
        return "fallback" if went_on else "refused"
    if dialogue.hello is None or not any(e.accepted for e in dialogue.hellos):
        return None
    return "unused" if "STARTTLS" in dialogue.hello.offered else "not-offered"


def _label(dialogue: Dialogue, tls: Tls) -> str | None:
    if tls.opened:
        return "completed-in-clear"
    if tls.decrypted or (tls.completed and not tls.failed):
        return "completed"
    if tls.failed:
        return "failed"
    if any(side.stream.gaps for side in dialogue.connection.sides):
        return None
    in_clear = bool(tls.injected_command) and not tls.client_begun
    return "failed" if dialogue.connection.closed or in_clear else None
