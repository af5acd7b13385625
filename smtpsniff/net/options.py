"""TCP options as columns (RFC 9293 3.2, RFC 7323, RFC 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from smtpsniff.capture.batch import gather
from smtpsniff.net.batch import Options
from smtpsniff.net.headers import BYTE, SHORT, TCP, WORD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from smtpsniff.net.batch import SegmentBatch

    Columns = NDArray[np.int64]

MOST = 40  # bytes that a data offset of 15 leaves for options, hence options at most

END, NOTHING, MSS, WINDOW_SCALE, SACK_PERMITTED, TIMESTAMPS = 0, 1, 2, 3, 4, 8

# (kind, length) -> the values in it: column, layout, offset from the kind
VALUES: dict[tuple[int, int], list[tuple[str, np.dtype[Any], int]]] = {
    (MSS, 4): [("mss", SHORT, 2)],
    (WINDOW_SCALE, 3): [("window_scale", BYTE, 2)],
    (SACK_PERMITTED, 2): [("sack_permitted", BYTE, 0)],
    (TIMESTAMPS, 10): [("tsval", WORD, 2), ("tsecr", WORD, 6)],
}


def options(batch: SegmentBatch, rows: Columns | slice) -> Options:
    """The options of some segments; an option of a wrong length is skipped like an unknown one.

    All rows take a step together, from one option to the next, until none has any left. A
    length that cannot be ends the row's walk; where an option comes twice, the later one counts.
    """
    position = batch.transport[rows] + TCP.itemsize
    stop = batch.payload[rows]  # the end of the header, or of what was captured of it
    columns = {
        name: np.full(len(position), -1, np.int64)
        for values in VALUES.values()
        for name, _, _ in values
    }
    active = np.flatnonzero(position < stop)
    for _ in range(MOST):
        if not active.size:
            break
        at, end = position[active], stop[active]
        kind = gather(batch.buffer, at, BYTE)
        size = gather(batch.buffer, at + 1, BYTE).astype(np.int64)
        size[kind == NOTHING] = 1
        fits = (kind != END) & (at + size <= end) & ((size >= 2) | (kind == NOTHING))
        active, at, kind, size = active[fits], at[fits], kind[fits], size[fits]
        for (number, length), values in VALUES.items():
            chosen = np.flatnonzero((kind == number) & (size == length))
            for name, layout, offset in values if chosen.size else ():
                columns[name][active[chosen]] = gather(batch.buffer, at[chosen] + offset, layout)
        position[active] = at + size
        active = active[position[active] < stop[active]]
    return Options(
        mss=columns["mss"],
        window_scale=columns["window_scale"],
        sack_permitted=columns["sack_permitted"] >= 0,
        tsval=columns["tsval"],
        tsecr=columns["tsecr"],
    )
