"""What the generator knows of its capture, and what a reader of it must find."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Truth:
    """`mails` were sent whole and in clear, and accepted for at least one recipient."""

    kind: str
    seed: int
    bytes: int = 0
    packets: int = 0
    tcp_connections: int = 0
    sessions: int = 0
    transactions: int = 0
    mails: int = 0
    recipients: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(vars(self), indent=1, sort_keys=True) + "\n")


def truth_path(capture: Path) -> Path:
    return capture.with_suffix(".truth.json")
