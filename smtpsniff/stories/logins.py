"""Logins over many sessions: passwords guessed, or one password on many accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.registry import check
from smtpsniff.stories.events import Caller, Sighting, names
from smtpsniff.stories.saying import at, elapsed

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CHECKS"]

_FAILED = r"""
        @A = @G ; @EA ; C "AUTH PLAIN AHVzZXIAZ3Vlc3MwMA==\r\n" ; S "535 5.7.8 no\r\n" ; @Q
"""
_GUESSES = _FAILED + "".join(
    f"        SESSION at={n * 10} ; @G ; @EA ; "
    rf'C "AUTH PLAIN AHVzZXIAZ3Vlc3Mw{letter}A==\r\n" ; S "535 5.7.8 no\r\n" ; @Q' + "\n"
    for n, letter in enumerate("ABCDEFGHIJKL")
)
# user0, user1 … with the same password.
_USERS = (
    "AHVzZXIwAHB3", "AHVzZXIxAHB3", "AHVzZXIyAHB3", "AHVzZXIzAHB3", "AHVzZXI0AHB3",
    "AHVzZXI1AHB3", "AHVzZXI2AHB3", "AHVzZXI3AHB3", "AHVzZXI4AHB3", "AHVzZXI5AHB3",
)  # fmt: skip
_SPRAY = "".join(
    f"        SESSION at={n * 60} ; @G ; @EA ; "
    rf'C "AUTH PLAIN {user}\r\n" ; S "535 5.7.8 no\r\n" ; @Q' + "\n"
    for n, user in enumerate(_USERS)
)


@check(
    "auth-bruteforce",
    group="security",
    severity="warning",
    reference="RFC 4954 §9",
    wakes=("login-failed", "login-accepted"),
    fires=_GUESSES,
    silent=_FAILED + "        @A\n        SESSION at=9 ; @A\n        SESSION at=18 ; @A\n",
)
def auth_bruteforce(
    caller: Caller, *, failures: int = 10, user: int = 5, within: float = 600.0
) -> Iterator[Sighting]:
    """Someone is guessing passwords.

    Trigger: ten failed logins (`failures`) or more from one client at one server within ten
        minutes (`within`), five (`user`) or more of them as the same user where users are seen;
        an error if one of that client's logins is accepted after them.
    Advice: block the client (fail2ban); where it got in, reset that password at once.
    Traps: a device with an old password tries the same one again and again; the sentence says so.
    Thresholds:
        failures (times, at least 1): failed logins.
        user (times): of them as the same user, where any user is seen.
        within (s): the time in which they were made.
    """
    latest = caller.last("login-failed")
    if latest is None:
        return
    failed = caller.recent("login-failed", within, latest.server)
    users = [event.what for event in failed if event.what]
    often = max(map(users.count, set(users)), default=0)
    if failures > len(failed) or (users and often < user):
        return
    where = at(latest.server, latest.port)
    spent = elapsed(failed[-1].time - failed[0].time)
    same = len({event.detail for event in failed})
    text = f"{caller.name} failed to log in at {where} {len(failed)} times within {spent}"
    if same == 1:
        text += ", always with the same user and password: an old password, rather than guesses"
    accepted = [
        event
        for event in caller.recent("login-accepted", within, latest.server)
        if event.time - failed[0].time >= 0 and event.session >= failed[-1].session
    ]
    if accepted:
        text += f", and then was let in (session {accepted[0].session})"
    yield Sighting(
        text, failed + accepted[:1], "login-failed", where, "error" if accepted else None
    )


@check(
    "auth-password-spray",
    group="security",
    severity="warning",
    reference="RFC 4954 §9; NIST SP 800-63B §5.2.2",
    wakes=("login-failed", "server:login-failed"),
    fires=_SPRAY,
    silent=_GUESSES,
)
def auth_password_spray(
    caller: Caller, *, users: int = 10, sources: int = 10, within: float = 3600.0
) -> Iterator[Sighting]:
    """One password is tried on many accounts, or many machines try on one.

    Trigger: failed logins for ten users (`users`) or more from one client, or from ten clients
        (`sources`) or more for one user, within an hour (`within`).
    Advice: lock accounts after failures, ask for a second factor, block where nobody of yours is.
    Traps: a whole office can share an address: only users that failed count.
    Thresholds:
        users (users, at least 2): distinct users that failed.
        sources (clients, at least 2): distinct clients that failed as the same user.
        within (s): the time in which they failed.
    """
    failed = [event for event in caller.recent("login-failed", within) if event.what]
    if len(failed) < min(users, sources):
        return
    found = names(failed)
    if len(found) >= users and failed[-1].client == caller.name:
        spent = elapsed(failed[-1].time - failed[0].time)
        text = f"{caller.name} failed to log in as {len(found)} different users within {spent}"
        yield Sighting(text, failed, "login-failed", "users")
    if failed[-1].client == caller.name:
        return
    at_one = [event for event in failed if event.what == failed[-1].what]
    clients = {event.client for event in at_one}
    if len(clients) >= sources:
        text = (
            f"{len(clients)} clients failed to log in as the same user at "
            f"{at(failed[-1].server, failed[-1].port)} within "
            f"{elapsed(at_one[-1].time - at_one[0].time)}"
        )
        yield Sighting(text, at_one, "server:login-failed", failed[-1].what)


CHECKS = (auth_bruteforce, auth_password_spray)
