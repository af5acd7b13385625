"""What servers say: greetings, extension lists and the words of a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from traffic.flow import CLIENT, SERVER, Flow

if TYPE_CHECKING:
    from traffic.names import Pools

POSTFIX = "PIPELINING SIZE~52428800 STARTTLS ENHANCEDSTATUSCODES 8BITMIME DSN SMTPUTF8 CHUNKING"
EXIM = "SIZE~52428800 LIMITS~RCPTMAX=50000 8BITMIME DSN PIPELINING PIPECONNECT CHUNKING STARTTLS"
EXCHANGE = "SIZE~37748736 PIPELINING DSN ENHANCEDSTATUSCODES STARTTLS 8BITMIME BINARYMIME CHUNKING"

UNKNOWN_USER = (
    "550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox table",
    "550 5.1.1 <{to}>: Recipient address rejected: User unknown in local recipient table",
    "550-5.1.1 The email account that you tried to reach does not exist. Please try\r\n"
    "550-5.1.1 double-checking the recipient's email address for typos or\r\n"
    "550 5.1.1 unnecessary spaces.",
)
BLOCKED = (
    "554 5.7.1 Service unavailable; Client host [{ip}] blocked using zen.spamhaus.org; "
    "https://www.spamhaus.org/query/ip/{ip}",
    "554 5.7.1 Service unavailable; Client host [{ip}] blocked using bl.spamcop.net; "
    "Blocked - see https://www.spamcop.net/bl.shtml?{ip}",
)
GREYLISTED = (
    "450 4.2.0 <{to}>: Recipient address rejected: Greylisted, see "
    "https://postgrey.schweikert.ch/help/example.net.html",
    "451 4.7.1 Greylisting in action, please come back later",
)
RELAY = ("554 5.7.1 <{to}>: Relay access denied", "550 5.7.1 relaying denied for <{to}>")
REFUSED = (
    "554 5.7.1 {me} No SMTP service here for [{ip}], your address is on a block list",
    "421 4.7.0 {me} Error: too many connections from {ip}",
    "554 {me} ESMTP not accepting messages",
)


class Server(NamedTuple):
    """A mail server and how it talks."""

    number: int
    name: str
    greeting: str
    hello: str
    extensions: tuple[str, ...]
    enhanced: bool

    def ehlo(self, client: str, ip: str) -> bytes:
        first = self.hello.format(me=self.name, client=client, ip=ip)
        lines = (first, *self.extensions)
        last = len(lines) - 1
        texts = [f"250{' ' if at == last else '-'}{line}\r\n" for at, line in enumerate(lines)]
        return "".join(texts).encode()

    def says(self, code: str, enhanced: str, text: str) -> bytes:
        return f"{code} {enhanced + ' ' if self.enhanced else ''}{text}\r\n".encode()


def server(number: int, name: str, greeting: str, hello: str, words: str) -> Server:
    extensions = tuple(word.replace("~", " ") for word in words.split())
    return Server(number, name, greeting, hello, extensions, "ENHANCEDSTATUSCODES" in extensions)


DATE = "Mon, 16 Jun 2025 09:00:00 +0200"
MICROSOFT = f"220 {{me}} Microsoft ESMTP MAIL Service ready at {DATE}"
SERVERS = (
    server(25, "mx1.example.net", "220 {me} ESMTP Postfix", "{me}", POSTFIX),
    server(26, "mx2.example.net", "220 {me} ESMTP Postfix (Debian/GNU)", "{me}", POSTFIX),
    server(
        27, "relay.example.net", f"220 {{me}} ESMTP Exim 4.97 {DATE}", "{me} Hello {client}", EXIM
    ),
    server(28, "ex.example.net", MICROSOFT, "{me} Hello [{ip}]", EXCHANGE),
)


def open_flow(
    pools: Pools, start: int, population: int, v6_share: float, port: int = 25
) -> tuple[Flow, Server]:
    """A connected flow to one of the mail servers."""
    rng = pools.rng
    chosen = rng.choice(SERVERS)
    client = pools.client(population, v6_share)
    address = pools.server(len(client[0]) == 16, chosen.number)
    flow = Flow(rng, client, (address, port), start)
    flow.connect()
    return flow, chosen


def finish(flow: Flow, words: bytes = b"221 2.0.0 Bye\r\n") -> None:
    """QUIT and the two FINs; mostly the server closes first."""
    flow.command(b"QUIT\r\n")
    flow.reply(words, 150)
    flow.close(SERVER if flow.rng.random() < 0.7 else CLIENT)
