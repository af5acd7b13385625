"""The name that the client gives with EHLO, HELO or LHLO (RFC 5321 §4.1.1.1, §4.1.3)."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from smtpsniff.addresses import is_loopback, is_private, network
from smtpsniff.checks.names import Name, is_name, judge
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import answer, first_reply, greeting_of, said
from smtpsniff.text import decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Confidence, Severity
    from smtpsniff.smtp.model import Exchange

__all__ = ["CHECKS"]

_WAKES = ("verb:EHLO", "verb:HELO", "verb:LHLO")


def _introductions(view: View, kind: str) -> Iterator[tuple[Exchange, Name]]:
    """Introductions of which `judge` says `kind`, whole lines only."""
    for exchange in view.dialogue.hellos:
        name = judge(decode(exchange.argument))
        whole = exchange.line.endswith(b"\n") and not exchange.tainted
        if name.kind == kind and whole and _by_client(exchange):
            yield exchange, name


def _by_client(exchange: Exchange) -> bool:
    """Whether the client said it: after ATRN or TURN the server introduces itself."""
    return exchange.entry is not None and exchange.entry.from_ == "client"


def _hit(view: View, exchange: Exchange, text: str, otherwise: Severity | None = None) -> Hit:
    """A hit at an introduction: an error if it was refused, else `otherwise`."""
    severity = otherwise
    if exchange.refused and exchange.reply is not None:
        severity = "error"
        text += f"; the server refused it: {answer(exchange.reply)}"
    return view.at(text + ".", exchange, severity=severity)


def _mild(view: View, *, private: bool = False) -> Severity | None:
    """A note where only the sender's own server hears the name."""
    return "note" if view.submission or (private and view.private) else None


@check(
    "ehlo-argument-missing",
    group="smtp-syntax",
    severity="error",
    reference="RFC 5321 §4.1.1.1",
    wakes=("odd-name",),
    fires="""
        @G
        C "EHLO\\r\\n"
        S "250 mx.example\\r\\n"
        @Q
    """,
    silent="""
        @G
        @EN
        @Q
    """,
)
def ehlo_argument_missing(view: View) -> Iterator[Hit]:
    """The sender said "hello, I am" without a name.

    Trigger: EHLO, HELO or LHLO with nothing behind it.
    Advice: set a host name in the client.
    Traps: a line that the capture cut is not judged.
    """
    for exchange, _ in _introductions(view, "missing"):
        yield _hit(view, exchange, f"{said(exchange)} comes without a name")


@check(
    "ehlo-argument-bare-ip",
    group="smtp-syntax",
    severity="warning",
    reference="RFC 5321 §4.1.1.1, §4.1.3",
    wakes=("odd-name",),
    fires="""
        @G
        C "EHLO 192.0.2.1\\r\\n"
        S "250 mx.example\\r\\n"
        @Q
    """,
    silent="""
        @G
        C "EHLO [192.0.2.1]\\r\\n"
        S "250 mx.example\\r\\n"
        @Q
    """,
)
def ehlo_argument_bare_ip(view: View) -> Iterator[Hit]:
    """An address that stands for a name must be written in square brackets.

    Trigger: the argument is an IP address without brackets, or an IPv6 address in brackets
    without the tag `IPv6:`.
    Advice: give the full host name, or `[192.0.2.1]`, `[IPv6:2001:db8::1]`.
    Traps: from a mail program to its own server it is a note.
    """
    for exchange, name in _introductions(view, "bare-ip"):
        yield _hit(view, exchange, f"In {said(exchange)} {name.why}", _mild(view))


@check(
    "ehlo-argument-localhost",
    group="smtp-syntax",
    severity="warning",
    reference="RFC 5321 §4.1.4, §2.3.5",
    wakes=("odd-name",),
    fires="""
        @G
        C "EHLO localhost\\r\\n"
        S "250 mx.example\\r\\n"
        @Q
    """,
    silent="""
        SESSION client=127.0.0.1 server=127.0.0.1
        @G
        C "EHLO localhost\\r\\n"
        S "250 mx.example\\r\\n"
        @Q
    """,
)
def ehlo_argument_localhost(view: View) -> Iterator[Hit]:
    """The sender gives a name that is true only at home, which tells the server nothing.

    Trigger: localhost, localhost.localdomain, a name under .local, .lan, .internal or
    .home.arpa, or a literal of a loopback address, from a client that is not on loopback.
    Advice: set the mail server's name to its public host name.
    Traps: between private addresses, or from a mail program to its own server, it is a note; on
    loopback the name is true.
    """
    for exchange, _ in _introductions(view, "localhost"):
        if is_loopback(view.session.client.ip):
            return
        where = f"calls from {view.session.client.ip} and says {said(exchange)}"
        yield _hit(view, exchange, f"The client {where}", _mild(view, private=True))


@check(
    "ehlo-argument-not-fqdn",
    group="smtp-syntax",
    severity="warning",
    reference="RFC 5321 §2.3.5, §4.1.1.1",
    wakes=("odd-name",),
    fires="""
        @G
        C "EHLO desktop\\r\\n"
        S "250 mx.example\\r\\n"
        @Q
    """,
    silent="""
        @G
        C "EHLO desktop.example.net\\r\\n"
        S "250 mx.example\\r\\n"
        @Q
    """,
)
def ehlo_argument_not_fqdn(view: View) -> Iterator[Hit]:
    """The name is short and cannot be looked up.

    Trigger: the argument is a valid name of a single label.
    Advice: use the full name that DNS knows.
    Traps: from a mail program to its own server it is a note; localhost has a check of its own.
    """
    for exchange, _ in _introductions(view, "not-fqdn"):
        yield _hit(view, exchange, f"{said(exchange)} gives a name without a domain", _mild(view))


@check(
    "ehlo-argument-invalid",
    group="smtp-syntax",
    severity="warning",
    reference="RFC 5321 §4.1.2, §4.1.3",
    wakes=("odd-name",),
    fires="""
        @G
        C "EHLO my_host.example.net\\r\\n"
        S "250 mx.example\\r\\n"
        @Q
    """,
    silent="""
        @G
        C "ehlo my-host.example.net \\r\\n"
        S "250 mx.example\\r\\n"
        @Q
    """,
)
def ehlo_argument_invalid(view: View) -> Iterator[Hit]:
    """The name contains what host names cannot have.

    Trigger: the argument is neither a domain nor an address literal: an underscore, empty
    labels, a hyphen at a label's edge, more than one word, other characters, broken brackets,
    more than 255 octets.
    Advice: rename the host, the underscore is the classic, or configure the name for EHLO.
    Traps: words after a literal were allowed once (RFC 2821): a note. Names outside ASCII are
    wrong here even with SMTPUTF8 (RFC 6531 §3.7.1).
    """
    for exchange, name in _introductions(view, "invalid"):
        old_style = name.address is not None or name.why.startswith("words after")
        text = f"The name in {said(exchange)} is not valid: {name.why}"
        yield _hit(view, exchange, text, "note" if old_style else None)


@check(
    "ehlo-impersonates-server",
    group="security",
    severity="warning",
    reference="RFC 5321 §4.1.4, §7.9",
    wakes=("own-name",),
    fires="""
        @G
        C "EHLO mx.example\\r\\n"
        S "250 mx.example\\r\\n"
        @Q
    """,
    silent="""
        SESSION client=127.0.0.1 server=127.0.0.1
        @G
        C "EHLO mx.example\\r\\n"
        S "250 mx.example\\r\\n"
        @Q
    """,
)
def ehlo_impersonates_server(view: View) -> Iterator[Hit]:
    """The sender introduced itself with the receiver's own name.

    Trigger: the argument is the name in the server's greeting or EHLO reply, or the server's
    address, while the client has another address and neither end is on loopback.
    Advice: typical of spam bots; it is safe to refuse clients that do so without a login.
    Traps: clusters share one name: from a private address or the same small network it is a
    note. Some servers repeat the client's name in the reply to EHLO; without the greeting's
    support that is only likely. After ATRN or TURN the server introduces itself, rightly.
    """
    client, server = view.session.client.ip, view.session.server.ip
    if client == server:
        return
    for exchange in view.dialogue.hellos:
        claimed = decode(exchange.argument)
        confidence = _is_servers(view, exchange, claimed, server)
        if confidence is None or not view.clean(exchange) or not _by_client(exchange):
            continue
        if is_loopback(client) or is_loopback(server):
            return
        text = f"{client} introduced itself with the server's own name: {said(exchange)}."
        severity: Severity | None = "note" if _neighbours(client, server) else None
        yield view.at(text, exchange, severity=severity, confidence=confidence)


def _is_servers(view: View, hello: Exchange, claimed: str, server: str) -> Confidence | None:
    """How sure it is that `claimed` is the server's name or address; None if it is not."""
    address = judge(claimed).address
    if address is not None:
        return "certain" if address == ip_address(server) else None
    name = claimed.lower()
    if "." not in name:
        return None
    first, reply = first_reply(view), hello.reply
    words = first.lines[0].lower().split(None, 1) if first is not None else []
    if words[:1] == [name]:
        return "certain" if greeting_of(view) is not None else None
    if reply is None or reply.lines[0].lower().split(None, 1)[:1] != [name] or reply.kind != 2:
        return None
    return "likely" if words and is_name(words[0]) else "certain"


def _neighbours(client: str, server: str) -> bool:
    """Whether the client may well belong to the server's own organisation."""
    return is_private(client) or network(client) == network(server)


CHECKS = (
    ehlo_argument_missing,
    ehlo_argument_bare_ip,
    ehlo_argument_localhost,
    ehlo_argument_not_fqdn,
    ehlo_argument_invalid,
    ehlo_impersonates_server,
)
