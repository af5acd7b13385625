"""What stands in a stretch of message bytes, asked once for all questions.

A message is looked at in blocks that fit the processor's cache: one pass of numpy over a block
costs a few microseconds, where the methods of `bytes` would walk megabytes again for each
question.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smtpsniff.smtp.extensions import LONGEST_LINE

__all__ = ["Long", "Look", "long_lines", "look", "unstuff"]

BLOCK = 1 << 17
# Below this many bytes the methods of `bytes` are faster than numpy's call overhead.
SMALL = 1024
# A line longer than may be leaves at least one whole stretch of half that length without a LF,
# wherever the stretches begin.
STRETCH = LONGEST_LINE // 2
_STRETCHES = np.arange(0, BLOCK, STRETCH)


class Look(NamedTuple):
    """What `look` saw.

    `clean`: every LF follows a CR and every CR is followed by a LF. `dots`: where a dot follows
    a LF. `eight_bit`, `nul`: such a byte is there. `sparse`: LFs are so far apart that a line may
    be too long.
    """

    clean: bool
    dots: list[int]
    eight_bit: bool
    nul: bool
    sparse: bool


def look(data: bytes, start: int, end: int) -> Look:
    """Look at ``data[start:end]``, taken for itself: a CR at its end counts as bare."""
    if end - start < SMALL:
        return _look_small(data, start, end)
    clean, eight_bit, nul, sparse = True, False, False, False
    dots: list[int] = []
    after_cr = after_lf = False
    for at in range(start, end, BLOCK):
        values = np.frombuffer(data, np.uint8, min(BLOCK, end - at), at)
        feeds, returns = values == 10, values == 13
        if clean:
            clean = bool(feeds[0]) is after_cr and not _any(feeds[1:] != returns[:-1])
        if after_lf and int(values[0]) == 46:
            dots.append(at)
        leading = feeds[:-1] & (values[1:] == 46)
        if _any(leading):
            dots += (np.flatnonzero(leading) + (at + 1)).tolist()
        eight_bit = eight_bit or int(values.max()) > 127
        nul = nul or data.find(0, at, at + len(values)) >= 0
        if not sparse:
            fed = np.maximum.reduceat(feeds, _STRETCHES[: -(-len(values) // STRETCH)])
            # The last stretch is shorter; in the last block, what follows will tell.
            sparse = not bool(fed.all() if len(values) == BLOCK else fed[:-1].all())
        after_cr, after_lf = bool(returns[-1]), bool(feeds[-1])
    return Look(clean and not after_cr, dots, eight_bit, nul, sparse)


def _any(flags: np.ndarray) -> bool:
    """Whether one of them is set. `argmax` stops at the first, and takes a fourth of `any`."""
    return bool(len(flags)) and bool(flags[flags.argmax()])


def _look_small(data: bytes, start: int, end: int) -> Look:
    chunk = data[start:end]
    pairs = chunk.count(b"\r\n")
    dots: list[int] = []
    at = chunk.find(b"\n.")
    while at >= 0:
        dots.append(start + at + 1)
        at = chunk.find(b"\n.", at + 1)
    return Look(
        chunk.count(b"\n") == pairs and chunk.count(b"\r") == pairs,
        dots,
        not chunk.isascii(),
        b"\0" in chunk,
        end - start > LONGEST_LINE,
    )


class Long(NamedTuple):
    """Lines longer than `LONGEST_LINE`: how many, the longest one, where the first begins."""

    lines: int
    longest: int
    at: int


def long_lines(data: bytes, start: int, end: int, before: int, *, stuffed: bool) -> Long:
    """Too long lines that end in ``data[start:end]``; of the first, `before` octets came earlier.

    The line end does not count, nor does the dot that stuffing puts before a line.
    """
    lines = longest = 0
    at = -1
    line = start - before
    for block in range(start, end, BLOCK):
        values = np.frombuffer(data, np.uint8, min(BLOCK, end - block), block)
        ends = np.flatnonzero(values == 10) + block
        if not len(ends):
            continue
        begins = np.concatenate(([line], ends[:-1] + 1))
        line = int(ends[-1]) + 1
        for i in np.flatnonzero(ends - begins > LONGEST_LINE).tolist():
            begin, feed = int(begins[i]), int(ends[i])
            size = feed - begin - (data[feed - 1] == 13)
            size -= stuffed and begin >= start and data[begin] == 46
            if size > LONGEST_LINE:
                lines += 1
                longest = max(longest, size)
                at = begin if at < 0 else at
    return Long(lines, longest, at)


def unstuff(data: bytes, start: int, end: int, dots: list[int]) -> tuple[bytes, bool]:
    """``data[start:end]`` without the dots that stuffing added (RFC 5321 §4.5.2).

    Of `dots`, those that follow a CRLF go. The second value says whether one of them was not
    doubled: the sender had forgotten to stuff.
    """
    parts: list[bytes] = []
    forgotten = False
    for dot in dots:
        if dot - 2 < start or data[dot - 2] != 13:
            continue  # behind a bare LF no dot was added
        parts.append(data[start:dot])
        start = dot + 1
        forgotten |= data[start : start + 1] != b"."
    parts.append(data[start:end])
    return b"".join(parts), forgotten
