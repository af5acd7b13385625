"""Header fields: folding, and encoded words in all the ways that real mail spells them."""

from __future__ import annotations

import pytest

from smtpsniff.mail import read_headers


def _subject(value: bytes) -> str | None:
    return read_headers(b"From: a@example.org\r\nSubject: " + value + b"\r\nTo: b\r\n").subject


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"plain", "plain"),
        (b"folded\r\n in two", "folded in two"),
        (b"folded\n\twith a tab", "folded\twith a tab"),
        (b"=?utf-8?q?caf=C3=A9?=", "café"),
        (b"=?iso-8859-1?B?5SDpIO4g+CA=?= =?iso-8859-1?Q?=FC?=\r\n     rest", "å é î ø ü     rest"),
        (b"4    =?utf-8?B?eA==?=  ", "4    x  "),
        (b"=?utf-8?q?a_b?=\r\n =?us-ascii*en?q?c?= d", "a bc d"),
        (b"a:=?UTF-8?Q?=20b?=\r\n  =?UTF-8?Q?c=20?==?UTF-8?Q?=2D?=", "a: bc -"),
        (b"=?utf-8?b?w6k?= half padding", "é half padding"),
        (b"=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "é"),
        (b"=?no-such-charset?q?caf=E9?=", r"caf\xe9"),
        (b"=?utf-8?q?caf=E9?=", r"caf\xe9"),
        (b"=?utf-8?x?what?= =?open", "=?utf-8?x?what?= =?open"),
        (b"=?utf-8?q??=", ""),
        (b"two =? marks", "two =? marks"),
        (b"=?base64_codec?q?eA=3D=3D?=", "eA=="),
        (b"=?idna?b?gA==?=", r"\x80"),
        (rb"=?unicode-escape?q?\q?=", r"\q"),
    ],
)
def test_subjects(value: bytes, text: str) -> None:
    assert _subject(value) == text


def test_odd_bytes_stay_in_their_field() -> None:
    fields = read_headers(b"Subject: caf\xe9\r\nX-Path: C:\\mail\r\nX-Both: \xe9\\\r\n").fields
    assert fields == [("Subject", r"caf\xe9"), ("X-Path", r"C:\mail"), ("X-Both", r"\xe9\\")]
