"""The dialogue language against itself: what is written is what is sent."""

from __future__ import annotations

import pytest

from .compiler import LARGEST, SYN_OPTIONS, compile_text
from .language import DialogueError, common_macros, parse, parse_macros
from .packet import ACK, BYSTANDER, EPOCH, FIN, PSH, RST, SECOND, SYN, Flow, Packet

ISN = (1000, 5000)


def wire(text: str) -> list[tuple[float, str, int, int, int, bytes]]:
    """Compile to (seconds, direction, flags, seq, ack, payload)."""
    packets = compile_text(text, isn=ISN)
    return [
        ((p.time - EPOCH) / SECOND, p.direction, p.flags, p.seq, p.ack, p.payload) for p in packets
    ]


def test_open_takes_one_round_trip_with_the_tap_in_the_middle() -> None:
    assert wire("OPEN") == [
        (0.0, "C", SYN, 1000, 0, b""),
        (0.01, "S", SYN | ACK, 5000, 1001, b""),
        (0.02, "C", ACK, 1001, 5001, b""),
    ]
    assert [p.options for p in compile_text("OPEN")] == [SYN_OPTIONS, SYN_OPTIONS, b""]


def test_segments_acknowledge_all_seen_so_far() -> None:
    assert wire('OPEN\nS "220 x\\r\\n"\nC "a"*3\n+1.5 C "b"\nFIN S\nFIN C\nACK S')[3:] == [
        (0.03, "S", PSH | ACK, 5001, 1001, b"220 x\r\n"),
        (0.04, "C", PSH | ACK, 1001, 5008, b"aaa"),
        (1.54, "C", PSH | ACK, 1004, 5008, b"b"),
        (1.55, "S", FIN | ACK, 5008, 1005, b""),
        (1.56, "C", FIN | ACK, 1005, 5009, b""),
        (1.57, "S", ACK, 5009, 1006, b""),
    ]


def test_stale_segment_has_not_seen_the_one_before_it() -> None:
    sent = wire('S "one"\nS "two"\nC "x" stale\nC "y"')
    assert [ack for _, side, _, _, ack, _ in sent if side == "C"] == [5004, 5007]


def test_syn_again_repeats_its_number() -> None:
    sent = wire("SYN C\n+1.0 SYN C\n+2.0 OPEN")
    assert [(time, seq) for time, _, _, seq, _, _ in sent] == [
        (0.0, 1000),
        (1.0, 1000),
        (3.0, 1000),
        (3.01, 5000),
        (3.02, 1001),
    ]


def test_ports_used_again_begin_with_other_numbers() -> None:
    first, second = (p.seq for p in compile_text("OPEN\nRST C\nOPEN") if p.flags == SYN)
    assert second > first + 1


def test_refusal_acknowledges_the_syn() -> None:
    assert wire("SYN C\nRSTACK S")[1] == (0.01, "S", RST | ACK, 0, 1001, b"")


def test_gap_is_acknowledged_but_not_captured() -> None:
    packets = compile_text('C "a"\nGAP C 100\nC "b"', isn=ISN)
    assert [p.captured for p in packets] == [True, False, True, True]
    assert [(p.direction, p.seq, p.ack) for p in packets] == [
        ("C", 1001, 5001),
        ("C", 1002, 5001),
        ("S", 5001, 1102),
        ("C", 1102, 5001),
    ]


def test_lost_segment_comes_again_and_is_never_acknowledged() -> None:
    sent = wire('C "a"\nLOSS C "bc" 4\nACK S\nC "d"\nACK S')
    assert [time for time, *_, payload in sent if payload == b"bc"] == [0.01, 1.01, 3.01, 7.01]
    assert [seq for *_, seq, _, payload in sent if payload == b"bc"] == [1002] * 4
    assert [ack for _, side, _, _, ack, _ in sent if side == "S"] == [1002, 1005]


def test_window_is_scaled() -> None:
    closed, small = compile_text("WIN S 0\nWIN C 1280")
    assert (closed.window, small.window) == (0, 10)


def test_end_shows_that_the_capture_went_on() -> None:
    last = compile_text("@G\nEND")[-1]
    assert (last.direction, last.time - EPOCH) == (BYSTANDER, 400_030_000_000)


def test_payload_beyond_any_segment_is_cut() -> None:
    packets = compile_text(f'C "x"*{LARGEST + 1}')
    assert {len(p.payload) for p in packets[:-1]} == {1460}
    assert sum(len(p.payload) for p in packets) == LARGEST + 1


def test_sequence_numbers_wrap() -> None:
    packets = compile_text('OPEN\nC "abcd"\nS "x"', isn=(0xFFFFFFFE, 7))
    assert [p.seq for p in packets if p.direction == "C"] == [0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFF]
    assert packets[-1].ack == 3


def test_escapes_and_strings_in_a_row() -> None:
    (packet,) = compile_text(r'C "a\r\n\0\t\x41\xff\"\\;#@é"*2 "z"  # a comment')
    assert packet.payload == b'a\r\n\0\tA\xff"\\;#@\xc3\xa9' * 2 + b"z"


def test_macro_is_its_events_the_first_after_the_delay() -> None:
    events = parse("+5 @Q ; FIN C")
    assert [(e.verb, e.delay) for e in events] == [
        ("C", 5 * SECOND),
        ("S", None),
        ("FIN", None),
        ("FIN", None),
        ("FIN", None),
    ]


def test_macros_of_macros_and_of_the_text() -> None:
    assert parse("@T") == parse("@G\n@E\n@M\n@R")
    assert [e.payload for e in parse('@W = C "x"\n@W\n@W')] == [b"x", b"x"]
    assert set(common_macros()) == {*"GEMRDHXQT", "EN", "ET", "EA", "CH", "SH"}


def test_sessions_have_ports_and_times_of_their_own() -> None:
    text = 'SESSION\nC "a"\nSESSION at=30\nC "b"\nSESSION port=9 server=192.0.2.10 at=20\nC "c"'
    found = [(p.payload, (p.time - EPOCH) // SECOND, p.flow) for p in compile_text(text)]
    assert found == [
        (b"a", 0, Flow()),
        (b"c", 20, Flow(("192.0.2.1", 9), ("192.0.2.10", 25))),
        (b"b", 30, Flow(("192.0.2.1", 40001))),
    ]


def test_session_without_a_time_follows_the_one_before() -> None:
    first, second = compile_text('SESSION\nC "a"\nSESSION\nC "b"')
    assert second.time - first.time == SECOND


def test_every_packet_is_a_frame_of_its_own() -> None:
    packets: list[Packet] = compile_text("@T\n@D\n@H\n@X\n@Q")
    assert [p.ident for p in packets] == list(range(1, len(packets) + 1))


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("HELLO", (1, 1), "expected an event"),
        ("OPEN\n  C", (2, 4), 'expected "bytes" at the end'),
        ("OPEN\nC stale", (2, 3), 'expected "bytes", not'),
        (r'C "a\q"', (1, 5), r"no escape \q"),
        (r'C "a\xg1"', (1, 5), r"no escape \x"),
        ('C "a', (1, 3), "cannot read"),
        ('C "a" b', (1, 7), "too much"),
        ("OPEN ; FIN X", (1, 12), "expected C or S"),
        ("GAP C many", (1, 7), "expected a number"),
        ("@NONE", (1, 1), "no macro @NONE"),
        ("+x OPEN", (1, 1), "cannot read"),
        ("@G @EA", (1, 4), "too much"),
        ("SESSION prot=1", (1, 9), "no setting prot"),
        ("OPEN\nSESSION at=soon", (2, 1), "could not convert"),
    ],
)
def test_errors_say_where(text: str, where: tuple[int, int], what: str) -> None:
    with pytest.raises(DialogueError) as caught:
        compile_text(text)
    assert what in str(caught.value)
    assert (caught.value.line, caught.value.column) == where


def test_errors_in_macros_say_where() -> None:
    with pytest.raises(DialogueError, match="line 2, column 7: cannot read '@@'"):
        parse_macros("@A = OPEN\n@B  = @@")
    with pytest.raises(DialogueError, match="line 1, column 1: expected @NAME"):
        parse_macros("OPEN")
