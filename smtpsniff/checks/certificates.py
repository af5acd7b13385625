"""Checks of the server's certificate, as TLS 1.2 and older show it (RFC 5280, RFC 9325 §4.5).

Nothing is verified here: no chain, no signature, no list of authorities. What a certificate says
of itself is held against the time of the capture and the names that were called.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from smtpsniff.checks.encryption import at_handshake
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.view import quote
from smtpsniff.records import rfc3339
from smtpsniff.text import safe, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Certificate
    from smtpsniff.smtp.handover import Tls

__all__ = ["CERTIFICATE_CHECKS"]

# Where people's mail programs log in, a certificate is verified; between servers (port 25)
# hardly anybody does (RFC 7672 §1).
_SUBMISSION = frozenset({465, 587})
CERTIFICATE_EXPIRED = 45
SHORTEST_RSA = 2048
# RFC 9325 §4.5 wants 256 bits; curves of 224 are no error yet (RFC 8422 §5.1.1).
SHORTEST_EC = 224
LIST_WIDTH = 120
_OLD_HASHES = ("md2", "md5", "sha1")


class Shown(NamedTuple):
    """The server's own certificate and where it was shown."""

    tls: Tls
    leaf: Certificate


def _shown(view: View) -> Shown | None:
    tls, facts = view.dialogue.tls, view.session.tls
    if tls is None or facts is None or not facts.certificates or not facts.certificates[0].subject:
        return None
    return Shown(tls, facts.certificates[0])


# A ServerHello of TLS 1.2, then a certificate of a name, its dates and its key, for examples.
_EXAMPLE = r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n" ; @CH
        S "\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03" "r"*32 "\x00\xc0\x2f\x00"
        S "\x16\x03\x03{record}\x0b{message}{list}{size}" {certificate}
"""


def _tlv(tag: int, *parts: bytes) -> bytes:
    """One element of DER (X.690 §8.1)."""
    value = b"".join(parts)
    size = len(value)
    head = bytes((size,)) if size < 0x80 else b"\x82" + size.to_bytes(2, "big")
    return bytes((tag,)) + head + value


def _oid(text: str) -> bytes:
    return _tlv(6, bytes.fromhex(text))


def _name(common: str) -> bytes:
    return _tlv(0x30, _tlv(0x31, _tlv(0x30, _oid("550403"), _tlv(12, common.encode()))))


def _certificate(
    subject: str = "mx.example", issuer: str = "CA", until: str = "361231", bits: int = 2048,
    signature: str = "0b",
) -> bytes:  # fmt: skip
    """A certificate to be read, not to be believed."""
    rsa = "2a864886f70d0101"
    algorithm = _tlv(0x30, _oid(rsa + signature))
    modulus = _tlv(2, b"\0" + b"\xc3" * (bits // 8))
    key = _tlv(3, b"\0" + _tlv(0x30, modulus, _tlv(2, b"\1\0\1")))
    dates = _tlv(0x30, _tlv(0x17, b"200101000000Z"), _tlv(0x17, f"{until}000000Z".encode()))
    info = _tlv(0x30, _tlv(0x30, _oid(rsa + "01")), key)
    signed = _tlv(0x30, _tlv(2, b"\1"), algorithm, _name(issuer), dates, _name(subject), info)
    return _tlv(0x30, signed, algorithm, _tlv(3, b"\0" + b"s" * 16))


def _dialogue(certificate: bytes) -> str:
    """A handshake that shows this certificate."""

    def number(value: int, octets: int) -> str:
        return "".join(rf"\x{octet:02x}" for octet in value.to_bytes(octets, "big"))

    size = len(certificate)
    text = "".join(rf"\x{octet:02x}" for octet in certificate)
    return _EXAMPLE.format(
        record=number(size + 10, 2), message=number(size + 6, 3), list=number(size + 3, 3),
        size=number(size, 3), certificate=f'"{text}"',
    )  # fmt: skip


@check(
    "tls-cert-expired",
    group="tls",
    severity="warning",
    reference="RFC 5280 §4.1.2.5",
    wakes=("tls",),
    fires=_dialogue(_certificate(until="251231")),
    silent=_dialogue(_certificate()),
)
def tls_cert_expired(view: View) -> Iterator[Hit]:
    """The server's identity card is out of date.

    Trigger: the capture's time lies before or behind the dates of the server's certificate; an
        error on ports 465 and 587, and where the client said so.
    Advice: renew it.
    Traps: it is the time of the capture that counts; between mail servers (port 25) hardly any
        client looks.
    """
    shown = _shown(view)
    if shown is None:
        return
    tls, leaf = shown
    late = leaf.not_after is not None and tls.time > leaf.not_after
    early = leaf.not_before is not None and tls.time < leaf.not_before
    if not late and not early:
        return
    limit = leaf.not_after if late else leaf.not_before
    assert limit is not None
    told = any(said == CERTIFICATE_EXPIRED for _, said in tls.client.alerts)
    serious = told or view.session.server.port in _SUBMISSION
    yield at_handshake(
        view, tls,
        f"The server's certificate ({quote(leaf.subject)}) is valid "
        f"{'until' if late else 'from'} {rfc3339(limit, 0)}"
        f"{', and the client refused it' if told else ''}.",
        "error" if serious else None,
    )  # fmt: skip


@check(
    "tls-cert-self-signed",
    group="tls",
    severity="note",
    reference="RFC 7435 §3, RFC 7672 §3.1",
    wakes=("tls",),
    fires=_dialogue(_certificate(issuer="mx.example")),
    silent=_dialogue(_certificate()),
)
def tls_cert_self_signed(view: View) -> Iterator[Hit]:
    """The server vouches for itself.

    Trigger: the issuer of the server's certificate is its own subject.
    Advice: fine between mail servers; on ports 465 and 587, and for MTA-STS, get one from an
        authority.
    Traps: with DANE such a certificate is perfectly valid; the signature itself is not verified.
    """
    shown = _shown(view)
    if shown is not None and shown.leaf.subject == shown.leaf.issuer:
        yield at_handshake(
            view, shown.tls, f"The server's certificate is its own: {quote(shown.leaf.subject)}."
        )


def _matches(name: str, wanted: str) -> bool:
    """Whether a certificate's name is good for a host; `*` stands for one label (RFC 9525 §6.3)."""
    name, wanted = name.lower().rstrip("."), wanted.lower().rstrip(".")
    if name.startswith("*."):
        label, dot, rest = wanted.partition(".")
        return bool(label and dot) and rest == name[2:]
    return name == wanted


def _called(view: View) -> list[str]:
    """Names that the server was called by, or calls itself: SNI, greeting, reply to EHLO."""
    called = view.session.tls.sni if view.session.tls is not None else None
    replies = (e.reply for e in (view.dialogue.greeting, *view.dialogue.hellos) if e is not None)
    own = (reply.lines[0].partition(" ")[0] for reply in replies if reply is not None)
    return list(dict.fromkeys(name for name in (called or "", *own) if _is_host(name)))


def _is_host(name: str) -> bool:
    if "." not in name:
        return False
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return True
    return False


@check(
    "tls-cert-name-mismatch",
    group="tls",
    severity="note",
    reference="RFC 9525 §6, RFC 8314 §5.4",
    wakes=("tls",),
    fires=_dialogue(_certificate("other.example")),
    silent=_dialogue(_certificate("*.example.net")).replace(
        "@G", r'OPEN ; S "220 mx.example.net\r\n"'
    ),
)
def tls_cert_name_mismatch(view: View) -> Iterator[Hit]:
    """The name on the identity card is not the name that was called.

    Trigger: no name of the server's certificate is the one that the client asked for, or that the
        server gives itself; a warning on ports 465 and 587 if the client asked for one.
    Advice: put the name that clients use into the certificate.
    Traps: `*` stands for one label; the name of a mail domain need not be on it, only the host's;
        names without a dot, and addresses, are not compared.
    """
    shown = _shown(view)
    wanted = _called(view)
    if shown is None or not wanted or not shown.leaf.names:
        return
    tls, leaf = shown
    if any(_matches(name, host) for name in leaf.names for host in wanted):
        return
    asked = tls.client.client is not None and tls.client.client.sni
    serious = bool(asked) and view.session.server.port in _SUBMISSION
    listed = shorten(safe(", ".join(leaf.names)), LIST_WIDTH)
    yield at_handshake(
        view, tls,
        f"The server's certificate is for {listed}, not for "
        f"{shorten(safe(' or '.join(wanted)), LIST_WIDTH)}.",
        "warning" if serious else None,
    )  # fmt: skip


@check(
    "tls-cert-weak",
    group="tls",
    severity="warning",
    reference="RFC 9325 §4.5",
    wakes=("tls",),
    fires=_dialogue(_certificate(bits=1024)),
    silent=_dialogue(_certificate()),
)
def tls_cert_weak(view: View) -> Iterator[Hit]:
    """The identity card uses weak cryptography.

    Trigger: the server's certificate has an RSA key of fewer than 2048 bits, a DSA key, a curve of
        fewer than 224 bits, or a signature with MD5 or SHA-1.
    Advice: have a new one made, with a new key.
    Traps: the signature of a certificate that vouches for itself proves nothing anyway.
    """
    shown = _shown(view)
    if shown is None:
        return
    leaf = shown.leaf
    bits = leaf.bits or 0
    reasons = []
    if leaf.key == "DSA":
        reasons.append("a DSA key")
    elif leaf.key == "RSA" and 0 < bits < SHORTEST_RSA:
        reasons.append(f"an RSA key of {bits} bits")
    elif leaf.key == "EC" and 0 < bits < SHORTEST_EC:
        reasons.append(f"a curve of {bits} bits")
    signature = (leaf.signature or "").lower()
    if leaf.subject != leaf.issuer and any(old in signature for old in _OLD_HASHES):
        reasons.append(f"a signature by {leaf.signature}")
    if reasons:
        yield at_handshake(
            view, shown.tls,
            f"The server's certificate ({quote(leaf.subject)}) has {' and '.join(reasons)}.",
        )  # fmt: skip


CERTIFICATE_CHECKS = (
    tls_cert_expired,
    tls_cert_self_signed,
    tls_cert_name_mismatch,
    tls_cert_weak,
)
