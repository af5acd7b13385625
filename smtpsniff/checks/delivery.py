"""Checks of what became of each mail: for whom it was taken, for whom not, and why (D.12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.delivery_reasons import REASON_CHECKS, names
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import answer, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Recipient, Severity, Transaction
    from smtpsniff.smtp.model import Exchange, Letter

__all__ = ["CHECKS"]

_REFUSED = ("deferred", "rejected")


def _letters(view: View) -> Iterator[tuple[Letter, Transaction]]:
    return zip(
        (x for x in view.dialogue.letters if not x.void), view.session.transactions, strict=False
    )


def _refused(letter: Letter, record: Transaction) -> tuple[list[Exchange], list[Recipient]]:
    """The recipients that were refused or put off, and their commands."""
    pairs = [
        (rcpt, recipient)
        for rcpt, recipient in zip(letter.recipients, record.recipients, strict=False)
        if recipient.outcome in _REFUSED
    ]
    return [rcpt for rcpt, _ in pairs], [recipient for _, recipient in pairs]


@check(
    "delivery-partial",
    group="delivery",
    severity="warning",
    reference="RFC 5321 §3.3, §4.5.4.1",
    wakes=("outcome:partial",),
    fires=r"""
        @T ; C "RCPT TO:<nobody@mx.example>\r\n" ; S "550 5.1.1 User unknown\r\n" ; @D ; @H ; @X
    """,
    silent=r"""
        @T ; C "RCPT TO:<nobody@mx.example>\r\n" ; S "550 5.1.1 User unknown\r\n" ; @Q
    """,
)
def delivery_partial(view: View) -> Iterator[Hit]:
    """Some people get the letter, some do not.

    Trigger: of the recipients of one mail some were accepted, with the message, and others were
        refused or put off.
    Advice: see to those that failed.
    Traps: none known.
    """
    for letter, record in _letters(view):
        if record.outcome != "partial":
            continue
        taken = sum(r.outcome == "accepted" for r in record.recipients)
        commands, failed = _refused(letter, record)
        if failed and all(view.clean(e) for e in commands):
            yield view.at(
                f"{taken} of {plural(len(record.recipients), 'recipient')} got the message, not: "
                f"{names(r.address for r in failed)}.",
                commands[0],
            )


def _is_callout(letter: Letter, record: Transaction) -> bool:
    """Whether the client only asked whether an address exists."""
    return record.mail_from == "" and letter.data is None


@check(
    "delivery-failed-all",
    group="delivery",
    severity="error",
    reference="RFC 5321 §3.3",
    wakes=("outcome:rejected", "outcome:deferred"),
    fires=r"""
        @G ; @E ; @M ; C "RCPT TO:<r@mx.example>\r\n" ; S "550 5.1.1 User unknown\r\n" ; @Q
    """,
    silent=r"""
        @T ; C "RCPT TO:<nobody@mx.example>\r\n" ; S "550 5.1.1 User unknown\r\n" ; @D ; @H ; @X
    """,
)
def delivery_failed_all(view: View) -> Iterator[Hit]:
    """Nobody got the letter.

    Trigger: a mail with recipients, none of whom the server took it for; a warning if it only
        asked to wait.
    Advice: see the reasons.
    Traps: a server that asks with an empty sender, and no DATA, whether an address exists sends
        no letter: a note.
    """
    for letter, record in _letters(view):
        if record.outcome not in _REFUSED or not record.recipients:
            continue
        commands, failed = _refused(letter, record)
        if not failed or not all(view.clean(e) for e in commands):
            continue
        severity: Severity = "error" if record.outcome == "rejected" else "warning"
        if _is_callout(letter, record):
            severity = "note"
        number = len(record.recipients)
        whom = "its only recipient" if number == 1 else f"any of its {number} recipients"
        yield view.at(
            f"The message was not taken for {whom}: {names(r.address for r in failed)}.",
            commands[0], severity=severity,
        )  # fmt: skip


def _why_unknown(view: View, letter: Letter) -> str:
    """Why nobody can tell."""
    eom, gaps = letter.eom, view.client.stream.gaps or view.server.stream.gaps
    if not view.two_sided:
        return "only one direction was captured"
    if gaps:
        return "packets are missing from the recording"
    if view.session.ended == "capture-ended":
        return "the recording ends before the server's verdict"
    if eom is not None and not eom.replies:
        return "the server never answered the message"
    return "the connection ended before the server's verdict"


@check(
    "delivery-outcome-unknown",
    group="delivery",
    severity="note",
    reference="RFC 1047",
    wakes=("outcome:unknown", "outcome:ambiguous"),
    fires=r"""
        @T ; @D ; @H ; C ".\r\n" ; FIN S ; FIN C
    """,
    silent=r"""
        @T ; @D ; @H ; @X
    """,
)
def delivery_outcome_unknown(view: View) -> Iterator[Hit]:
    """From this recording one cannot tell whether the mail arrived.

    Trigger: a recipient for whom neither acceptance nor refusal was seen.
    Advice: look into the server's logs, or record for longer.
    Traps: a recording that ends early, lacks packets or one direction shows no more.
    """
    for letter, record in _letters(view):
        unknown = [r.address for r in record.recipients if r.outcome == "unknown"]
        if unknown:
            yield view.at(
                f"What became of the message for {names(unknown)} cannot be seen: "
                f"{_why_unknown(view, letter)}.",
                letter.eom or letter.data or letter.recipients[-1],
            )


@check(
    "delivery-rejected-after-data",
    group="delivery",
    severity="note",
    reference="RFC 5321 §3.3",
    wakes=("refused:<eom>", "refused:BDAT"),
    fires=r"""
        @T ; @D ; @H ; C ".\r\n" ; S "550 5.7.1 No\r\n"
    """,
    silent=r"""
        @T ; @D ; @H ; C ".\r\n" ; S "451 4.3.0 Later\r\n"
    """,
)
def delivery_rejected_after_data(view: View) -> Iterator[Hit]:
    """The addressees were fine but the letter itself was refused.

    Trigger: 5yz to the message although every RCPT was accepted.
    Advice: look at content and policy.
    Traps: "user unknown" at this point is a bad habit of the server: the place for it is RCPT.
    """
    if view.dialogue.lmtp:
        return  # there each recipient has a reply of its own
    for letter, record in _letters(view):
        eom = letter.eom
        if eom is None or eom.reply is None or eom.reply.kind != 5 or not view.clean(eom):
            continue
        if letter.recipients and all(rcpt.accepted for rcpt in letter.recipients):
            late = any(r.reason == "unknown-user" for r in record.recipients)
            yield view.at(
                f"All recipients were accepted, then the message was refused: {answer(eom.reply)}"
                f"{', which should have been said at RCPT' if late else ''}.",
                eom,
            )


@check(
    "address-change-reply",
    group="delivery",
    severity="note",
    reference="RFC 5321 §3.4",
    wakes=("moved",),
    fires=r"""
        @G ; @E ; @M
        C "RCPT TO:<anna@mx.example>\r\n" ; S "551 5.1.6 User not local; try <a@new.example>\r\n"
        @Q
    """,
    silent=r"""
        @G ; @E ; @M
        C "RCPT TO:<anna@mx.example>\r\n" ; S "550 5.1.1 User unknown\r\n"
        @Q
    """,
)
def address_change_reply(view: View) -> Iterator[Hit]:
    """The server says that the person has moved.

    Trigger: a recipient, or VRFY, was answered 251 (it forwards) or 551 (it does not).
    Advice: write to the new address that the reply names, if you trust the server.
    Traps: such replies tell strangers where a person is; many servers say 250 or 550 instead.
    """
    for exchange, reply in view.answered("RCPT", "VRFY"):
        if reply.code in (251, 551):
            what = "and is forwarded" if reply.code == 251 else "and is not forwarded"
            yield view.at(f"The address has changed {what}: {answer(reply)}.", exchange)


CHECKS = (
    *REASON_CHECKS,
    address_change_reply,
    delivery_partial,
    delivery_failed_all,
    delivery_outcome_unknown,
    delivery_rejected_after_data,
)
