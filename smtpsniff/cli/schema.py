"""Print the JSON Schema of the records that --json gives.

Examples:
  smtpsniff schema > smtpsniff.schema.json
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from smtpsniff.cli import status
from smtpsniff.cli.streams import Output

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(args: argparse.Namespace) -> int:
    """Print the schema."""
    from smtpsniff.records import schema

    output = Output()
    output.line(json.dumps(schema(), indent=2))
    output.flush()
    return status.FINE
