"""Tests of values: what stands right of an operator, made ready once for the kind of the key."""

from __future__ import annotations

import operator
import re
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any

from smtpsniff.select.pattern import LONGEST_TEXT, compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtpsniff.select.keys import Key
    from smtpsniff.select.tokens import Token

    Predicate = Callable[[Any], bool]

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip

# Units of numbers: durations come to seconds, sizes to octets.
UNITS = {
    "": 1, "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86400,
    "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20,
    "GiB": 2**30,
}  # fmt: skip
_NUMBER = re.compile(r"([+-]?[0-9]+(?:\.[0-9]+)?)([A-Za-zµ]*)", re.ASCII)
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9})\d*)?)?)?(Z|[+-]\d\d:\d\d)?",
    re.ASCII | re.IGNORECASE,
)
TRUTHS = {"true": True, "yes": True, "false": False, "no": False}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000_000


def test(key: Key, sign: str, token: Token) -> Predicate:
    """Whether a value of `key` passes ``sign token``; ValueError when that means nothing."""
    if sign == "contains":
        return _contains(key, token)
    if sign == "matches":
        return _matches(key, token)
    return _KINDS[key.kind](key, sign, token)


def _contains(key: Key, token: Token) -> Predicate:
    if key.kind == "address":
        return _address(key, "==", token)
    if key.kind != "text":
        raise ValueError(f"{key.path} is no text that could contain something")
    part = token.text
    return lambda value: part in value


def _matches(key: Key, token: Token) -> Predicate:
    if key.kind not in ("text", "address"):
        raise ValueError(f"{key.path} is no text that could match a pattern")
    search = compile_pattern(token.text).search
    return lambda value: search(value, 0, LONGEST_TEXT) is not None


def _text(key: Key, sign: str, token: Token) -> Predicate:
    compare, text = COMPARE[sign], token.text
    if key.words and text not in key.words and sign in ("==", "!="):
        near = get_close_matches(text, key.words, 1)
        instead = f"did you mean {near[0]}?" if near else f"it is one of {', '.join(key.words)}"
        raise ValueError(f"{key.path} is never {text!r}; {instead}")
    if sign not in ("==", "!=") and token.kind == "word" and text.isdecimal() and len(text) < 20:
        number = int(text)  # a reply code is text, but people count with it
        return lambda value: (
            value.isascii()
            and value.isdecimal()
            and len(value) < 20
            and compare(int(value), number)
        )
    return lambda value: compare(value, text)


def _counts(value: str) -> bool:
    return value.isascii() and value.isdecimal() and len(value) < 20


def _number(key: Key, sign: str, token: Token) -> Predicate:
    match = _NUMBER.fullmatch(token.text)
    factor = UNITS.get(match[2]) if match else None
    if match is None or factor is None:
        raise ValueError(f"{key.path} is a number: 3, 0.5, 200ms, 1.5s, 10min, 4kB, 2MiB")
    number = float(match[1]) if "." in match[1] else int(match[1])
    compare, limit = COMPARE[sign], number * factor
    if isinstance(limit, float):
        # What was written in milliseconds is not the same float as seconds measured.
        limit = round(limit, 9)
        return lambda value: compare(round(value, 9), limit)
    return lambda value: compare(value, limit)


def _truth(key: Key, sign: str, token: Token) -> Predicate:
    wanted = TRUTHS.get(token.text.lower())
    if wanted is None or sign not in ("==", "!="):
        raise ValueError(f"{key.path} is == true or == false")
    compare = COMPARE[sign]
    return lambda value: compare(value, wanted)


def _time(key: Key, sign: str, token: Token) -> Predicate:
    match = _TIME.fullmatch(token.text)
    try:
        moment = _nanoseconds(match) if match else None
    except ValueError:
        moment = None
    if moment is None:
        raise ValueError(
            f"{key.path} is a time (UTC unless it says otherwise): 2026-11-23, "
            "2026-11-23T22:58, 2026-11-23T22:58:45.85Z, 2026-11-23T23:58+01:00"
        )
    compare, limit = COMPARE[sign], moment
    return lambda value: compare(int(value), limit)


def _nanoseconds(match: re.Match[str]) -> int:
    date, minute, second, fraction, zone = match.groups()
    zone = "+00:00" if zone in (None, "Z", "z") else zone
    moment = datetime.fromisoformat(f"{date}T{minute or '00:00'}:{second or '00'}{zone}")
    seconds = (moment - EPOCH).days * 86400 + (moment - EPOCH).seconds
    return seconds * SECOND + int((fraction or "0").ljust(9, "0"))


Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@lru_cache(4096)  # few hosts make many sessions
def _ip(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _address(key: Key, sign: str, token: Token) -> Predicate:
    try:
        network: Network = ip_network(token.text, strict=False)
    except ValueError:
        raise ValueError(
            f"{key.path} is an IP address or network: 192.0.2.1, 10.0.0.0/8, 2001:db8::/32"
        ) from None
    if sign in ("==", "!="):
        wanted = sign == "=="
        return lambda value: (_inside(value, network)) is wanted
    if network.num_addresses > 1:
        raise ValueError("a network can be compared with == and != only")
    compare, limit = COMPARE[sign], network.network_address

    def ordered(value: str) -> bool:
        address = _ip(value)
        return address is not None and compare(_order(address), _order(limit))

    return ordered


def _inside(value: str, network: Network) -> bool:
    address = _ip(value)
    return address is not None and address.version == network.version and address in network


def _order(address: Address) -> tuple[int, int]:
    return address.version, int(address)


def _record(key: Key, sign: str, token: Token) -> Predicate:
    raise ValueError(f"{key.path} has no value of its own, but keys inside: {key.path}.…")


_KINDS: dict[str, Callable[[Key, str, Token], Predicate]] = {
    "text": _text, "number": _number, "truth": _truth, "time": _time, "address": _address,
    "record": _record,
}  # fmt: skip
