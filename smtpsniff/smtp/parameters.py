"""Parameters of MAIL and RCPT: how the value of each is written.

One row a parameter, the only place that says what its value may be. Extensions name their
parameters and take the spelling from here; checks hold values against the expression.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["DSN_PARAMETERS", "PARAMETERS", "Parameter", "value_fault"]


class Parameter(NamedTuple):
    """`syntax` is how the value is written, with its = sign; empty where it has none.

    `value` is an expression for it (any case); `longest` its bound in octets, 0 for none of its
    own; `optional` says that it may stand without a value.
    """

    verb: str
    name: str
    syntax: str
    value: str | None
    reference: str
    longest: int = 0
    optional: bool = False

    @property
    def spelled(self) -> str:
        """Name and value, for reading."""
        return self.name + self.syntax


# RFC 3461 §4: printable ASCII but + and =, or a plus sign and two capital hexadecimal digits.
_XTEXT = r"(?:[!-*,-<>-~]|\+(?-i:[0-9A-F]{2}))"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?"  # RFC 3339 §5.6
_ZONE = r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
_EVENT = r"(?:SUCCESS|FAILURE|DELAY)"
_BASE64 = r"[A-Za-z0-9+/]+={0,2}"
_ANY = r"[!-~\x80-\uffff]+"

_ROWS = (
    Parameter("MAIL", "SIZE", "=1*20DIGIT", r"[0-9]{1,20}", "RFC 1870 §3"),
    Parameter("MAIL", "BODY", "=7BIT|8BITMIME|BINARYMIME", "7BIT|8BITMIME|BINARYMIME",
              "RFC 6152 §2; RFC 3030 §3"),
    Parameter("MAIL", "AUTH", "=xtext|<>", f"<>|{_XTEXT}+", "RFC 4954 §5", 500),
    Parameter("MAIL", "RET", "=FULL|HDRS", "FULL|HDRS", "RFC 3461 §4.3"),
    Parameter("MAIL", "ENVID", "=xtext", f"{_XTEXT}+", "RFC 3461 §4.4", 100),
    Parameter("MAIL", "SMTPUTF8", "", None, "RFC 6531 §3.4"),
    Parameter("MAIL", "BY", "=seconds;R|N[T]", r"\+?0*[1-9][0-9]{0,8};RT?|[+-]?[0-9]{1,9};NT?",
              "RFC 2852 §4"),
    Parameter("MAIL", "HOLDFOR", "=seconds", "[0-9]{1,9}", "RFC 4865 §4"),
    Parameter("MAIL", "HOLDUNTIL", "=date-time", _DATE + _ZONE, "RFC 4865 §4"),
    Parameter("MAIL", "MT-PRIORITY", "=-9..9", "0|-?[1-9]", "RFC 6710 §3"),
    Parameter("MAIL", "REQUIRETLS", "", None, "RFC 8689 §3"),
    Parameter("MAIL", "TRANSID", "=<id>", _ANY, "RFC 1845 §4"),
    Parameter("MAIL", "SUBMITTER", "=xtext", f"{_XTEXT}+", "RFC 4405 §4"),
    Parameter("MAIL", "SOLICIT", "=keywords", r"[A-Za-z][\w.:-]*(?:,[A-Za-z][\w.:-]*)*",
              "RFC 3865 §4", 1000),
    Parameter("MAIL", "MTRK", "=certifier[:seconds]", f"{_BASE64}(?::[0-9]{{1,9}})?",
              "RFC 3885 §3"),
    Parameter("MAIL", "CONPERM", "", None, "RFC 4141 §4"),
    Parameter("MAIL", "ALT-ADDRESS", "=xtext", _ANY, "RFC 5336 §3.4"),
    Parameter("MAIL", "XVERP", "[=delimiters]", r"[!-<>-~][!-~]", "Postfix VERP_README",
              optional=True),
    Parameter("MAIL", "PRDR", "", None, "draft-hall-prdr"),
    Parameter("RCPT", "NOTIFY", "=NEVER|SUCCESS,FAILURE,DELAY", f"NEVER|{_EVENT}(?:,{_EVENT})*",
              "RFC 3461 §4.1"),
    # RFC 6533 §4.2.1 has an encoding of its own behind utf-8; it may hold raw UTF-8.
    Parameter("RCPT", "ORCPT", "=type;xtext", rf"utf-8;{_ANY}|[A-Za-z0-9-]+;{_XTEXT}+",
              "RFC 3461 §4.2; RFC 6533 §4.2.1", 500),
    Parameter("RCPT", "RRVS", "=date-time[;C|R]", f"{_DATE}{_ZONE}(?:;[CR])?", "RFC 7293 §3"),
    Parameter("RCPT", "CONNEG", "", None, "RFC 4141 §5"),
    Parameter("RCPT", "ALT-ADDRESS", "=xtext", _ANY, "RFC 5336 §3.4"),
    Parameter("RCPT", "IGNOREQUOTA", "", None, "Cyrus"),
    Parameter("RCPT", "XRCPTFORWARD", "=base64", _BASE64, "Dovecot"),
)  # fmt: skip

PARAMETERS: dict[tuple[str, str], Parameter] = {(row.verb, row.name): row for row in _ROWS}
"""(MAIL or RCPT, parameter in upper case) to its row."""

DSN_PARAMETERS = {"RET": "MAIL", "ENVID": "MAIL", "NOTIFY": "RCPT", "ORCPT": "RCPT"}
"""Those of delivery receipts, and the command each belongs to (RFC 3461 §4)."""


def value_fault(row: Parameter, value: str) -> str:
    """What is wrong with a value, as the end of a sentence; "" if nothing is.

    `value` is empty where there was none.
    """
    if row.value is None:
        return f"{row.name} takes no value" if value else ""
    if not value:
        return "" if row.optional else f"{row.name} needs a value"
    if row.longest and len(value.encode("utf-8", "surrogateescape")) > row.longest:
        return f"a value of {row.name} may have {row.longest} octets"
    if re.fullmatch(row.value, value, re.IGNORECASE):
        return ""
    return f"it is written {row.spelled}"
