"""What stands in a stretch of message bytes, asked once for all questions.

A message is looked at in blocks that fit the processor's cache: one pass of numpy over a block
costs a few microseconds, where the methods of `bytes` would walk megabytes again for each
question.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Look", "look"]

BLOCK = 1 << 17
# Below this many bytes the methods of `bytes` are faster than numpy's call overhead.
SMALL = 1024


class Look(NamedTuple):
    """`clean`: every LF follows a CR and every CR is followed by a LF. `dots`: a dot begins a
    line (follows a LF). `eight_bit`, `nul`: such a byte is there."""

    clean: bool
    dots: bool
    eight_bit: bool
    nul: bool


def look(data: bytes, start: int, end: int) -> Look:
    """Look at ``data[start:end]``, taken for itself: a CR at its end counts as bare."""
    if end - start < SMALL:
        chunk = data[start:end]
        pairs = chunk.count(b"\r\n")
        return Look(
            chunk.count(b"\n") == pairs and chunk.count(b"\r") == pairs,
            b"\n." in chunk,
            not chunk.isascii(),
            b"\0" in chunk,
        )
    clean, dots, eight_bit, nul = True, False, False, False
    after_cr = after_lf = False
    for at in range(start, end, BLOCK):
        values = np.frombuffer(data, np.uint8, min(BLOCK, end - at), at)
        feeds, returns = values == 10, values == 13
        clean = clean and bool(feeds[0]) is after_cr and np.array_equal(feeds[1:], returns[:-1])
        dots = dots or (after_lf and values[0] == 46) or bool((values[1:][feeds[:-1]] == 46).any())
        eight_bit = eight_bit or bool(values.max() > 127)
        nul = nul or bool(values.min() == 0)
        after_cr, after_lf = bool(returns[-1]), bool(feeds[-1])
    return Look(clean and not after_cr, dots, eight_bit, nul)
