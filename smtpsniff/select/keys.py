"""The keys of a session record: how to get at their values, and of what kind those are.

Taken from the classes of the records themselves, so that whatever a record has can be asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from smtpsniff.records import Session, Timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Getter = Callable[[Any], list[Any]]

NEAREST = 4  # keys that are named where one is unknown
SCALARS: dict[type, str] = {
    msgspec.inspect.StrType: "text",
    msgspec.inspect.IntType: "number",
    msgspec.inspect.FloatType: "number",
    msgspec.inspect.BoolType: "truth",
    msgspec.inspect.CustomType: "time",
}
ADDRESSES = ("ip",)  # last parts of keys whose text is an IP address

# The one table whose keys its class does not tell, and the bounds of its parts inside of it.
DELAYS = (
    "connect", "greeting", "tls", "server", "client", "network", "loss", "transfer", "after_dot",
    "unknown", "bounds",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """`kind`: ``text``, ``number``, ``truth``, ``time``, ``address``, or ``record`` with keys."""

    path: str
    kind: str
    words: tuple[str, ...]  # all that a text can be; empty where it can be anything
    get: Getter  # all values of a record, None left out


class Unknown(KeyError):
    """No record has this key; `near` are those that may have been meant."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.near = _near(path)


def find(path: str) -> Key:
    """The key of a session; `Unknown` where there is none."""
    node: Any = _session()
    steps: list[Callable[[Any], Iterable[Any]]] = []
    for part in path.split("."):
        node = _step(node, part, steps)
        if node is None:
            raise Unknown(path)
        node = _inside(node, steps)
    return Key(path, _kind(node, path), _words(node), _getter(steps))


def _session() -> Any:  # noqa: ANN401
    return msgspec.inspect.type_info(Session)


def _step(node: Any, part: str, steps: list[Callable[[Any], Iterable[Any]]]) -> Any:  # noqa: ANN401
    """The type of a part of a record; how to get it goes to the steps."""
    if isinstance(node, msgspec.inspect.StructType):
        for field in node.fields:
            if field.encode_name == part:
                steps.append(_attribute(field.name))
                return field.type
    if isinstance(node, msgspec.inspect.DictType | msgspec.inspect.AnyType) and part in DELAYS:
        steps.append(lambda record: _listed(record.get(part) if isinstance(record, dict) else None))
        return msgspec.inspect.AnyType()
    return None


def _attribute(name: str) -> Callable[[Any], Iterable[Any]]:
    return lambda record: (getattr(record, name),)


def _listed(value: Any) -> Iterable[Any]:  # noqa: ANN401
    return value if isinstance(value, list | tuple) else (value,)


def _inside(node: Any, steps: list[Callable[[Any], Iterable[Any]]]) -> Any:  # noqa: ANN401
    """The type without None, and that of the elements of a list."""
    while True:
        if isinstance(node, msgspec.inspect.UnionType):
            kinds = [kind for kind in node.types if not isinstance(kind, msgspec.inspect.NoneType)]
            # Numbers may be whole or not; no other key has two kinds.
            node = kinds[0]
        elif isinstance(node, msgspec.inspect.ListType):
            steps.append(lambda values: values)
            node = node.item_type
        elif isinstance(node, msgspec.inspect.TupleType):
            steps.append(lambda values: values)
            node = node.item_types[0]
        else:
            return node


def _kind(node: Any, path: str) -> str:  # noqa: ANN401
    if isinstance(node, msgspec.inspect.StructType | msgspec.inspect.DictType):
        return "record"
    if path == "delays.bounds":
        return "record"
    if isinstance(node, msgspec.inspect.CustomType):
        assert node.cls is Timestamp
    if isinstance(node, msgspec.inspect.LiteralType):
        return "text"
    if path.rpartition(".")[2] in ADDRESSES:
        return "address"
    return SCALARS.get(type(node), "number")  # delays have no type of their own


def _words(node: Any) -> tuple[str, ...]:  # noqa: ANN401
    if isinstance(node, msgspec.inspect.LiteralType):
        return tuple(str(value) for value in node.values)
    return ()


def _getter(steps: list[Callable[[Any], Iterable[Any]]]) -> Getter:
    def get(record: Any) -> list[Any]:  # noqa: ANN401
        values: list[Any] = [record]
        for step in steps:
            values = [v for value in values for v in step(value) if v is not None]
            if not values:
                break
        return values

    return get


@cache
def paths() -> tuple[str, ...]:
    """All keys, those inside of keys too; what contains itself is entered once."""
    found: list[str] = []

    def walk(node: Any, before: str, above: tuple[type, ...]) -> None:  # noqa: ANN401
        node = _inside(node, [])
        if not isinstance(node, msgspec.inspect.StructType) or node.cls in above:
            return
        for field in node.fields:
            path = f"{before}{field.encode_name}"
            found.append(path)
            if path == "delays":
                found.extend(f"delays.{part}" for part in DELAYS)
            walk(field.type, f"{path}.", (*above, node.cls))

    walk(_session(), "", ())
    return tuple(found)


def _near(path: str) -> list[str]:
    """Keys that end as this one, then those that look like it."""
    known = paths()
    last = path.lower().rpartition(".")[2]
    same = [key for key in known if key.rpartition(".")[2] == last]
    same.sort(key=lambda key: (key.count("."), not key.startswith("verdict.")))
    near = get_close_matches(path.lower(), known, NEAREST, cutoff=0.6)
    return list(dict.fromkeys([*same, *near]))[:NEAREST]
