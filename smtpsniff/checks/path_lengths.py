"""Envelope addresses that are longer than every server must accept (RFC 5321 §4.5.3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.asking import heard, raised
from smtpsniff.checks.mailbox import odd_paths
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.view import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity

__all__ = ["CHECKS"]

# RFC 5321 §4.5.3.1.1 to §4.5.3.1.3, octets as sent: quotes and backslashes count, and so do the
# brackets of a path. A label: RFC 1035 §2.3.4.
LONGEST_LOCAL_PART = 64
LONGEST_DOMAIN = 255
LONGEST_LABEL = 63
LONGEST_PATH = 256


@check(
    "path-local-part-too-long",
    group="smtp-syntax",
    severity="warning",
    reference="RFC 5321 §4.5.3.1.1",
    wakes=("odd-path",),
    fires=r"""
        @G
        @E
        C "MAIL FROM:<" "a"*65 "@a.example.net>\r\n"
        S "250 Ok\r\n"
    """,
    silent=r"""
        @G
        @E
        C "MAIL FROM:<" "a"*64 "@a.example.net>\r\n"
        S "250 Ok\r\n"
    """,
)
def path_local_part_too_long(view: View) -> Iterator[Hit]:
    """The part before @ is longer than every server must accept.

    Trigger: the name before the @ has more than 64 octets, counted as sent, with quotes and
    backslashes; an error where the server refused it.
    Advice: shorten it; forwarders that rewrite senders (VERP, SRS) produce such names.
    Traps: a note where the server accepted it.
    """
    for exchange, path in odd_paths(view):
        local = path.local
        if path.domain and len(local) > LONGEST_LOCAL_PART:
            severity: Severity | None = "note" if exchange.accepted else raised(exchange)
            yield view.at(
                f"The name before the @ has {len(local)} octets, more than {LONGEST_LOCAL_PART}: "
                f"{quote(local)}{heard(exchange)}.",
                exchange,
                severity=severity,
            )


@check(
    "path-domain-too-long",
    group="smtp-syntax",
    severity="warning",
    reference="RFC 5321 §4.5.3.1.2; RFC 1035 §2.3.4",
    wakes=("odd-path",),
    fires=r"""
        @G
        @E
        C "MAIL FROM:<s@" "a"*64 ".example.net>\r\n"
        S "250 Ok\r\n"
    """,
    silent=r"""
        @G
        @E
        C "MAIL FROM:<s@" "a"*63 ".example.net>\r\n"
        S "250 Ok\r\n"
    """,
)
def path_domain_too_long(view: View) -> Iterator[Hit]:
    """The domain part is too long for DNS.

    Trigger: the domain has more than 255 octets, or a part of it between dots more than 63; an
    error where the server refused it.
    Advice: correct the address; no such domain can exist.
    Traps: an address in square brackets is no domain; a domain in UTF-8 is longer in DNS than it
    is here, so only what is too long already counts.
    """
    for exchange, path in odd_paths(view):
        domain = path.domain
        if domain.startswith(b"["):
            continue
        label = max(map(len, domain.split(b".")))
        if len(domain) > LONGEST_DOMAIN:
            what = f"has {len(domain)} octets, more than {LONGEST_DOMAIN}"
        elif label > LONGEST_LABEL:
            what = f"has a part of {label} octets, more than {LONGEST_LABEL}"
        else:
            continue
        yield view.at(
            f"The domain {quote(domain)} {what}{heard(exchange)}.",
            exchange,
            severity=raised(exchange),
        )


@check(
    "path-too-long",
    group="smtp-syntax",
    severity="warning",
    reference="RFC 5321 §4.5.3.1.3",
    wakes=("odd-path",),
    fires=r"""
        @G
        @E
        C "MAIL FROM:<s@" "abc."*61 "example.net>\r\n"
        S "250 Ok\r\n"
    """,
    silent=r"""
        @G
        @E
        C "MAIL FROM:<s@" "abc."*60 "example.net>\r\n"
        S "250 Ok\r\n"
    """,
)
def path_too_long(view: View) -> Iterator[Hit]:
    """The whole address exceeds the guaranteed limit.

    Trigger: the path with its brackets, and its route if it has one, has more than 256 octets;
    an error where the server refused it.
    Advice: shorten it; servers must take 256 octets and no more.
    Traps: the parameters behind the closing bracket do not count.
    """
    for exchange, path in odd_paths(view):
        length = len(path.text) + 2
        if length > LONGEST_PATH:
            yield view.at(
                f"The path of {exchange.verb} has {length} octets, more than {LONGEST_PATH}: "
                f"{quote(b'<' + path.text + b'>')}{heard(exchange)}.",
                exchange,
                severity=raised(exchange),
            )


CHECKS = (path_local_part_too_long, path_domain_too_long, path_too_long)
