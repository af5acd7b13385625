"""File names and types as mail programs write them."""

from __future__ import annotations

import pytest

from smtpsniff.mail.parts import read_part

NAMES = [
    (b"Content-Disposition: attachment; filename=plain.txt", "plain.txt"),
    (b'Content-Disposition: attachment; filename="with space.txt"', "with space.txt"),
    (b"Content-Disposition: attachment; filename=with space.txt", "with space.txt"),
    (b'content-disposition:attachment;\r\n\tFILENAME="folded\r\n name.txt"', "folded name.txt"),
    (b'Content-Type: application/pdf; name="type.pdf"', "type.pdf"),
    (b'Content-Type: text/plain; name="b.txt"\r\nContent-Disposition: inline; filename="a.txt"',
     "a.txt"),
    (b"Content-Disposition: attachment; filename*=utf-8''%e2%82%ac%20rates.txt", "€ rates.txt"),
    (b"Content-Disposition: attachment; filename*=iso-8859-1'en'%A3.txt", "£.txt"),
    (b"Content-Disposition: attachment; filename*0*=utf-8''%e2%82;\r\n filename*1*=%ac; "
     b"filename*2=.txt", "€.txt"),
    (b'Content-Disposition: attachment; filename*0="long"; filename*1="name"; filename*2=.txt',
     "longname.txt"),
    (b"Content-Disposition: attachment; filename==?utf-8?B?w7xiZXI=?=.txt", "über.txt"),
    (b'Content-Disposition: attachment; filename="=?utf-8?Q?=C3=BC?=\r\n =?utf-8?Q?ber?="', "über"),
    ('Content-Disposition: attachment; filename="übér.txt"'.encode(), "übér.txt"),
    (b'Content-Disposition: attachment; filename="caf\xe9.txt"', "caf\\xe9.txt"),
    (b'Content-Disposition: attachment; filename="a\\"b.txt"', 'a"b.txt'),
    (b"Content-Disposition: attachment; filename*=no-such-charset''abc", "abc"),
    (b"Content-Disposition: attachment; filename*=utf-8''%ff%fe", "\ufffd\ufffd"),
    (b'Content-Disposition: attachment; filename=""', None),
    (b"Content-Disposition: attachment", None),
    (b"X-Content-Disposition: attachment; filename=no", None),
]  # fmt: skip


@pytest.mark.parametrize(("head", "name"), NAMES)
def test_file_name(head: bytes, name: str | None) -> None:
    assert read_part("1", head + b"\r\n").filename == name


def test_type_and_encoding() -> None:
    part = read_part(
        "1", b"Content-Type: TEXT/Html; charset=x\nContent-Transfer-Encoding: BASE64 \n"
    )
    assert (part.content_type, part.encoding, part.declared) == ("text/html", "base64", True)
    assert not part.is_attachment


@pytest.mark.parametrize("head", [b"", b"Content-Type:", b"Content-Type: ;;;=\"'%", b"\xff" * 9])
def test_what_says_nothing_is_text(head: bytes) -> None:
    part = read_part("1", head)
    assert part.content_type == "text/plain"
    assert not part.declared


def test_only_the_first_of_a_field_counts() -> None:
    head = b"Content-Type: image/png\r\nContent-Type: text/plain\r\n"
    assert read_part("1", head).content_type == "image/png"
