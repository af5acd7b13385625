"""Checks of command lines and paths: their own examples, and their near misses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from dialogue import SAME
from judging import found, judge_example

from smtpsniff.checks import (
    command_bytes,
    commands,
    parameters,
    path_kinds,
    path_lengths,
    paths,
    vocabulary,
)

if TYPE_CHECKING:
    from smtpsniff.checks import Check

CHECKS: tuple[Check, ...] = (
    *commands.CHECKS, *command_bytes.CHECKS, *paths.CHECKS, *path_kinds.CHECKS,
    *path_lengths.CHECKS, *parameters.CHECKS, *vocabulary.CHECKS,
)  # fmt: skip
SYNTAX = r'S "500 5.5.2 bad syntax\r\n"'
OK = r'S "250 Ok\r\n"'


def asked(line: str, reply: str = OK) -> str:
    return f'@G\n@E\nC "{line}"\n{reply}\n@Q'


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_example(check: Check) -> None:
    judge_example(check)


@pytest.mark.parametrize("framing", SAME)
@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_example_in_any_framing(check: Check, framing: str) -> None:
    assert found(check.id, check.fires, framing=framing)
    assert not found(check.id, check.silent, framing=framing)


NEAR = [
    ("command-unknown", asked(r"XFOO\r\n", SYNTAX), "a private word"),
    ("command-unknown", asked(r"TICK\r\n", SYNTAX), "a word of an old product"),
    ("command-unknown", asked(r"FOO\r\n"), "a server that knows it"),
    ("command-unknown", '@G\n@E\nC "FOO\\r\\n"', "the capture ended"),
    ("command-unknown", '@G\n@E\n@M\nGAP C 9\nC "FOO\\r\\n"', "behind a gap"),
    ("command-masked", asked(r"XXX\r\n", SYNTAX), "three letters"),
    ("command-masked", asked(r"XXXXX\r\n"), "accepted, and no length of a command"),
    ("command-bare-lf", '@T\n@D\nC "a\\nb\\r\\n.\\r\\n"\n' + OK, "in a message"),
    ("command-bare-lf", '@G\n@E\nC "QUIT"\nFIN C', "a line that never ended"),
    ("command-line-too-long", asked('MAIL FROM:<a@b> "\nC "A"*500 "\\r\\n'), "DSN allows it"),
    ("command-nul-byte", '@G\n@E\nC "NOOP\\r\\n"\nGAP S 8\n@Q', "missing bytes"),
    ("command-8bit", asked(r"RCPT TO:<\xc3\xbc@mx.example>\r\n"), "UTF-8, offered or not"),
    ("command-leading-space", '@G\n@E\nC " \\r\\n"\n@Q', "a blank line"),
    ("command-unexpected-argument", '@T\nC "data \\t\\r\\n"\nS "354 go\\r\\n"', "blanks"),
    ("path-missing-brackets", asked(r"MAIL FROM: <s@a.example.net> BODY=7BIT\r\n"), "a space"),
    ("path-missing-brackets", asked(r"MAIL s@a.example.net\r\n", SYNTAX), "no FROM at all"),
    ("path-local-part-too-long", asked('RCPT TO:<"\nC "a"*200 ".example>\\r\\n'), "no @"),
    (
        "command-private-x",
        '@G\n@E\nC "XCLIENT NAME=x\\r\\n"\nS "550 no\\r\\n"',
        "with a check of its own",
    ),
    ("command-private-x", '@G\nC "XFOO\\r\\n"\nS "500 no\\r\\n"', "nothing was offered yet"),
    ("command-empty-line", '@G\n@E\nC "\\r\\n"\n@Q', "one, passed over"),
    (
        "command-empty-line",
        '@G\n@EA\nC "AUTH XOAUTH2 YQ==\\r\\n"\nS "334 YQ==\\r\\n"\nC "\\r\\n"\nS "535 no\\r\\n"',
        "an answer of a login",
    ),
    ("command-bare-cr", '@G\n@E\nC "QUIT\\r"\nFIN C', "a line that never ended"),
    ("command-control-char", asked(r"NOOP a\0b\r\n"), "a NUL"),
    ("command-control-char", '@T\n@D\nC "a\\x1bb\\r\\n.\\r\\n"\n' + OK, "in a message"),
    ("path-space-after-colon", asked(r"MAIL FROM: s@a.example.net\r\n"), "no brackets either"),
    ("path-source-route", asked(r"RCPT TO:<100%off@mx.example>\r\n"), "a percent sign"),
    ("path-source-route", asked(r"RCPT TO:<bounce+r=mx.example@list.example>\r\n"), "VERP"),
    ("path-quoted-local-part", asked(r"RCPT TO:<\"a@mx.example>\r\n"), "no closing quote"),
    ("path-domain-not-fqdn", asked(r"MAIL FROM:<\"a@b\"@mx.example>\r\n"), "an @ in quotes"),
    ("path-too-long", asked('MAIL FROM:<s@a.example> ENVID="\nC "x"*300 "\\r\\n'), "behind it"),
    ("param-syntax-invalid", asked(r"MAIL FROM:<s@a.example> MTRK=YWJj==:60\r\n"), "base64"),
    ("param-syntax-invalid", asked(r"MAIL FROM:<s@a.example> XVERP=+=\r\n"), "delimiters"),
    ("param-syntax-invalid", asked(r"MAIL FROM:<s@a.example>  SIZE=1\r\n"), "two blanks"),
    ("ext-param-unknown", asked(r"MAIL FROM:<s@a.example> PRDR\r\n"), "known, not offered"),
    ("ext-param-unknown", asked(r"RCPT TO:<r@mx.example> RET=FULL\r\n"), "of receipts"),
]


@pytest.mark.parametrize(("name", "text", "why"), NEAR, ids=[f"{n}: {w}" for n, _, w in NEAR])
def test_near_miss(name: str, text: str, why: str) -> None:
    assert not found(name, text), why


LONG = 'RCPT TO:<"\nC "a"*65 "@b.example>\\r\\n'
MIDSTREAM = r"""
    C "NOOP \xff\r\n"
    S "250 Ok\r\n"
    C "NOOP \xff\r\n"
    S "250 Ok\r\n"
"""
SUBMISSION = "SESSION server_port=587\n"
SEVERITIES = [
    ("command-unknown", asked(r"FOO\r\n", SYNTAX), "error"),
    ("command-unknown", '@G\n@E\nC "FOO\\r\\n"\n+30 FIN C\nFIN S', "warning"),
    ("command-masked", asked(r"XXXXXXXX\r\n", SYNTAX), "error"),
    ("command-bare-lf", asked(r"NOOP\n"), "warning"),
    ("command-bare-lf", asked(r"NOOP\n", SYNTAX), "error"),
    ("command-bare-lf", '@G\n@E\nC "NO"\n+0.5 C "OP\\n"\n' + OK, "note"),
    ("command-line-too-long", asked('NOOP "\nC "A"*600 "\\r\\n', SYNTAX), "error"),
    ("command-8bit", MIDSTREAM, "note"),
    ("command-leading-space", asked(r"\tNOOP\r\n"), "warning"),
    ("command-leading-space", asked(r" NOOP\r\n", SYNTAX), "error"),
    ("path-missing-brackets", asked(r"MAIL FROM:<s@a.example.net\r\n"), "warning"),
    ("path-missing-brackets", asked(r"MAIL FROM:\r\n", SYNTAX), "error"),
    ("path-local-part-too-long", asked(LONG, SYNTAX), "error"),
    ("path-syntax-invalid", asked(r"MAIL FROM:<a..b@c.example>\r\n"), "warning"),
    ("path-syntax-invalid", asked(r"MAIL FROM:<a..b@c.example>\r\n", SYNTAX), "error"),
    ("path-syntax-invalid", asked(r"MAIL FROM:<user>\r\n"), "error"),
    ("path-syntax-invalid", SUBMISSION + asked(r"MAIL FROM:<user>\r\n"), "warning"),
]


@pytest.mark.parametrize(("name", "text", "severity"), SEVERITIES)
def test_severity(name: str, text: str, severity: str) -> None:
    (finding,) = found(name, text)
    assert finding.severity == severity


VALID = [
    r"MAIL FROM:<>", r"MAIL FROM:<> SIZE=1", r"RCPT TO:<postmaster>", r"RCPT TO:<a.b+c=d@e.f>",
    r"RCPT TO:<@a.example,@b.example:c@d.example>", r"RCPT TO:<\"a>b\"@c.example>",
    r"RCPT TO:<\"a\\\"b\"@c.example>", r"RCPT TO:<a@[IPv6:2001:db8::1]>", r"RCPT TO:<a@b-c.d>",
    r"RCPT TO:<\xc3\xbc@\xc3\xa4.example>", r"RCPT TO:<a!b%c@d.example>", r"RCPT TO:<a@b> X=<y>",
]  # fmt: skip
INVALID = [
    r"MAIL FROM:<postmaster>", r"RCPT TO:<>", r"RCPT TO:<a>", r"RCPT TO:<@b.example>",
    r"RCPT TO:<a@b@c.example>", r"RCPT TO:<.a@b.example>", r"RCPT TO:<a.@b.example>",
    r"RCPT TO:<a b@c.example>", r"RCPT TO:<a,b@c.example>", r"RCPT TO:<a@>", r"RCPT TO:<a@b..c>",
    r"RCPT TO:<a@-b.example>", r"RCPT TO:<a@b.example.>", r"RCPT TO:<a@b c>",
    r"RCPT TO:<a@b.example>SIZE=1", r"RCPT TO:<<a@b.example>>", r"RCPT TO:<a\"b@c.example>",
    r"RCPT TO:< a@b.example>", r"RCPT TO:<Anna <a@b.example>>", r"RCPT TO:<\"a\"b@c.example>",
]  # fmt: skip


@pytest.mark.parametrize("line", VALID)
def test_valid_path(line: str) -> None:
    assert not found("path-syntax-invalid", asked(line + r"\r\n"))


@pytest.mark.parametrize("line", INVALID)
def test_invalid_path(line: str) -> None:
    (finding,) = found("path-syntax-invalid", asked(line + r"\r\n", SYNTAX))
    assert "is invalid: " in finding.text


def test_one_finding_counts_all_places() -> None:
    line = 'C "NOOP\\n"\n' + OK + "\n"
    (finding,) = found("command-bare-lf", "@G\n@E\n" + line + line)
    assert finding.count == 2


RAISED = [
    ("path-space-after-colon", r"RCPT TO: <r@mx.example>\r\n", "501 5.5.4 Syntax", "error"),
    ("path-space-after-colon", r"RCPT TO: <r@mx.example>\r\n", "450 4.2.0 Greylisted", "note"),
    ("path-space-after-colon", r"RCPT TO: <r@mx.example>\r\n", "250 Ok", "note"),
    ("command-obsolete", r"TURN\r\n", "250 Ok", "warning"),
    ("command-bare-cr", r"NOOP\r\r\n", "250 Ok", "warning"),
    ("command-bare-cr", r"NOOP a\rb\r\n", "501 no", "error"),
    ("command-control-char", r"NOOP \x1b[A\r\n", "250 Ok", "warning"),
    ("command-control-char", r"\xff\xfb\x01NOOP\r\n", "500 no", "error"),
    ("path-source-route", r"RCPT TO:<x%host.example@mx.example>\r\n", "554 No relay", "note"),
    ("path-source-route", r"RCPT TO:<host.example!x@mx.example>\r\n", "554 No relay", "note"),
    ("path-quoted-local-part", r"RCPT TO:<\"bob\"@mx.example>\r\n", "250 Ok", "warning"),
    ("path-address-literal", r"RCPT TO:<r@[2001:db8::1]>\r\n", "250 Ok", "warning"),
    ("path-address-literal", r"RCPT TO:<r@[IPv6:2001:db8::1]>\r\n", "250 Ok", "note"),
    ("path-domain-not-fqdn", r"RCPT TO:<r@host>\r\n", "250 Ok", "warning"),
    ("path-domain-not-fqdn", r"RCPT TO:<r@host>\r\n", "550 5.1.2 No such domain", "error"),
    ("ext-param-unknown", r"MAIL FROM:<s@a.example> FOO\r\n", "250 Ok", "warning"),
    ("ext-param-unknown", r"RCPT TO:<r@mx.example> SIZE=1\r\n", "555 No", "error"),
]


@pytest.mark.parametrize(("name", "line", "reply", "severity"), RAISED)
def test_raised_severity(name: str, line: str, reply: str, severity: str) -> None:
    (finding,) = found(name, asked(line, rf'S "{reply}\r\n"'))
    assert finding.severity == severity


def test_a_public_sender_without_domain() -> None:
    text = asked(r"MAIL FROM:<root@localhost>\r\n")
    (finding,) = found("path-domain-not-fqdn", text)
    assert finding.severity == "warning"
    at_home = "SESSION client=10.0.0.1 server=10.0.0.9\n" + text
    (finding,) = found("path-domain-not-fqdn", at_home)
    assert finding.severity == "note"


INVALID = [
    ("param-syntax-invalid", r"MAIL FROM:<s@a.example> SIZE=\r\n"),
    ("param-syntax-invalid", r"MAIL FROM:<s@a.example> =5\r\n"),
    ("param-syntax-invalid", r"MAIL FROM:<s@a.example>SIZE=5\r\n"),
    ("param-syntax-invalid", r"MAIL FROM:<s@a.example> SIZE=1\x012\r\n"),
    ("dsn-param-invalid", r"MAIL FROM:<s@a.example> NOTIFY=NEVER\r\n"),
    ("dsn-param-invalid", r"RCPT TO:<r@mx.example> ENVID=1\r\n"),
    ("dsn-param-invalid", r"RCPT TO:<r@mx.example> ORCPT=r@mx.example\r\n"),
    ("ext-param-value-invalid", r"MAIL FROM:<s@a.example> SMTPUTF8=1\r\n"),
    ("ext-param-value-invalid",
     r"MAIL FROM:<s@a.example> HOLDFOR=1 HOLDUNTIL=2026-11-24T10:00:00Z\r\n"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "line"), INVALID)
def test_parameter_invalid(name: str, line: str) -> None:
    (finding,) = found(name, asked(line, SYNTAX))
    assert finding.severity == "error"
