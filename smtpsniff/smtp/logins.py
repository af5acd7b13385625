"""Who logged in, how, and with what result: one reader for each mechanism (RFC 4954, SASL).

The wire carries challenges and responses in base64; each reader says whose login they are, and
what in them is as good as a password. The record has the latter only where it was asked for.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass, field
from struct import error as StructError
from struct import unpack_from
from typing import TYPE_CHECKING, Literal, NamedTuple

from smtpsniff.records import Auth
from smtpsniff.smtp.secrets import SHORTEST, is_mechanism
from smtpsniff.text import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from smtpsniff.smtp.dialogue import Dialogue
    from smtpsniff.smtp.model import Exchange

__all__ = ["Login", "Step", "login_record", "passwords", "read_login"]

# Lines of one login that are looked at; the longest mechanisms (NTLM, SCRAM) have three.
MAX_STEPS = 8
# A question for the password, as servers word it in LOGIN.
_PASSWORD = re.compile(rb"pass", re.IGNORECASE)
# key=value or key="value" of DIGEST-MD5 (RFC 2831 §7.1)
_DIRECTIVE = re.compile(rb'([a-zA-Z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^,]*))')
# Kerberos: pvno 5, then the realm of the ticket (RFC 4120 §5.3).
_TICKET = re.compile(rb"\xa0\x03\x02\x01\x05\xa1.\x1b([\x01-\x7f])", re.DOTALL)
_RESULTS: dict[int, Literal["accepted", "refused"]] = {2: "accepted", 4: "refused", 5: "refused"}


class Step(NamedTuple):
    """A question of the server's and the client's answer, decoded; an initial response answers
    an empty question."""

    challenge: bytes
    response: bytes


@dataclass(slots=True)
class Login:
    """What a mechanism's lines say. `password` is in clear, or a token that is as good; `forms`
    has, by the name of a program, what it takes to try passwords against."""

    user: bytes | None = None
    realm: bytes | None = None
    authzid: bytes | None = None  # on whose behalf, where that is somebody else
    password: bytes | None = None
    forms: dict[str, str] = field(default_factory=dict)


def login_record(dialogue: Dialogue, exchange: Exchange, *, secrets: bool) -> Auth:
    """The record of one AUTH exchange; `secrets` only where they were asked for."""
    lines = _lines(dialogue, exchange)
    mechanism = _mechanism(exchange)
    login = read_login(mechanism, _steps(lines))
    last = lines[-1]
    record = Auth(mechanism, exchange.frame)
    record.user, record.realm = _text(login.user), _text(login.realm)
    record.authzid = _text(login.authzid)
    cancelled = last.argument.strip() == b"*" and last is not exchange
    if last.reply is not None:
        record.code = f"{last.reply.code:03d}"
        record.result = _RESULTS.get(last.reply.kind)
    if cancelled:
        record.result = "cancelled"
    record.lines = len(lines) - 1
    record.initial_response = len(exchange.argument.split(None, 1)) > 1
    if secrets:
        record.secrets = dict(login.forms)
        if login.password is not None:
            record.secrets["password"] = decode(login.password)
    return record


def passwords(dialogue: Dialogue, exchange: Exchange) -> list[bytes]:
    """What of the lines so far is a password in clear: to be masked wherever it is repeated."""
    login = read_login(_mechanism(exchange), _steps(_lines(dialogue, exchange)))
    password = login.password or b""
    return [password] if len(password) >= SHORTEST else []


def _lines(dialogue: Dialogue, exchange: Exchange) -> list[Exchange]:
    """The command and the responses behind it."""
    exchanges = dialogue.exchanges
    at = len(exchanges) - 1
    while at >= 0 and exchanges[at] is not exchange:
        at -= 1
    lines = [exchange]
    for following in exchanges[at + 1 :]:
        if following.verb != "<auth-response>":
            break
        lines.append(following)
    return lines


def _mechanism(exchange: Exchange) -> str:
    words = exchange.argument.split(None, 1)
    mechanism = decode(words[0]) if words else ""
    return mechanism.upper() if is_mechanism(mechanism) else ""


def _steps(lines: list[Exchange]) -> list[Step]:
    """Questions and answers. An answer that cancels is none (RFC 4954 §4)."""
    command = lines[0]
    words = command.argument.split(None, 1)
    steps = [Step(b"", _decoded(words[1]))] if len(words) > 1 else []
    before = command
    for line in lines[1 : MAX_STEPS + 1]:
        asked = before.reply.lines[0].encode("utf-8", "replace") if before.reply else b""
        if line.argument.strip() != b"*":
            steps.append(Step(_decoded(asked), _decoded(line.argument)))
        before = line
    return steps


def _decoded(text: bytes) -> bytes:
    """Octets of a line of base64; none where it is not base64. ``=`` stands for no octet."""
    text = text.strip().rstrip(b"=")
    try:
        return binascii.a2b_base64(text + b"=" * (-len(text) % 4), strict_mode=True)
    except ValueError:
        return b""


def _text(value: bytes | None) -> str | None:
    return decode(value) if value else None


# -- mechanisms ----------------------------------------------------------------------------


def read_login(mechanism: str, steps: list[Step]) -> Login:
    """What the lines of a login say; nothing for a mechanism that is not known."""
    if mechanism.startswith("SCRAM-"):
        return _scram(steps)
    reader = _READERS.get(mechanism)
    login = reader(steps) if reader is not None else Login()
    for step in steps:  # Windows speaks NTLM inside other mechanisms, too
        if b"NTLMSSP\0" in step.response:
            return _ntlm(steps)
    return login


def _first(steps: Iterable[Step]) -> bytes:
    return next((step.response for step in steps if step.response), b"")


def _plain(steps: list[Step]) -> Login:
    """[authzid] NUL authcid NUL password, RFC 4616 §2."""
    parts = _first(steps).split(b"\0")
    if len(parts) != 3:
        return Login()
    authzid, user, password = parts
    return Login(user or authzid, None, authzid if user and authzid != user else None, password)


def _login(steps: list[Step]) -> Login:
    """User and password, as the server asks for them (no standard; draft-murchison-sasl-login)."""
    login = Login()
    for step in steps:
        if login.user is None and not _PASSWORD.search(step.challenge):
            login.user = step.response
        elif login.password is None:
            login.password = step.response
    return login


def _cram_md5(steps: list[Step]) -> Login:
    """user SP digest, RFC 2195 §2."""
    for challenge, response in steps:
        user, blank, digest = response.rpartition(b" ")
        if blank and challenge:
            question, answer = (
                binascii.b2a_base64(octets, newline=False).decode()
                for octets in (challenge, response)
            )
            forms = {
                "hashcat 10200": f"$cram_md5${question}${answer}",
                "john hmac-md5": f"{decode(user)}:{decode(challenge)}#{decode(digest)}",
            }
            return Login(user, forms=forms)
        if blank:
            return Login(user)
    return Login()


def _digest_md5(steps: list[Step]) -> Login:
    """username="…",realm="…",response=…, RFC 2831 §2.1.2."""
    for step in steps:
        found: dict[bytes, bytes] = {}
        for name, quoted, plain in _DIRECTIVE.findall(step.response):
            found.setdefault(name.lower(), quoted.replace(b"\\", b"") or plain.strip())
        if b"username" in found:
            forms = {"digest-md5": decode(step.response)}
            return Login(found[b"username"], found.get(b"realm"), found.get(b"authzid"),
                         forms=forms)  # fmt: skip
    return Login()


def _scram(steps: list[Step]) -> Login:
    """gs2-header n=user,r=nonce; then the server's salt and the client's proof (RFC 5802 §7)."""
    first = _first(steps)
    gs2 = re.match(rb"(?:n|y|p=[A-Za-z0-9.-]+),(?:a=([^,]*))?,", first)
    if gs2 is None:
        return Login()
    bare = first[gs2.end() :]
    user = next((part[2:] for part in bare.split(b",") if part.startswith(b"n=")), None)
    login = Login(_unescaped(user), None, _unescaped(gs2[1]))
    for challenge, response in steps:
        final, proof, value = response.rpartition(b",p=")
        if proof and challenge.startswith(b"r="):
            login.forms["scram"] = decode(b",".join((bare, challenge, final)) + b" " + value)
    return login


def _unescaped(name: bytes | None) -> bytes | None:
    return name.replace(b"=2C", b",").replace(b"=3D", b"=") if name else None


def _oauth(steps: list[Step]) -> Login:
    """user=…^Aauth=Bearer …^A^A (Google), n,a=…,^A…^Aauth=Bearer …^A^A (RFC 7628 §3.1)."""
    login = Login()
    for part in _first(steps).replace(b",", b"\x01").split(b"\x01"):
        name, _, value = part.partition(b"=")
        if name in (b"user", b"a") and login.user is None:
            login.user = value
        elif name.lower() == b"auth":
            login.password = value.rpartition(b" ")[2]
    return login


def _identity(steps: list[Step]) -> Login:
    """EXTERNAL (RFC 4422 A.1) and ANONYMOUS (RFC 4505): a name, or nothing."""
    return Login(_first(steps) or None)


def _gssapi(steps: list[Step]) -> Login:
    """Kerberos: the user is encrypted, the realm of the ticket is not (RFC 4120 §5.3)."""
    for step in steps:
        match = _TICKET.search(step.response)
        if match is not None:
            return Login(realm=step.response[match.end() : match.end() + match[1][0]])
    return Login()


def _ntlm(steps: list[Step]) -> Login:
    """NTLM (MS-NLMP): a challenge in message 2, domain, user and responses in message 3."""
    challenge = b""
    for step in steps:
        asked = step.challenge[max(step.challenge.find(b"NTLMSSP\0"), 0) :]
        if asked.startswith(b"NTLMSSP\0\x02\0\0\0"):
            challenge = asked[24:32]
        at = step.response.find(b"NTLMSSP\0\x03\0\0\0")
        if at >= 0:
            return _ntlm_response(step.response[at:], challenge)
    return Login()


def _ntlm_response(message: bytes, challenge: bytes) -> Login:
    """Message 3: five fields of length, room and offset, and flags."""
    try:
        fields = [unpack_from("<HHI", message, at) for at in (12, 20, 28, 36)]
        (flags,) = unpack_from("<I", message, 60) if len(message) >= 64 else (1,)
    except StructError:
        return Login()
    lm, nt, domain, user = (message[at : at + length] for length, _, at in fields)
    if flags & 1:  # text is UTF-16
        domain, user = (
            text.decode("utf-16-le", "replace").encode("utf-8", "replace")
            for text in (domain, user)
        )
    login = Login(user or None, domain or None)
    if len(challenge) == 8 and len(nt) >= 24:
        whose = f"{decode(user)}::{decode(domain)}:"
        if len(nt) == 24:
            form = f"{whose}{lm.hex()}:{nt.hex()}:{challenge.hex()}"
            login.forms = {"hashcat 5500": form, "john netntlm": form}
        else:
            form = f"{whose}{challenge.hex()}:{nt[:16].hex()}:{nt[16:].hex()}"
            login.forms = {"hashcat 5600": form, "john netntlmv2": form}
    return login


_READERS: dict[str, Callable[[list[Step]], Login]] = {
    "PLAIN": _plain,
    "LOGIN": _login,
    "CRAM-MD5": _cram_md5,
    "DIGEST-MD5": _digest_md5,
    "XOAUTH2": _oauth,
    "OAUTHBEARER": _oauth,
    "EXTERNAL": _identity,
    "ANONYMOUS": _identity,
    "GSSAPI": _gssapi,
    "GSS-SPNEGO": _gssapi,
    "NTLM": _ntlm,
}
