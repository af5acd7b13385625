"""TCP: segments in columns become connections with two ordered byte streams.

`stream`      ordered bytes that know their frames, times and gaps
`reassembly`  the patient way: one segment at a time, for streams that are not in order
`connection`  two sides, how they began and ended
`trouble`     what was sent again, overtaken, held back: for the few connections that had any
`experts`     what a segment means to its connection, by Wireshark's rules
`trips`       round trips at the tap
`errors`      what ICMP says of its packets
`injection`   resets that somebody else sent
`columns`     a window of segments grouped, and what can be said of all groups at once
`standouts`   what stands out in them: FIN, RST, the SYN's offers, windows, pauses
`windows`     receive windows that were full or closed, of streams that are in order
`joining`     the quick way, for streams that are in order
`counting`    counts of a connection that is not in order
`patience`    rows of a connection that is not in order
`table`       all connections of a capture, window by window (with those from `columns` on it
              imports numpy; the others do not)
"""

from smtpsniff.tcp.connection import Conflict, Connection, Mark, Side
from smtpsniff.tcp.stream import Gap, Stream, covers

__all__ = ["Conflict", "Connection", "Gap", "Mark", "Side", "Stream", "covers"]
