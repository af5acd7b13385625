"""Words of records that are neither codes nor commands nor checks: what each of them means."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["GLOSSARY", "MASKED", "Word"]


class Word(NamedTuple):
    """One meaning of a word: of which kind it is, what it says, and where it is written."""

    kind: str
    meaning: str
    written_in: str = ""


_TIMELINE = {
    "connect": "The TCP handshake, from the first SYN to the client's acknowledgement.",
    "greeting": "The server's first reply.",
    "command": "A line of the client that the server must answer.",
    "reply": "An answer of the server, all its lines.",
    "auth": "A line of the client within a login. What it holds is never shown.",
    "data": "A message, with its size. Its text is not shown.",
    "end-of-data": "The line with a single dot that ends a message.",
    "chunk": "Part of a message behind BDAT, with its size.",
    "tls": "Encryption begins: what follows cannot be read without keys (explain keylog).",
    "gap": "Octets that were sent but never captured, with their number.",
    "close": "One side closed its direction of the connection (FIN).",
    "reset": "One side tore the connection down (RST).",
    "note": "Something worth knowing that neither side said.",
}
_DELAYS = {
    "connect": "Waiting for the TCP connection.",
    "greeting": "Waiting for the server's greeting.",
    "tls": "Setting up encryption.",
    "server": "The server took its time to answer.",
    "client": "The client took its time to go on.",
    "network": "Packets were on their way.",
    "loss": "Packets were lost and had to be sent again.",
    "transfer": "The message was being sent.",
    "after_dot": "The server took its time between the end of the message and its verdict.",
    "unknown": "The capture does not show whose time it was.",
}
_STORIES = {
    "retry": "One mail was tried again, in the same session or a later one.",
    "fallback": "One server did not take the mail, so another one was asked.",
    "duplicate": "A mail that had been sent whole was sent again.",
    "single": "A mail with one attempt; told on demand (--all).",
    "pattern": "Not one mail but something that shows over several sessions.",
}
_SEVERITIES = {
    "error": "Mail was not delivered, or a rule was broken that others rely on.",
    "warning": "It went on, but something is wrong or will go wrong with others.",
    "note": "Worth knowing; nothing to be mended.",
}
_CONFIDENCES = {
    "certain": "The packets prove it.",
    "likely": "It needs one assumption, which the text names.",
    "possible": "A rule of thumb: look for yourself.",
}
_PROTOCOLS = {
    "smtp": "Mail between servers, or from a mail program to its server.",
    "lmtp": "Local delivery: like SMTP, but LHLO greets and each recipient has a reply of its own.",
    "tls": "Encrypted from the first octet; what is inside cannot be read without its keys.",
    "unknown": "Nothing was said that shows what it was.",
}
_METHODS = {
    "PLAIN": ("User and password in one line, in base64, which is no secret.", "RFC 4616"),
    "LOGIN": ("User and password in two lines, in base64; old and still common.",
              "draft-murchison-sasl-login"),
    "CRAM-MD5": ("A digest of password and challenge; the password itself is not sent. Outdated.",
                 "RFC 2195"),
    "DIGEST-MD5": ("As CRAM-MD5, more complicated, and given up.", "RFC 2831, RFC 6331"),
    "SCRAM-SHA-1": ("Both sides prove that they know the password, and neither says it.",
                    "RFC 5802"),
    "SCRAM-SHA-256": ("Both sides prove that they know the password, and neither says it.",
                      "RFC 7677"),
    "XOAUTH2": ("A token in place of the password: Gmail's and Microsoft's own form.",
                "Google, OAuth 2.0 mechanism"),
    "OAUTHBEARER": ("A token in place of the password.", "RFC 7628"),
    "NTLM": ("A Windows login by challenge and response. Outdated.", "Microsoft MS-SMTPNTLM"),
    "GSSAPI": ("A Kerberos ticket.", "RFC 4752"),
    "EXTERNAL": ("The client is known already, by its TLS certificate as a rule.",
                 "RFC 4422 appendix A"),
    "ANONYMOUS": ("No login: only a name to leave a trace.", "RFC 4505"),
}  # fmt: skip
_TABLES: tuple[tuple[str, dict[str, str]], ...] = (
    ("a line of the timeline", _TIMELINE),
    ("where the time went", _DELAYS),
    ("a kind of story", _STORIES),
    ("how bad a finding is", _SEVERITIES),
    ("how sure a finding is", _CONFIDENCES),
    ("what was spoken", _PROTOCOLS),
)


def _glossary() -> dict[str, list[Word]]:
    found: dict[str, list[Word]] = {}
    for kind, table in _TABLES:
        for word, meaning in table.items():
            found.setdefault(word, []).append(Word(kind, meaning))
    for name, (meaning, reference) in _METHODS.items():
        found.setdefault(name.lower(), []).append(Word("a login method", meaning, reference))
    found["proxy"] = [
        Word(
            "what comes before the greeting",
            "A line, or a block of octets, in which a load balancer says whom it speaks for.",
            "HAProxy PROXY protocol",
        )
    ]
    return found


GLOSSARY = _glossary()

MASKED = Word(
    "a word that was blacked out",
    "A firewall wrote X over a command or keyword it does not know, letter by letter, often over "
    "STARTTLS. Switch its SMTP inspection off.",
    "Cisco ESMTP inspection; Postfix smtp_pix_workarounds",
)
