"""Ordinary mail, and large mail: what is sent, how the server takes it, a share of it in TLS."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from traffic import smtp, tls
from traffic.flow import ACK, CLIENT, PSH, SERVER, Flow
from traffic.names import shown

if TYPE_CHECKING:
    from traffic.names import Pools
    from traffic.truth import Truth

HOSTS, V6_SHARE, STEP, LARGE_STEP = 3000, 0.15, 5000, 100_000
PACE = 60  # microseconds between two segments of a body
TLS_SHARE, ATTACHMENT_SHARE, ANOTHER_MAIL = 0.25, 0.25, 0.2
SMALLEST, LARGEST = 1000, 60_000
LARGE = 1_000_000, 8_000_000

# What becomes of a mail, with shares of ten thousand, and how bad that is for its session.
FATES = {"delivered": 9300, "partial": 150, "rejected": 200, "deferred": 150, "spam": 200}
BADNESS = "delivered", "partial", "deferred", "rejected"
AFTER_DOT = {
    "spam": "554 5.7.1 Message rejected: identified as spam\r\n",
    "deferred": "451 4.3.0 Temporary failure, please try again later\r\n",
}


def headers(pools: Pools, sender: str, recipients: list[str], kind: str) -> bytes:
    rng = pools.rng
    lines = list[str]()
    host, zone = pools.host(), f"+0{rng.randrange(3)}00"
    date = f"Mon, 16 Jun 2025 {rng.randrange(24):02}:{rng.randrange(60):02}:07 {zone}"
    for _ in range(rng.randrange(1, 4)):
        before, host = host, pools.host()
        lines.append(f"Received: from {before} ({before} [198.51.100.{rng.randrange(1, 255)}])")
        lines.append(f"\tby {host} (Postfix) with ESMTPS id 4{rng.getrandbits(52):013X}")
        lines.append(f"\tfor <{recipients[0]}>; {date} (CEST)")
    if rng.random() < 0.7:
        domain, signature = sender.partition("@")[2], rng.getrandbits(1024).to_bytes(128, "big")
        lines.append(f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s=m1;")
        lines.append("\th=from:to:subject:date:message-id:mime-version:content-type;")
        lines.extend(f"\t{'b=' * (at == 0)}{signature.hex()[at : at + 68]}" for at in (0, 68, 136))
    subject = " ".join(rng.choices(("report", "order", "Re: offer", "lunch", "minutes"), k=3))
    if rng.random() < 0.2:
        subject = f"=?utf-8?Q?Gr=C3=BC=C3=9Fe:_{subject.replace(' ', '_')}?="
    lines.append(f"Message-ID: <{rng.getrandbits(80):020x}@{host}>")
    lines.append(f"Date: {date}")
    lines.append(f"From: {sender.partition('.')[0].title()} <{sender}>")
    lines.append("To: " + ",\r\n\t".join(f"<{recipient}>" for recipient in recipients))
    lines.append(f"Subject: {subject}")
    lines.append(f"MIME-Version: 1.0\r\nContent-Type: {kind}\r\n\r\n")
    return "\r\n".join(lines).encode()


def content(
    pools: Pools, sender: str, recipients: list[str], size: int, attached: float
) -> list[bytes]:
    """A message as it travels, the final dot included."""
    rng = pools.rng
    if rng.random() >= attached:
        kind = "text/plain; charset=utf-8"
        top = headers(pools, sender, recipients, kind)
        return [top, pools.prose(max(300, size - len(top))), b".\r\n"]
    boundary = f"------------{rng.getrandbits(96):024x}"
    kind = f'multipart/mixed;\r\n\tboundary="{boundary}"'
    parts = [headers(pools, sender, recipients, kind)]
    parts.append(f"--{boundary}\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n".encode())
    parts.append(pools.prose(min(1500, size // 4)))
    remaining = size - sum(map(len, parts))
    for number in range(1 + (rng.random() < 0.2)):
        share = max(400, int(remaining * (0.8 - 0.6 * number)))
        name = f"{rng.choice(('scan', 'report', 'photo'))}{rng.randrange(1000)}.pdf"
        opening = f'\r\n--{boundary}\r\nContent-Type: application/pdf;\r\n\tname="{name}"\r\n'
        opening += f'Content-Disposition: attachment;\r\n\tfilename="{name}"\r\n'
        parts.append(f"{opening}Content-Transfer-Encoding: base64\r\n\r\n".encode())
        parts.append(pools.encoded(share))
    parts.append(f"\r\n--{boundary}--\r\n.\r\n".encode())
    return parts


def envelope_answers(
    server: smtp.Server, recipients: list[str], fate: str
) -> tuple[list[bytes], bytes]:
    """The reply to each RCPT, and the one to DATA."""
    accepted = server.says("250", "2.1.5", "Ok")
    unknown = [f"{smtp.UNKNOWN_USER[0].format(to=to)}\r\n".encode() for to in recipients]
    if fate == "rejected":
        return unknown, b"554 5.5.1 Error: no valid recipients\r\n"
    answers = [accepted] * len(recipients)
    if fate == "partial":
        answers[-1] = unknown[-1]
    return answers, b"354 End data with <CR><LF>.<CR><LF>\r\n"


def transaction(
    flow: Flow, server: smtp.Server, pools: Pools, truth: Truth, size: int, attached: float
) -> str:
    """One mail; returns what became of it."""
    rng = pools.rng
    fate = rng.choices(list(FATES), list(FATES.values()))[0]
    several = fate == "partial" or rng.random() < 0.15
    sender = pools.address()
    recipients = [pools.address() for _ in range(rng.randrange(2, 5) if several else 1)]
    parts = content(pools, sender, recipients, size, attached)
    total = sum(map(len, parts))
    parameters = f" SIZE={total}" if rng.random() < 0.6 else ""
    commands = [f"MAIL FROM:<{sender}>{parameters}\r\n".encode()]
    commands += [f"RCPT TO:<{recipient}>\r\n".encode() for recipient in recipients]
    answers, go = envelope_answers(server, recipients, fate)
    replies = [server.says("250", "2.1.0", "Ok"), *answers]
    if pipelined := rng.random() < 0.5:
        flow.command(b"".join([*commands, b"DATA\r\n"]))
        flow.reply(b"".join([*replies, go]), rng.randrange(500, 20_000))
    else:
        for command, reply in zip(commands, replies, strict=True):
            flow.command(command)
            flow.reply(reply, rng.randrange(100, 8000))
    truth.transactions += 1
    truth.recipients += len(recipients)
    if fate == "rejected":
        return fate
    if not pipelined:
        flow.command(b"DATA\r\n")
        flow.reply(go, 200)
    flow.bulk(CLIENT, b"".join(parts), PACE)
    queued = server.says("250", "2.0.0", f"Ok: queued as 4{rng.getrandbits(52):013X}")
    done = AFTER_DOT[fate].encode() if fate in AFTER_DOT else queued
    flow.reply(done, rng.randrange(2000, 150_000))
    truth.mails += fate in ("delivered", "partial")
    return "rejected" if fate == "spam" else fate


def greet(flow: Flow, server: smtp.Server, pools: Pools) -> str:
    """Greeting and EHLO; returns the client's name."""
    name = pools.host()
    greeting = server.greeting.format(me=server.name)
    flow.reply(f"{greeting}\r\n".encode(), pools.rng.randrange(500, 60_000))
    flow.command(f"EHLO {name}\r\n".encode())
    flow.reply(server.ehlo(name, shown(flow.client[0])), pools.rng.randrange(100, 1000))
    return name


def hidden(flow: Flow, server: smtp.Server, pools: Pools, size: int) -> None:
    """The rest of the session inside TLS."""
    rng = pools.rng
    flow.command(b"STARTTLS\r\n")
    flow.reply(server.says("220", "2.0.0", "Ready to start TLS"), 200)
    tls.handshake(flow, pools, server.name)
    for asked, answered in ((24, 180), (60, 14), (36, 14), (6, 37)):
        flow.command(tls.sealed(pools, asked))
        flow.reply(tls.sealed(pools, answered), rng.randrange(100, 8000))
    flow.bulk(CLIENT, tls.sealed(pools, size), PACE)
    flow.reply(tls.sealed(pools, 40), rng.randrange(2000, 150_000))
    flow.command(tls.sealed(pools, 6))
    flow.emit(SERVER, PSH | ACK, tls.sealed(pools, 15) + tls.goodbye(pools), 150)
    flow.close(SERVER)


def ordinary_size(pools: Pools) -> int:
    return int(math.exp(pools.rng.uniform(math.log(SMALLEST), math.log(LARGEST))))


def session(pools: Pools, start: int, truth: Truth, port: int = 25) -> Flow:
    """One or more ordinary mails, or one that travels in TLS."""
    flow, server = smtp.open_flow(pools, start, HOSTS, V6_SHARE, port)
    truth.tcp_connections += 1
    truth.sessions += 1
    greet(flow, server, pools)
    if pools.rng.random() < TLS_SHARE:
        hidden(flow, server, pools, ordinary_size(pools))
        truth.outcomes["opaque"] += 1
        return flow
    fates = list[str]()
    while not fates or (pools.rng.random() < ANOTHER_MAIL and len(fates) < 6):
        size = ordinary_size(pools)
        fates.append(transaction(flow, server, pools, truth, size, ATTACHMENT_SHARE))
        if fates[-1] == "rejected":
            flow.command(b"RSET\r\n")
            flow.reply(server.says("250", "2.0.0", "Ok"), 100)
    smtp.finish(flow)
    truth.outcomes[max(fates, key=BADNESS.index)] += 1
    return flow


def large_session(pools: Pools, start: int, truth: Truth) -> Flow:
    """One mail of some megabytes, with attachments."""
    flow, server = smtp.open_flow(pools, start, HOSTS, V6_SHARE)
    truth.tcp_connections += 1
    truth.sessions += 1
    greet(flow, server, pools)
    size = pools.rng.randrange(*LARGE)
    truth.outcomes[transaction(flow, server, pools, truth, size, 1.0)] += 1
    smtp.finish(flow)
    return flow
