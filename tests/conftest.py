"""Fixtures of all tests; what they are made of is in `dialogue`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dialogue import lacking
from dialogue import sessions as _sessions

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


@pytest.fixture(scope="session")
def sessions() -> Callable[..., list[Any]]:
    """`sessions(text, framing="whole", **options)`: what smtpsniff reads in a dialogue."""
    return _sessions


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Return the folder of public captures."""
    folder = os.environ.get("SMTPSNIFF_CORPUS") or lacking("SMTPSNIFF_CORPUS is not set")
    return Path(folder)
