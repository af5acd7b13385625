"""Logins of every mechanism: whose they are, how they ended, and what they give away if asked."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from typing import TYPE_CHECKING, Any

import pytest
from dialogue import capture, sessions
from hypothesis import given
from hypothesis import strategies as st

from smtpsniff.records import encoder
from smtpsniff.smtp.logins import Step, read_login

if TYPE_CHECKING:
    from pathlib import Path


def b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def dialogue(mechanism: str, steps: list[tuple[bytes, bytes]], end: str = "235 2.7.0 ok") -> str:
    """A login; the first step's answer stands in the command where nothing was asked."""
    lines, steps = [], list(steps)
    command = f"AUTH {mechanism}"
    if steps and not steps[0][0]:
        command += f" {b64(steps.pop(0)[1]) or '='}"
    lines.append(f'C "{command}\\r\\n"')
    for challenge, response in steps:
        lines += [f'S "334 {b64(challenge)}\\r\\n"', f'C "{b64(response)}\\r\\n"']
    return "@G\n@EA\n" + "\n".join([*lines, f'S "{end}\\r\\n"']) + "\n@Q"


def ntlm_message_3(user: str, domain: str, lm: bytes, nt: bytes) -> bytes:
    parts = [lm, nt, domain.encode("utf-16-le"), user.encode("utf-16-le"), b"", b""]
    at, fields = 64, b""
    for part in parts:
        fields += struct.pack("<HHI", len(part), len(part), at)
        at += len(part)
    return b"NTLMSSP\0\x03\0\0\0" + fields + struct.pack("<I", 1) + b"".join(parts)


# Where a standard has an example, it is that one.
CRAM = (b"<1896.697170952@postoffice.reston.mci.net>", b"tim b913a602c7eda7a495b4e6e7334d3890")
DIGEST = (
    b'charset=utf-8,username="chris",realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",nc=00000001,'
    b'cnonce="OA6MHXh6VqTrRk",digest-uri="imap/elwood.innosoft.com",'
    b"response=d388dad90d4bbd760a152321f2143af7,qop=auth"
)
SCRAM = [
    (b"", b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"),
    (b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
     b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
     b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
]  # fmt: skip
CHALLENGE = bytes.fromhex("0123456789abcdef")
NTLM_2 = b"NTLMSSP\0\x02\0\0\0" + bytes(12) + CHALLENGE + bytes(24)
NTLM_1 = b"NTLMSSP\0\x01\0\0\0" + bytes(20)
V1 = bytes.fromhex("67c43011f30298a2ad35ece64f16331c44bdbed927841f94")
BLOB = bytes.fromhex(
    "0101000000000000000000000000000000aaaaaaaaaaaaaa0000000002000c0044006f006d00610069006e00"
    "01000c005300650072007600650072000000000000000000"
)
# NTOWFv2 of "Password" for User in Domain (MS-NLMP 4.2.4.1.1)
OWF = bytes.fromhex("0c868a403bfd7a93a3001ef22ef02e3f")
PROOF = hmac.new(OWF, CHALLENGE + BLOB, hashlib.md5).digest()

# mechanism, steps, user, realm, authzid, password
LOGINS: list[tuple[str, list[tuple[bytes, bytes]], str | None, str | None, str | None, str | None]] = [
    ("PLAIN", [(b"", b"\0bob\0hunter2!")], "bob", None, None, "hunter2!"),
    ("PLAIN", [(b"", b"admin\0bob\0hunter2!")], "bob", None, "admin", "hunter2!"),
    ("PLAIN", [(b"?", b"bob\0bob\0hunter2!")], "bob", None, None, "hunter2!"),
    ("LOGIN", [(b"Username:", b"bob"), (b"Password:", b"hunter2!")], "bob", None, None, "hunter2!"),
    ("LOGIN", [(b"", b"bob"), (b"Password:", b"hunter2!")], "bob", None, None, "hunter2!"),
    ("LOGIN", [(b"who", b"bob"), (b"what", b"hunter2!")], "bob", None, None, "hunter2!"),
    ("CRAM-MD5", [CRAM], "tim", None, None, None),
    ("DIGEST-MD5", [(b'realm="x"', DIGEST), (b"rspauth=1", b"")], "chris", "elwood.innosoft.com",
     None, None),
    ("SCRAM-SHA-256", SCRAM, "user", None, None, None),
    ("SCRAM-SHA-1-PLUS", [(b"", b"p=tls-unique,a=adm=2Cin,n=b=3Db,r=x")], "b=b", None, "adm,in", None),
    ("XOAUTH2", [(b"", b"user=bob@x.example\1auth=Bearer ya29.token!\1\1")], "bob@x.example", None,
     None, "ya29.token!"),
    ("OAUTHBEARER", [(b"", b"n,a=bob@x.example,\1host=h\1port=587\1auth=Bearer vF9.token!\1\1")],
     "bob@x.example", None, None, "vF9.token!"),
    ("EXTERNAL", [(b"", b"bob@x.example")], "bob@x.example", None, None, None),
    ("EXTERNAL", [(b"", b"")], None, None, None, None),
    ("ANONYMOUS", [(b"", b"sirhc")], "sirhc", None, None, None),
    ("GSSAPI", [(b"", b"\x60\x82\xa0\x03\x02\x01\x05\xa1\x0d\x1b\x0bEXAMPLE.ORG\xa2")], None,
     "EXAMPLE.ORG", None, None),
    ("NTLM", [(b"", NTLM_1), (NTLM_2, ntlm_message_3("User", "Domain", bytes(24), PROOF + BLOB))],
     "User", "Domain", None, None),
    ("NTLM", [(b"go", NTLM_1), (NTLM_2, ntlm_message_3("User", "Domain", V1, V1))], "User", "Domain",
     None, None),
    ("X-UNHEARD-OF", [(b"", b"who knows")], None, None, None, None),
]  # fmt: skip


def login(text: str, framing: str = "whole", **read: object) -> Any:  # noqa: ANN401
    (session,) = sessions(text, framing, read=read)
    (auth,) = session.auth
    return auth


@pytest.mark.parametrize("framing", ["whole", "one_byte"])
@pytest.mark.parametrize(("mechanism", "steps", "user", "realm", "authzid", "password"), LOGINS)
def test_whose(
    mechanism: str, steps: list[tuple[bytes, bytes]], user: str | None, realm: str | None,
    authzid: str | None, password: str | None, framing: str,
) -> None:  # fmt: skip
    text = dialogue(mechanism, steps)
    auth = login(text, framing)
    assert (auth.mechanism, auth.user, auth.realm, auth.authzid) == (
        mechanism,
        user,
        realm,
        authzid,
    )
    assert (auth.code, auth.result, auth.secrets) == ("235", "accepted", None)
    assert auth.initial_response is not bool(steps[0][0])
    assert auth.lines == len([challenge for challenge, _ in steps if challenge])
    shown = login(text, framing, show_secrets=True)
    assert shown.secrets.get("password") == password


def test_results() -> None:
    plain = [(b"", b"\0bob\0hunter2!")]
    assert login(dialogue("PLAIN", plain, "535 5.7.8 no")).result == "refused"
    assert login(dialogue("PLAIN", plain, "454 4.7.0 later")).result == "refused"
    text = '@G\n@EA\nC "AUTH LOGIN\\r\\n"\nS "334 VXNlcm5hbWU6\\r\\n"\nC "*\\r\\n"\nS "501 ok\\r\\n"\n@Q'
    auth = login(text)
    assert (auth.result, auth.user, auth.code, auth.lines) == ("cancelled", None, "501", 1)
    unanswered = login('@G\n@EA\nC "AUTH LOGIN\\r\\n"\nRST C')
    assert (unanswered.result, unanswered.code) == (None, None)


# -- what password auditors take -----------------------------------------------------------


def test_cram_md5_for_auditors() -> None:
    secrets = login(dialogue("CRAM-MD5", [CRAM]), show_secrets=True).secrets
    who, _, rest = secrets["john hmac-md5"].partition(":")
    challenge, _, digest = rest.rpartition("#")
    assert who == "tim"
    assert hmac.new(b"tanstaaftanstaaf", challenge.encode(), "md5").hexdigest() == digest
    assert secrets["hashcat 10200"] == f"$cram_md5${b64(CRAM[0])}${b64(CRAM[1])}"


def test_ntlm_for_auditors() -> None:
    v2 = [(b"", NTLM_1), (NTLM_2, ntlm_message_3("User", "Domain", bytes(24), PROOF + BLOB))]
    secrets = login(dialogue("NTLM", v2), show_secrets=True).secrets
    assert secrets["hashcat 5600"] == secrets["john netntlmv2"]
    user, nothing, domain, challenge, proof, blob = secrets["hashcat 5600"].split(":")
    assert (user, nothing, domain) == ("User", "", "Domain")
    tried = hmac.new(OWF, bytes.fromhex(challenge) + bytes.fromhex(blob), "md5").hexdigest()
    assert tried == proof
    v1 = [(b"", NTLM_1), (NTLM_2, ntlm_message_3("User", "Domain", bytes(24), V1))]
    secrets = login(dialogue("NTLM", v1), show_secrets=True).secrets
    assert secrets["hashcat 5500"] == f"User::Domain:{'00' * 24}:{V1.hex()}:{CHALLENGE.hex()}"


def test_scram_for_auditors() -> None:
    secrets = login(dialogue("SCRAM-SHA-256", SCRAM), show_secrets=True).secrets
    message, _, proof = secrets["scram"].rpartition(" ")
    salted = hashlib.pbkdf2_hmac(
        "sha256", b"pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096
    )
    key = hmac.new(salted, b"Client Key", "sha256").digest()
    signature = hmac.new(hashlib.sha256(key).digest(), message.encode(), "sha256").digest()
    assert base64.b64decode(proof) == bytes(a ^ b for a, b in zip(key, signature, strict=True))


# -- nothing shows unasked -----------------------------------------------------------------


def secrets_of(mechanism: str, steps: list[tuple[bytes, bytes]], password: str | None) -> list[str]:
    found = [b64(response) for _, response in steps if len(response) > 3]
    found += [b64(response).rstrip("=") for _, response in steps if len(response) > 3]
    if password is not None:
        found.append(password)
    for mark in ("b913a602", "d388dad9", "dHzbZapW", "67c43011", PROOF.hex()[:8]):
        found += [mark, mark.upper()]
    return found


@pytest.mark.parametrize(("mechanism", "steps", "user", "realm", "authzid", "password"), LOGINS)
@pytest.mark.parametrize("end", ["235 2.7.0 ok", "535 5.7.8 %s is wrong", "501 what is %s?"])
def test_masked_in_every_output(
    mechanism: str, steps: list[tuple[bytes, bytes]], user: str | None, realm: str | None,
    authzid: str | None, password: str | None, end: str, tmp_path: Path,
    capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from smtpsniff.cli.main import main

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    last = steps[-1][1]
    echoed = password if "wrong" in end and password else b64(last)
    text = dialogue(mechanism, steps, end.replace("%s", echoed)).removesuffix("@Q")
    text += "@M\n@R\n@D\n@H\n@X\n@Q"
    path = str(tmp_path / "mail.pcap")
    (tmp_path / "mail.pcap").write_bytes(capture(text))
    commands = [
        [path], [path, "--json"], [path, "--format", "json"], ["show", path, "1"],
        [path, "--format", "csv"], [path, "--format", "eve"], [path, "--format", "zeek"],
        ["show", path, "1", "--ladder"], ["show", path, "1", "--json"],
        ["extract", path, "-d", str(tmp_path / "out"), "--mbox"],
        ["extract", path, "-d", str(tmp_path / "two"), "--json"], ["stories", path],
        ["stories", path, "--json"], ["report", path, "-o", str(tmp_path / "report.html")],
    ]  # fmt: skip
    for command in commands:
        main([*command, "--fail-on", "never", "--debug"])
    out, err = capsysbinary.readouterr()
    files = b"".join(
        f.read_bytes() for f in tmp_path.rglob("*") if f.is_file() and f.name != "mail.pcap"
    )
    said = (out + err + files).decode()
    assert mechanism in said
    for secret in secrets_of(mechanism, steps, password):
        assert secret.upper() not in said.upper()
    main(["show", path, "1", "--show-secrets", "--fail-on", "never"])
    shown = capsysbinary.readouterr()[0].decode()
    assert b64(last) in shown.replace("\n", "").replace(" ", "")
    if password is not None:
        assert password in shown


@given(
    st.sampled_from([row[0] for row in LOGINS] + ["GSS-SPNEGO", ""]),
    st.lists(st.tuples(st.binary(max_size=80), st.binary(max_size=80)), max_size=5),
)
def test_no_octets_raise(mechanism: str, steps: list[tuple[bytes, bytes]]) -> None:
    read_login(mechanism, [Step(*step) for step in steps])


@given(st.binary(max_size=120))
def test_no_ntlm_raises(octets: bytes) -> None:
    read_login("NTLM", [Step(NTLM_2, b"NTLMSSP\0\x03\0\0\0" + octets)])


def test_a_record_of_each_can_be_written() -> None:
    for mechanism, steps, *_ in LOGINS:
        (session,) = sessions(dialogue(mechanism, steps), read={"show_secrets": True})
        assert encoder().encode(session)
