"""Which connections of a capture are sessions, and how far their order is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.smtp.recognise import MAIL_PORTS, STARTS, is_mail
from smtpsniff.tcp.table import Table

if TYPE_CHECKING:
    from smtpsniff.smtp.dialogue import Dialogue
    from smtpsniff.tcp import Connection

__all__ = ["Recognition"]


class Recognition:
    """A table of connections, and those of them that are known to be mail."""

    def __init__(
        self, ports: frozenset[int], shard: tuple[int, int] = (0, 1), *, verify: bool = False
    ) -> None:
        self.ports = ports
        self.table = Table(MAIL_PORTS | ports, STARTS, shard=shard, verify=verify)
        self.sessions: dict[int, tuple[Connection, Dialogue | None]] = {}

    def began(self, ended: list[Connection]) -> list[Connection]:
        """Connections that are now known to be sessions; `ended` are those that just ended."""
        table, ports = self.table, self.ports
        found = [connection for connection in table.opened if is_mail(connection, ports)]
        for key, connection in list(table.undecided.items()):
            verdict = is_mail(connection, ports)
            if verdict:
                del table.undecided[key]
                found.append(connection)
            elif verdict is False:
                table.forget(connection, key)
        found += [
            connection
            for connection in ended
            if id(connection) not in self.sessions and is_mail(connection, ports)
        ]
        new = []
        for connection in found:
            if id(connection) not in self.sessions:
                self.sessions[id(connection)] = (connection, None)
                new.append(connection)
        return new

    def settled(self, last: int) -> int:
        """No session can begin below this frame any more; `last` is the last one, -1 the end."""
        table = self.table
        waiting = [c.first_frame for c in table.undecided.values() if table.waits(c)]
        return min(waiting, default=1 << 62) if last < 0 or waiting else last + 1
