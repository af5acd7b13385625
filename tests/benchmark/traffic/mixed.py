"""Mail among other traffic: 60 % of the bytes are web, TLS, DNS, SSH and FTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traffic import mail, tls
from traffic.flow import ACK, CLIENT, PSH, SERVER, Flow

if TYPE_CHECKING:
    from collections.abc import Callable

    from traffic.names import Pools
    from traffic.truth import Truth

STEP, HOSTS, V6_SHARE = 4000, 2000, 0.2
OTHER_SHARE, DISTURBED = 0.6, 0.06
MAIL_PORTS = (25,) * 16 + (587,) * 3 + (10_025,)

KEX_LISTS = (
    "curve25519-sha256,ecdh-sha2-nistp256,diffie-hellman-group14-sha256",
    "ssh-ed25519,rsa-sha2-512,rsa-sha2-256",
    *("chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-ctr",) * 2,
    *("umac-64-etm@openssh.com,hmac-sha2-256-etm@openssh.com",) * 2,
    *("none,zlib@openssh.com",) * 2,
    *("",) * 2,
)


def http(flow: Flow, pools: Pools) -> None:
    rng = pools.rng
    for _ in range(rng.randrange(1, 6)):
        request = (
            f"GET /{rng.getrandbits(40):x}/index.html HTTP/1.1\r\nHost: www.{pools.host()}\r\n"
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Firefox/128.0\r\n"
            "Accept: */*\r\nAccept-Encoding: identity\r\nConnection: keep-alive\r\n\r\n"
        )
        flow.command(request.encode())
        image = rng.random() < 0.5
        size = int(rng.lognormvariate(9.5, 1.2)) + 200
        body = pools.opaque(min(size, 900_000)) if image else pools.prose(min(size, 200_000))
        kind = "image/webp" if image else "text/html"
        head = (
            "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Mon, 16 Jun 2025 09:00:00 GMT\r\n"
            f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        flow.now += rng.randrange(500, 30_000)
        flow.bulk(SERVER, head.encode() + body, mail.PACE)
        flow.acknowledge(CLIENT, flow.rtt)
    flow.close(CLIENT)


def https(flow: Flow, pools: Pools) -> None:
    rng = pools.rng
    tls.handshake(flow, pools, f"www.{pools.host()}")
    for _ in range(rng.randrange(1, 5)):
        flow.command(tls.sealed(pools, rng.randrange(200, 900)))
        flow.now += rng.randrange(500, 30_000)
        size = int(rng.lognormvariate(9.8, 1.2)) + 200
        flow.bulk(SERVER, tls.sealed(pools, min(size, 900_000)), mail.PACE)
        flow.acknowledge(CLIENT, flow.rtt)
    flow.emit(CLIENT, PSH | ACK, tls.goodbye(pools), 500)
    flow.close(CLIENT)


def dns(flow: Flow, pools: Pools) -> None:
    rng = pools.rng
    for _ in range(rng.randrange(1, 8)):
        name = b"".join(tls.sized(label.encode(), 1) for label in pools.host().split(".")) + b"\0"
        number = rng.getrandbits(16).to_bytes(2, "big")
        asked = name + bytes.fromhex("00010001")
        head = bytes.fromhex("01000001000000000000"), bytes.fromhex("81800001000100000000")
        answer = bytes.fromhex("c00c000100010000012c0004c6336401")
        flow.datagram(CLIENT, number + head[0] + asked, flow.rtt + rng.randrange(20_000))
        flow.datagram(SERVER, number + head[1] + asked + answer, rng.randrange(300, 9000))


def ssh_packet(pools: Pools, data: bytes) -> bytes:
    padding = 8 - (len(data) + 5) % 8 + 4
    return tls.sized(bytes((padding,)) + data + pools.opaque(padding), 4)


def ssh(flow: Flow, pools: Pools) -> None:
    rng = pools.rng
    lists = b"".join(tls.sized(names.encode(), 4) for names in KEX_LISTS)
    key, host_key = pools.opaque(32), b"\0\0\0\x0bssh-ed25519" + tls.sized(pools.opaque(32), 4)
    signature = b"\0\0\0\x0bssh-ed25519" + tls.sized(pools.opaque(64), 4)
    parts = host_key, key, signature
    answer = b"\x1f" + b"".join(tls.sized(part, 4) for part in parts)
    flow.reply(b"SSH-2.0-OpenSSH_9.6\r\n", 9000)
    flow.command(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
    flow.reply(ssh_packet(pools, b"\x14" + pools.opaque(16) + lists + bytes(5)), 300)
    flow.command(ssh_packet(pools, b"\x14" + pools.opaque(16) + lists + bytes(5)))
    flow.command(ssh_packet(pools, b"\x1e" + tls.sized(key, 4)))
    flow.reply(ssh_packet(pools, answer) + ssh_packet(pools, b"\x15"), 2000)
    flow.command(ssh_packet(pools, b"\x15"))
    for _ in range(rng.randrange(5, 60)):
        flow.command(pools.opaque(36))
        flow.reply(pools.opaque(36 + 8 * rng.randrange(60)), rng.randrange(200, 3000))
    flow.close(CLIENT)


def ftp(flow: Flow, pools: Pools) -> None:
    """A control connection, which greets with 220 and ends with QUIT and 221 as mail does."""
    rng = pools.rng
    flow.reply(b"220 (vsFTPd 3.0.5)\r\n", 9000)
    exchanges = [
        ("USER anonymous", "331 Please specify the password."),
        (f"PASS {pools.address()}", "230 Login successful."),
        ("SYST", "215 UNIX Type: L8"),
        ("PWD", '257 "/" is the current directory'),
        ("TYPE I", "200 Switching to Binary mode."),
    ]
    for number in range(rng.randrange(1, 8)):
        port = f"{rng.randrange(100, 250)},{rng.randrange(250)}"
        exchanges.append(("PASV", f"227 Entering Passive Mode (192,0,2,80,{port})."))
        opening = "150 Opening BINARY mode data connection.\r\n226 Transfer complete."
        exchanges.append((f"RETR /pub/file{number}.tar.gz", opening))
    exchanges.append(("QUIT", "221 Goodbye."))
    for asked, answered in exchanges:
        flow.command(f"{asked}\r\n".encode())
        flow.reply(f"{answered}\r\n".encode(), rng.randrange(200, 5000))
    flow.close(SERVER)


OTHERS: tuple[tuple[Callable[[Flow, Pools], None], tuple[int, ...], int], ...] = (
    (http, (80, 80, 80, 8080, 9000), 30),
    (https, (443, 443, 443, 8443), 40),
    (dns, (53,), 40),
    (ssh, (22, 22, 2222), 4),
    (ftp, (21, 21, 2121), 6),
)


class Mixed:
    """Chooses what comes next so that the bytes keep their shares."""

    def __init__(self) -> None:
        self.mail = self.other = 0

    def __call__(self, pools: Pools, start: int, truth: Truth) -> Flow:
        if self.other * (1 - OTHER_SHARE) > self.mail * OTHER_SHARE:
            flow = mail.session(pools, start, truth, pools.rng.choice(MAIL_PORTS))
            self.mail += flow.bytes()
        else:
            flow = self.another(pools, start, truth)
            self.other += flow.bytes()
        if not flow.udp:
            flow.disturb(DISTURBED)
        return flow

    @staticmethod
    def another(pools: Pools, start: int, truth: Truth) -> Flow:
        rng = pools.rng
        talk, ports, _ = rng.choices(OTHERS, [share for _, _, share in OTHERS])[0]
        client = pools.client(HOSTS, V6_SHARE)
        server = pools.server(len(client[0]) == 16, 80 + rng.randrange(40)), rng.choice(ports)
        flow = Flow(rng, client, server, start)
        if talk is not dns:
            flow.connect()
            truth.tcp_connections += 1
        talk(flow, pools)
        return flow
