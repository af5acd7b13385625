"""The one table of what a parameter's value may be."""

from __future__ import annotations

import pytest

from smtpsniff.smtp.extensions import EXTENSIONS, PARAMETER_KEYWORD
from smtpsniff.smtp.parameters import DSN_PARAMETERS, PARAMETERS, value_fault

GOOD = [
    ("MAIL SIZE", "0 10240000 99999999999999999999"),
    ("MAIL BODY", "7BIT 8bitmime BINARYMIME"),
    ("MAIL AUTH", "<> e+3Dmc2@example.com"),
    ("MAIL RET", "FULL hdrs"),
    ("MAIL ENVID", "QQ314159 a+2Bb " + "x" * 100),
    ("MAIL SMTPUTF8", ""),
    ("MAIL BY", "120;R 120;RT -120;N 0;NT +60;R"),
    ("MAIL HOLDFOR", "0 86400"),
    ("MAIL HOLDUNTIL", "2026-11-24T10:00:00Z 2026-11-24T10:00:00.5+01:00"),
    ("MAIL MT-PRIORITY", "0 3 -9"),
    ("MAIL REQUIRETLS", ""),
    ("MAIL TRANSID", "<12345@claremont.edu>"),
    ("MAIL SOLICIT", "com.example:ADV:ADLT net.example:ADV,org.example:ADV:ADLT"),
    ("MAIL MTRK", "9eXlgY9bmBZqpnbPHMBQNg== abc:86400"),
    ("MAIL XVERP", "+= "),
    ("RCPT NOTIFY", "NEVER success SUCCESS,DELAY,FAILURE"),
    ("RCPT ORCPT", "rfc822;a+2Bb@example.com UTF-8;\u00e9@example.com"),
    ("RCPT RRVS", "2014-04-03T23:01:00Z 2014-04-03T23:01:00Z;C"),
]
BAD = [
    ("MAIL SIZE", ["", "1k", "-1", "1.5", "9" * 21, "\u0663"]),
    ("MAIL BODY", ["", "8BIT", "7BIT,8BITMIME"]),
    ("MAIL AUTH", ["", "a=b", "a+3d", "a+", "x" * 501]),
    ("MAIL RET", ["", "BODY"]),
    ("MAIL ENVID", ["", "a+b", "x" * 101]),
    ("MAIL SMTPUTF8", ["YES"]),
    ("MAIL BY", ["120", "0;R", "-5;R", "120;X", "1234567890;N"]),
    ("MAIL HOLDUNTIL", ["tomorrow", "2026-11-24", "2026-11-24T10:00:00"]),
    ("MAIL MT-PRIORITY", ["10", "+3", "-0", "high"]),
    ("MAIL REQUIRETLS", ["1"]),
    ("RCPT NOTIFY", ["", "NEVER,FAILURE", "ALWAYS", "SUCCESS,", ",DELAY"]),
    ("RCPT ORCPT", ["a@example.com", "rfc822;", "rfc822;a+2b@x", "rfc822;" + "x" * 500]),
    ("RCPT RRVS", ["2014", "2014-04-03T23:01:00Z;X"]),
]


def fault(name: str, value: str) -> str:
    verb, _, parameter = name.partition(" ")
    return value_fault(PARAMETERS[verb, parameter], value)


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in GOOD for value in values.split(" ")]
)
def test_value_allowed(name: str, value: str) -> None:
    assert fault(name, value) == ""


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD for value in values]
)
def test_value_refused(name: str, value: str) -> None:
    assert fault(name, value)


def test_every_parameter_belongs_to_an_extension() -> None:
    assert set(PARAMETERS) <= set(PARAMETER_KEYWORD)
    for name, verb in DSN_PARAMETERS.items():
        assert PARAMETER_KEYWORD[verb, name] == {"DSN"}


def test_what_an_extension_narrows_stays_within_the_table() -> None:
    for row in EXTENSIONS.values():
        for verb, spelled in (("MAIL", row.mail_params), ("RCPT", row.rcpt_params)):
            for text in spelled:
                name, _, value = text.partition("=")
                known = PARAMETERS.get((verb, name))
                if known is not None and text != known.spelled:
                    assert value
                    assert all(not value_fault(known, one) for one in value.split("|"))
