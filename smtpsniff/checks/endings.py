"""Checks of endings that are none: what some servers take for the end of a message (A.3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.checks.offers import replied
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import answer, duration, plural
from smtpsniff.checks.view import quote
from smtpsniff.smtp.verbs import VERBS
from smtpsniff.tcp.stream import covers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.smtp.body import Body, Variant
    from smtpsniff.smtp.model import Exchange, Letter, Reply

__all__ = ["ENDING_CHECKS", "by_sight"]

# What testers send and no server takes for an end: a dot and two CRs.
_HARMLESS = re.compile(rb"\r\n\.\r\r+\n")


def by_sight(body: Body) -> Variant | None:
    """The variant that the client meant as its end: it is the last thing of an open message."""
    if body.complete or body.framing != "data" or not body.variants:
        return None
    last = body.variants[-1]
    return last if last.end == body.end else None


def _followers(view: View, eom: Exchange) -> list[Exchange]:
    """What the client sent behind the end of a message."""
    exchanges = view.dialogue.exchanges
    return exchanges[exchanges.index(eom) + 1 :]


def _smuggled(view: View, letter: Letter) -> list[Exchange]:
    """Commands that the server obeyed although the client was still within its message.

    The client went on without waiting for a receipt, and its own end, the standard one, came
    later. A client that ends all its messages so, and waits, smuggles nothing.
    """
    eom, body = letter.eom, letter.body
    if eom is None or body is None or body.accepted_variant is None or not view.clean(eom):
        return []
    after = _followers(view, eom)
    if not after or not after[0].early:
        return []
    for exchange in after:
        if exchange.line.rstrip(b"\r\n") == b"." and exchange.verb != "<eom>":
            return after
        ended = exchange.body
        if exchange.verb == "<eom>" and ended is not None and ended.accepted_variant is None:
            return after if ended.complete else []
    return []


@check(
    "smuggling-eod-variant",
    group="security",
    severity="warning",
    reference="RFC 5321 §4.1.1.4, CVE-2023-51764, CVE-2023-51765, CVE-2023-51766",
    wakes=("variants",),
    fires=r"""
        @T ; @D ; C "Subject: t\r\n\r\nhi\n.\r\nMAIL FROM:<a@victim.example>\r\nDATA\r\n.\r\n"
        S "250 2.0.0 Ok\r\n"
    """,
    silent=r"""
        @T ; @D ; C "Subject: t\r\n\r\nhi\n.\r\nsaid the cat\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
)
def smuggling_eod_variant(view: View) -> Iterator[Hit]:
    """The letter hides a fake "end of letter" followed by mail commands.

    Trigger: within a DATA message a dot between line ends that are not both CRLF, and a MAIL, EHLO
        or RSET command right behind it.
    Advice: treat it as an attack; see that the sending side corrects line ends and the receiving
        side demands CRLF.CRLF.
    Traps: without commands behind it, it is a letter with Unix line ends; CRLF, dot, CR, CRLF is
        what testers send, and harmless.
    """
    for letter in view.dialogue.letters:
        body, data = letter.body, letter.data
        if body is None or data is None or not body.variants or not view.clean(data):
            continue
        if not body.complete or (body.accepted_variant and not _smuggled(view, letter)):
            continue
        for variant in body.variants:
            if variant.suspicious and not _HARMLESS.fullmatch(variant.bytes):
                yield view.at(
                    f"The message hides {quote(variant.bytes)}, which some servers take for its "
                    f"end, and mail commands behind it{replied(letter.eom or data)}.",
                    letter.eom or data,
                )


@check(
    "smuggling-eod-accepted",
    group="security",
    severity="error",
    reference="RFC 5321 §4.1.1.4",
    wakes=("variant-accepted",),
    fires=r"""
        @T ; @D
        C "Subject: t\r\n\r\nhi\n.\r\nMAIL FROM:<a@victim.example>\r\nDATA\r\nx\r\n.\r\n"
        S "250 Ok\r\n250 Ok\r\n354 go\r\n250 Ok\r\n"
    """,
    silent=r"""
        @T ; @D
        C "Subject: t\r\n\r\nhi\n.\r\nMAIL FROM:<a@victim.example>\r\nDATA\r\nx\r\n.\r\n"
        S "250 2.0.0 Ok\r\n"
    """,
)
def smuggling_eod_accepted(view: View) -> Iterator[Hit]:
    """The server fell for the fake ending and took a second, forged letter.

    Trigger: the server answers, one by one, commands that stand behind a variant of the end within
        a message whose sender had not come to its own end.
    Advice: update or configure the receiving server at once.
    Traps: a client that always ends its letters so, and waits for the receipt, is merely wrong.
    """
    for letter in view.dialogue.letters:
        smuggled = _smuggled(view, letter)
        if smuggled and letter.body is not None and letter.body.accepted_variant is not None:
            names = [e for e in smuggled if e.verb in ("MAIL", "RCPT")][:2] or smuggled[:1]
            lines = " and ".join(quote(e.line.rstrip()) for e in names)
            hit = view.at(
                f"The server took {quote(letter.body.accepted_variant.bytes)} for the end of the "
                f"message and obeyed what stood behind it: {lines}{replied(smuggled[0])}.",
                letter.eom,
            )
            hit.frames = [*hit.frames, *(e.reply.frame for e in smuggled[:3] if e.reply)]
            yield hit


def _unasked(view: View, variant: Variant) -> Reply | None:
    """What the server said to a variant at the very end of the client's bytes."""
    end = view.client.stream.after(variant.end)
    return next((r for r in view.dialogue.unsolicited if covers(r.ack, end)), None)


@check(
    "eod-nonstandard",
    group="message",
    severity="warning",
    reference="RFC 5321 §4.1.1.4",
    wakes=("variant-accepted", "hanging"),
    fires=r"""
        @T ; @D ; C "Subject: t\n\nhi\n.\n" ; S "250 2.0.0 Ok\r\n" ; @Q
    """,
    silent=r"""
        @T ; @D ; C "Subject: t\n\nhi\n.\n" ; C "more\r\n.\r\n" ; S "250 2.0.0 Ok\r\n" ; @Q
    """,
)
def eod_nonstandard(view: View) -> Iterator[Hit]:
    """The sender closed the letter with the wrong ending.

    Trigger: the client ends its message with a variant of CRLF.CRLF, and the server takes it, or
        both wait until the connection ends: then it is an error.
    Advice: correct the client; strict servers wait for ever.
    Traps: a variant with commands behind it, in one breath, is smuggling.
    """
    for letter in view.dialogue.letters:
        body, eom, data = letter.body, letter.eom, letter.data
        if body is None or data is None or not view.clean(data):
            continue
        taken = body.accepted_variant
        if taken is not None and eom is not None and not _smuggled(view, letter):
            yield view.at(
                f"The client ended its message with {quote(taken.bytes)} instead of CRLF.CRLF"
                f"{replied(eom)}.",
                eom, severity="error" if eom.refused else None,
            )  # fmt: skip
        variant = by_sight(body)
        if variant is None or eom is not None:
            continue
        reply = _unasked(view, variant)
        if reply is not None:
            yield view.at(
                f"The client ended its message with {quote(variant.bytes)} instead of CRLF.CRLF; "
                f"the server answered {answer(reply)}.",
                data, reply, severity="error" if reply.kind > 3 else None,
            )  # fmt: skip
        elif view.session.ended != "capture-ended":
            yield view.at(
                f"The client ended its message of {plural(body.size, 'octet')} with "
                f"{quote(variant.bytes)} instead of CRLF.CRLF, and the server waited "
                f"{duration(view.waited(max(body.first_time, data.time)))} for the end.",
                data, severity="error",
            )  # fmt: skip


def _stray_lines(view: View, eom: Exchange | None) -> list[Exchange]:
    """Lines of text right behind the end of a message, read as commands and refused."""
    if eom is None or "unknown-verb" not in view.topics or eom.reply is None:
        return []
    found: list[Exchange] = []
    for exchange in _followers(view, eom):
        refused = exchange.reply is not None and exchange.reply.kind == 5
        if exchange.verb == "<empty>":
            continue
        if exchange.verb in VERBS or not refused or exchange.tainted:
            break
        found.append(exchange)
    # The sender was still in mid-text only if it did not wait for the receipt.
    return found if found and found[0].early else []


@check(
    "dot-stuffing-missing",
    group="message",
    severity="error",
    reference="RFC 5321 §4.5.2",
    wakes=("unstuffed", "unknown-verb", "unsolicited"),
    fires=r"""
        @T ; @D ; C "Subject: t\r\n\r\n.hidden\r\nend\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
    silent=r"""
        @T ; @D ; C "Subject: t\r\n\r\n..hidden\r\n...\r\nend\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
)
def dot_stuffing_missing(view: View, *, lines: int = 2) -> Iterator[Hit]:
    """The sender forgot to double a leading dot, so text disappears or the letter ends early.

    Trigger: a line of a DATA message that begins with a single dot; or a lone dot that ended the
        message while at least two (`lines`) more lines of text followed at once and were refused.
    Advice: correct or replace the library that sends.
    Traps: only lines after CRLF count; BDAT knows no doubling; commands behind the dot are
        pipelining or smuggling.
    Thresholds:
        lines (lines, at least 1): text read as commands, and refused, behind a lone dot.
    """
    for letter in view.dialogue.letters:
        body, data = letter.body, letter.data
        if body is None or data is None or body.framing != "data" or not view.clean(data):
            continue
        # A dot between CRLF and a lone CR or LF is a variant of the end, not a line of text.
        if body.unstuffed and not any(v.bytes.startswith(b"\r\n") for v in body.variants):
            yield view.at(
                "A line of the message begins with a single dot, which the receiver deletes.",
                letter.eom or data,
            )
        stray = _stray_lines(view, letter.eom)
        if len(stray) >= lines:
            yield view.at(
                "A line with a lone dot ended the message, and its remaining lines were refused "
                f"as commands, {quote(stray[0].line.rstrip())} first.",
                letter.eom, stray[0].reply,
            )  # fmt: skip


ENDING_CHECKS = (
    smuggling_eod_variant,
    smuggling_eod_accepted,
    eod_nonstandard,
    dot_stuffing_missing,
)
