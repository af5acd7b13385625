"""Real handshakes in memory: OpenSSL talks to itself, and both streams are kept."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = ("mx.example", "*.example")


class Wire(NamedTuple):
    """What each side sent, and what OpenSSL says they agreed on."""

    client: bytes
    server: bytes
    version: str | None
    cipher: str
    alpn: str | None
    resumed: bool
    session: ssl.SSLSession | None


@cache
def certificate(kind: str = "rsa", bits: int = 2048) -> tuple[bytes, bytes, x509.Certificate]:
    """Key and certificate in PEM, and the certificate as `cryptography` sees it."""
    key: Any = (
        rsa.generate_private_key(65537, bits) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    )  # fmt: skip
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Post, Möller & Söhne"),
            x509.NameAttribute(NameOID.COMMON_NAME, NAMES[0]),
        ]
    )
    alternatives = [*map(x509.DNSName, NAMES), x509.IPAddress(ip_address("192.0.2.25"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(0x00C0FFEE)
        .not_valid_before(START)
        .not_valid_after(START + timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return pem, made.public_bytes(serialization.Encoding.PEM), made


def contexts(kind: str = "rsa") -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Of a client that believes anybody, and of a server."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    key, chain, _ = certificate(kind)
    with TemporaryDirectory() as folder:
        (Path(folder) / "pem").write_bytes(key + chain)
        server.load_cert_chain(Path(folder) / "pem")
    return client, server


def shake(
    client: ssl.SSLContext,
    server: ssl.SSLContext,
    *,
    name: str | None = "mx.example",
    session: ssl.SSLSession | None = None,
    mail: bytes = b"EHLO a.example\r\n",
) -> Wire:
    """Handshake, a line each way, goodbye; or as far as they get."""
    to_server, to_client, from_server, from_client = (ssl.MemoryBIO() for _ in range(4))
    a = client.wrap_bio(to_client, from_client, server_hostname=name, session=session)
    b = server.wrap_bio(to_server, from_server, server_side=True)
    sent = [b"", b""]

    def carry() -> None:
        for i, (source, target) in enumerate(((from_client, to_server), (from_server, to_client))):
            data = source.read()
            sent[i] += data
            target.write(data)

    def attempt(step: Callable[[], object]) -> bool:
        try:
            step()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError:
            return True
        finally:
            carry()
        return True

    done = [False, False]
    for _ in range(10):
        done = [done[0] or attempt(a.do_handshake), done[1] or attempt(b.do_handshake)]
        if all(done):
            break
    if a.version() is not None and b.version() is not None:
        attempt(lambda: b.write(b"220 mx.example\r\n"))
        attempt(lambda: a.read(100))
        attempt(lambda: a.write(mail))
        attempt(lambda: b.read(100))
    cipher = a.cipher()
    return Wire(
        sent[0], sent[1], a.version(), cipher[0] if cipher else "", a.selected_alpn_protocol(),
        bool(a.session_reused), a.session if a.version() is not None else None,
    )  # fmt: skip


# -- in dialogues ----------------------------------------------------------------------------------


def text_of(data: bytes) -> str:
    """Octets as a string of the dialogue language."""
    return '"' + "".join(rf"\x{octet:02x}" for octet in data) + '"'


@cache
def streams(newest: str, name: str | None) -> tuple[str, str]:
    """What client and server send, as strings of the dialogue language."""
    client, server = contexts()
    client.maximum_version = getattr(ssl.TLSVersion, newest)
    wire = shake(client, server, name=name)
    return text_of(wire.client), text_of(wire.server)


def tls(newest: str = "TLSv1_2", name: str | None = "mx.example") -> str:
    """STARTTLS, a handshake of at most this version, and what follows, as a dialogue."""
    client, server = streams(newest, name)
    begin = r'@G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n"'
    return f"{begin} ; C {client} ; S {server} ; FIN C ; FIN S"
