"""Tokens to a tree.

    expression = conjunction *("or" conjunction)
    conjunction = negation *("and" negation)
    negation = "not" negation / "(" expression ")" / test
    test = key [("==" / "!=" / "<" / "<=" / ">" / ">=" / "contains" / "matches") value]
         / key ["not"] "in" "{" value *("," value) "}"
    value = word / string

A key alone is true where there is something: ``tls``, ``complete.start``.
"""

from __future__ import annotations

from dataclasses import dataclass

from smtpsniff.select.errors import WhereError
from smtpsniff.select.tokens import END, Token, tokens

DEEPEST = 50  # parentheses and "not" in each other

OPERATORS = ("==", "!=", "<", "<=", ">", ">=", "contains", "matches")
EXISTS, IN = "exists", "in"


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison. `values` has one, for `in` any number, for a key alone none."""

    key: Token
    operator: str
    values: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    of: Tree


@dataclass(frozen=True, slots=True)
class Several:
    """`word` is ``and`` or ``or``."""

    word: str
    of: tuple[Tree, ...]


Tree = Test | Not | Several


def parse(text: str) -> Tree:
    """The tree of an expression; `WhereError` says what is wrong, and where."""
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._at = 0

    def whole(self) -> Tree:
        if self._next.kind == END:
            raise self._wrong("the expression is empty")
        tree = self._several("or", 0)
        if self._next.kind != END:
            raise self._wrong(f"{_shown(self._next)} is one too many; 'and' or 'or' joins tests")
        return tree

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at += 1
        return token

    def _wrong(self, reason: str, token: Token | None = None) -> WhereError:
        return WhereError(reason, self._text, (token or self._next).at)

    def _several(self, word: str, depth: int) -> Tree:
        part = self._several if word == "or" else self._negation
        parts = [part("and", depth)]
        while self._next.kind == word:
            self._take()
            parts.append(part("and", depth))
        return parts[0] if len(parts) == 1 else Several(word, tuple(parts))

    def _negation(self, _: str, depth: int) -> Tree:
        if depth > DEEPEST:
            raise self._wrong(f"more than {DEEPEST} parentheses and 'not' in each other")
        if self._next.kind == "not":
            self._take()
            return Not(self._negation(_, depth + 1))
        if self._next.kind == "(":
            opened = self._take()
            tree = self._several("or", depth + 1)
            if self._next.kind != ")":
                raise self._wrong("this parenthesis is not closed", opened)
            self._take()
            return tree
        return self._test()

    def _test(self) -> Tree:
        key = self._take()
        if key.kind != "word":
            raise self._wrong(f"here a key is wanted, not {_shown(key)}", key)
        negated = self._next.kind == "not" and self._tokens[self._at + 1].kind == IN
        if negated:
            self._take()
        if self._next.kind == IN:
            self._take()
            test = Test(key, IN, self._set())
            return Not(test) if negated else test
        if self._next.kind not in OPERATORS:
            return Test(key, EXISTS)
        operator = self._take()
        return Test(key, operator.kind, (self._value(operator.text),))

    def _set(self) -> tuple[Token, ...]:
        opened = self._take()
        if opened.kind != "{":
            raise self._wrong("after 'in' comes a set: in {a, b}", opened)
        values = [self._value("{")]
        while self._next.kind == ",":
            self._take()
            values.append(self._value(","))
        if self._next.kind != "}":
            raise self._wrong("in a set, values are parted by ',' and closed by '}'")
        self._take()
        return tuple(values)

    def _value(self, after: str) -> Token:
        token = self._take()
        if token.kind not in ("word", "string"):
            hint = "; a word of the language is put in quotes" if token.text.isalpha() else ""
            raise self._wrong(
                f"after {after!r} a value is wanted, not {_shown(token)}{hint}", token
            )
        return token


def _shown(token: Token) -> str:
    return "the end" if token.kind == END else repr(token.text)
