"""Where addresses, ports, names and texts come from: pools made once, slices taken often."""

from __future__ import annotations

import base64
from bisect import bisect_left
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

VOCABULARY = """
the report order meeting attached please find invoice time we you next week project plan
thanks for your message customer delivery price list team holiday question answer server update
with regards and as agreed on monday morning will be sent to all members before noon if possible
budget draft version review comment change contract number office travel hotel train dinner music
garden photo summer winter school teacher student paper article chapter figure table result model
data energy water light house street city river mountain bridge ticket window kitchen coffee"""
WORDS = VOCABULARY.split()
GIVEN = "anna", "ben", "carla", "david", "elena", "frank", "greta", "hugo", "ines", "jonas", "otto"
FAMILY = "adler", "brandt", "costa", "dubois", "ekman", "fischer", "garcia", "horvat", "ivanov"
TAILS = "example.com", "example.org", "example.net", "mail.example", "corp.example", "uni.example"

TEXT_BYTES, BASE64_BYTES, NOISE_BYTES = 1_500_000, 9_000_000, 4_000_000
FIRST_PORT = 1025


class Pools:
    """Everything random that is large, from one seed."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.noise = rng.randbytes(NOISE_BYTES)
        self.text, self.lines = self.make_text()
        encoded = base64.encodebytes(rng.randbytes(BASE64_BYTES))
        self.base64 = encoded.replace(b"\n", b"\r\n")
        self.ports: dict[bytes, int] = {}

    def make_text(self) -> tuple[bytes, list[int]]:
        rng, size = self.rng, 0
        lines, offsets = list[str](), list[int]()
        while size < TEXT_BYTES:
            line = " ".join(rng.choices(WORDS, k=rng.randrange(4, 13)))[:74]
            kind = rng.random()
            if kind < 0.10:
                line = ""
            elif kind < 0.16:
                line = "> " + line
            elif kind < 0.166:
                line = ".." + line  # a line that begins with a dot, as it travels
            elif kind < 0.18:
                line = f"https://www.{rng.choice(TAILS)}/{rng.getrandbits(48):x}"
            offsets.append(size)
            lines.append(line + "\r\n")
            size += len(line) + 2
        return "".join(lines).encode(), offsets

    def prose(self, size: int) -> bytes:
        """Whole lines of text, about `size` bytes."""
        begin = self.rng.randrange(len(self.lines) - len(self.lines) * size // len(self.text) - 50)
        end = bisect_left(self.lines, self.lines[begin] + size)
        return self.text[self.lines[begin] : self.lines[min(end, len(self.lines) - 1)]]

    def encoded(self, size: int) -> bytes:
        """Whole lines of base64, about `size` bytes, the last one without a line end."""
        line, rows = 78, max(1, size // 78)
        begin = self.rng.randrange(len(self.base64) // line - rows - 1) * line
        return self.base64[begin : begin + rows * line]

    def opaque(self, size: int) -> bytes:
        begin = self.rng.randrange(NOISE_BYTES - size)
        return self.noise[begin : begin + size]

    def client(self, population: int, v6_share: float) -> tuple[bytes, int]:
        """One of so many clients and a port it has not used before."""
        host = self.rng.randrange(population)
        if host < population * v6_share:
            address = bytes.fromhex("20010db80051") + host.to_bytes(4, "big") + bytes(5) + b"\x25"
        else:
            address = bytes((198, 18 + (host >> 16), host >> 8 & 255, host & 255))
        port = self.ports.get(address, FIRST_PORT + host * 7919 % 60_000)
        self.ports[address] = port + 1 if port < 65_535 else FIRST_PORT
        return address, port

    def server(self, v6: bool, number: int) -> bytes:
        if v6:
            return bytes.fromhex("20010db80025") + bytes(9) + bytes((number,))
        return bytes((192, 0, 2, number))

    def host(self) -> str:
        rng = self.rng
        return f"{rng.choice(WORDS)}{rng.randrange(1, 400)}.{rng.choice(TAILS)}"

    def address(self) -> str:
        rng = self.rng
        local = f"{rng.choice(GIVEN)}.{rng.choice(FAMILY)}{rng.randrange(1000)}"
        return f"{local}@{rng.choice(TAILS)}"


def shown(address: bytes) -> str:
    return str(ip_address(address))
