"""JA3 and JA4 of hellos whose fingerprints their authors published."""

from __future__ import annotations

from smtpsniff.tls.fingerprints import ja3, ja4
from smtpsniff.tls.hellos import ClientHello


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word, 16) for word in text.split(","))


def test_ja4_of_its_specification() -> None:
    """The Chrome of FoxIO's example, t13d1516h2_8daaf6152771_e5627efa2ab1, with GREASE thrown in."""
    signatures = bytes.fromhex("0403080404010503080505010806" + "0601")
    values = {
        0x0000: b"\0\5\0\0\2mx",
        0x0010: b"\0\x0c\2h2\x08http/1.1",
        0x002B: bytes.fromhex("064a4a03040303"),
        0x000D: len(signatures).to_bytes(2, "big") + signatures,
    }
    kinds = numbers(
        "2a2a,001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015"
    )
    hello = ClientHello(
        0x0303, b"",
        numbers("8a8a,1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035"),
        tuple((kind, values.get(kind, b"")) for kind in kinds),
    )  # fmt: skip
    assert ja4(hello) == "t13d1516h2_8daaf6152771_e5627efa2ab1"


def test_ja3_of_its_readme() -> None:
    """769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0 of Salesforce's page."""
    hello = ClientHello(
        769, b"", (47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4),
        ((0, b""), (10, b"\0\6\0\x17\0\x18\0\x19"), (11, b"\1\0")),
    )  # fmt: skip
    assert ja3(hello) == "ada70206e40642a3e4461f35503241d5"


def test_of_nearly_nothing() -> None:
    assert ja4(ClientHello(0x0301, b"", ())) == "t10i000000_000000000000_000000000000"
    odd = ClientHello(0x0301, b"", (), ((16, b"\0\3\2\xab\xcd"),))  # ALPN of two octets, 0xabcd
    assert ja4(odd).startswith("t10i0001ad_")
