"""TCP: segments in columns become connections with two ordered byte streams.

`stream`      ordered bytes that know their frames, times and gaps
`reassembly`  the patient way: one segment at a time, for streams that are not in order
`connection`  two sides, how they began and ended
`table`       all connections of a capture, window by window; most need no patience
"""

from smtpsniff.tcp.connection import Conflict, Connection, Mark, Side
from smtpsniff.tcp.stream import Gap, Stream, covers
from smtpsniff.tcp.table import Table

__all__ = ["Conflict", "Connection", "Gap", "Mark", "Side", "Stream", "Table", "covers"]
