"""Encryption over several sessions: given up, or taken out on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.registry import check
from smtpsniff.stories.events import Caller, Sighting
from smtpsniff.stories.saying import at, elapsed, known

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CHECKS"]


@check(
    "tls-fallback-to-plaintext",
    group="security",
    severity="warning",
    reference="RFC 7435; RFC 8461",
    wakes=("clear-mail",),
    fires=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n" ; @CH
        S "\x15\x03\x03\x00\x02\x02\x28" ; FIN S ; FIN C
        SESSION at=5
        @T ; @D ; @H ; @X ; @Q
    """,
    silent=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n" ; @CH
        S "\x15\x03\x03\x00\x02\x02\x28" ; FIN S ; FIN C
        SESSION at=2000
        @T ; @D ; @H ; @X ; @Q
    """,
)
def tls_fallback_to_plaintext(caller: Caller, *, within: float = 600.0) -> Iterator[Sighting]:
    """When encryption failed, the mail was sent unprotected.

    Trigger: STARTTLS was refused or the handshake failed, and within ten minutes (`within`) the
        same client sends a message to the same server without STARTTLS.
    Advice: mend TLS on the server; MTA-STS and DANE keep senders from giving it up.
    Traps: another transport for that domain may do without TLS by design.
    Thresholds:
        within (s): from the session that failed to the one in clear text.
    """
    clear = caller.last("clear-mail")
    if clear is None:
        return
    failed = [
        event
        for event in caller.recent("tls-failed", within)
        if event.server == clear.server
        and event.port == clear.port
        and 0 <= clear.time - event.time <= within * 1e9
    ]
    if failed:
        text = (
            f"STARTTLS {known(failed[-1].what)} between {caller.name} and "
            f"{at(clear.server, clear.port)} (session {failed[-1].session}), and "
            f"{elapsed(clear.time - failed[-1].time)} later the mail went in clear text "
            f"(session {clear.session})"
        )
        yield Sighting(text, [failed[-1], clear], of=at(clear.server, clear.port))


@check(
    "starttls-stripped-suspected",
    group="security",
    severity="warning",
    reference="RFC 3207 §6; RFC 8461 §1",
    wakes=("server:tls-not-offered",),
    fires=r"""
        @G ; @ET ; @Q
        SESSION client=192.0.2.77
        @G ; C "EHLO b.example.net\r\n" ; S "250-mx.example\r\n250 XXXXXXXA\r\n" ; @Q
    """,
    silent=r"""
        @G ; @ET ; @Q
        SESSION server=192.0.2.10
        @G ; @E ; @Q
    """,
)
def starttls_stripped_suspected(server: Caller) -> Iterator[Sighting]:
    """Something between the two probably removed the encryption offer.

    Trigger: the server offered STARTTLS in one session and not in another, whose client
        introduced itself with EHLO; likely if a keyword there is blacked out with X, else
        possible.
    Advice: look for firewalls that inspect SMTP; use MTA-STS and DANE.
    Traps: servers hide STARTTLS from some clients on purpose, and the machines behind one address
        may differ.
    """
    offered = server.last("tls-offered")
    without = server.last("tls-not-offered")
    if offered is None or without is None:
        return
    masked = f", where {known(without.what)} looks blacked out" if without.what else ""
    text = (
        f"{server.name} offered STARTTLS to {offered.client} (session {offered.session}), and not "
        f"to {without.client} (session {without.session}){masked}"
    )
    yield Sighting(
        text, [offered, without], "server:tls-not-offered", without.client,
        confidence="likely" if masked else "possible",
    )  # fmt: skip


CHECKS = (tls_fallback_to_plaintext, starttls_stripped_suspected)
