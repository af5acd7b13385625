"""What a session's account says of TLS."""

from __future__ import annotations

from dialogue import sessions
from tls.handshakes import tls

from smtpsniff.output.account import account


def facts(text: str) -> dict[str, str]:
    (session,) = sessions(text)
    return {fact.name: fact.text for fact in account(session, ["a.pcap"], 6).facts}


def test_what_was_agreed_and_who_vouches() -> None:
    told = facts(tls())
    assert told["TLS"].startswith("TLSv1.2 by STARTTLS, frame 9, for mx.example, TLS_ECDHE_RSA_")
    assert told["TLS"].endswith(", not opened")
    assert "CN=mx.example, until 2027-01-01, RSA 2048, by itself" in told["certificate"]


def test_a_hidden_certificate_is_not_spoken_of() -> None:
    assert not facts(tls("TLSv1_3")).get("certificate")
