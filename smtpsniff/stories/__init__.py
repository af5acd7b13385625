"""Stories: one mail over several sessions, and the patterns that only several sessions show.

`facts`      what is kept of each session, made where it was analysed
`chronicle`  puts sessions in order, joins, and tells what is over
`mails`      attempts at the same mail, joined; `memory` forgets what is old
`retries`    the checks on one mail's attempts
`patterns`   runs the checks on clients and servers: `abuse`, `logins`, `encryption`, `relays`
`events`     what those checks see: the recent events of one client or server
`telling`    from all that to `Story` records

The checks have the same form as those on one session (`smtpsniff.checks.registry`). They wake on
``mail`` (several attempts) or on a kind of event (`facts.Event.kind`); with ``server:`` in front,
the events of all clients of one server.
"""

from smtpsniff.checks import CATALOGUE as SESSION_CHECKS
from smtpsniff.checks import Check
from smtpsniff.stories import abuse, encryption, logins, relays, retries
from smtpsniff.stories.chronicle import Chronicle
from smtpsniff.stories.facts import Facts, facts_of, pack, unpack

__all__ = ["CATALOGUE", "STORY_CHECKS", "Chronicle", "Facts", "facts_of", "pack", "unpack"]

STORY_CHECKS: tuple[Check, ...] = (
    *retries.CHECKS,
    *abuse.CHECKS,
    *logins.CHECKS,
    *encryption.CHECKS,
    *relays.CHECKS,
)

# A check that can speak of one session and of several has one entry: the session's.
_KNOWN = frozenset(check.id for check in SESSION_CHECKS)
CATALOGUE: tuple[Check, ...] = (
    *SESSION_CHECKS,
    *(check for check in STORY_CHECKS if check.id not in _KNOWN),
)
