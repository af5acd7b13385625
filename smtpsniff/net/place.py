"""Headers that are yet to be read: where they stand, and what is there at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Columns = NDArray[np.int64]

# What a header is said to be by the one before it. EtherTypes stand for themselves; the
# other number spaces are set apart by what is added to them.
PROTOCOL = 1 << 16  # + an IP protocol number
PORT = 2 << 16  # + a UDP port
PPP = 3 << 16  # + a PPP protocol number
LINK = 4 << 16  # + a LINKTYPE_ value
OTHER = 5 << 16
VERSION = OTHER + 0  # IP; its first four bits say which
LLC = OTHER + 1  # an 802.2 header
FRAMED_PPP = OTHER + 2  # a PPP protocol field, perhaps behind HDLC's address and control
WIFI = OTHER + 3  # what an 802.11 data frame carries: 802.2, or several frames of it
LABELS = OTHER + 4  # what follows the last MPLS label
NOTHING = -1  # no header that could lead to TCP

ETHERNET = LINK + 1


@dataclass(slots=True)
class Places:
    """Where headers of one kind stand, in order of their packets; one row a header."""

    row: Columns  # of the packet in its batch
    at: Columns  # offset of the header
    end: Columns  # offset behind the last byte that was there on the wire, captured or not
    stop: Columns  # offset behind the last byte that was captured

    def __len__(self) -> int:
        return len(self.row)

    def pick(self, chosen: NDArray[Any]) -> Places:
        """Some of the rows, by mask or by index."""
        return Places(self.row[chosen], self.at[chosen], self.end[chosen], self.stop[chosen])


def together(parts: Sequence[Places]) -> Places:
    """Several as one, in order of their packets."""
    if len(parts) == 1:
        return parts[0]
    row = np.concatenate([part.row for part in parts])
    order = np.argsort(row, kind="stable")
    columns = (
        np.concatenate([getattr(part, name) for part in parts])[order]
        for name in ("at", "end", "stop")
    )
    return Places(row[order], *columns)


def kinds_of(kind: NDArray[Any]) -> list[int]:
    """The different kinds in a column, without sorting where there is but one."""
    if not len(kind):
        return []
    if (kind == kind[0]).all():
        return [int(kind[0])]
    found: list[int] = np.unique(kind).tolist()
    return found
