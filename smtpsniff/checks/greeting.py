"""What the server's first reply says: welcome, refusal, or something that is no greeting."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.checks.names import is_name, judge
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import answer, first_reply, greeting_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity
    from smtpsniff.smtp.model import Reply

__all__ = ["CHECKS", "masked"]

# Characters of a text that is nothing but 2, 0, stars and blanks.
MASKED_LENGTH = 5

_MASK = re.compile(r"[*20 \t]+")


def masked(reply: Reply, length: int = MASKED_LENGTH) -> bool:
    """Whether a firewall has blacked out the text: Postfix' own test."""
    if reply.text[:1] not in "*20 \t":  # as of nearly all
        return False
    text = "".join(reply.lines)
    return len(text) >= length and _MASK.fullmatch(text) is not None


def _refused(view: View, kind: int, sentence: str) -> Iterator[Hit]:
    """A hit if the greeting's code begins with `kind`."""
    found = greeting_of(view)
    if found is not None and found[1].kind == kind:
        yield view.at(f"{sentence}: {answer(found[1])}.", *found)


@check(
    "greeting-rejected-permanent",
    group="reply",
    severity="error",
    reference="RFC 5321 §3.1, §4.3.2; RFC 7504",
    wakes=("refused:<greeting>",),
    fires="""
        OPEN
        S "554 5.7.1 no\\r\\n"
    """,
    silent="""
        OPEN
        S "421 4.3.2 later\\r\\n"
    """,
)
def greeting_rejected_permanent(view: View) -> Iterator[Hit]:
    """The server refused to talk to this sender at all.

    Trigger: the complete greeting has a 5yz code.
    Advice: read its text for block lists, early talking or "no mail here"; 521 means that this
    host never takes mail.
    Traps: if the sender spoke before the greeting, that is the cause.
    """
    yield from _refused(view, 5, "The server refused the connection")


@check(
    "greeting-rejected-temporary",
    group="reply",
    severity="error",
    reference="RFC 5321 §3.8",
    wakes=("refused:<greeting>",),
    fires="""
        OPEN
        S "421 4.3.2 later\\r\\n"
    """,
    silent="""
        OPEN
        S "554 5.7.1 no\\r\\n"
    """,
)
def greeting_rejected_temporary(view: View) -> Iterator[Hit]:
    """The server said: not now.

    Trigger: the complete greeting has a 4yz code.
    Advice: try again later; make fewer connections at a time; look in the text for load or rate
    limits.
    Traps: if the sender spoke before the greeting, that is the cause.
    """
    yield from _refused(view, 4, "The server put the sender off")


@check(
    "greeting-unexpected-code",
    group="reply",
    severity="error",
    reference="RFC 5321 §4.3.2",
    wakes=("odd-reply",),
    fires="""
        OPEN
        S "250 mx.example\\r\\n"
    """,
    silent="""
        @G
        @EN
        @Q
    """,
)
def greeting_unexpected_code(view: View) -> Iterator[Hit]:
    """The first line is not a mail server's hello.

    Trigger: the first complete reply has a code that begins with 1 or 3, or with 2 and is not
    220, and no command came before it.
    Advice: this may be another service, or a broken proxy in front of the mail server.
    Traps: without the connection's beginning the first reply is not the greeting; after an
    early command it may be the answer to that.
    """
    found = greeting_of(view)
    if found is None or found[1].kind not in (1, 2, 3) or found[1].code == 220:
        return
    if any(e.line and e.frame < found[1].frame for e in view.dialogue.exchanges[:2]):
        return
    yield view.at(f"The first reply is no greeting: {answer(found[1])}.", *found)


@check(
    "greeting-masked",
    group="security",
    severity="warning",
    reference="RFC 5321 §4.2; Postfix smtp_pix_workarounds",
    wakes=("odd-greeting",),
    fires="""
        OPEN
        S "220 ****************\\r\\n"
    """,
    silent="""
        OPEN
        S "220 \\r\\n"
    """,
)
def greeting_masked(view: View, *, length: int = MASKED_LENGTH) -> Iterator[Hit]:
    """A firewall has blacked out the server's introduction.

    Trigger: the text of all lines is five characters (`length`) or more and nothing but stars,
    2, 0 and blanks.
    Advice: switch the firewall's SMTP inspection ("fixup") off; until then TLS and other
    extensions will fail.
    Traps: a greeting without any text is something else.
    Thresholds:
        length (characters, at least 1): a shorter text of stars, 2 and 0 can be a number.
    """
    reply = first_reply(view)
    if reply is None or not masked(reply, length):
        return
    found = greeting_of(view)
    if found is not None:
        yield view.at(f"The greeting was blacked out on its way: {answer(found[1])}.", *found)


@check(
    "greeting-no-domain",
    group="reply",
    severity="warning",
    reference="RFC 5321 §4.2, §4.3.1",
    wakes=("odd-greeting",),
    fires="""
        OPEN
        S "220 Welcome\\r\\n"
    """,
    silent="""
        OPEN
        S "220 [192.0.2.9] Clueless host service ready\\r\\n"
    """,
)
def greeting_no_domain(view: View) -> Iterator[Hit]:
    """The server did not say its own name.

    Trigger: the first word after 220 is neither a domain with a dot nor an address in brackets.
    Advice: set the mail server's host name (`myhostname`, `primary_hostname`).
    Traps: in private networks a name of one label is only worth a note; a blacked-out greeting
    and one without text are told as such.
    """
    reply = first_reply(view)
    if reply is None or reply.code != 220:
        return
    words = reply.lines[0].split(None, 1)
    if not words or is_name(words[0]) or masked(reply):
        return
    found = greeting_of(view)
    if found is None:
        return
    single = judge(words[0]).kind in ("not-fqdn", "localhost")
    severity: Severity | None = "note" if single and view.private else None
    text = f"The greeting does not begin with the server's name: {answer(found[1])}."
    yield view.at(text, *found, severity=severity)


CHECKS = (
    greeting_rejected_permanent,
    greeting_rejected_temporary,
    greeting_unexpected_code,
    greeting_masked,
    greeting_no_domain,
)
