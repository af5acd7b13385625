"""Memory that forgets: for weeks of live capture and for a million sessions alike."""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["Memory"]

Key = TypeVar("Key")
Value = TypeVar("Value")


class Memory(Generic[Key, Value]):
    """A dictionary in two generations. What was not used for one to two of them is forgotten.

    A generation ends when it has half of `most` entries, or with `age` nanoseconds of the
    capture's own time. Nothing is ever searched or sorted to forget: one dictionary is dropped.
    """

    __slots__ = ("_age", "_began", "_half", "full", "old", "young")

    def __init__(self, most: int, age: int) -> None:
        self._half = max(most // 2, 1)
        self._age = age
        self._began = 0
        self.young: dict[Key, Value] = {}
        self.old: dict[Key, Value] = {}
        self.full = False  # the bound was hit, and something forgotten before its time

    def get(self, key: Key) -> Value | None:
        """What is remembered; it is young again."""
        value = self.young.get(key)
        if value is None and self.old:
            value = self.old.pop(key, None)
            if value is not None:
                self.young[key] = value
        return value

    def __setitem__(self, key: Key, value: Value) -> None:
        self.young[key] = value

    def pop(self, key: Key) -> None:
        """Forget it now."""
        self.young.pop(key, None)
        self.old.pop(key, None)

    def __bool__(self) -> bool:
        return bool(self.young or self.old)

    def turn(self, now: int) -> list[Value]:
        """End the generation if it is time; what is forgotten by that."""
        self._began = self._began or now
        crowded = len(self.young) >= self._half
        if not crowded and now - self._began < self._age:
            return []
        self.full |= crowded and bool(self.old)
        self._began = now
        forgotten, self.old, self.young = list(self.old.values()), self.young, {}
        return forgotten

    def drain(self) -> list[Value]:
        """Forget everything."""
        everything = [*self.old.values(), *self.young.values()]
        self.old, self.young = {}, {}
        return everything
