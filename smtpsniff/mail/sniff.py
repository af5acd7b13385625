"""What a file is by its first bytes, whatever its name and its declared type say."""

from __future__ import annotations

__all__ = ["HEAD", "extension_of", "sniff"]

# Bytes that decide; the table's longest needs 262 (tar).
HEAD = 512

# (offset, bytes, type). First match wins: what is told by more bytes stands before.
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF-", "application/pdf"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"\x1f\x8b\x08", "application/gzip"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xfd7zXZ\0", "application/x-xz"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"MSCF", "application/vnd.ms-cab-compressed"),
    (257, b"ustar", "application/x-tar"),
    (0, b"MZ", "application/vnd.microsoft.portable-executable"),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"\xca\xfe\xba\xbe", "application/java-vm"),
    (0, b"L\0\0\0\x01\x14\x02\0", "application/x-ms-shortcut"),
    (0, b"\x78\x9f\x3e\x22", "application/ms-tnef"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"OggS", "application/ogg"),
    (4, b"ftyp", "video/mp4"),
    (0, b"RIFF", "audio/x-wav"),
    (0, b"SQLite format 3\0", "application/vnd.sqlite3"),
    (0, b"-----BEGIN PGP", "application/pgp-encrypted"),
    (0, b"ITSF", "application/vnd.ms-htmlhelp"),
    (0, b"#!", "text/x-script"),
    (0, b"<?xml", "text/xml"),
    (0, b"BEGIN:VCALENDAR", "text/calendar"),
    (0, b"BEGIN:VCARD", "text/vcard"),
)
_HTML = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script")

# For parts without a name.
_EXTENSIONS = {
    "application/pdf": ".pdf",
    "application/zip": ".zip",
    "application/gzip": ".gz",
    "application/rtf": ".rtf",
    "application/msword": ".doc",
    "application/x-ole-storage": ".ole",
    "application/vnd.microsoft.portable-executable": ".exe",
    "application/ms-tnef": ".dat",
    "application/pgp-signature": ".asc",
    "application/pkcs7-signature": ".p7s",
    "application/pkcs7-mime": ".p7m",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/tiff": ".tiff",
    "message/rfc822": ".eml",
    "text/html": ".html",
    "text/calendar": ".ics",
    "text/vcard": ".vcf",
    "text/xml": ".xml",
}


def sniff(head: bytes) -> str | None:
    """The type that the first bytes speak of; text where nothing else and nothing odd is there."""
    for offset, magic, kind in _MAGIC:
        if head.startswith(magic, offset):
            return kind
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:16].lower()
    if start.startswith(_HTML):
        return "text/html"
    if not head or any(byte < 9 or (13 < byte < 32 and byte != 27) for byte in head):
        return None
    return "text/plain"


def extension_of(*kinds: str | None) -> str:
    """The extension of the first type that has one."""
    for kind in kinds:
        if kind is not None:
            if kind in _EXTENSIONS:
                return _EXTENSIONS[kind]
            if kind.startswith("text/"):
                return ".txt"
    return ".bin"
