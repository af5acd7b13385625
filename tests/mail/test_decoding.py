"""Encodings of parts, against the standard library, in blocks of any size."""

from __future__ import annotations

import base64
import binascii
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpsniff.mail.decoding import decoder_for


def decode(encoding: str, raw: bytes, size: int = 1 << 30) -> tuple[bytes, set[str]]:
    out = bytearray()
    decoder = decoder_for(encoding, out.extend)
    for at in range(0, len(raw), size):
        decoder.feed(raw, at, min(at + size, len(raw)))
    decoder.close()
    return bytes(out), decoder.defects


def uuencode(raw: bytes) -> bytes:
    lines = [binascii.b2a_uu(raw[at : at + 45]) for at in range(0, len(raw), 45)]
    return b"begin 644 name\n" + b"".join(lines) + b"`\nend\n"


ENCODERS = {
    "base64": base64.encodebytes,
    "quoted-printable": lambda raw: quopri.encodestring(raw, quotetabs=True),
    "x-uuencode": uuencode,
    "binary": bytes,
    "nonsense": bytes,
}


@pytest.mark.parametrize("encoding", ENCODERS)
@given(raw=st.binary(max_size=3000), size=st.integers(1, 200))
def test_there_and_back(encoding: str, raw: bytes, size: int) -> None:
    sent = ENCODERS[encoding](raw)
    assert decode(encoding, sent, size) == (raw, set())


@pytest.mark.parametrize(
    ("text", "wanted", "defects"),
    [
        (b"QUJD", b"ABC", set()),
        (b"QUI=", b"AB", set()),
        (b"QQ==\r\nQUJD\r\n", b"AABC", set()),  # another block behind the padding
        (b"Q!U#J\r\nD", b"ABC", {"not base64"}),
        (b"QUJDR", b"ABC", {"cut base64"}),
        (b"QUJDRA", b"ABCD", {"cut base64"}),
        (b"\x1b[2J\xff", b'\xd8', {"not base64", "cut base64"}),
        (b"====", b"", set()),
        (b"", b"", set()),
    ],
)  # fmt: skip
def test_lying_base64(text: bytes, wanted: bytes, defects: set[str]) -> None:
    for size in (1, 3, 1 << 30):
        assert decode("base64", text, size) == (wanted, defects)


def test_base64_behind_a_gap_is_read_from_the_next_line() -> None:
    raw = bytes(range(57)) * 4
    text = base64.encodebytes(raw)
    out = bytearray()
    decoder = decoder_for("base64", out.extend)
    decoder.feed(text, 0, 80)
    assert decoder.gap(50) == 37
    decoder.feed(text, 130, len(text))
    decoder.close()
    # The rest of the line that the gap ends in cannot be told from its middle.
    assert bytes(out) == raw[: 57 + 2] + raw[57 * 2 :]


@given(encoding=st.sampled_from(sorted(ENCODERS)), raw=st.binary(max_size=2000))
def test_nothing_raises(encoding: str, raw: bytes) -> None:
    for size in (1, 17, 1 << 30):
        decode(encoding, raw, size)
