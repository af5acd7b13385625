"""Articles of `smtpsniff explain`: what a word means, an example, what to do, where it stands.

Each kind of word has a finder. Tables are imported by the finder that needs them: this must
answer at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smtpsniff.output.labels import ENDED, GROUPS, OUTCOMES, RECIPIENTS, STARTTLS
from smtpsniff.output.paint import pad, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smtpsniff.checks.choice import Choice
    from smtpsniff.output.paint import Paint
    from smtpsniff.smtp.extensions import Extension
    from smtpsniff.smtp.verbs import Verb

__all__ = ["Article", "explain", "lines", "words"]

LABEL = 13
ENOUGH = 100  # columns of prose


@dataclass
class Article:
    """One meaning of a word."""

    title: str
    kind: str
    what: str
    facts: dict[str, str] = field(default_factory=dict)
    example: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


def explain(word: str, choice: Callable[[], Choice] | None = None) -> list[Article]:
    """Every meaning of a word; none if it is not known.

    `choice` says which thresholds are in force; it is asked for checks only, which take a while
    to import.
    """
    word = " ".join(word.split())
    found = [article for finder in FINDERS for article in finder(word)]
    return [*found, *_check(word, choice)]


def lines(article: Article, paint: Paint) -> Iterator[str]:
    """An article as text."""
    width = None if paint.width is None else min(paint.width, ENOUGH)
    yield f"{paint(article.title, 'head')} ({article.kind})"
    yield from wrap(article.what, width)
    if article.example:
        yield ""
        for line in article.example:
            side = {"C": "client", "S": "server"}.get(line[:1] if line[1:2] == ":" else "", "dim")
            yield "  " + paint(line, side)
    if any(article.facts.values()):
        yield ""
    thresholds = [("threshold", text) for text in article.settings]
    for name, text in (*article.facts.items(), *thresholds):
        rows = wrap(text, None if width is None else width - LABEL) if text else []
        for index, row in enumerate(rows):
            yield (paint(pad(name, LABEL), "dim") if not index else " " * LABEL) + row


# -- codes -----------------------------------------------------------------------------------


def _code(word: str) -> Iterator[Article]:
    """``550``, and ``5yz``, ``5xx`` for its class."""
    if not re.fullmatch(r"[1-5](?:[0-9]{2}|yz|xx)", word.lower()):
        return
    from smtpsniff.smtp.codes import CODES, code_class

    kind = code_class(int(word[0]) * 100)
    meaning = f"{kind.name}, {kind.word}: {kind.meaning}"
    if not word.isdigit():
        known = ", ".join(str(code) for code in CODES if code // 100 == int(word[0]))
        yield Article(kind.name, f"reply codes, {kind.word}", kind.meaning, {"known": known})
        return
    row = CODES.get(int(word))
    if row is None:
        what = "Not a code that SMTP has. What counts is its first digit."
        yield Article(word, "reply code", what, {"class": meaning})
        return
    facts = {
        "class": meaning, "expected": f"after {row.where}",
        "what to do": row.advice or _BY_CLASS[row.code // 100],
        "written in": row.reference,
    }  # fmt: skip
    yield Article(word, "reply code", row.meaning, facts, _answer(row.where, word))


# What to do about a code whose row says nothing of its own.
_BY_CLASS = {
    2: "Nothing: all is well.",
    3: "Nothing: the client goes on.",
    4: "Try again later.",
    5: "Do without it, or change what was sent.",
}


def _answer(where: str, reply: str) -> tuple[str, ...]:
    """The command that a code usually answers, and the code."""
    from smtpsniff.smtp.verbs import VERBS

    names = {"greeting": "<greeting>", "end of data": "<eom>"}
    first = where.partition(",")[0].strip()
    row = VERBS.get(names.get(first, first)) or VERBS["RCPT"]
    asked = [line for line in row.example if line.startswith("C:")][-1:]
    opening = ["(the connection opens)"] if row.name == "<greeting>" else asked
    return (*opening, f"S: {reply} (the server's words)")


def _enhanced(word: str) -> Iterator[Article]:
    """``5.7.26`` and ``X.7.26``."""
    if not re.fullmatch(r"[245xX]\.[0-9]{1,3}\.[0-9]{1,3}", word):
        return
    from smtpsniff.smtp.codes import code_class
    from smtpsniff.smtp.enhanced import ENHANCED, meaning, site_meanings

    word = word.upper()
    general = "X" + word[1:]
    row = ENHANCED.get(general)
    facts = {}
    if word[0] != "X":
        kind = code_class(int(word[0]) * 100)
        facts["class"] = f"{word[0]}.Y.Z, {kind.word}: {kind.meaning}"
    for site in site_meanings(word):
        name = f"at {site.site}"  # which may give it several meanings
        before = f"{facts[name]} Or: " if name in facts else ""
        facts[name] = f"{before}{site.meaning} ({site.reference})"
    digit = word[0] if word[0] != "X" else "5"
    basic = {"2": "250", "4": "451", "5": "550"}[digit]
    example = _answer("RCPT", f"{basic} {digit}{word[1:]}")
    if row is not None:
        facts |= {"what to do": row.advice, "written in": row.reference}
        yield Article(word, "enhanced status code", row.meaning, facts, example)
        return
    subject = meaning(word)
    what = "Nobody has registered this detail"
    what += f"; its subject says: {subject}" if subject else ", nor its subject."
    yield Article(word, "enhanced status code", what, facts, example)


# -- commands and extensions -----------------------------------------------------------------


_NAMES = {
    "MAIL FROM": "MAIL", "RCPT TO": "RCPT", "SEND FROM": "SEND", ".": "<eom>",
    "EOM": "<eom>", "END OF DATA": "<eom>", "END-OF-DATA": "<eom>", "GREETING": "<greeting>",
    "BANNER": "<greeting>",
}  # fmt: skip


def _verb(word: str) -> Iterator[Article]:
    from smtpsniff.smtp.verbs import VERBS

    name = word.upper().rstrip(":")
    row = VERBS.get(_NAMES.get(name, name))
    if row is not None:
        yield _verb_article(row)


def _verb_article(row: Verb) -> Article:
    from smtpsniff.smtp.verbs import spell_codes

    facts = {
        "syntax": row.syntax,
        "yes": spell_codes(row.positive),
        "no": spell_codes(row.listed),
        "seen too": spell_codes(row.common),
        "needs": f"{row.keyword} offered in the EHLO reply" if row.keyword else "",
        "written in": row.reference,
    }
    title = {"<eom>": "end of data", "<greeting>": "greeting"}.get(row.name, row.name)
    return Article(title, "command", row.summary, facts, row.example)


def _extension(word: str) -> Iterator[Article]:
    """A keyword, or a parameter that one allows."""
    from smtpsniff.smtp.extensions import EXTENSIONS, PARAMETER_KEYWORD
    from smtpsniff.smtp.parameters import PARAMETERS

    name = word.upper()
    row = EXTENSIONS.get(name)
    if row is not None:
        yield _extension_article(row)
        return
    for (verb, parameter), keywords in PARAMETER_KEYWORD.items():
        if parameter == name.rstrip("="):
            for keyword in sorted(keywords):
                article = _extension_article(EXTENSIONS[keyword])
                article.what = f"A parameter of {verb} that {keyword} allows. {article.what}"
                known = PARAMETERS.get((verb, parameter))
                if known is not None:
                    path = "FROM:<anna@example.org>" if verb == "MAIL" else "TO:<bob@example.net>"
                    article.facts = {
                        "written as": known.spelled,
                        "at most": f"{known.longest} octets" if known.longest else "",
                        **article.facts,
                        "written in": known.reference,
                    }
                    article.example = (*article.example[:3], f"C: {verb} {path} {known.spelled}")
                yield article


def _extension_article(row: Extension) -> Article:
    facts = {
        "offered as": " ".join(filter(None, (row.keyword, row.params))),
        "commands": " ".join(row.verbs),
        "MAIL may say": " ".join(row.mail_params),
        "RCPT may say": " ".join(row.rcpt_params),
        "note": row.notes,
        "written in": row.reference,
    }
    example = ["C: EHLO client.example.org", "S: 250-mx.example.net"]
    example.append(f"S: 250 {row.keyword}" + (f" {row.params}" if row.params else ""))
    if row.mail_params:
        example.append(f"C: MAIL FROM:<anna@example.org> {row.mail_params[0]}")
    elif row.verbs:
        example.append(f"C: {row.verbs[0]} …")
    kind = "extension" if row.registered else "extension, not registered"
    return Article(row.keyword, kind, row.what, facts, tuple(example))


# -- words of the output ---------------------------------------------------------------------


def _reason(word: str) -> Iterator[Article]:
    from smtpsniff.smtp.reasons import REASONS

    row = REASONS.get(word.lower())
    if row is not None:
        checks = dict.fromkeys((row.check, row.check_4yz))
        facts = {
            "what to do": row.advice, "reported as": ", ".join(checks), "written in": row.reference,
        }  # fmt: skip
        yield Article(row.label, "why a server refused or put off a mail", row.what, facts)


def _label(word: str) -> Iterator[Article]:
    """Outcomes, ends, and the state of STARTTLS."""
    word = word.lower()
    outcome = OUTCOMES.get(word)
    if outcome is not None:
        facts = {"what to do": outcome.advice}
        yield Article(word, "what became of a session's mails", outcome.meaning, facts)
    if word in RECIPIENTS:
        yield Article(word, "what became of a recipient", RECIPIENTS[word])
    if word in ENDED:
        yield Article(word, "how a session ended", ENDED[word])
    if word in STARTTLS:
        yield Article(word, "STARTTLS in a session", f"STARTTLS was {STARTTLS[word]}.")


def _key_log(word: str) -> Iterator[Article]:
    """How to get the keys that `--keylog` opens TLS with."""
    from smtpsniff.output.key_log import FACTS, NAMES, WHAT

    if word.lower().lstrip("-") in NAMES:
        yield Article("keylog", "keys of TLS", WHAT, dict(FACTS))


def _glossary(word: str) -> Iterator[Article]:
    """Other words of the records, login methods, and what a firewall leaves of a word."""
    from smtpsniff.output.glossary import GLOSSARY, MASKED

    meanings = GLOSSARY.get(word.lower(), [])
    if re.fullmatch(r"X{4,}A?", word):
        meanings = [MASKED]
    for meaning in meanings:
        yield Article(word, meaning.kind, meaning.meaning, {"written in": meaning.written_in})


def _legacy(word: str) -> Iterator[Article]:
    """Commands of products long gone."""
    from smtpsniff.smtp.extensions import LEGACY_VERBS

    if word.upper() in LEGACY_VERBS:
        what = "A command of a product long gone, from lists that inspectors still carry."
        yield Article(word.upper(), "command", what, {"answered": "as the product pleased"})


def _group(word: str) -> Iterator[Article]:
    """A group of checks."""
    word = word.lower()
    if word in GROUPS:
        facts = {
            "its checks": f"smtpsniff checks --checks {word}",
            "switch off": f"--disable {word}",
        }
        yield Article(word, "a group of checks", GROUPS[word], facts)


def _check(word: str, choice: Callable[[], Choice] | None) -> Iterator[Article]:
    # A check's id has two words at least; the catalogue is the largest of the tables.
    if "-" not in word:
        return
    from smtpsniff.checks.choice import EVERYTHING
    from smtpsniff.output.catalogue import setting
    from smtpsniff.output.example import dialogue_lines
    from smtpsniff.stories import CATALOGUE

    for check in CATALOGUE:
        if check.id == word.lower():
            chosen = choice() if choice is not None else EVERYTHING
            facts = {
                "fires when": check.trigger,
                "what to do": check.advice,
                "but": check.traps,
                "written in": check.reference,
            }
            kind = f"{check.severity}, {check.group}"
            example = tuple(dialogue_lines(check.fires))
            settings = tuple(f"{setting(t, chosen)}: {t.meaning}" for t in check.thresholds)
            yield Article(check.id, kind, check.sentence, facts, example, settings)


FINDERS: tuple[Callable[[str], Iterator[Article]], ...] = (
    _code, _enhanced, _verb, _extension, _reason, _label, _glossary, _key_log,
    _legacy, _group,
)  # fmt: skip


def words() -> list[str]:
    """All words there are, to find the nearest."""
    from smtpsniff.output.glossary import GLOSSARY
    from smtpsniff.smtp.codes import CODES
    from smtpsniff.smtp.enhanced import ENHANCED
    from smtpsniff.smtp.extensions import EXTENSIONS, LEGACY_VERBS
    from smtpsniff.smtp.reasons import REASONS
    from smtpsniff.smtp.verbs import VERBS
    from smtpsniff.stories import CATALOGUE

    return [
        *(check.id for check in CATALOGUE), *(name for name in VERBS if name[0] != "<"),
        *EXTENSIONS, *LEGACY_VERBS, *REASONS, *OUTCOMES, *RECIPIENTS, *ENDED, *STARTTLS, *GROUPS,
        "keylog", *GLOSSARY, *map(str, CODES), *ENHANCED,
    ]  # fmt: skip
