"""`show`: the story of a session, line by line, from the recorded lessons."""

from __future__ import annotations

from pathlib import Path

from dialogue import sessions

import smtpsniff
from smtpsniff.output.paint import Paint, cells
from smtpsniff.output.story import story
from smtpsniff.records import Finding, Session

CAPTURES = Path(__file__).parents[2] / "captures"


def _session(name: str) -> Session:
    (session,) = smtpsniff.read(CAPTURES / f"{name}.pcapng")
    return session


def _story(session: Session, width: int | None = None) -> list[str]:
    return list(story(session, ["mail.pcapng"], 6, Paint(width)))


ACCEPTED = """\
session 1: delivered (mail.pcapng)
Mail from <carla@example.net> for <anna@example.com> was accepted by
mx.example.com (192.0.2.25:25): "250 2.0.0 Ok: queued as E76F729" (frame 16).

client        192.0.2.1:58750  EHLO client.example.net
server        192.0.2.25:25  mx.example.com ESMTP Postfix
time          2026-11-23 22:58:42.908622 UTC, 45 ms, 21 packets, frames 1-21
TLS           not offered
ended         quit-clean: The client said QUIT and the server answered.
community     1:8BLfnuqsqhQfz7kcu0yG5XQU0c8=
wireshark     ip.addr == 192.0.2.1 && ip.addr == 192.0.2.25 && tcp.port == 58750 && tcp.port == 25

 time   wait frame
0.002 1.6 ms     3 C> connected
0.018  17 ms     4 <S 220 mx.example.com ESMTP Postfix
0.020 1.6 ms     6 C> EHLO client.example.net
0.020 182 µs     8 <S 250-mx.example.com
                      250-PIPELINING
                      250-SIZE 10240000
                      250-VRFY
                      250-ETRN
                      250-ENHANCEDSTATUSCODES
                      250-8BITMIME
                      250-DSN
                      250-SMTPUTF8
                      250 CHUNKING
0.020 189 µs     9 C> MAIL FROM:<carla@example.net>
0.033  13 ms    10 <S 250 2.1.0 Ok
0.033 220 µs    11 C> RCPT TO:<anna@example.com>
0.039 6.3 ms    12 <S 250 2.1.5 Ok
0.040 180 µs    13 C> DATA
0.040  80 µs    14 <S 354 End data with <CR><LF>.<CR><LF>
0.040 112 µs    15 C> 301 octets of message, Subject: Lunch on Thursday?
0.040 112 µs    15 C> . (end of message)
0.040 518 µs    16 <S 250 2.0.0 Ok: queued as E76F729
0.041 141 µs    17 C> QUIT
0.041 255 µs    18 <S 221 2.0.0 Bye
"""

MAILS = """\
mail 1: rejected
  from        <billing@example.net> size=316
  to          <bne@example.com> rejected (unknown-user): 550 5.1.1
              <bne@example.com>: Recipient address rejected: User unknown in
              local recipient table (frame 12)

mail 2: delivered
  from        <billing@example.net> size=317
  to          <anna@example.com> accepted
  message     317 octets
  sha256      1efbd3dab941d2354f322fc027fca812d991b340a4721068f863962b745e05b1
  From:       Carla <billing@example.net>
  To:         anna@example.com
  Subject:    Invoice 1042
  Date:       Mon, 23 Nov 2026 22:58:45 +0000
  Message-ID: <invoice.1042@client.example.net>
  reply       250 2.0.0 Ok: queued as D99EA29 (frame 22)
  queue id    D99EA29
"""


def test_an_accepted_mail_at_eighty_columns() -> None:
    session = _session("accepted")
    session.findings = []
    assert "\n".join(_story(session, 80)).startswith(ACCEPTED)


def test_mails_at_eighty_columns() -> None:
    assert MAILS in "\n".join(_story(_session("refused-recipient"), 80))


def test_a_pipe_gets_whole_lines() -> None:
    lines = _story(_session("refused-recipient"))
    words = "550 5.1.1 <bne@example.com>: Recipient address rejected: User unknown in local"
    assert f"0.029 126 µs    12 <S {words} recipient table" in lines


def test_typed_by_hand_shows_what_was_typed() -> None:
    lines = _story(_session("typed-by-hand"), 80)
    assert any(line.endswith(r"C> \xff\xfd\x03\xff\xfd\x01") for line in lines)
    assert any(line.endswith(r"C> MIAL\x7f\x7f\x7fAIL FROM:<carla@example.net>") for line in lines)


def test_nothing_but_the_filter_and_the_digest_is_too_wide() -> None:
    for name in ("accepted", "refused-recipient", "typed-by-hand"):
        for line in _story(_session(name), 80):
            assert cells(line) <= 80 or line.startswith("wireshark")


def _finding(session: Session, **more: object) -> Finding:
    fields: dict[str, object] = {
        "check": "rcpt-unknown-user", "severity": "error", "confidence": "certain",
        "frames": [12], "time": session.start, "text": "No such mailbox.", "count": 1,
        "related": [], "entry": 7,
    }  # fmt: skip
    return Finding(**(fields | more))  # type: ignore[arg-type]


def test_findings_stand_under_the_line_they_are_about() -> None:
    session = _session("refused-recipient")
    hence = _finding(session, check="quit-missing", text="No goodbye.")
    session.findings = [_finding(session, related=[hence], count=3, confidence="likely")]
    lines = _story(session)
    at = next(i for i, line in enumerate(lines) if " 12 <S 550" in line)
    assert lines[at + 1 : at + 3] == [
        " " * 22 + "^ error rcpt-unknown-user (likely): No such mailbox. (3 times)",
        " " * 22 + "  hence quit-missing: No goodbye.",
    ]


def test_findings_about_no_line_stand_before_all() -> None:
    session = _session("accepted")
    session.findings = [_finding(session, entry=None)]
    lines = _story(session)
    assert lines.index("^ error rcpt-unknown-user: No such mailbox.") < lines.index(
        " time   wait frame"
    )


def test_replies_stand_under_the_pipelined_commands_they_answer() -> None:
    text = """
        @G ; @E
        C "MAIL FROM:<s@a.example.net>\\r\\nRCPT TO:<r@mx.example>\\r\\nDATA\\r\\n"
        S "250 2.1.0 Ok\\r\\n250 2.1.5 Ok\\r\\n354 go\\r\\n"
        @H ; @X ; @Q
    """
    (session,) = sessions(text)
    said = [line.partition(" C> ")[2] or line.partition(" <S ")[2] for line in _story(session)]
    at = said.index("MAIL FROM:<s@a.example.net>")
    assert [line for line in said[at : at + 6] if line] == [
        "MAIL FROM:<s@a.example.net>", "250 2.1.0 Ok", "RCPT TO:<r@mx.example>", "250 2.1.5 Ok",
        "DATA", "354 go",
    ]  # fmt: skip


def test_a_chunk_stands_between_its_command_and_the_reply() -> None:
    text = """
        @T
        C "BDAT 6\\r\\nA: b\\r\\n" ; S "250 Ok\\r\\n"
        C "BDAT 4 LAST\\r\\n\\r\\nx\\n" ; S "250 2.0.0 Ok\\r\\n"
        @Q
    """
    (session,) = sessions(text)
    lines = _story(session)
    at = next(i for i, line in enumerate(lines) if "BDAT 6" in line)
    assert "6 octets" in lines[at + 1]
    assert "<S 250 Ok" in lines[at + 2]


def test_what_is_missing_is_said() -> None:
    (session,) = sessions("@T\nGAP S 18\n@Q")
    lines = _story(session)
    missing = next((line for line in lines if line.startswith("missing")), "")
    assert "18 octets of the server" in missing


def test_a_session_that_cannot_be_analysed_has_a_story() -> None:
    session = _session("accepted")
    session.timeline, session.transactions, session.findings = [], [], []
    session.helo = session.greeting = session.delays = session.starttls = None
    session.ended = "something-new"
    assert "ended         something-new" in _story(session)
