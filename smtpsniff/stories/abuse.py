"""Clients that look for addresses, pour out mail, or bother strangers (PROTOCOL D.13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.registry import check
from smtpsniff.checks.view import quote
from smtpsniff.stories.events import Caller, Happening, Sighting, names
from smtpsniff.stories.saying import at, elapsed, people

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CHECKS"]


def _unknown(count: int, reply: str) -> str:
    """A dialogue with so many recipients, all answered the same."""
    lines = "".join(
        f'        C "RCPT TO:<user{n:02}@mx.example>\\r\\n" ; S "{reply}\\r\\n"\n'
        for n in range(count)
    )
    return f"        @G ; @E ; @M\n{lines}        @Q\n"


def _spent(events: list[Happening]) -> str:
    return elapsed(events[-1].time - events[0].time)


def _within(events: list[Happening]) -> str:
    """How long it took, as the end of a sentence."""
    if events[-1].session == events[0].session:
        return "in one session"
    return f"within {_spent(events)}"


@check(
    "directory-harvest",
    group="security",
    severity="warning",
    reference="RFC 5321 §7.3",
    wakes=("unknown-user", "question"),
    fires=_unknown(20, "550 5.1.1 User unknown"),
    silent=_unknown(25, "451 4.7.1 Greylisted"),
)
def directory_harvest(
    caller: Caller, *, addresses: int = 20, share: float = 60.0, within: float = 3600.0
) -> Iterator[Sighting]:
    """Someone is guessing which addresses exist.

    Trigger: one client names twenty (`addresses`) or more different recipients that the server
        does not know within an hour (`within`), and 60 % (`share`) or more of all it names are
        refused; or asks for so many with VRFY or EXPN and is refused.
    Advice: slow down or cut off clients with many errors.
    Traps: an old mailing list looks the same, but most of its recipients exist.
    Thresholds:
        addresses (addresses, at least 2): different recipients refused as unknown.
        share (%): of the client's recipients that were refused.
        within (s): the time in which they were named.
    """
    total = caller.accepted + caller.refused
    many = caller.refused >= addresses and caller.refused * 100 >= share * total
    unknown = caller.recent("unknown-user", within) if many else []
    found = names(unknown) if len(unknown) >= addresses else []
    if found and len(found) >= addresses:
        text = (
            f"{caller.name} named {len(found)} recipients that do not exist, "
            f"{_within(unknown)}, {people(found[:2])} among them"
        )
        yield Sighting(text, unknown, "unknown-user")
    asked = [e for e in caller.recent("question", within) if e.detail[:1] == "5"]
    if len(asked) >= addresses and len(names(asked)) >= addresses:
        text = f"{caller.name} asked for {len(names(asked))} addresses in vain, {_within(asked)}"
        yield Sighting(text, asked, "question", "asked")


@check(
    "vrfy-expn-probing",
    group="security",
    severity="note",
    reference="RFC 5321 §3.5, §7.3",
    wakes=("question",),
    fires=r"""
        @G ; @E
        C "VRFY root\r\n" ; S "252 2.0.0 root\r\n"
        C "VRFY admin\r\n" ; S "252 2.0.0 admin\r\n"
        C "EXPN staff\r\n" ; S "502 5.5.1 no\r\n"
        @Q
    """,
    silent=r"""
        @G ; @E
        C "VRFY r\r\n" ; S "252 2.0.0 r\r\n"
        @Q
    """,
)
def vrfy_expn_probing(
    caller: Caller, *, questions: int = 3, within: float = 600.0
) -> Iterator[Sighting]:
    """Someone asks the server to reveal addresses.

    Trigger: three (`questions`) or more VRFY or EXPN within ten minutes (`within`); a warning if
        the server told anything (250 or 251).
    Advice: answer 252 to VRFY, and switch EXPN off.
    Traps: other servers may ask once, to verify a sender.
    Thresholds:
        questions (questions, at least 1): VRFY and EXPN commands.
        within (s): the time in which they were asked.
    """
    asked = caller.recent("question", within)
    if len(asked) < questions:
        return
    told = [event for event in asked if event.detail in ("250", "251")]
    text = f"{caller.name} asked {len(asked)} times for addresses, {_within(asked)}"
    text += f"; {quote(told[0].what)} was answered {told[0].detail}" if told else ""
    yield Sighting(text, asked, "question", severity="warning" if told else None)


@check(
    "backscatter-suspected",
    group="security",
    severity="warning",
    reference="RFC 5321 §4.5.5, §3.6.3",
    wakes=("notice",),
    fires="\n".join(
        f"        SESSION at={n} ; @G ; @E\n"
        r'        C "MAIL FROM:<>\r\n" ; S "250 2.1.0 Ok\r\n"'
        f' ; C "RCPT TO:<v{n}@victim{n % 12}.example>\\r\\n"'
        r' ; S "250 2.1.5 Ok\r\n" ; @D'
        r' ; C "Subject: Undelivered Mail Returned to Sender\r\n\r\nx\r\n" ; @X ; @Q'
        for n in range(20)
    ),
    silent="\n".join(
        f"        SESSION at={n} ; @G ; @E\n"
        r'        C "MAIL FROM:<>\r\n" ; S "250 2.1.0 Ok\r\n" ; C "RCPT TO:<list@mx.example>\r\n"'
        r' ; S "250 2.1.5 Ok\r\n" ; @D'
        r' ; C "Subject: Undelivered Mail Returned to Sender\r\n\r\nx\r\n" ; @X ; @Q'
        for n in range(20)
    ),
)
def backscatter_suspected(
    caller: Caller, *, mails: int = 20, recipients: int = 10, within: float = 600.0
) -> Iterator[Sighting]:
    """The host sends bounce notices to innocent people.

    Trigger: twenty (`mails`) or more mails with an empty sender within ten minutes (`within`) to
        ten (`recipients`) or more different recipients, most of them notices of non-delivery.
    Advice: refuse unknown recipients in the SMTP dialogue instead of sending a notice later.
    Traps: a list's host sends many notices to its own one address.
    Thresholds:
        mails (mails, at least 1): with an empty sender.
        recipients (recipients, at least 1): different ones among them.
        within (s): the time in which they were sent.
    """
    sent = caller.recent("notice", within)
    if len(sent) < mails:
        return
    bounces = sum(event.detail == "bounce" for event in sent)
    to = names(sent)
    if len(to) >= recipients and bounces * 2 > len(sent):
        text = (
            f"{caller.name} sent {len(sent)} notices with an empty sender to {len(to)} different "
            f"recipients, {_within(sent)}, {people(to[:2])} among them"
        )
        yield Sighting(text, sent, "notice", confidence="likely")


@check(
    "spam-cannon-rate",
    group="security",
    severity="note",
    reference="RFC 5321 §7.8",
    wakes=("call",),
    fires="\n".join(f"        SESSION at={n} ; @T ; @Q" for n in range(30)),
    silent="\n".join(f"        SESSION at={n * 3} ; @T ; @Q" for n in range(30)),
)
def spam_cannon_rate(
    caller: Caller,
    *,
    sessions: int = 30,
    recipients: int = 100,
    named: int = 200,
    success: float = 50.0,
) -> Iterator[Sighting]:
    """A machine is pouring out mail.

    Trigger: one client makes thirty (`sessions`) or more connections, or has a hundred
        (`recipients`) or more recipients accepted, within a minute; or has named two hundred
        (`named`) or more of whom less than half (`success`) were accepted.
    Advice: see what this machine is: an account or host that was taken over, or a sender of bulk
        mail that should slow down.
    Traps: relays and list servers do this all day; know yours.
    Thresholds:
        sessions (sessions, at least 2): begun within a minute.
        recipients (recipients, at least 1): accepted within a minute.
        named (recipients, at least 1): named in all, before their success counts.
        success (%): of the recipients that were accepted.
    """
    calls = caller.calls
    total = caller.accepted + caller.refused
    many = len(calls) >= sessions
    taken = sum(call[1] for call in calls) if len(calls) > 1 or caller.accepted else 0
    poor = total >= named and caller.accepted * 100 < success * total
    if not (many or taken >= recipients or poor):
        return
    seconds = elapsed(max(calls[-1][0] - calls[0][0], 1_000_000))
    text = f"{caller.name} began {len(calls)} sessions within {seconds}"
    if taken:
        text += f" and had {taken} recipients accepted"
    if poor:
        text = f"{caller.name} named {total} recipients, of whom {caller.accepted} were accepted"
    seen = [
        Happening(start, number, frame, None, caller.name, "", 0, "", "")
        for start, _, number, frame in calls
    ]
    yield Sighting(text, seen, "call")


@check(
    "connection-rate-limited",
    group="security",
    severity="note",
    reference="RFC 5321 §4.5.4.2, §7.8",
    wakes=("rate-limited",),
    fires="\n".join(
        f"        SESSION at={n * 5} ; "
        r'OPEN ; S "421 4.7.0 too many connections\r\n" ; FIN S ; FIN C'
        for n in range(3)
    ),
    silent=r"""
        OPEN ; S "421 4.7.0 too many connections\r\n" ; FIN S ; FIN C
        SESSION at=60 ; @T ; @Q
    """,
)
def connection_rate_limited(
    caller: Caller, *, refusals: int = 3, within: float = 600.0
) -> Iterator[Sighting]:
    """The server is turning away too many calls.

    Trigger: three (`refusals`) or more sessions of one client with one server within ten minutes
        (`within`) begin with 421 or another 4yz, or are refused for their rate.
    Advice: let the sender make fewer connections at a time, and more mails in each.
    Traps: a server that has trouble of its own turns away everybody.
    Thresholds:
        refusals (sessions, at least 1): that were turned away.
        within (s): the time in which they were.
    """
    latest = caller.last("rate-limited")
    if latest is None:
        return
    turned = caller.recent("rate-limited", within, latest.server)
    if len({event.session for event in turned}) >= refusals:
        where = at(latest.server, latest.port)
        text = f"{where} turned {caller.name} away {len(turned)} times, {_within(turned)}"
        yield Sighting(text, turned, "rate-limited", where)


@check(
    "callout-probe",
    group="security",
    severity="note",
    reference="Postfix ADDRESS_VERIFICATION_README; Exim specification §44.45",
    wakes=("callout",),
    fires=r"""
        @G ; @E
        C "MAIL FROM:<>\r\n" ; S "250 2.1.0 Ok\r\n" ; @R
        @Q
    """,
    silent=r"""
        @T
        @Q
    """,
)
def callout_probe(caller: Caller, *, within: float = 600.0) -> Iterator[Sighting]:
    """Another server only checks whether an address exists.

    Trigger: MAIL with an empty sender, or one made for verifying, one RCPT, and then RSET or
        QUIT without a message; three at most in a session.
    Advice: normal where senders are verified; let that server remember the answers.
    Traps: spammers ask in the same way; many different addresses are directory-harvest.
    Thresholds:
        within (s): questions this close together are told as one.
    """
    asked = caller.recent("callout", within)
    if asked:
        text = f"{caller.name} asked whether {people(names(asked))} exists, and sent nothing"
        yield Sighting(text, asked, "callout")


CHECKS = (
    directory_harvest,
    vrfy_expn_probing,
    backscatter_suspected,
    spam_cannon_rate,
    connection_rate_limited,
    callout_probe,
)
