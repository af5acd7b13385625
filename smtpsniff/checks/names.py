"""Host names and addresses as introductions must give them (RFC 5321 §4.1.2, §4.1.3)."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

__all__ = ["Name", "is_name", "judge"]

# RFC 5321 §4.5.3.1.2.
MAX_DOMAIN = 255
LOCAL_NAMES = frozenset({"localhost", "localhost.localdomain"})
# Endings that mean something inside one network only (RFC 6762, RFC 8375; .internal by ICANN).
LOCAL_ENDINGS = (".local", ".lan", ".internal", ".home.arpa")

_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
                     r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*")  # fmt: skip
_TAGGED = re.compile(r"[A-Za-z0-9-]*[A-Za-z0-9]:[!-Z^-~]+")
_LITERAL_AND_MORE = re.compile(r"(\[[^\]\s]*\])[ \t]+\S")
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9.-]")
_HYPHEN = re.compile(r"(?:^|\.)-|-(?:\.|$)")

Address = IPv4Address | IPv6Address


class Name(NamedTuple):
    """What an argument of EHLO is.

    `kind` is ``"name"`` or ``"literal"`` where all is well, else what is wrong: ``"missing"``,
    ``"bare-ip"``, ``"localhost"``, ``"not-fqdn"``, ``"invalid"``; `why` says it in words.
    """

    kind: str
    why: str = ""
    address: Address | None = None


@lru_cache(4096)
def judge(argument: str) -> Name:
    """Judge an argument of EHLO, HELO or LHLO as it was sent, without its line end."""
    if not argument:
        return Name("missing")
    if argument.startswith("["):
        return _literal(argument)
    address = _address(argument)
    if address is not None:
        return Name("bare-ip", "an address needs square brackets", address)
    fault = _fault(argument)
    if fault:
        return Name("invalid", fault)
    name = argument.lower()
    if name in LOCAL_NAMES or name.endswith(LOCAL_ENDINGS):
        return Name("localhost")
    return Name("name" if "." in name else "not-fqdn")


def _address(text: str) -> Address | None:
    if text[-1:].isalpha() and ":" not in text:
        return None  # a name's last label begins with a letter; asking costs ten times as much
    try:
        return ip_address(text)
    except ValueError:
        return None


def _literal(argument: str) -> Name:
    """An argument that begins with a bracket."""
    more = _LITERAL_AND_MORE.match(argument)
    if more is not None and judge(more[1]).kind == "literal":
        return Name("invalid", "words after the address literal", judge(more[1]).address)
    if not argument.endswith("]"):
        return Name("invalid", "a bracket is missing")
    inner = argument[1:-1]
    address = _address(inner)
    if isinstance(address, IPv6Address):
        return Name("bare-ip", "an IPv6 address needs the tag IPv6: in its brackets", address)
    if inner[:5].upper() == "IPV6:":
        address = _address(inner[5:])
        if not isinstance(address, IPv6Address):
            return Name("invalid", "no IPv6 address in the brackets")
    elif address is None and not _TAGGED.fullmatch(inner):
        return Name("invalid", "no address in the brackets")
    if address is not None and address.is_loopback:
        return Name("localhost", "", address)
    return Name("literal", "", address)


def _fault(argument: str) -> str:
    """What keeps `argument` from being a Domain, with its place; "" if nothing does."""
    if len(argument.encode("utf-8", "surrogateescape")) > MAX_DOMAIN:
        return f"longer than {MAX_DOMAIN} octets"
    if _DOMAIN.fullmatch(argument):
        return ""
    found = _NOT_ALLOWED.search(argument)
    if found is not None:
        character, place = found.group(), found.start() + 1
        if character in " \t":
            return f"more than one word, the second after position {place}"
        if character == "_":
            return f"an underscore at position {place}"
        if not character.isascii() or not character.isprintable():
            return f"a character outside printable ASCII at position {place}"
        return f"the character {character} at position {place}"
    found = _HYPHEN.search(argument)
    if found is not None:
        return f"a hyphen at the edge of a label at position {found.start() + 1}"
    return "an empty label: two dots in a row, or one at an end"


def is_name(word: str) -> bool:
    """Whether `word` names a host: a Domain with a dot, or an address literal."""
    return judge(word).kind in ("name", "literal") or (
        judge(word).kind == "localhost" and ("." in word or word.startswith("["))
    )
