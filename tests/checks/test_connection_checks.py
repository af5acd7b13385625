"""Checks of the connection: their own examples, and what must not be taken for it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from dialogue import compile_text, pcap, read_capture, sessions

from smtpsniff.checks import connection, path, recording, resets

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from smtpsniff.checks import Check
    from smtpsniff.records import Finding, Session

CHECKS: tuple[Check, ...] = (
    *connection.CHECKS,
    *resets.CHECKS,
    *recording.CHECKS,
    *path.CHECKS,
)
CUT = "tcp-truncated-capture"  # no dialogue can say that the capture cut its packets


def findings(found: Iterable[Finding]) -> Iterable[Finding]:
    for finding in found:
        yield finding
        yield from findings(finding.related)


def of(name: str, found: Iterable[Session]) -> list[Finding]:
    every = [f for session in found for f in findings(session.findings)]
    assert not [f.text for f in every if f.check == "internal-error"]
    return [f for f in every if f.check == name]


def found(name: str, text: str, **options: Any) -> list[Finding]:  # noqa: ANN401
    return of(name, sessions(text, **options))


@pytest.mark.parametrize("check", [c for c in CHECKS if c.id != CUT], ids=lambda c: c.id)
def test_example(check: Check) -> None:
    (finding,) = found(check.id, check.fires)
    assert finding.text.endswith(".")
    assert finding.frames
    assert not found(check.id, check.silent)


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_documented(check: Check) -> None:
    assert check.sentence.endswith(".")
    assert check.trigger.endswith(".")
    assert check.advice.endswith(".")
    assert check.traps.endswith(".")


def test_cut_packets() -> None:
    (finding,) = found(CUT, "@T\n@D\n@H\n@X\n@Q", form=partial(pcap, snaplen=120))
    assert "cut 2 packets short" in finding.text
    assert not found(CUT, "@T\n@D\n@H\n@X\n@Q")


# What each dialogue must not be taken for, and why not.
NEAR = [
    ("tcp-syn-unanswered", "SYN C", "the capture ended"),
    ("tcp-syn-unanswered", "SYN C\n+30 SYN S", "answered late"),
    ("tcp-syn-unanswered", 'SYN C\nACK C\nC "EHLO a\\r\\n"\n+30 C "QUIT\\r\\n"', "one direction"),
    ("tcp-connection-refused", "SYN C\n+5 RSTACK S", "no answer to the SYN"),
    ("tcp-syn-retransmitted", "SYN C\n+0.0001 OPEN\n+2 @Q", "a mirror port's copy"),
    ("tcp-handshake-incomplete", "SYN C\nSYN S\n+1 SYN S", "the capture ended"),
    ("tcp-handshake-incomplete", "OPEN\nRST C", "complete"),
    ("tcp-connect-only-probe", "OPEN\n+15 FIN C", "it waited"),
    ("tcp-connect-only-probe", "@G\nFIN S\nFIN C", "the server closed"),
    ("tcp-connect-only-probe", 'OPEN\nS "554 no\\r\\n"\nFIN C', "it was refused"),
    ("tcp-connect-only-probe", "@G", "still open"),
    ("tcp-half-close-by-client", "@G\n@EN\nFIN C\nFIN S", "nothing was owed"),
    ("tcp-half-close-by-client", '@G\nC "NOOP\\r\\n"\nFIN C\nFIN S', "the server was silent"),
    ("tcp-half-close-by-client", 'OPEN\nFIN C\nS "220 mx.example\\r\\n"', "nothing was asked"),
    ("tcp-reset-by-client", '@G\n@EN\nC "QUIT\\r\\n"\nS "221 bye\\r\\n"\nRST C', "after 221"),
    ("tcp-reset-by-client", "@G\n@EN\nFIN C\nFIN S\nRST C", "after both FINs"),
    ("tcp-reset-by-client", "@G\n@EN\nFIN S\nRST C", "the server closed first"),
    ("tcp-reset-by-client", "@G\nRST C", "a probe"),
    ("tcp-reset-by-client", "OPEN\n+30 RST C", "patience lost"),
    ("tcp-reset-by-client", "@G\n@EN\nGAP C 6\nGAP S 10\nRST C", "QUIT may be in the gap"),
    ("tcp-reset-by-server", '@G\n@EN\nS "421 bye\\r\\n"\nRST S', "it had said so"),
    ("tcp-reset-by-server", 'OPEN\nS "554 no\\r\\n"\nRST S', "it had refused"),
    ("tcp-reset-by-server", "@G\n@EN\nFIN S\nRST S", "its own FIN came first"),
    ("tcp-reset-by-server", "@G\n@EN\nFIN C\nRST S", "the client had left"),
    ("tcp-reset-by-server", "SYN C\nRSTACK S", "a refusal"),
    ("tcp-reset-after-close", '@G\nC "EHLO a\\r\\n"\nRST S', "in the middle"),
    ("tcp-one-direction-only", "SYN C\n+1 SYN C\n+2 SYN C\n+4 SYN C", "attempts"),
    ("tcp-one-direction-only", 'C "EHLO a\\r\\n"', "too little"),
    ("tcp-midstream-start", "SYN C", "a SYN"),
    ("tcp-overlap-conflict", '@G\nLOSS C "NOOP\\r\\n" 3\nS "250 Ok\\r\\n"\n@Q', "equal copies"),
    ("tcp-pmtu-black-hole", '@T\n@D\nLOSS C "A"*1000 5', "a small segment"),
    ("tcp-pmtu-black-hole", '@T\n@D\nC "A"*1448\nACK S\nLOSS C "A"*1448 5', "one got through"),
    ("proxy-protocol-header", '@G\n@EN\nC "PROXY TCP4 a\\r\\n"\nS "500 no\\r\\n"\n@Q', "a command"),
]


@pytest.mark.parametrize(("name", "text", "why"), NEAR, ids=[f"{n}: {w}" for n, _, w in NEAR])
def test_near(name: str, text: str, why: str) -> None:
    assert not found(name, text), why


SEVERITIES = [
    ("tcp-handshake-incomplete", "SYN C\nSYN S\nRST C", "note"),
    ("tcp-reset-by-client", '@G\n@EN\nC "QUIT\\r\\n"\nRST C', "warning"),
    ("tcp-reset-by-client", '@G\n@EN\nFIN C\nS "421 late\\r\\n"\nRST C', "warning"),
    ("tcp-reset-by-server", '@G\n@EN\nC "QUIT\\r\\n"\nRST S', "warning"),
    ("tcp-reset-by-server", '@G\n@EN\nC "NOOP\\r\\n"\nFIN C\nRST S', "error"),
    ("tcp-reset-by-server", "@EN\nRST S", "error"),
    ("tcp-reset-after-close", "@G\n@EN\nFIN S\nRST S", "note"),
    (
        "proxy-protocol-header",
        'SESSION client=8.8.8.8\nOPEN\nC "PROXY UNKNOWN\\r\\n"\nS "220 mx.example\\r\\n"\n@Q',
        "warning",
    ),
]


@pytest.mark.parametrize(("name", "text", "severity"), SEVERITIES)
def test_severity(name: str, text: str, severity: str) -> None:
    assert [f.severity for f in found(name, text)] == [severity]


def test_many_syns_are_all_evidence() -> None:
    (finding,) = found("tcp-syn-unanswered", "SYN C\n+1 SYN C\n+2 SYN C\n+4 SYN C\n+20 SYN C")
    assert finding.frames == [1, 2, 3, 4, 5]
    assert "5 attempts" in finding.text


def test_silence_after_the_last_syn_counts() -> None:
    assert found("tcp-syn-unanswered", "SYN C\n+1 SYN C\nEND")


def test_what_was_accepted_stands() -> None:
    (finding,) = found("tcp-reset-by-server", "@T\n@D\n@H\n@X\nRST S")
    assert "stands" in finding.text


def test_no_secret_is_shown() -> None:
    text = '@G\n@EA\nC "AUTH PLAIN AGEAc2VjcmV0\\r\\n"\nRST S'
    (finding,) = found("tcp-reset-by-server", text)
    assert "AGEAc2VjcmV0" not in finding.text
    text = (
        'SESSION port=40000\n@G\n@EA\nC "AUTH PLAIN AGEAc2VjcmV0\\r\\n"\nS "235 Ok\\r\\n"\n'
        'SESSION port=40000 at=0.3\nC "EHLO a.example.net\\r\\nAUTH PLAIN AGEAb3RoZXI=\\r\\n"'
    )
    (finding,) = found("tcp-overlap-conflict", text)
    assert "AGEA" not in finding.text


def test_two_versions_of_each_side_are_two_findings() -> None:
    text = """
        SESSION port=40000 ; @G ; @EN
        SESSION port=40000 at=0.05 ; C "EHLO b.example.net\\r\\n"
        S "250 xx.example\\r\\n"
    """
    told = {f.text.split(" seems ")[0] for f in found("tcp-overlap-conflict", text)}
    assert told == {"The client", "The server"}


def test_quit_inside_tls_cannot_be_seen() -> None:
    data = 'C "\\x17\\x03\\x03\\x00\\x01a"\nS "\\x17\\x03\\x03\\x00\\x01b"\n'
    text = f'@G\n@ET\nC "STARTTLS\\r\\n"\nS "220 go\\r\\n"\n@CH\n@SH\n{data}RST C\n'
    assert not found("tcp-reset-by-client", text)
    assert found("tcp-reset-by-client", text.replace(data, ""))


def test_stray_reset_does_not_count() -> None:
    packets = compile_text("@G\n@EN\nRST C")
    packets[-1].seq = (packets[-1].seq + (1 << 30)) & 0xFFFFFFFF
    assert not of("tcp-reset-by-client", read_capture(pcap(packets)))


HEALTHY = [
    "@G\n@EN\n@Q",
    "@T\n@D\n@H\n@X\n@Q",
    "@T\n@D\n@H\n@X",
    '@G\n@EN\nC "QUIT\\r\\n"\nS "221 bye\\r\\n"\nFIN S\nFIN C',
    "SESSION client=127.0.0.1 server=127.0.0.1\n@G\n@EN\n@Q",
]


@pytest.mark.parametrize("text", HEALTHY)
def test_healthy(text: str) -> None:
    ids = {check.id for check in CHECKS}
    every = [f.check for session in sessions(text) for f in findings(session.findings)]
    assert not ids.intersection(every)
