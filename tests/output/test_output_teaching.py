"""What lines of a session mean, for who sees them for the first time."""

from __future__ import annotations

from pathlib import Path

import pytest
from dialogue import sessions

import smtpsniff
from smtpsniff.output.account import Line, account
from smtpsniff.output.paint import Paint, cells
from smtpsniff.output.teaching import Teacher, meaning
from smtpsniff.output.timeline import timeline
from smtpsniff.smtp.verbs import VERBS

CAPTURES = Path(__file__).parents[2] / "captures"


def _lines(script: str) -> list[Line]:
    (session,) = sessions(script)
    return account(session, ["mail.pcap"], 6).lines


def _line(kind: str, text: str, **rest: object) -> Line:
    return Line(0, 0.0, None, "1", "client", kind, "mail", "", [text], [], **rest)  # type: ignore[arg-type]


@pytest.mark.parametrize("verb", [name for name in VERBS if name[0] != "<"])
def test_every_command_has_its_meaning(verb: str) -> None:
    found = meaning(_line("command", verb, verb=verb))
    assert found.what[0] == VERBS[verb].summary
    assert found.written == VERBS[verb].reference
    assert "(yes)" in found.answers


def test_a_word_that_is_no_command_and_a_line_with_nothing_on_it() -> None:
    assert meaning(_line("command", "GET / HTTP/1.1", verb="GET")).what == (
        VERBS["<unknown>"].summary,
    )
    assert meaning(_line("command", "")).what == (VERBS["<empty>"].summary,)


def test_replies_by_what_they_answer() -> None:
    lines = _lines("""
        @G
        C "EHLO a.example\\r\\n"
        S "250-mx.example\\r\\n250-SIZE 1000\\r\\n250 XMINE\\r\\n"
        C "MAIL FROM:<> SIZE=10\\r\\n" ; S "250 2.1.0 Ok\\r\\n"
        C "RCPT TO:<r@mx.example>\\r\\n" ; S "450 4.2.0 Greylisted, come back later\\r\\n"
        @Q
    """)
    answers = {line.asked: meaning(line).what for line in lines if line.kind == "reply"}
    assert list(answers) == ["EHLO", "MAIL", "RCPT", "QUIT"]
    assert "SIZE: The server tells the largest message it takes." in answers["EHLO"]
    assert any(text.startswith("XMINE: an extension") for text in answers["EHLO"])
    assert answers["RCPT"][-1].startswith("So it says: The server asks senders it does not know")
    (mail,) = (meaning(line).what for line in lines if line.verb == "MAIL")
    assert "no bounce" in mail[1]
    assert mail[2].startswith("The parameter SIZE comes with the extension SIZE: ")


def test_what_a_login_asks_is_decoded_and_disarmed() -> None:
    asked = meaning(_line("reply", "334 VXNlcm5hbWU6", code="334", asked="AUTH"))
    assert "In base64, the server says: Username:" in asked.what
    evil = meaning(_line("reply", "334 G1szMW0=", code="334", asked="AUTH"))  # ESC [ 3 1 m
    assert "\\x1b[31m" in evil.what[-1]
    assert "\x1b" not in evil.what[-1]
    nonsense = meaning(_line("reply", "334 %%%", code="334", asked="AUTH"))
    assert not any("base64, the" in text for text in nonsense.what)


def test_inside_tls_nobody_listens() -> None:
    assert meaning(
        _line("command", "MAIL FROM:<a@b>", verb="MAIL", in_tls=True)
    ).overheard.startswith("nothing")
    assert "address" in meaning(_line("command", "MAIL FROM:<a@b>", verb="MAIL")).overheard


def test_nothing_is_said_twice() -> None:
    teacher = Teacher()
    line = _line("command", "NOOP", verb="NOOP")
    assert teacher.teach(line)
    assert teacher.teach(line) == []


@pytest.mark.parametrize("lesson", sorted(path.stem for path in CAPTURES.glob("*.pcapng")))
def test_it_fits_eighty_columns_and_leaves_the_rest_as_it_was(lesson: str) -> None:
    for session in smtpsniff.read(CAPTURES / f"{lesson}.pcapng"):
        told = account(session, ["mail.pcap"], 6)
        plain = list(timeline(told, Paint(80)))
        taught = list(timeline(told, Paint(80), "r", [Teacher().beside]))
        assert max(map(cells, taught)) <= 80
        rest = iter(taught)
        assert all(line in rest for line in plain)
        assert len(taught) > len(plain) + 5


def test_a_hostile_dialogue_is_taught_without_a_fault() -> None:
    lines = _lines(
        r"""@G ; C "EHLO <script>\r\n" ; S "250 \x1b[31m\r\n"
        C "\x00\xff\x1b]0;x\x07\r\n" ; S "999 what\r\n" ; C "MAIL FROM:<a@b> X=\x1b\r\n" ; S "5xx\r\n"
        C "AUTH\r\n" ; S "334 ////\r\n" ; C "*\r\n" ; S "1 \r\n" """
    )
    teacher = Teacher()
    said = [text for line in lines for text in teacher.teach(line)]
    assert said
    assert not any("\x1b" in text or "\x07" in text for text in said)
