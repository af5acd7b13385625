"""Redaction: what is hidden, what stays, and that the same has the same token."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpsniff.output.redact import Redactor
from smtpsniff.output.redact.tokens import Tokens
from smtpsniff.output.redact.wording import Wording

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtpsniff.records import Session

KEY = b"a key"
DIALOGUE = """
S "220 mailhost7 ESMTP\\r\\n"
C "EHLO desktop-4711\\r\\n"
S "250 mailhost7 hello desktop-4711\\r\\n"
C "MAIL FROM:<Anna.Smith@Client.test> SIZE=99 ENVID=QQ314\\r\\n"
S "250 2.1.0 ok\\r\\n"
C "RCPT TO:<bob@hidden.test>\\r\\n"
S "550 5.1.1 <bob@hidden.test> unknown, see https://help.hidden.test/why?u=bob from 198.51.100.7\\r\\n"
C "RCPT TO:<carol@hidden.test>\\r\\n"
S "250 2.1.5 ok\\r\\n"
C "DATA\\r\\n"
S "354 go on\\r\\n"
C "From: Anna Smith <anna.smith@client.test>\\r\\nSubject: Secret plan 9\\r\\nX-Own: private\\r\\n"
C "Date: Mon, 23 Nov 2026 22:58:45 +0000\\r\\n\\r\\nhi\\r\\n.\\r\\n"
S "250 2.0.0 Ok: queued as D99EA29\\r\\n"
@Q
"""
HIDDEN = "mailhost7 4711 anna smith client.test bob carol hidden QQ314 198.51 secret plan private D99EA29"


def _redacted(session: Session, key: bytes = KEY) -> Session:
    Redactor(key).session(session)
    return session


def test_nothing_of_it_is_told(sessions: Callable[..., list[Session]]) -> None:
    (session,) = sessions(DIALOGUE)
    told = repr(_redacted(session)).casefold()
    assert [word for word in HIDDEN.casefold().split() if word in told] == []


def test_what_is_told_of_smtp_stays(sessions: Callable[..., list[Session]]) -> None:
    (plain,) = sessions(DIALOGUE)
    (session,) = sessions(DIALOGUE)
    _redacted(session)
    for entry, before in zip(session.timeline, plain.timeline, strict=True):
        for name in ("time", "frame", "kind", "verb", "code", "enhanced", "delay", "size"):
            assert getattr(entry, name) == getattr(before, name)
    texts = [entry.text for entry in session.timeline]
    assert any(re.fullmatch(r"MAIL FROM:<u\w{8}@n\w{8}\.example> SIZE=99 ENVID=Text-\w+", text) for text in texts)  # fmt: skip
    assert [f.check for f in session.findings] == [f.check for f in plain.findings]
    assert (session.verdict.outcome, session.verdict.frames) == (plain.verdict.outcome, plain.verdict.frames)  # fmt: skip
    (mail,) = session.transactions
    assert mail.message is not None
    assert [name for name, _ in mail.message.headers] == ["From", "Subject", "X-Own", "Date"]
    assert mail.message.date == "Mon, 23 Nov 2026 22:58:45 +0000"
    assert len(mail.message.sha256 or "") == 64


def test_the_same_has_the_same_token_everywhere(sessions: Callable[..., list[Session]]) -> None:
    (session,) = sessions(DIALOGUE)
    (mail,) = _redacted(session).transactions
    refused = mail.recipients[0]
    assert f"<{refused.address}>" in (refused.text or "")
    assert refused.address in session.verdict.text
    assert sum(f"<{refused.address}>" in entry.text for entry in session.timeline) == 2
    assert mail.message is not None
    assert (mail.mail_from or "") in (mail.message.from_ or "")  # whatever its letters' case
    domains = {person.address.partition("@")[2] for person in mail.recipients}
    assert len(domains) == 1
    assert session.client.ip in session.display_filter
    sentences = " ".join(finding.text for finding in session.findings)
    for address in re.findall(r"[^\s<>\"]+@[\w.]+\w", sentences):
        assert address in {mail.mail_from, *(person.address for person in mail.recipients)}


def test_another_key_makes_other_tokens(sessions: Callable[..., list[Session]]) -> None:
    (one,), (again,), (other,) = (sessions(DIALOGUE) for _ in range(3))
    assert _redacted(one) == _redacted(again)
    _redacted(other, b"another")
    assert one.client.ip != other.client.ip
    assert one.transactions[0].mail_from != other.transactions[0].mail_from
    assert one.community_id != other.community_id


@given(st.ip_addresses(v=4), st.integers(0, 255))
def test_neighbours_stay_neighbours_where_nobody_lives(address: object, host: int) -> None:
    tokens = Tokens(KEY)
    one = ip_address(tokens.ip(str(address)))
    neighbour = ip_address((int(ip_address(str(address))) & ~0xFF) | host)
    assert one in ip_network("240.0.0.0/4")
    assert ip_address(tokens.ip(str(neighbour))) in ip_network(f"{one}/24", strict=False)


@given(st.ip_addresses(v=6))
def test_ipv6_goes_where_documentation_lives(address: object) -> None:
    token = ip_address(Tokens(KEY).ip(str(address)).removeprefix("::ffff:"))
    assert token in ip_network("2001:db8::/32") or token in ip_network("240.0.0.0/4")


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("for <x@y.test>, really", "x@y.test"),
        ('to "a b"@y.test', "a b"),
        ("at [IPv6:2001:db8::17]:25", "2001:db8::17"),
        ("from 198.51.100.17.", "198.51.100.17"),
        ("by mx.some-where.test;", "some-where"),
        ("see http://site.test/a?user=x%40y", "user=x"),
        ("Subject =?utf-8?Q?Geheim?= was", "Geheim"),
        ("jürgen@münchen.test", "münchen"),
        ("id 1a2B3c4D5e6F7g8H9i", "1a2B3c4D"),
    ],
)
def test_what_looks_like_somebody_is_hidden(text: str, hidden: str) -> None:
    told = Wording(Tokens(KEY)).free(text)
    assert hidden not in told
    assert told[:2] == text[:2] or text.startswith("j")


@pytest.mark.parametrize(
    "text",
    [
        "550 5.1.1 User unknown in local recipient table",
        "It came at 10:20:30, 2026-11-23T10:20:30.000001Z, after 4.80 s.",
        "ends in CRLF.CRLF", "8BITMIME ENHANCEDSTATUSCODES SIZE 10240000", "TLSv1.3 (AES256)",
    ],
)  # fmt: skip
def test_what_is_nobody_stays(text: str) -> None:
    assert Wording(Tokens(KEY)).free(text) == text


def test_a_cut_name_is_hidden_too() -> None:
    wording = Wording(Tokens(KEY))
    wording.know("a long and secret subject", "Subject-1")
    assert wording.free("it was a long and sec…, so") == "it was …, so"
    assert "verylong" not in wording.free("to <verylongname…")


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "run", [".", "/", "-", "a.", '"', "=?", "@", "…", "1:", "x@", "<", "a", "ß"]
)
def test_no_text_takes_long(run: str) -> None:
    wording = Wording(Tokens(KEY))
    for number in range(400):
        wording.know(f"some text {number}", "T-1")
    wording.sentence(run * 50_000)
    wording.words(run * 50_000)


def test_a_session_that_names_too_much_keeps_only_words_of_the_protocol() -> None:
    wording = Wording(Tokens(KEY))
    for number in range(10_000):
        wording.know(f"some text {number}", "T-1")
    assert wording.free("250 some text 9999 SIZE").startswith("250 Text-")
    assert wording.free("250 some text 9999 SIZE").endswith(" SIZE")


def test_letters_that_fold_to_several_hide_nothing() -> None:
    wording = Wording(Tokens(KEY))
    wording.know("Große Straße", "Subject-1")
    assert "stra" not in wording.free("it was GROSSE STRASSE 5").casefold().replace("subject", "")
    assert "stra" not in wording.free("it was große straße 5").casefold().replace("subject", "")


@given(st.text(max_size=300), st.lists(st.text(max_size=20), max_size=5))
def test_no_text_makes_it_fail(text: str, known: list[str]) -> None:
    wording = Wording(Tokens(KEY))
    for value in known:
        wording.know(value, "T-1")
    wording.sentence(text)
    wording.words(text)
