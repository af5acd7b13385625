"""A look at payloads without taking them out of the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from smtpsniff.capture.batch import gather
from smtpsniff.net.headers import WORD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from smtpsniff.net.batch import SegmentBatch


def first_bytes(batch: SegmentBatch, rows: NDArray[np.int64] | slice) -> NDArray[np.uint32]:
    """The first four payload bytes as one big-endian number; 0 where fewer were captured."""
    words = gather(batch.buffer, batch.payload[rows], WORD).astype(np.uint32)
    words[batch.captured[rows] < WORD.itemsize] = 0
    return words
