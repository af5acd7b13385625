"""Message bytes in blocks: the same answers as from a plain walk over lines."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from smtpsniff.smtp.body import Body
from smtpsniff.smtp.extensions import LONGEST_LINE
from smtpsniff.smtp.octets import BLOCK, look

# Line lengths around the limit, and around where blocks and stretches end.
SIZES = st.one_of(
    st.integers(0, 80),
    st.integers(LONGEST_LINE - 3, LONGEST_LINE + 3),
    st.integers(0, 3 * LONGEST_LINE),
)
LINES = st.lists(st.tuples(SIZES, st.sampled_from([b"\r\n", b"\n"])), max_size=40)


def plain(message: bytes) -> list[int]:
    """Lengths of all lines that have an end, without it."""
    return [len(line.removesuffix(b"\r")) for line in message.split(b"\n")[:-1]]


@given(LINES, st.integers(0, 2 * BLOCK), st.lists(st.integers(0, 50_000), max_size=5))
@example([(LONGEST_LINE + 1, b"\n")], BLOCK - 500, [])
@example([(LONGEST_LINE + 1, b"\r\n")], BLOCK - 3, [])
def test_long_lines(lines: list[tuple[int, bytes]], before: int, cuts: list[int]) -> None:
    """However the message comes in, in chunks of BDAT."""
    fill = (b"a" * 70 + b"\r\n") * (before // 72) + b"b" * (before % 72) + b"\r\n"
    message = fill + b"".join(b"x" * size + end for size, end in lines)
    body = Body("bdat", 0)
    at = 0
    for cut in [*sorted(min(c, len(message)) for c in cuts), len(message)]:
        body.take_chunk(message[at:cut])
        at = cut
    long = [size for size in plain(message) if size > LONGEST_LINE]
    assert (body.long_lines, body.longest) == (len(long), max(long, default=0))
    assert body.line == len(message) - message.rfind(b"\n") - 1
    assert body.bare_lf == message.count(b"\n") - message.count(b"\r\n")
    assert body.bare_cr == 0


@given(st.binary(max_size=300), st.integers(1, 7), st.binary(max_size=300))
def test_small_and_large_see_the_same(head: bytes, times: int, tail: bytes) -> None:
    data = head * times + tail
    padded = data + b"\r\n" * 600  # so that numpy looks at it
    seen = look(padded, 0, len(padded))
    assert seen.dots == [i for i in range(1, len(padded)) if padded[i - 1 : i + 1] == b"\n."]
    assert seen.nul == (b"\0" in data)
    assert seen.eight_bit == (not data.isascii())
