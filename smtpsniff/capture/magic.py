"""Names for what is not a capture we read, so that the message says what to do."""

from __future__ import annotations

import codecs

from smtpsniff.capture.compression import compression
from smtpsniff.capture.foreign import foreign

COMPRESSED = "decompress it first"
FOREIGN = "a capture that only Wireshark reads; convert it with `editcap -F pcapng`"

# first bytes -> (what it is, what to do)
SIGNATURES: dict[bytes, tuple[str, str]] = {
    b"\x04\x22\x4d\x18": ("lz4-compressed", COMPRESSED),
    b"7z\xbc\xaf\x27\x1c": ("a 7-Zip archive", "unpack it first"),
    b"PK\x03\x04": ("a ZIP archive", "unpack it first"),
    b"btsnoop\0": ("a Bluetooth btsnoop file", "no mail travels there"),
    b"VeriWave": ("a VeriWave file", FOREIGN),
    b"\xd2\x04\xf1\x8c": ("a Wireshark profile", "give the capture instead"),
    b"\x89PNG": ("a PNG image", ""),
    b"\xff\xd8\xff": ("a JPEG image", ""),
    b"GIF8": ("a GIF image", ""),
    b"%PDF": ("a PDF document", ""),
    b"\x7fELF": ("a program", ""),
    b"MZ": ("a program", ""),
    b"SQLite format 3": ("an SQLite database", ""),
    b"PAR1": ("a Parquet file", ""),
}

NOT_TEXT = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b") | {127})


def recognise(head: bytes) -> str:
    """Why a file with these first bytes is not read, in one line."""
    if not head:
        return "the file is empty"
    if packed := compression(head):  # what is packed once has been unpacked before
        return f"not a pcap or pcapng file: it is compressed twice (inside is {packed.name})"
    if kind := foreign(head):  # of a file it would have been converted
        return f"a {kind} capture can only be read from a file that is not compressed or piped"
    for magic, (name, advice) in SIGNATURES.items():
        if head.startswith(magic):
            return f"not a pcap or pcapng file: it looks like {name}" + (advice and f" ({advice})")
    if not head.strip(b"\0"):
        return "not a pcap or pcapng file: it starts with zeros"
    if _is_text(head):
        return "not a pcap or pcapng file: it looks like text"
    return f"not a pcap or pcapng file: it starts with {head[:4].hex(' ')}"


def _is_text(head: bytes) -> bool:
    """UTF-8 without control characters, whose last character may be cut."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return head.translate(None, NOT_TEXT) == head
