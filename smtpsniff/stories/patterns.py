"""Runs the checks on clients and servers as their sessions come, and joins what they see."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from smtpsniff.addresses import is_private
from smtpsniff.checks.registry import Hit
from smtpsniff.stories.events import SECOND, Caller
from smtpsniff.stories.facts import Event
from smtpsniff.stories.memory import Memory
from smtpsniff.stories.saying import at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from smtpsniff.checks.choice import Choice
    from smtpsniff.checks.registry import Check
    from smtpsniff.stories.events import Sighting
    from smtpsniff.stories.facts import Facts

__all__ = ["Pattern", "Patterns"]

HOUR = 3600 * SECOND
# Clients and servers that are remembered, about 1 KB each with a few events.
MAX_CALLERS = 20_000
# A pattern that was quiet for so long is over; what comes later is another.
QUIET = HOUR
# Sessions that a story names; a run of spam has more than anybody reads.
MAX_SESSIONS = 1000
# Frames that prove a pattern: of its first events.
EVIDENCES = 5
_CLEAR = frozenset({"unused", "not-offered", "fallback", "refused"})


class Pattern:
    """A pattern that was seen and may go on."""

    __slots__ = ("check", "count", "end", "sessions", "sighting", "start", "total")

    def __init__(self, check: Check, sighting: Sighting) -> None:
        self.check = check
        self.sighting = sighting
        self.sessions = list(dict.fromkeys(event.session for event in sighting.seen))
        self.count = self.total = len(sighting.seen)
        self.start = min(event.time for event in sighting.seen)
        self.end = max(event.time for event in sighting.seen)

    def again(self, sighting: Sighting) -> None:
        """The same pattern with more in it."""
        self.sighting = sighting
        self.count = len(sighting.seen)

    def longer(self, number: int, time: int, events: int) -> None:
        """It went on, with so many events in one more session."""
        self.total += events
        self.end = max(self.end, time)
        if self.sessions[-1] != number and len(self.sessions) < MAX_SESSIONS:
            self.sessions.append(number)

    def hit(self) -> Hit:
        """The finding's text, frames and time."""
        sighting = self.sighting
        more = f"; {self.total} in all" if self.total > self.count else ""
        first = sighting.seen[0]
        frames = [e.frame for e in sighting.seen[:EVIDENCES] if e.file == first.file]
        return Hit(
            f"{sighting.text}{more}.", frames, first.time, None, sighting.severity,
            sighting.confidence,
        )  # fmt: skip


class _Rule(NamedTuple):
    check: Check
    run: Callable[[Caller], Iterable[Sighting]]


class Patterns:
    """Takes facts in order of their sessions, and gives patterns that are over."""

    def __init__(self, checks: Iterable[Check], choice: Choice, most: int = MAX_CALLERS) -> None:
        self._rules: dict[str, list[_Rule]] = {}
        for check in checks:
            if check.id not in choice.off:
                for kind in check.wakes:
                    self._rules.setdefault(kind, []).append(_Rule(check, choice.run(check)))
        self._of_servers = {kind[7:] for kind in self._rules if kind.startswith("server:")}
        self._relaying: dict[str, tuple[Caller, Facts]] = {}  # servers to be looked at
        self._clients: Memory[str, Caller] = Memory(most, 24 * HOUR)
        self._servers: Memory[tuple[str, int], Caller] = Memory(most, 24 * HOUR)
        self._failed_tls: Memory[str, bool] = Memory(most, HOUR)
        self._open: dict[tuple[str, str, str], Pattern] = {}
        self._swept = 0

    @property
    def full(self) -> bool:
        """Whether clients or servers were forgotten before their time."""
        return self._clients.full or self._servers.full

    def add(self, facts: Facts) -> None:
        """One more session."""
        client = self._clients.young.get(facts.client) or self._clients.get(facts.client)
        if client is None:
            self._clients[facts.client] = client = Caller(facts.client)
        if client.called(facts) > 1 or facts.accepted + facts.refused > 1:
            self._look("call", client, facts, 1)
        if facts.events:
            self._events(client, facts)
        if facts.starttls or facts.accepted:
            self._server(client, facts)

    def busy(self, client: str) -> int:
        """Sessions that this client began within the last minute."""
        known = self._clients.get(client)
        return len(known.calls) if known is not None else 0

    def _events(self, client: Caller, facts: Facts) -> None:
        """What was notable in it, for the client and where many clients matter for the server."""
        kinds: dict[str, int] = {}
        for event in facts.events:
            client.happened(event, facts)
            kinds[event.kind] = kinds.get(event.kind, 0) + 1
        for kind, count in kinds.items():
            if kind == "tls-failed":
                self._failed_tls[facts.client] = True
            self._look(kind, client, facts, count)
            if kind in self._of_servers:
                server = self._server_of(facts)
                for event in facts.events:
                    if event.kind == kind:
                        server.happened(event, facts)
                self._look(f"server:{kind}", server, facts, count)

    def _server(self, client: Caller, facts: Facts) -> None:
        """What healthy sessions tell too: TLS that was offered or not used, whom mail is for."""
        if facts.starttls:
            self._offers(facts)
        if not facts.accepted:
            return
        if self._failed_tls and facts.starttls in _CLEAR and self._failed_tls.get(facts.client):
            sent = next((attempt for attempt in facts.tries if attempt.sent), None)
            if sent is not None:
                client.happened(Event("clear-mail", "", "", sent.frame), facts)
                self._look("clear-mail", client, facts, 1)
        if "relayed" in self._of_servers and not is_private(facts.client):
            self._relayed(facts)

    def _offers(self, facts: Facts) -> None:
        """STARTTLS offered, or not, to this client: once for each."""
        server = self._server_of(facts)
        offered = facts.starttls != "not-offered"
        if not server.first_times(offered or facts.client, 1):
            return
        masked = next((event.what for event in facts.events if event.kind == "masked"), "")
        kind = "tls-offered" if offered else "tls-not-offered"
        server.happened(Event(kind, masked, "", facts.frame), facts)
        self._look("server:tls-not-offered", server, facts, 1)

    def _relayed(self, facts: Facts) -> None:
        """Domains that mail was accepted for, from a client that is nobody in particular."""
        if any(event.kind == "login-accepted" for event in facts.events):
            return
        server = self._server_of(facts)
        found = {
            (person.address.rpartition("@")[2].lower(), attempt.sender.rpartition("@")[2].lower())
            for attempt in facts.tries
            for person in attempt.recipients
            if person.outcome == "accepted" and "@" in person.address
        }
        for domain, sender in sorted(found):
            if server.first_times((facts.client, domain, sender), 2):
                server.happened(Event("relayed", domain, sender, facts.frame), facts)
                self._relaying[server.name] = (server, facts)

    def _server_of(self, facts: Facts) -> Caller:
        key = (facts.server, facts.port)
        server = self._servers.young.get(key) or self._servers.get(key)
        if server is None:
            self._servers[key] = server = Caller(at(*key))
        return server

    def _look(self, kind: str, caller: Caller, facts: Facts, events: int) -> None:
        """Let the checks that wait for a kind of event look at who had one."""
        for rule in self._rules.get(kind, ()):
            known = self._open.get((rule.check.id, caller.name, "")) if self._open else None
            if known is not None and known.sighting.counts == kind and self._goes_on(known, facts):
                known.longer(facts.number, facts.start, events)
                if known.total < 2 * known.count:  # looked at anew each time it has doubled
                    continue
            for sighting in rule.run(caller):
                self._saw(rule.check, caller, sighting, facts)

    def _goes_on(self, pattern: Pattern, facts: Facts) -> bool:
        return facts.start - pattern.end <= QUIET

    def _saw(self, check: Check, caller: Caller, sighting: Sighting, facts: Facts) -> None:
        key = (check.id, caller.name, sighting.of)
        known = self._open.get(key)
        if known is None or not self._goes_on(known, facts):
            if known is not None:
                self._open[(*key[:2], f"{key[2]}\0{known.start}")] = known  # over, told later
            self._open[key] = Pattern(check, sighting)
            return
        total, sessions = known.total, known.sessions
        known.again(sighting)
        known.total = max(total, known.count)
        fresh = [e.session for e in sighting.seen if e.session > sessions[-1]]
        sessions += list(dict.fromkeys(fresh))[: MAX_SESSIONS - len(sessions)]
        known.end = max(known.end, facts.start)

    def _look_at_relays(self) -> None:
        """Whose domains are whose shows only over many mails: not after each of them."""
        for server, facts in self._relaying.values():
            self._look("server:relayed", server, facts, 1)
        self._relaying.clear()

    def over(self, now: int) -> Iterator[Pattern]:
        """Patterns that will not go on; looked for once in an hour of the capture's time."""
        self._clients.turn(now)
        self._servers.turn(now)
        self._failed_tls.turn(now)
        if now - self._swept < HOUR:
            return
        self._swept = now
        self._look_at_relays()
        for key, pattern in list(self._open.items()):
            if now - pattern.end > QUIET:
                del self._open[key]
                yield pattern

    def drain(self) -> Iterator[Pattern]:
        """All that is left."""
        self._look_at_relays()
        everything = sorted(self._open.values(), key=lambda p: (p.start, p.check.id))
        self._open.clear()
        yield from everything
