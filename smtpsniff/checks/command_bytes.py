"""Bytes that have no place in a command line, or not where they stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.checks.asking import NOT_COMMANDS, commands, heard, raised
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import plural, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity
    from smtpsniff.smtp.model import Exchange

__all__ = ["CHECKS"]

# A line that takes longer than this (nanoseconds) from its first byte to its last, in several
# packets, was typed: programs write a line at once, fingers need some 0.1 s for each key.
TYPED = 300_000_000
# Commands whose argument may be an address, so that SMTPUTF8 may allow it UTF-8 (RFC 6531 §3.3).
_ADDRESSED = frozenset({"MAIL", "RCPT", "VRFY", "EXPN"})


def _typed(exchange: Exchange) -> bool:
    """Whether somebody typed this line, key by key."""
    apart = exchange.time - exchange.first_time
    return exchange.frame != exchange.first_frame and apart > TYPED


@check(
    "command-bare-lf",
    group="smtp-syntax",
    severity="warning",
    reference="RFC 5321 §2.3.8",
    wakes=("line-end",),
    fires=r"""
        @G
        C "EHLO a.example.net\n"
        S "250 mx.example\r\n"
    """,
    silent=r"""
        @G
        C "EHLO a.example.net\r"
        C "\n"
        S "250 mx.example\r\n"
    """,
)
def command_bare_lf(view: View) -> Iterator[Hit]:
    """The line ended the Unix way instead of the mail way.

    Trigger: a command line that ends in LF without CR; an error where the server refused it.
    Advice: make the script or device send CR LF; strict servers refuse such lines or hang up.
    Traps: lines typed by hand, key by key, are worth a note only.
    """
    for exchange in commands(view):
        line = exchange.line
        if not line.endswith(b"\n") or line.endswith(b"\r\n"):
            continue
        severity: Severity | None = "note" if _typed(exchange) else raised(exchange)
        yield view.at(
            f"The command {said(exchange)} ends in a bare LF{heard(exchange)}.",
            exchange,
            severity=severity,
        )


@check(
    "command-bare-cr",
    group="smtp-syntax",
    severity="warning",
    reference="RFC 5321 §2.3.8",
    wakes=("odd-line",),
    fires=r"""
        @G
        C "EHLO a.example.net\r\r\n"
        S "250 mx.example\r\n"
    """,
    silent=r"""
        @G
        C "EHLO a.example.net\r"
        C "\n"
        S "250 mx.example\r\n"
    """,
)
def command_bare_cr(view: View) -> Iterator[Hit]:
    """A stray carriage return sits in the command.

    Trigger: a CR within a command line that no LF follows, or several before the LF; an error
    where the server refused it.
    Advice: something converts line ends twice: correct it in the client.
    Traps: a CR at the end of a packet is not stray until the next byte is known.
    """
    for exchange in commands(view):
        found = _BARE_CR.search(exchange.line)
        if found is not None:
            yield view.at(
                f"Byte {found.start() + 1} of the command {said(exchange)} is a CR without LF"
                f"{heard(exchange)}.",
                exchange,
                severity=raised(exchange),
            )


@check(
    "command-control-char",
    group="smtp-syntax",
    severity="warning",
    reference="RFC 5321 §2.4, §4.1.2",
    wakes=("odd-line",),
    fires=r"""
        @G
        C "EHLX\x08O a.example.net\r\n"
        S "500 what?\r\n"
    """,
    silent=r"""
        @G
        C "EHLO\ta.example.net\r\n"
        S "250 mx.example\r\n"
    """,
)
def command_control_char(view: View) -> Iterator[Hit]:
    """Keyboard control characters slipped into the command.

    Trigger: a control character such as backspace or escape, or telnet's own negotiation, in a
    command line; where the server ends lines at CR LF only, also a LF within one. An error where
    the server refused it.
    Advice: somebody typed by hand; swaks or openssl s_client do it better.
    Traps: tabs and line ends are no such characters; NUL is command-nul-byte, stray CRs are
    command-bare-cr.
    """
    for exchange in commands(view):
        line = exchange.line
        found = _CONTROL.search(line.removesuffix(b"\n"))
        if found is None:
            continue
        telnet = found[0][:1] == b"\xff"
        what = "telnet's own negotiation" if telnet else _CONTROL_NAMES.get(found[0][0])
        yield view.at(
            f"Byte {found.start() + 1} of the command {said(exchange)} is "
            f"{what or 'a control character'}{heard(exchange)}.",
            exchange,
            severity=raised(exchange),
        )


# Not CR and LF at the end, no tab, no NUL; IAC and one of WILL, WON'T, DO, DON'T (RFC 854).
_CONTROL = re.compile(rb"[\x01-\x08\x0a-\x0c\x0e-\x1f\x7f]|\xff[\xfb-\xfe]")
_CONTROL_NAMES = {
    8: "a backspace",
    10: "a LF without CR, which this server takes for a part of the line",
    27: "an escape",
    127: "a delete",
}
_BARE_CR = re.compile(rb"\r(?!\n|\Z)")


@check(
    "command-nul-byte",
    group="smtp-syntax",
    severity="error",
    reference="RFC 5321 §2.3.1, §2.4, §4.1.2",
    wakes=("odd-line",),
    fires=r"""
        @G
        C "EHLO a.example.net\0\r\n"
        S "501 NUL characters are not allowed\r\n"
    """,
    silent=r"""
        @T
        @D
        C "a\0b\r\n"
        @X
    """,
)
def command_nul_byte(view: View) -> Iterator[Hit]:
    """An unprintable zero byte is in the command; usually a broken program or an attack.

    Trigger: a command line holds a NUL.
    Advice: look at the program that sent it.
    Traps: bytes that the capture lacks are never taken for zeros.
    """
    for exchange in view.dialogue.exchanges:
        if b"\0" in exchange.line and exchange.verb not in NOT_COMMANDS and view.clean(exchange):
            yield view.at(
                f"Byte {exchange.line.index(0) + 1} of the command {said(exchange)} is NUL"
                f"{heard(exchange)}.",
                exchange,
            )


@check(
    "command-8bit",
    group="smtp-syntax",
    severity="error",
    reference="RFC 5321 §2.4, §4.1.2; RFC 6531 §3.2",
    wakes=("odd-line",),
    fires=r"""
        @G
        C "EHLO b\xfccher.example\r\n"
        S "501 what?\r\n"
    """,
    silent=r"""
        @G
        @E
        C "MAIL FROM:<j\xc3\xbcrgen@a.example.net> SMTPUTF8\r\n"
        S "250 Ok\r\n"
    """,
)
def command_8bit(view: View) -> Iterator[Hit]:
    """Letters outside plain English were used without permission.

    Trigger: a command line holds a byte beyond ASCII. Valid UTF-8 in the address of MAIL, RCPT,
    VRFY or EXPN does not count: SMTPUTF8 allows it, and smtputf8-not-offered says where not.
    Advice: use SMTPUTF8 all the way, or addresses in ASCII.
    Traps: where the EHLO was not captured this is a note.
    """
    for exchange in view.dialogue.exchanges:
        line = exchange.line
        if line.isascii() or exchange.verb in NOT_COMMANDS or not view.clean(exchange):
            continue
        charset = _charset(line)
        if charset == "UTF-8" and exchange.verb in _ADDRESSED:
            continue
        count = sum(byte >= 0x80 for byte in line)
        yield view.at(
            f"The command {said(exchange)} holds {plural(count, 'byte')} beyond ASCII ({charset})"
            f"{heard(exchange)}.",
            exchange,
            severity="note" if exchange.hello is None else None,
        )


# WILL, WON'T, DO and DON'T (RFC 854).
_TELNET = (b"\xfb", b"\xfc", b"\xfd", b"\xfe")


def _charset(line: bytes) -> str:
    """A guess: UTF-8 hardly ever decodes by accident, and IAC begins telnet's own commands."""
    if line[:1] == b"\xff" and line[1:2] in _TELNET:
        return "telnet's own negotiation, not typed by anyone"
    try:
        line.decode()
    except UnicodeDecodeError:
        return "not UTF-8"
    return "UTF-8"


@check(
    "command-leading-space",
    group="smtp-syntax",
    severity="warning",
    reference="RFC 5321 §4.1.1",
    wakes=("odd-line",),
    fires=r"""
        @G
        C " EHLO a.example.net\r\n"
        S "250 mx.example\r\n"
    """,
    silent=r"""
        @G
        C "EHLO a.example.net \r\n"
        S "250 mx.example\r\n"
    """,
)
def command_leading_space(view: View) -> Iterator[Hit]:
    """A blank before the command makes some servers fail.

    Trigger: a command line begins with a space or a tab; an error where the server refused it.
    Advice: correct the script.
    Traps: blanks at the end of a line are harmless.
    """
    for exchange in view.dialogue.exchanges:
        if exchange.line[:1] not in (b" ", b"\t") or exchange.verb in NOT_COMMANDS:
            continue
        if view.clean(exchange):
            yield view.at(
                f"The command {said(exchange)} begins with a blank{heard(exchange)}.",
                exchange,
                severity=raised(exchange),
            )


CHECKS = (
    command_bare_lf, command_bare_cr, command_nul_byte, command_8bit, command_control_char,
    command_leading_space,
)  # fmt: skip
