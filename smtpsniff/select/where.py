"""An expression as one function of a session's record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.select import keys
from smtpsniff.select.errors import WhereError
from smtpsniff.select.grammar import EXISTS, IN, Not, Several, Test, parse
from smtpsniff.select.values import test

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtpsniff.records import Session
    from smtpsniff.select.grammar import Tree
    from smtpsniff.select.keys import Key
    from smtpsniff.select.tokens import Token
    from smtpsniff.select.values import Predicate

    Judge = Callable[[Session], bool]

NUMBER = "number"  # the one key that a session has not from the start


class Where:
    """A compiled expression: `where(session)` is whether the session is wanted.

    A list matches if any of its elements does; what is absent matches nothing, not even ``!=``.
    `WhereError` for what cannot be understood.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.by_number = False  # whether it asks for numbers of sessions
        self._judge = self._tree(parse(text))

    def __call__(self, session: Session) -> bool:
        return self._judge(session)

    def _tree(self, tree: Tree) -> Judge:
        if isinstance(tree, Not):
            inner = self._tree(tree.of)
            return lambda session: not inner(session)
        if isinstance(tree, Several):
            judges = [self._tree(part) for part in tree.of]
            if tree.word == "and":
                return lambda session: all(judge(session) for judge in judges)
            return lambda session: any(judge(session) for judge in judges)
        return self._test(tree)

    def _test(self, tree: Test) -> Judge:
        key = self._key(tree.key)
        get = key.get
        if tree.operator == EXISTS:
            return lambda session: any(value is not False for value in get(session))
        sign = "==" if tree.operator == IN else tree.operator
        passes = [self._value(key, sign, value) for value in tree.values]
        if len(passes) == 1:
            passed = passes[0]
            return lambda session: any(map(passed, get(session)))
        return lambda session: any(p(value) for value in get(session) for p in passes)

    def _key(self, token: Token) -> Key:
        try:
            key = keys.find(token.text)
        except keys.Unknown as unknown:
            near = ", ".join(unknown.near)
            hint = f"; the nearest are {near}" if near else " (smtpsniff schema has them all)"
            reason = f"there is no key {token.text!r}{hint}"
            raise WhereError(reason, self.text, token.at) from None
        self.by_number |= key.path == NUMBER
        return key

    def _value(self, key: Key, sign: str, token: Token) -> Predicate:
        try:
            return test(key, sign, token)
        except ValueError as error:
            raise WhereError(str(error), self.text, token.at) from None
