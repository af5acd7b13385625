"""The words of the command line: commands, and how packet filters begin.

Nothing is imported here, so that `smtpsniff --help` costs nothing.
"""

from __future__ import annotations

COMMANDS: dict[str, str] = {
    "read": "sessions of capture files, and what went wrong (same as naming the files alone)",
    "live": "sessions on network interfaces, while they happen (same as -i INTERFACE)",
    "show": "one session, line by line",
    "extract": "messages and attachments as files, byte for byte, with an index",
    "slice": "the packets of chosen sessions as a capture of their own",
    "stories": "what became of each mail over all its attempts",
    "tui": "sessions on a screen to walk through, of files or live",
    "explain": "a check, reply code, command, extension or other word of the output",
    "checks": "everything that smtpsniff looks for",
    "learn": "recorded lessons: how SMTP works, and breaks, line by line",
    "query": "SQL over sessions, mails, recipients, events and findings",
    "report": "one page with everything in it, for a browser, to send around",
    "schema": "the JSON Schema of the records",
}

# First words of a packet filter, as tcpdump's users type them behind a file name.
FILTER_WORDS = frozenset(
    [
        "host", "net", "port", "portrange", "src", "dst", "proto", "tcp", "udp", "ip", "ip6",
        "icmp", "icmp6", "ether", "vlan", "mpls", "pppoes", "geneve", "arp", "rarp", "sctp", "igmp",
        "wlan", "gateway", "broadcast", "multicast", "inbound", "outbound", "ifname", "len", "less",
        "greater", "and", "or", "not", "(", "!",
    ]
)  # fmt: skip
