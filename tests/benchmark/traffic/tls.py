"""TLS records that a dissector takes for real: handshakes of 1.2 and 1.3, then random bytes."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from traffic.flow import ACK, CLIENT, PSH, SERVER, Flow

if TYPE_CHECKING:
    from traffic.names import Pools

HANDSHAKE, CHANGE_CIPHER, APPLICATION, ALERT = 22, 20, 23, 21
RECORD_LIMIT, TAG = 16_384, 17

# A self-signed certificate for mx1.example.net; its key was thrown away.
CERTIFICATE = base64.b64decode(
    "MIIBpDCCAUugAwIBAgIUJe4sW0djAvs3m5aypq2gRXYWydcwCgYIKoZIzj0EAwIwGjEYMBYGA1UEAwwPbXgxLmV4YW"
    "1wbGUubmV0MB4XDTI2MTEyMzIyNTIyOFoXDTM2MTEyMDIyNTIyOFowGjEYMBYGA1UEAwwPbXgxLmV4YW1wbGUubmV0"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEUK9Snt5+yRNRRzbcPSQi5XrstWHaGKhYr/lgRu0Nu1UbDFrl/419LZ"
    "V5yNL4nQkfbXn/fIm8M7D0tpevQuYTwKNvMG0wHQYDVR0OBBYEFHzpPBkVuwQM/YInJfIVg29LVLa8MB8GA1UdIwQY"
    "MBaAFHzpPBkVuwQM/YInJfIVg29LVLa8MA8GA1UdEwEB/wQFMAMBAf8wGgYDVR0RBBMwEYIPbXgxLmV4YW1wbGUubm"
    "V0MAoGCCqGSM49BAMCA0cAMEQCIAlPNjq8zDBVojL+X9C2sPmBR3MQ6xURkT91bIwMX/FKAiAhy4GsBIaCIw4hbOyL"
    "yGHBqrd/zqVcCK3ozdXps5Qd1g=="
)


def sized(data: bytes, width: int) -> bytes:
    """The bytes with their length before them."""
    return len(data).to_bytes(width, "big") + data


def record(kind: int, data: bytes, version: bytes = b"\x03\x03") -> bytes:
    return bytes((kind,)) + version + sized(data, 2)


def message(kind: int, data: bytes) -> bytes:
    return bytes((kind,)) + sized(data, 3)


def extension(kind: int, data: bytes) -> bytes:
    return kind.to_bytes(2, "big") + sized(data, 2)


def client_hello(pools: Pools, name: str) -> bytes:
    extensions = b"".join(
        (
            extension(0, sized(b"\0" + sized(name.encode(), 2), 2)),
            extension(11, b"\1\0"),
            extension(10, sized(bytes.fromhex("001d00170018"), 2)),
            extension(35, b""),
            extension(23, b""),
            extension(13, sized(bytes.fromhex("040308040401050308050501"), 2)),
            extension(43, sized(bytes.fromhex("03040303"), 1)),
            extension(45, b"\1\1"),
            extension(51, sized(b"\0\x1d" + sized(pools.opaque(32), 2), 2)),
        )
    )
    ciphers = bytes.fromhex("130213031301c02cc030c02bc02f009f00ff")
    hello = b"\3\3" + pools.opaque(32) + sized(pools.opaque(32), 1)
    hello += sized(ciphers, 2) + b"\1\0" + sized(extensions, 2)
    return record(HANDSHAKE, message(1, hello), b"\3\1")


def server_hello(pools: Pools, cipher: str, *extensions: bytes) -> bytes:
    hello = b"\3\3" + pools.opaque(32) + sized(pools.opaque(32), 1)
    hello += bytes.fromhex(cipher) + b"\0" + sized(b"".join(extensions), 2)
    return record(HANDSHAKE, message(2, hello))


def sealed(pools: Pools, size: int) -> bytes:
    """Application data that hides so many bytes."""
    parts = list[bytes]()
    while size > 0:
        part = min(size, RECORD_LIMIT)
        parts.append(record(APPLICATION, pools.opaque(part + TAG)))
        size -= part
    return b"".join(parts)


def handshake(flow: Flow, pools: Pools, name: str) -> None:
    """The handshake up to where both sides may send data."""
    flow.emit(CLIENT, PSH | ACK, client_hello(pools, name), flow.rtt // 3 + 400)
    flow.acknowledge(SERVER, 30)
    change = record(CHANGE_CIPHER, b"\1")
    if pools.rng.random() < 0.7:
        share = extension(51, b"\0\x1d" + sized(pools.opaque(32), 2))
        hello = server_hello(pools, "1302", extension(43, b"\3\4"), share)
        flight = (6, len(CERTIFICATE) * 3, 78, 52)
        answer = hello + change + b"".join(sealed(pools, size) for size in flight)
        flow.bulk(SERVER, answer, 20)
        flow.acknowledge(CLIENT, flow.rtt)
        flow.command(change + sealed(pools, 52))
        flow.reply(sealed(pools, 250) * 2, 200)
    else:
        hello = server_hello(pools, "c02b", extension(0xFF01, b"\0"), extension(23, b""))
        key = b"\3\0\x1d" + sized(pools.opaque(32), 1) + b"\4\3" + sized(pools.opaque(71), 2)
        chain = sized(sized(CERTIFICATE, 3), 3)
        parts = message(11, chain), message(12, key), message(14, b"")
        flow.bulk(SERVER, hello + b"".join(record(HANDSHAKE, part) for part in parts), 20)
        flow.acknowledge(CLIENT, flow.rtt)
        exchange = record(HANDSHAKE, message(16, sized(pools.opaque(32), 1)))
        finished = record(HANDSHAKE, b"\0" * 8 + pools.opaque(32))
        flow.command(exchange + change + finished)
        ticket = record(HANDSHAKE, message(4, b"\0\0\x1c\x20" + sized(pools.opaque(176), 2)))
        flow.reply(ticket + change + finished, 300)


def goodbye(pools: Pools) -> bytes:
    """close_notify, sealed."""
    return record(ALERT, pools.opaque(2 + TAG + 7))
