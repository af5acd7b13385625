"""Servers that seem to carry mail between strangers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.registry import check
from smtpsniff.stories.events import Caller, Happening, Sighting, names
from smtpsniff.stories.saying import known

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CHECKS"]

_LOCAL = "".join(
    f"""
        SESSION at={n * 100} client=203.0.113.{n} server=198.51.100.9
        @G ; @E ; C "MAIL FROM:<s{n}@sender{n}.example>\\r\\n" ; S "250 2.1.0 Ok\\r\\n" ; @R
        @D ; @H ; @X ; @Q
    """
    for n in (1, 2)
)
_STRANGE = "".join(
    f"""
        SESSION at={1000 + n * 100} client=203.0.113.66 server=198.51.100.9
        @G ; @E ; C "MAIL FROM:<s@spam.example>\\r\\n" ; S "250 2.1.0 Ok\\r\\n"
        C "RCPT TO:<r@foreign{n}.example>\\r\\n" ; S "250 2.1.5 Ok\\r\\n"
        @D ; @H ; @X ; @Q
    """
    for n in (1, 2)
)


@check(
    "open-relay-suspected",
    group="security",
    severity="warning",
    reference="RFC 5321 §7.9; RFC 2505 §2.1",
    wakes=("server:relayed",),
    fires=_LOCAL + _STRANGE,
    silent=_LOCAL,
)
def open_relay_suspected(
    server: Caller, *, sources: int = 2, domains: int = 2
) -> Iterator[Sighting]:
    """The server seems to carry mail between strangers.

    Trigger: a client with a public address that did not log in has mail accepted, in two sessions
        or more, for two (`domains`) or more domains that the server takes mail for from nobody
        else, while there are others that it takes for several clients (`sources`); neither they
        nor the sender's domain are the server's own. Always only possible.
    Advice: relay for your own networks and for who logs in, for nobody else.
    Traps: a smarthost relays for clients it knows, a backup server for domains of others. One
        session alone proves nothing and is never told.
    Thresholds:
        sources (clients, at least 2): a domain that so many send mail for is the server's own.
        domains (domains, at least 1): strange ones of one client.
    """
    taken = server.recent("relayed", float("inf"))
    senders: dict[str, set[str]] = {}
    for event in taken:
        senders.setdefault(event.what, set()).add(event.client)
    own = {domain for domain, clients in senders.items() if len(clients) >= sources}
    if not own:
        return
    by_client: dict[str, list[Happening]] = {}
    for event in taken:
        if not _is_own(event.what, own) and not _is_own(event.detail, own):
            by_client.setdefault(event.client, []).append(event)
    for client, events in by_client.items():
        strange = names(events)
        if len(strange) >= domains and len({event.session for event in events}) > 1:
            text = (
                f"{server.name} took mail from {client}, which did not log in, for "
                f"{', '.join(map(known, strange[:3]))}"
                f"{f' and {len(strange) - 3} more domains' if len(strange) > 3 else ''}, "
                f"though it seems to be there for {', '.join(sorted(map(known, own))[:3])}"
            )
            yield Sighting(text, events, "server:relayed", client, confidence="possible")


def _is_own(domain: str, own: set[str]) -> bool:
    """Whether a domain is one of these, or within one."""
    return any(domain == name or domain.endswith("." + name) for name in own)


CHECKS = (open_relay_suspected,)
