"""Parts of a message, however its octets come."""

from __future__ import annotations

import email
import hashlib
import time
from email.message import EmailMessage
from functools import lru_cache
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpsniff.mail import mime
from smtpsniff.mail.contents import Content, Contents
from smtpsniff.mail.mime import MAX_DEPTH, MAX_PARTS


def contents(raw: bytes, size: int = 1 << 30) -> Contents:
    """All parts of a message that comes in blocks of `size`."""
    found = Contents(everything=True, urls=True)
    for at in range(0, len(raw), size):
        found.feed(raw, at, min(at + size, len(raw)))
    found.close()
    return found


def summary(found: Contents) -> list[tuple[object, ...]]:
    return [
        (c.part.path, c.part.content_type, c.part.filename, c.size, c.digests["sha256"].hexdigest())
        for c in found.found
    ]


@lru_cache
def nested() -> bytes:
    inner = EmailMessage()
    inner["Subject"] = "inner"
    inner.set_content("hello\nwörld\n")
    inner.add_attachment(bytes(range(256)) * 40, maintype="application", subtype="pdf",
                         filename="naïve ü.pdf")  # fmt: skip
    outer = EmailMessage()
    outer["Subject"] = "outer"
    outer.set_content("see http://example.com/a?b=1&c=2.\n")
    outer.add_attachment(inner)
    outer.add_attachment(b"GIF89a--", maintype="image", subtype="gif", filename="a b.gif")
    return outer.as_bytes().replace(b"\n", b"\r\n")


def test_nested_message() -> None:
    found = contents(nested())
    assert [(c.part.path, c.part.content_type, c.part.filename) for c in found.found] == [
        ("1", "text/plain", None),
        ("2", "message/rfc822", None),
        ("2.1.1", "text/plain", None),
        ("2.1.2", "application/pdf", "naïve ü.pdf"),
        ("3", "image/gif", "a b.gif"),
    ]
    assert found.urls is not None
    assert list(found.urls.found) == ["http://example.com/a?b=1&c=2"]


def test_same_as_the_library() -> None:
    parsed = [p for p in email.message_from_bytes(nested()).walk() if not p.is_multipart()]
    wanted = [hashlib.sha256(p.get_payload(decode=True)).hexdigest() for p in parsed]
    ours = [c for c in contents(nested()).found if c.part.content_type != "message/rfc822"]
    assert [c.digests["sha256"].hexdigest() for c in ours] == wanted


@pytest.mark.parametrize("size", [1, 2, 3, 7, 76, 78, 500])
def test_blocks_make_no_difference(size: int) -> None:
    assert summary(contents(nested(), size)) == summary(contents(nested()))


def test_a_nested_message_is_whole() -> None:
    kept: dict[str, bytearray] = {}

    def keep(content: Content) -> object:
        class File:
            def write(self, data: bytes) -> None:
                kept.setdefault(content.part.path, bytearray()).extend(data)

            def close(self) -> None:
                pass

        return File()

    found = Contents(open_file=keep)  # type: ignore[arg-type]
    raw = nested()
    found.feed(raw, 0, len(raw))
    found.close()
    begin = raw.index(b"\r\n\r\n", raw.index(b"message/rfc822")) + 4
    boundary = email.message_from_bytes(raw).get_boundary("").encode()
    assert bytes(kept["2"]) == raw[begin : raw.index(b"\r\n--" + boundary, begin)]
    assert email.message_from_bytes(bytes(kept["2"]))["Subject"] == "inner"


TRICKY = [
    (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--\r\nepilogue",
     [b"one"]),
    (b"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n\r\n\r\n--b\r\n\r\n--bx"
     b"\r\n--b--", [b"", b"--bx"]),
    (b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b \t\n\ntwo\n--b--\n",
     [b"one", b"two"]),
    (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\nX: y\r\n--b\r\n\r\nend",
     [b"", b"", b"end"]),
    (b'Content-Type: multipart/mixed; boundary="o"\r\n\r\n--o\r\nContent-Type: multipart/mixed;'
     b' boundary=i\r\n\r\n--i\r\n\r\nnever closed\r\n--o\r\n\r\nouter\r\n--o--',
     [b"never closed", b"outer"]),
    (b"Content-Type: multipart/mixed\r\n\r\n--b\r\nno boundary is named", None),
    (b"", [b""]),
    (b"\r\nno header at all", [b"no header at all"]),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "wanted"), TRICKY)
def test_boundaries(raw: bytes, wanted: list[bytes] | None) -> None:
    texts = [hashlib.sha256(text).hexdigest() for text in wanted or ()]
    for size in (1 << 30, 1, 2, 5):
        found = contents(raw, size).found
        if wanted is None:
            assert len(found) == 1
        else:
            assert [c.digests["sha256"].hexdigest() for c in found] == texts


def test_a_thousand_levels_are_bounded_and_told() -> None:
    heads = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
        for n in range(1000)
    )
    found = contents(heads + b"\r\ndeep")
    assert found.limits == {"depth of a message's parts"}
    assert len(found.found) == 1
    assert found.found[0].part.path.count(".") == MAX_DEPTH - 1


def test_a_thousand_messages_in_messages() -> None:
    found = contents(b"Content-Type: message/rfc822\r\n\r\n" * 1000 + b"\r\ndeep")
    assert found.limits == {"depth of a message's parts"}
    assert len(found.found) == mime.MAX_MESSAGES + 1


def test_a_million_parts_are_bounded_in_time_and_told() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 1_000_000
    began = time.perf_counter()
    found = contents(raw, 1 << 16)
    assert time.perf_counter() - began < 20
    assert len(found.found) == MAX_PARTS - 1  # the multipart is one, too
    assert found.limits == {f"parts of a message: {MAX_PARTS}"}


def test_a_message_with_too_many_parts_is_not_complete() -> None:
    inner = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 20_000
    found = contents(b"Content-Type: message/rfc822\r\n\r\n" + inner)
    assert [c.part.path for c in found.found if not c.complete] == [""]


@pytest.mark.parametrize(
    "head",
    [
        b"X: y\r\n" * 1_000_000,
        b"Content-Type: text/plain; " + b'a"; ' * 500_000,
        b"Content-Type: multipart/mixed; boundary=" + b"b" * 3_000_000,
        b"Content-Disposition: attachment"
        + b"".join(b"; filename*%d=a" % n for n in range(99_999)),
        b"Subject: " + b"=?utf-8?q?" * 300_000,
    ],
)
def test_header_bombs_are_bounded_in_time(head: bytes) -> None:
    began = time.perf_counter()
    found = contents(head + b"\r\n\r\nbody", 1 << 16)
    assert time.perf_counter() - began < 10
    assert found.found or found.limits


def test_no_boundary_line_is_taken_for_one_that_is_not() -> None:
    lines = b"".join(b"--b%d\r\n" % n for n in range(100_000))
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + lines + b"--b--\r\n"
    (part,) = contents(raw, 4096).found
    assert part.size == len(lines) - 2


def test_a_gap_in_a_part_is_told() -> None:
    raw = nested()
    at = raw.index(b"AAECAwQF") + 400
    found = Contents(everything=True)
    found.feed(raw, 0, at)
    found.gap(100)
    found.feed(raw, at + 100, len(raw))
    found.close()
    assert [c.part.path for c in found.found if not c.complete] == ["2", "2.1.2"]
    inner = next(c for c in found.found if c.part.path == "2.1.2")
    assert inner.missing == 75


@given(st.lists(st.sampled_from([
    b"--b\r\n", b"--b--\r\n", b"--i\r\n", b"--i--\r\n", b"\r\n", b"\n", b"text", b"-", b"--",
    b"Content-Type: multipart/mixed; boundary=i\r\n", b"Content-Type: message/rfc822\r\n",
    b"Content-Transfer-Encoding: base64\r\n", b"QUJD", b"begin 644 x\r\n", b"#0V%T\r\n", b"end\r\n",
]), max_size=40), st.integers(0, 1 << 30))  # fmt: skip
def test_any_blocks_of_any_message(pieces: list[bytes], seed: int) -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"".join(pieces)
    whole = summary(contents(raw))
    random, at = Random(seed), 0
    found = Contents(everything=True)
    while at < len(raw):
        stop = min(at + random.randint(1, 20), len(raw))
        found.feed(raw, at, stop)
        at = stop
    found.close()
    assert summary(found) == whole


@given(st.binary(max_size=2000))
def test_nothing_raises(raw: bytes) -> None:
    assert contents(raw).found is not None
