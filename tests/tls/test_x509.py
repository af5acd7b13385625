"""Certificates, against the `cryptography` package, and damaged."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from smtpsniff.tls.x509 import X509, read_certificate
from tls.handshakes import NAMES, certificate


def test_rsa() -> None:
    made = certificate()[2]
    got = read_certificate(made.public_bytes(Encoding.DER))
    assert got.subject == got.issuer == "C=DE, O=Post\\, Möller & Söhne, CN=mx.example"
    assert got.names == (*NAMES, "192.0.2.25")
    assert int(got.serial, 16) == made.serial_number
    assert got.not_before == int(made.not_valid_before_utc.timestamp())
    assert got.not_after == int(made.not_valid_after_utc.timestamp())
    assert (got.key, got.bits, got.signature) == ("RSA", 2048, "sha256WithRSAEncryption")
    assert got.sha256 == made.fingerprint(hashes.SHA256()).hex()


def test_elliptic_curve() -> None:
    got = read_certificate(certificate("ec")[2].public_bytes(Encoding.DER))
    assert (got.key, got.bits, got.signature) == ("EC", 256, "ecdsa-with-SHA256")


@given(st.data())
def test_damaged(data: st.DataObject) -> None:
    """Any octets are some certificate, if only an empty one."""
    octets = bytearray(certificate()[2].public_bytes(Encoding.DER))
    for _ in range(data.draw(st.integers(1, 8))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(octets)))
    assert isinstance(read_certificate(bytes(octets[:cut])), X509)


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    assert isinstance(read_certificate(data), X509)
    read_certificate(b"\x30\x82\x00\xc8" + data)
