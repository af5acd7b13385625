"""What each line of a session means, for people who see SMTP for the first time.

Turns a line of an account into words: what it asks or says, what the other side may answer, what
somebody who listens on the way learns from it, and where it is written. The words come from the
tables that `explain` shows, too; what they have no row for stands in the tables below.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from msgspec import Struct

from smtpsniff.output.paint import wrap
from smtpsniff.text import safe, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smtpsniff.output.account import Line
    from smtpsniff.output.paint import Paint

__all__ = ["Meaning", "Teacher", "meaning"]

QUESTION = 60  # columns of a login question that is shown decoded
KEYWORDS = 60  # lines of an EHLO reply that are explained: more are an attack


class Meaning(Struct, frozen=True):
    """What a line means: sentences, then what may be answered, who reads what, which document.

    `answers`, `overheard` and `written` are empty where there is nothing to say.
    """

    what: tuple[str, ...]
    answers: str = ""
    overheard: str = ""
    written: str = ""


# Lines that are neither command nor reply: what they mean, what is overheard, where it is written.
_KINDS: dict[str, tuple[str, str, str]] = {
    "connect": (
        "The two computers have agreed on a connection, in three packets. Now the client waits: in"
        " SMTP the server speaks first.",
        "who speaks to whom, and when", "RFC 9293 3.5",
    ),
    "data": (
        "The message: header, an empty line, the text. A line that begins with a dot gets a second"
        " one on its way, so that it is not taken for the end.",
        "the whole message, with its attachments", "RFC 5321 4.5.2, RFC 5322",
    ),
    "chunk": (
        "A piece of the message, as long as the command has said. No mark ends it.",
        "this piece of the message", "RFC 3030 2",
    ),
    "auth": (
        "The client's answer to the question of the login.",
        "this answer, which base64 hides from nobody; in most methods it holds name or password",
        "RFC 4954 4",
    ),
    "tls": (
        "Encryption begins. The two agree on keys that nobody who listens can work out; from here"
        " on, commands and message are unreadable on the way.",
        "who speaks to whom, when, how much, and often the server's name", "RFC 3207, RFC 8446",
    ),
    "close": (
        "One side has nothing more to say and closes its direction. The other may still finish.",
        "", "RFC 9293 3.6",
    ),
    "reset": (
        "The connection is torn down at once, in both directions, without a goodbye. What was not"
        " acknowledged may be lost.",
        "", "RFC 9293 3.5.3",
    ),
    "gap": ("Something was said here that the capture does not have.", "", ""),
}  # fmt: skip

_OVERHEARD = {
    "EHLO": "the name that the client gives itself",
    "HELO": "the name that the client gives itself",
    "LHLO": "the name that the client gives itself",
    "MAIL": "the sender's address",
    "RCPT": "the recipient's address",
    "AUTH": "the method, and what stands behind it: base64 hides it from nobody",
    "VRFY": "the name that is asked for",
    "EXPN": "the name that is asked for",
}
_GREETED = "the server's name, and often its program"
_ENCRYPTED = "nothing: this was said inside TLS, and was opened here with its keys"
_BOUNCE = (
    "The sender is empty: nobody. So mark themselves bounces and other answers of programs, and no"
    " bounce may be sent back to them."
)
_UNKNOWN_KEYWORD = "an extension of this server's own, or one that nobody has registered"


def meaning(line: Line) -> Meaning:
    """What a line means. Lines that need no words (notes) have none."""
    found = _SPOKEN.get(line.kind, _silent)(line)
    if line.in_tls and found.overheard and line.kind != "tls":
        return Meaning(found.what, found.answers, _ENCRYPTED, found.written)
    return found


def _silent(line: Line) -> Meaning:
    what, overheard, written = _KINDS.get(line.kind, ("", "", ""))
    return Meaning((what,) if what else (), "", overheard, written)


# -- the client ------------------------------------------------------------------------------


def _command(line: Line) -> Meaning:
    from smtpsniff.smtp.verbs import VERBS

    row = VERBS.get(line.verb) or VERBS["<unknown>" if line.text[0] else "<empty>"]
    what = [row.summary]
    first = line.text[0].upper()
    if row.name == "MAIL" and "<>" in first:
        what.append(_BOUNCE)
    what += _parameters(row.name, first)
    return Meaning(tuple(what), _answers(row.name), _OVERHEARD.get(row.name, ""), row.reference)


def _end_of_data(line: Line) -> Meaning:
    from smtpsniff.smtp.verbs import VERBS

    row = VERBS["<eom>"]
    return Meaning((row.summary,), _answers(row.name), "", row.reference)


def _answers(verb: str) -> str:
    """``250 (yes), or 450-452 550 (no)``."""
    from smtpsniff.smtp.verbs import VERBS, spell_codes

    row = VERBS[verb]
    refusals = row.listed or frozenset(code for code in row.common if code >= 400)
    yes, no = spell_codes(row.positive), spell_codes(refusals)
    parts = [f"{yes} (yes)" if yes else "", f"{no} (no)" if no else ""]
    return ", or ".join(filter(None, parts))


def _parameters(verb: str, text: str) -> Iterator[str]:
    """What the parameters of MAIL and RCPT are there for."""
    from smtpsniff.smtp.extensions import EXTENSIONS, PARAMETER_KEYWORD

    if verb not in ("MAIL", "RCPT"):
        return
    for word in text.rpartition(">")[2].split()[:KEYWORDS]:
        name = word.partition("=")[0]
        for keyword in sorted(PARAMETER_KEYWORD.get((verb, name), ()))[:1]:
            what = EXTENSIONS[keyword].what
            yield f"The parameter {name} comes with the extension {keyword}: {what}"


# -- the server ------------------------------------------------------------------------------


def _greeting(line: Line) -> Meaning:
    from smtpsniff.smtp.verbs import VERBS

    row = VERBS["<greeting>"]
    what = (row.summary, *_code(line))
    return Meaning(what, "", _GREETED, row.reference)


def _reply(line: Line) -> Meaning:
    if line.code == "250" and line.asked in ("EHLO", "LHLO"):
        what = [*_code(line), *_offers(line)]
        return Meaning(tuple(what), "", "what the server is able to do", "RFC 5321 4.1.1.1")
    if line.code == "334":
        return Meaning((*_code(line), *_question(line)), "", "", "RFC 4954 4")
    return Meaning((*_code(line), *_enhanced(line), *_reason(line)), "", "", _written(line))


def _code(line: Line) -> Iterator[str]:
    from smtpsniff.smtp.codes import CODES, code_class

    if not line.code.isdecimal():
        return
    code = int(line.code)
    kind = code_class(code)
    row = CODES.get(code)
    if row is not None:
        yield f"{line.code}: {row.meaning}"
    if kind.name:
        yield f"{line.code[0]} at its beginning means {kind.word}: {kind.meaning}"


def _written(line: Line) -> str:
    from smtpsniff.smtp.codes import CODES

    row = CODES.get(int(line.code)) if line.code.isdecimal() else None
    return row.reference if row is not None else ""


def _enhanced(line: Line) -> Iterator[str]:
    from smtpsniff.smtp.enhanced import meaning as meaning_of

    if line.enhanced[:1] == "2" and line.enhanced.endswith(".0"):
        return  # done, and nothing in particular to say about it
    said = meaning_of(line.enhanced) if line.enhanced else None
    if said:
        yield f"{line.enhanced}: {said}"


def _reason(line: Line) -> Iterator[str]:
    """Why it said no, and what helps."""
    from smtpsniff.smtp.reasons import REASONS, classify

    if line.code[:1] not in ("4", "5") or not line.code.isdecimal():
        return
    words = " ".join(text[4:] for text in line.text)
    reason = classify(int(line.code), line.enhanced or None, words, line.asked)
    row = REASONS.get(reason.label)
    if row is not None:
        yield f"So it says: {row.what} {row.advice}"


def _offers(line: Line) -> Iterator[str]:
    """The extensions, one by one."""
    from smtpsniff.smtp.extensions import EXTENSIONS, parse_ehlo_keyword

    for text in line.text[1 : KEYWORDS + 1]:
        keyword, _ = parse_ehlo_keyword(text[4:])
        row = EXTENSIONS.get(keyword)
        if row is not None:
            yield f"{keyword}: {row.what}"
        elif keyword:
            yield f"{shorten(keyword, QUESTION)}: {_UNKNOWN_KEYWORD}"


def _question(line: Line) -> Iterator[str]:
    """What a login asks, where it is text."""
    try:
        asked = base64.b64decode(line.text[-1][4:], validate=True).decode()
    except (binascii.Error, ValueError):
        return
    if asked:
        yield f"In base64, the server says: {shorten(safe(asked), QUESTION)}"


_SPOKEN: dict[str, Callable[[Line], Meaning]] = {
    "command": _command, "end-of-data": _end_of_data, "greeting": _greeting, "reply": _reply,
}  # fmt: skip


# -- beside a timeline -----------------------------------------------------------------------


class Teacher:
    """Explains lines in turn, and says nothing twice."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def teach(self, line: Line) -> list[str]:
        """What is new about a line, as sentences."""
        found = meaning(line)
        told = list(found.what)
        if found.answers:
            told.append(f"The server may answer {found.answers}.")
        if found.overheard:
            told.append(f"Who listens on the way reads {found.overheard}.")
        fresh = [text for text in told if text not in self._said]
        self._said.update(fresh)
        if fresh and found.written:
            fresh[-1] += f" [{found.written}]"
        return fresh

    def beside(self, line: Line, paint: Paint, indent: int) -> Iterator[str]:
        """The same as lines to stand under it."""
        width = None if paint.width is None else paint.width - indent - 2
        for text in self.teach(line):
            for index, row in enumerate(wrap(text, width)):
                yield " " * indent + paint(f"{'|' if not index else ' '} {row}", "dim")
