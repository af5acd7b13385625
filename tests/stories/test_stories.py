"""Stories of mails: what is joined, what is not, and what is said of it."""

from __future__ import annotations

import pytest
from dialogue import stories

PUT_OFF = r"""
    SESSION at={at}{more} ; @G ; @E ; @M
    C "RCPT TO:<r@mx.example>\r\n" ; S "451 4.3.0 Try again later\r\n" ; @Q
"""
TAKEN = "SESSION at={at}{more} ; @T ; @D ; @H ; @X ; @Q\n"


def put_off(at: int, more: str = "") -> str:
    """An attempt that is put off at RCPT."""
    return PUT_OFF.format(at=at, more=more and " " + more)


def taken(at: int, more: str = "") -> str:
    """An attempt that succeeds."""
    return TAKEN.format(at=at, more=more and " " + more)


def checks(story: object) -> set[str]:
    """Ids of a story's findings."""
    return {finding.check for finding in story.findings}  # type: ignore[attr-defined]


def test_a_retry_is_one_story() -> None:
    (story,) = stories(put_off(0) + put_off(60) + taken(400))
    assert (story.kind, story.outcome, story.sessions) == ("retry", "delivered", [1, 2, 3])
    assert story.mail_from == "s@a.example.net"
    assert story.recipients == ["r@mx.example"]
    assert story.message_id == "<1@a.example.net>"
    assert checks(story) == {"retry-succeeded", "rcpt-greylisted"}
    assert [a.outcome for a in story.attempts] == ["deferred", "deferred", "delivered"]
    assert story.attempts[0].reply == "451 4.3.0 Try again later"
    assert "put off at 10:00:00 by 192.0.2.9:25" in story.text
    assert "tried again after 5 min 40 s, accepted" in story.text
    assert story.text.endswith("6 min 40 s from first to last.")


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        (put_off(0) + taken(400, "client=192.0.2.77"), True),  # greylisting sees a network
        (put_off(0) + taken(400, "client=192.0.3.1"), False),
        (put_off(0) + taken(400, "server_port=587"), False),  # a next hop, not a next attempt
        (put_off(0) + taken(400, "server=192.0.2.10"), True),
        (put_off(0) + taken(90_000), False),  # a day later
        (taken(0) + taken(400).replace("@H", r'C "Message-ID: <2@a>\r\n\r\nx\r\n"'), False),
        (put_off(0) + put_off(400).replace("r@mx", "q@mx"), False),
        (put_off(0) + put_off(400).replace("r@mx", "R@MX"), True),
    ],
)
def test_what_belongs_together(text: str, joined: bool) -> None:
    assert bool(stories(text)) == joined


def sized(at: int, size: int, reply: str = "451 4.7.1 later") -> str:
    """An attempt whose size is announced."""
    return (
        f"SESSION at={at} ; @G ; @E\n"
        rf'C "MAIL FROM:<s@a.example.net> SIZE={size}\r\n" ; S "250 2.1.0 Ok\r\n"'
        "\n"
        rf'C "RCPT TO:<r@mx.example>\r\n" ; S "{reply}\r\n" ; @Q'
        "\n"
    )


def test_sizes_tell_mails_under_way_apart() -> None:
    found = stories(sized(0, 100) + sized(1, 200) + sized(300, 100) + sized(301, 200))
    assert [s.sessions for s in found] == [[1, 3], [2, 4]]


def test_a_refusal_repeated_is_told_as_surely_as_it_is_known() -> None:
    no = "550 5.1.1 User unknown"
    (story,) = stories(sized(0, 100, no) + sized(300, 100, no))
    (finding,) = (f for f in story.findings if f.check == "retry-after-permanent")
    assert finding.confidence == "likely"
    assert not stories(sized(0, 100, no) + sized(300, 101, no))
    assert not stories(sized(0, 100, no).replace(" SIZE=100", "") + put_off(4000))


def test_some_recipients_now_and_some_later() -> None:
    both = r"""
        @T ; C "RCPT TO:<q@mx.example>\r\n" ; S "450 4.2.0 Greylisted\r\n" ; @D ; @H ; @X ; @Q
    """
    later = (
        r'SESSION at=300 ; @G ; @E ; @M ; C "RCPT TO:<q@mx.example>\r\n"'
        r' ; S "250 2.1.5 Ok\r\n" ; @D ; @H ; @X ; @Q'
    )
    (story,) = stories(both + later)
    assert story.recipients == ["r@mx.example", "q@mx.example"]
    assert story.outcome == "delivered"
    assert "msg-duplicate-sent" not in checks(story)
    assert "retry-succeeded" in checks(story)
    assert "rcpt-greylisted" not in checks(story)  # the session has said it, in so many words


def test_another_body_under_the_same_message_id_is_no_duplicate() -> None:
    changed = taken(900).replace("@H", r'C "Message-ID: <1@a.example.net>\r\n\r\nother\r\n"')
    lost = '@T ; @D ; @H ; C ".\\r\\n" ; +60 RST S\n'
    assert "msg-duplicate-sent" in checks(stories(lost + taken(900))[0])
    assert "msg-duplicate-sent" not in checks(stories(lost + changed)[0])


def test_the_next_server_is_a_fallback() -> None:
    (story,) = stories("SYN C ; RSTACK S\n" + taken(5, "server=192.0.2.10"))
    assert (story.kind, story.sessions) == ("fallback", [1, 2])
    assert story.text.startswith(
        "Mail from <s@a.example.net> for <r@mx.example>: no luck with 192.0.2.9:25"
    )
    (story,) = stories(put_off(0) + taken(5, "server=192.0.2.10"))
    (finding,) = (f for f in story.findings if f.check == "mx-fallback")
    assert (story.kind, finding.confidence) == ("fallback", "certain")


def test_a_busy_client_is_not_guessed_about() -> None:
    others = "".join(
        rf'SESSION at=1.{n} client=192.0.2.1 ; OPEN ; S "220 mx.example\r\n" ; @Q' + "\n"
        for n in range(1, 9)
    )
    refused = "SESSION at=3 ; SYN C ; RSTACK S\n"
    assert not [s for s in stories(others + refused + taken(6, "server=192.0.2.10")) if s.attempts]


@pytest.mark.parametrize("framing", ["without_server", "without_client"])
def test_one_side_alone_tells_no_story(framing: str) -> None:
    assert not stories(taken(0) + taken(400), framing)
    assert stories(taken(0) + taken(400))


def test_what_was_accepted_is_sent_again_rather_than_tried() -> None:
    (story,) = stories(put_off(0) + taken(400) + taken(500))
    assert "tried again after 6 min 40 s, accepted" in story.text
    assert "sent again after 1 min 40 s, accepted" in story.text
    assert (story.kind, story.outcome) == ("duplicate", "delivered")


def test_what_a_client_thinks_better_of_is_no_attempt() -> None:
    again = r'@T ; C "RSET\r\n" ; S "250 Ok\r\n" ; @M ; @R ; @D ; @H ; @X ; @Q'
    assert not stories(again)


def test_single_attempts_are_told_on_demand() -> None:
    (story,) = stories(taken(0), read={"every": True})
    assert (story.kind, story.outcome, story.sessions) == ("single", "delivered", [1])


def test_wire_text_is_harmless_in_sentences() -> None:
    hostile = put_off(0).replace("Try again", r"\x1b]0;pwned\x07")
    (story,) = stories(hostile + taken(400))
    assert "\x1b" not in story.text
    assert all("\x1b" not in finding.text for finding in story.findings)
