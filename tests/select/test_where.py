"""The language of --where: what it takes, what it refuses and how, and that it always ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from dialogue import compile_text, in_order, pcap
from dialogue.run import read_capture
from hypothesis import given
from hypothesis import strategies as st

from smtpsniff.records import Session, encoder
from smtpsniff.select import Where, WhereError
from smtpsniff.select.keys import DELAYS, find, paths
from smtpsniff.select.pattern import compile_pattern
from smtpsniff.select.tokens import KEYWORDS, tokens
from smtpsniff.timing.delays import PARTS

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = r"""
@G
C "EHLO client.example.org\r\n"
S "250-mx.example.com\r\n250-SIZE 1000\r\n250 STARTTLS\r\n"
C "MAIL FROM:<a@example.org>\r\n"
S "250 2.1.0 Ok\r\n"
C "RCPT TO:<b@example.com>\r\n"
S "250 2.1.5 Ok\r\n"
C "RCPT TO:<nobody@example.com>\r\n"
S "550 5.1.1 No such \"user\" (really)\r\n"
@Q
"""


@pytest.fixture(scope="module")
def session() -> Session:
    (found,) = read_capture(pcap(in_order(compile_text(TEXT, client=("10.1.2.3", 40_000)))))
    assert isinstance(found, Session)
    found.number = 7
    return found


TRUE = [
    "number == 7",
    "number in {1, 7}",
    "number not in {1, 2}",
    "client.ip == 10.1.2.3",
    "client.ip in {192.168.0.0/16, 10.0.0.0/8}",
    "client.ip == 10.0.0.0/8",
    "client.ip != 10.1.0.0/24",
    "client.ip >= 10.1.2.0 and client.ip < 10.1.3.0",
    'client.ip matches "^10[.]"',
    "server.port == 25 and client.port > 1kB",
    "transactions.recipients.code == 550",
    "transactions.recipients.code >= 500",
    "transactions.recipients.code == '550'",
    "transactions.recipients.outcome == rejected",
    'transactions.recipients.text contains "\\"user\\" (really)"',
    "transactions.recipients.text contains 'No such \"user\"'",
    'transactions.recipients.address matches "^no.*@example[.]com$"',
    "transactions.recipients.address ~ 'nob(?:od|id)y'",
    "extensions.keyword == STARTTLS",
    "extensions.params == 1000",
    "transactions.recipients.address != b@example.com",
    "duration > 100ms and duration < 1h",
    "duration >= 0.1 and duration < 60min",
    "start > 2026-11-23",
    "start >= 2026-11-23T10:00:00Z and start < 2026-11-24T00:00+02:00",
    "start == '2026-11-23 10:00:00'",
    "delays.network > 1us",
    "complete.start",
    "complete.start == true",
    "helo.accepted != false",
    "greeting and not tls and not complete.gaps.client == 1",
    "! tls && (number == 1 || number == 7)",
    "not (number == 1 or number == 2) and protocol == smtp",
    "number == 1 and number == 2 or number == 7",
    "timeline.kind == connect and timeline.verb in {EHLO, HELO}",
    "((((number == 7))))",
    "not not number == 7",
    'timeline.text contains ""',
]  # fmt: skip
FALSE = [
    "number == 1",
    "tls",
    "tls.version == 'TLS 1.3'",
    "tls.version != 'TLS 1.3'",  # what is absent matches nothing
    "client.ip == ::1",
    "client.ip == ::/0",
    "client.ip < 10.1.2.3",
    "delays.bounds.server > 0",
    "transactions.message.headers contains X",
    "findings.related.check == x",
    "file == 0",
    "number == 7 and number == 1 or number == 2",
    "transactions.recipients.code > '9'",
    "duration == 100ms",
]


@pytest.mark.parametrize("text", TRUE)
def test_what_holds(session: Session, text: str) -> None:
    assert Where(text)(session), text
    assert not Where(f"not ({text})")(session)


@pytest.mark.parametrize("text", FALSE)
def test_what_does_not_hold(session: Session, text: str) -> None:
    assert not Where(text)(session), text


WRONG = {
    "": ("the expression is empty", 0),
    "   ": ("the expression is empty", 0),
    "number = 7": ("'=' is written '=='", 7),
    "number == 7 & tls": ("'&' is written 'and'", 12),
    "number ==": ("after '==' a value is wanted, not the end", 9),
    "number == and": ("a word of the language is put in quotes", 10),
    "number == 7 tls": ("'tls' is one too many", 12),
    "(number == 7": ("this parenthesis is not closed", 0),
    "number == 7)": ("')' is one too many", 11),
    "and tls": ("here a key is wanted, not 'and'", 0),
    "number in 7": ("after 'in' comes a set", 10),
    "number in {7": ("closed by '}'", 12),
    "number in {}": ("after '{' a value is wanted", 11),
    'greeting.text contains "abc': ("the string that begins here does not end", 23),
    "number == seven": ("number is a number: 3", 10),
    "number == 7parsecs": ("number is a number: 3", 10),
    "number contains 7": ("number is no text", 16),
    "client.ip == mail": ("client.ip is an IP address or network", 13),
    "client.ip < 10.0.0.0/8": ("a network can be compared with == and != only", 12),
    "start > yesterday": ("start is a time", 8),
    "start > 2026-13-01": ("start is a time", 8),
    "complete.start == 1": ("complete.start is == true or == false", 18),
    "verdict.outcome == rejectd": ("did you mean rejected?", 19),
    "verdict == rejected": ("verdict has no value of its own", 11),
    "delays.servr > 1": ("there is no key 'delays.servr'", 0),
    "tls or verdict.outcom == x": ("the nearest are verdict.outcome", 7),
    "outcome == x": ("the nearest are verdict.outcome, transactions.outcome", 0),
    "client.ip.version == 4": ("there is no key 'client.ip.version'", 0),
    "clinet.ip == 1.1.1.1": ("client.ip", 0),
    "(" * 100 + "tls" + ")" * 100: ("more than 50 parentheses", 51),
    "not " * 100 + "tls": ("more than 50 parentheses", 204),
    "number == 1 or " * 1000 + "tls": ("longer than 10,000 characters", 60),
    "helo.name matches '('": ("this is no regular expression", 18),
    "helo.name matches '(a+)+$'": ("a repeat inside a repeat", 18),
}


@pytest.mark.parametrize(("text", "expected"), WRONG.items(), ids=[k[:30] for k in WRONG])
def test_what_is_wrong_is_told_with_its_place(text: str, expected: tuple[str, int]) -> None:
    with pytest.raises(WhereError) as caught:
        Where(text)
    assert expected[0] in str(caught.value)
    assert caught.value.at == expected[1]


def test_every_key_of_a_record_can_be_asked_for(session: Session) -> None:
    def walk(value: Any, before: str) -> None:  # noqa: ANN401
        for name, inner in value.items():
            path = f"{before}{name}"
            assert path in known or "related" in path
            assert find(path).get(session) or inner == [], path
            for each in inner if isinstance(inner, list) else [inner]:
                if isinstance(each, dict):
                    walk(each, f"{path}.")

    known = paths()
    record = msgspec.json.decode(encoder().encode(session))
    del record["schema"]
    walk(record, "")
    assert len(known) > 120
    assert all(find(path) for path in known)


def test_delays_are_those_that_are_measured() -> None:
    assert (*PARTS, "bounds") == DELAYS


TERRIBLE = [
    "(a+)+$", "(a*)*$", "(a|a)*$", "(a|ab)*$", r"(\w+\s?)*$", "(?:a?){30}a{30}", "(a{1,3})+$",
    "(?=(a+)+$)x", "a*" * 20 + "$", "((a|b)+c?)*$", "(.*a){20}",
]  # fmt: skip
FINE = [
    "^[a-z]+$", r"\d{1,3}(?:\.\d{1,3}){3}", "(foo|bar)+", r"(?:[a-z]++\.)+com", "(?>a+b)*", "(?i)x",
    r"^(\S+) (\S+) <[^>]*>$", "(ab)*", "(?:a|b|c){1,9}",
]  # fmt: skip


@pytest.mark.parametrize("pattern", TERRIBLE)
def test_patterns_that_could_take_for_ever_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="repeat"):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", FINE)
def test_patterns_that_people_write_are_taken(pattern: str) -> None:
    search = compile_pattern(pattern).search
    start = time.monotonic()
    search("a" * 4096)
    search("foobar" * 600 + "!")
    assert time.monotonic() - start < 20  # seconds; what is refused would take years


@given(st.lists(st.sampled_from(["tls", "number", "==", "(", ")", "in", "{", "}", ",", "not", "and",
                                 "or", "7", "'x'", "verdict.outcome", "contains", "~", "rejected",
                                 "client.ip", "10.0.0.0/8", "start", "2026-01-01"]), max_size=20)
       .map(" ".join) | st.text(max_size=60))  # fmt: skip
def test_whatever_is_typed_is_understood_or_refused(text: str) -> None:
    error = None
    try:
        Where(text)
    except WhereError as caught:
        error = caught
    assert error is None or ("\n" not in str(error) and 0 <= error.at <= len(error.text))


@given(st.text(max_size=40))
def test_any_text_can_be_put_in_quotes(text: str) -> None:
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert tokens(quoted)[0].text == text
    assert not KEYWORDS & {token.kind for token in tokens(quoted)}


def test_numbers_are_those_before_the_selection(sessions: Callable[..., list[Any]]) -> None:
    (found,) = sessions(TEXT, read={"where": "number == 1 and starttls == unused"})
    assert found.number == 1
    assert sessions(TEXT, read={"where": "number == 2"}) == []
