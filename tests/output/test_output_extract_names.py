"""Names from the wire, made fit for a folder."""

from __future__ import annotations

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpsniff.output.extract.names import MAX_BYTES, Names, fit
from smtpsniff.text import safe

CASES = [
    ("report.pdf", "report.pdf"),
    ("übér 2026.txt", "übér 2026.txt"),
    ("../../etc/passwd", "passwd"),
    ("..\\..\\windows\\system.ini", "system.ini"),
    ("/etc/shadow", "shadow"),
    ("C:\\autoexec.bat", "autoexec.bat"),
    ("a:b", "a_b"),
    ("..", "x"),
    ("/", "x"),
    ("", "x"),
    (" . . ", "x"),
    (".bashrc", "bashrc"),
    ("-rf", "rf"),
    ("--", "x"),
    ("CON", "_CON"),
    ("nul.txt", "_nul.txt"),
    ("com1.tar.gz", "_com1.tar.gz"),
    ("CONTRACT.doc", "CONTRACT.doc"),
    ("lpt9", "_lpt9"),
    ("invoice\u202efdp.exe", "invoice_fdp.exe"),
    ("a\x1b[31mb.txt", "a_[31mb.txt"),
    ("a\0b\nc\rd\te", "a_b_c_d_e"),
    ("trailing. . ", "trailing"),
    ("a\u200bb", "a_b"),
    ("e\u0301.txt", "é.txt"),
    ('what?<>|*".txt', "what______.txt"),
    ("\ud800.txt", "_.txt"),
]


@pytest.mark.parametrize(("name", "wanted"), CASES)
def test_name(name: str, wanted: str) -> None:
    assert fit(name, "x") == wanted


def test_a_long_name_keeps_its_extension() -> None:
    name = fit("ü" * 300 + ".docx", "x")
    assert name.endswith("ü.docx")
    assert MAX_BYTES - 2 <= len(name.encode()) <= MAX_BYTES
    assert len(fit("a." + "b" * 300, "x")) == MAX_BYTES


@given(st.text(max_size=400))
def test_any_name(name: str) -> None:
    fitted = fit(name, "x")
    assert fitted
    assert len(fitted.encode()) <= MAX_BYTES + 1
    assert fitted == os.path.basename(fitted)
    assert safe(fitted) == fitted
    assert fitted[0] not in ".- "
    assert fitted[-1] not in ". "
    assert not set(fitted) & set('/\\:*?"<>|\0')
    assert unicodedata.is_normalized("NFC", fitted)
    assert fit(fitted, "x") == fitted


def test_no_name_is_given_twice() -> None:
    names = Names()
    given = [names.new(name) for name in ("a.txt", "A.TXT", "a.txt", "a-2.txt", "b")]
    assert given == ["a.txt", "A-2.TXT", "a-3.txt", "a-2-2.txt", "b"]
    assert len({name.casefold() for name in given}) == 5
