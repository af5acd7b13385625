"""Where the time went: disjoint parts that add up to the session's duration.

`delays`  the walk over the timeline
`losses`  when the network had lost something
`waits`   the stretches that were long, one by one, for checks
"""

from smtpsniff.timing.delays import PARTS, delays
from smtpsniff.timing.waits import Wait

__all__ = ["PARTS", "Wait", "delays"]
