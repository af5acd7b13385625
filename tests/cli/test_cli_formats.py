"""`--format` of other tools, on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from smtpsniff.output.others import FORMATS, format_of

if TYPE_CHECKING:
    from cli_console import Cli, Shipped


@pytest.mark.parametrize("name", FORMATS)
def test_the_command_line_writes_it(cli: Cli, shipped: Shipped, name: str) -> None:
    result = cli("read", shipped("refused-recipient"), "--format", name)
    assert result.status == 1
    assert result.out.startswith(format_of(name).head().decode())
    body = result.out[len(format_of(name).head()) :]
    assert body.count("\n") == {"zeek-files": 0}.get(name, 2)
