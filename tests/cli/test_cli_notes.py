"""What a capture says of itself reaches the run record and the totals."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

from dialogue import capture, pcapng

if TYPE_CHECKING:
    from cli_console import Cli, Write


def test_losses_reach_the_run_record_and_the_totals(cli: Cli, write: Write) -> None:
    options = b"".join(struct.pack("<HHQ", code, 8, n) for code, n in ((4, 99), (5, 4), (7, 1)))
    body = struct.pack("<III", 0, 0, 9) + options
    size = struct.pack("<I", len(body) + 12)
    statistics = struct.pack("<I", 5) + size + body + size
    path = write(capture("@T\n@Q", form=pcapng) + statistics)
    run = json.loads(cli(path, "--json").out.splitlines()[-1])
    assert run["dropped"] == {"kernel": 5}
    assert (run["interfaces"][0]["received"], run["interfaces"][0]["dropped"]) == (99, 5)
    assert "\n  5 packets dropped while capturing" in cli(path).out
