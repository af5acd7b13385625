"""What a session's account says of its ends, in words."""

from __future__ import annotations

import pytest
from dialogue import sessions

from smtpsniff.output.account import account

LOGIN = r'@G ; @EN ; C "AUTH PLAIN AHUAcGFzc3dvcmQ=\r\n"'


def facts(text: str) -> dict[str, str]:
    (session,) = sessions(text)
    return {fact.name: fact.text for fact in account(session, ["a.pcap"], 6).facts}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (r'S "250 mx.example\r\n"', "EHLO a.example.net"),
        (r'S "550 5.7.1 No\r\n"', "EHLO a.example.net, which was refused"),
        ("FIN S", "EHLO a.example.net, which was not answered"),
    ],
)
def test_how_the_client_calls_itself_and_what_the_server_made_of_it(answer: str, said: str) -> None:
    assert facts(rf'@G ; C "EHLO a.example.net\r\n" ; {answer}')["client"].endswith(f"  {said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LOGIN + r' ; S "235 2.7.0 Ok\r\n"', "PLAIN as u: accepted (235)"),
        (LOGIN + r' ; S "535 5.7.8 No\r\n"', "PLAIN as u: refused (535)"),
        (LOGIN + " ; FIN S", "PLAIN as u: no answer"),
        (r'@G ; @EN ; C "AUTH AHUAcGFzc3dvcmQ=\r\n" ; FIN S', "AUTH without a method: no answer"),
    ],
)
def test_a_login_and_its_end(text: str, said: str) -> None:
    assert facts(text)["login"] == said
