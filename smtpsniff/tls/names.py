"""Numbers of TLS in words: versions, groups, alerts, messages."""

from __future__ import annotations

__all__ = ["ALERTS", "GROUPS", "MESSAGES", "VERSIONS", "group_name", "is_grease", "version_name"]

VERSIONS = {0x0002: "SSLv2", 0x0300: "SSLv3", 0x0301: "TLSv1.0", 0x0302: "TLSv1.1",
            0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}  # fmt: skip

# RFC 8446 §6, RFC 5246 §7.2; the gaps are alerts of SSLv3 and of extensions nobody uses here.
ALERTS = {
    0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 21: "decryption_failed",
    22: "record_overflow", 30: "decompression_failure", 40: "handshake_failure",
    41: "no_certificate", 42: "bad_certificate", 43: "unsupported_certificate",
    44: "certificate_revoked", 45: "certificate_expired", 46: "certificate_unknown",
    47: "illegal_parameter", 48: "unknown_ca", 49: "access_denied", 50: "decode_error",
    51: "decrypt_error", 60: "export_restriction", 70: "protocol_version",
    71: "insufficient_security", 80: "internal_error", 86: "inappropriate_fallback",
    90: "user_canceled", 100: "no_renegotiation", 109: "missing_extension",
    110: "unsupported_extension", 112: "unrecognized_name",
    113: "bad_certificate_status_response", 115: "unknown_psk_identity",
    116: "certificate_required", 120: "no_application_protocol", 121: "ech_required",
}  # fmt: skip

# Handshake messages, for a sentence that says how far it got (RFC 8446 §4, RFC 5246 §7.4).
MESSAGES = {
    0: "hello request", 1: "hello", 2: "hello", 4: "session ticket", 11: "certificate",
    12: "key exchange", 13: "request for a certificate", 14: "end of its hello",
    15: "proof of its certificate", 16: "key exchange", 20: "finish", 22: "certificate status",
}  # fmt: skip

# IANA "TLS Supported Groups".
GROUPS = {
    1: "sect163k1", 2: "sect163r1", 3: "sect163r2", 4: "sect193r1", 5: "sect193r2",
    6: "sect233k1", 7: "sect233r1", 8: "sect239k1", 9: "sect283k1", 10: "sect283r1",
    11: "sect409k1", 12: "sect409r1", 13: "sect571k1", 14: "sect571r1", 15: "secp160k1",
    16: "secp160r1", 17: "secp160r2", 18: "secp192k1", 19: "secp192r1", 20: "secp224k1",
    21: "secp224r1", 22: "secp256k1", 23: "secp256r1", 24: "secp384r1", 25: "secp521r1",
    26: "brainpoolP256r1", 27: "brainpoolP384r1", 28: "brainpoolP512r1", 29: "x25519",
    30: "x448", 31: "brainpoolP256r1tls13", 32: "brainpoolP384r1tls13",
    33: "brainpoolP512r1tls13", 256: "ffdhe2048", 257: "ffdhe3072", 258: "ffdhe4096",
    259: "ffdhe6144", 260: "ffdhe8192", 512: "MLKEM512", 513: "MLKEM768", 514: "MLKEM1024",
    4587: "SecP256r1MLKEM768", 4588: "X25519MLKEM768", 4589: "SecP384r1MLKEM1024",
    25497: "X25519Kyber768Draft00",
}  # fmt: skip


def version_name(number: int) -> str:
    """The name of a version; its number in hex where it has none (drafts, nonsense)."""
    return VERSIONS.get(number) or f"0x{number:04x}"


def group_name(number: int) -> str:
    """The name of a group; its number in hex where it has none."""
    return GROUPS.get(number) or f"0x{number:04x}"


def is_grease(number: int) -> bool:
    """Whether a number says nothing: clients throw such in so that servers bear them (RFC 8701)."""
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF
