"""A spam run: short sessions, none of which delivers anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traffic import smtp
from traffic.flow import CLIENT, SERVER, Flow
from traffic.names import shown

if TYPE_CHECKING:
    from traffic.names import Pools
    from traffic.truth import Truth

BOTS, V6_SHARE, STEP = 6000, 0.12, 1500  # a new session every 1.5 ms: some hundreds at once
REFUSALS = (
    (smtp.UNKNOWN_USER, 40),
    (smtp.BLOCKED, 30),
    (smtp.GREYLISTED, 18),
    (smtp.RELAY, 12),
)


def session(pools: Pools, start: int, truth: Truth) -> Flow:
    flow, server = smtp.open_flow(pools, start, BOTS, V6_SHARE)
    truth.tcp_connections += 1
    truth.sessions += 1
    if pools.rng.random() < 0.08:
        greeted_away(flow, server, pools)
        truth.outcomes["refused"] += 1
        return flow
    refused(flow, server, pools, truth)
    smtp.finish(flow)
    return flow


def greeted_away(flow: Flow, server: smtp.Server, pools: Pools) -> None:
    text = pools.rng.choice(smtp.REFUSED)
    words = text.format(me=server.name, ip=shown(flow.client[0]))
    flow.reply(f"{words}\r\n".encode(), pools.rng.randrange(500, 40_000))
    if words.startswith("421") or pools.rng.random() < 0.3:
        flow.close(SERVER)
    elif pools.rng.random() < 0.7:
        smtp.finish(flow)
    else:
        flow.close(CLIENT)


def refused(flow: Flow, server: smtp.Server, pools: Pools, truth: Truth) -> None:
    """Greeting, EHLO, MAIL, and one or more refused recipients."""
    rng, ip = pools.rng, shown(flow.client[0])
    name = pools.host() if rng.random() < 0.9 else rng.choice(("[127.0.0.1]", "localhost", "user"))
    greeting = server.greeting.format(me=server.name)
    flow.reply(f"{greeting}\r\n".encode(), rng.randrange(500, 60_000))
    flow.command(f"EHLO {name}\r\n".encode())
    flow.reply(server.ehlo(name, ip), rng.randrange(100, 1000))
    size = f" BODY=8BITMIME SIZE={rng.randrange(900, 30_000)}" if rng.random() < 0.4 else ""
    flow.command(f"MAIL FROM:<{pools.address()}>{size}\r\n".encode())
    flow.reply(server.says("250", "2.1.0", "Ok"), rng.randrange(100, 2000))
    texts = rng.choices([kind for kind, _ in REFUSALS], [share for _, share in REFUSALS])[0]
    text = rng.choice(texts)
    recipients = rng.randrange(2, 9) if rng.random() < 0.25 else 1
    for _ in range(recipients):
        recipient = pools.address()
        flow.command(f"RCPT TO:<{recipient}>\r\n".encode())
        words = text.format(to=recipient, ip=ip)
        flow.reply(f"{words}\r\n".encode(), rng.randrange(300, 80_000))
    truth.transactions += 1
    truth.recipients += recipients
    truth.outcomes["deferred" if text.startswith("4") else "rejected"] += 1
