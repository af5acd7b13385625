"""What the README shows of commands and of Python runs, and prints what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from lessons import CAPTURES

import smtpsniff

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

README = CAPTURES.parent / "README.md"
# A block of Python, and the block of text right behind it where there is one: what it prints.
_BLOCK = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n```text\n(?P<out>.*?)```)?", re.DOTALL)
BLOCKS = [(m["code"], m["out"]) for m in _BLOCK.finditer(README.read_text(encoding="utf-8"))]

# A command on a shipped capture, or on none, and what it prints: in the same block, or in one of
# text right behind, of which the output has more. A line of dots stands for anything.
_COMMAND = re.compile(
    r"```console\n\$ (?P<command>smtpsniff (?:explain |(?:\w+ )?captures/)[^\n]*)\n"
    r"(?P<out>.*?)```\n(?:\n```text\n(?P<part>.*?)```)?",
    re.DOTALL,
)
COMMANDS = [
    (m["command"], m["out"] or f"...\n{m['part']}...\n")
    for m in _COMMAND.finditer(README.read_text(encoding="utf-8"))
]


@pytest.mark.skipif(os.name == "nt", reason="the README's commands are for a Unix shell")
@pytest.mark.parametrize(("command", "shown"), COMMANDS, ids=[c[0] for c in COMMANDS])
def test_commands_of_the_readme(command: str, shown: str, tmp_path: Path) -> None:
    (tmp_path / "captures").symlink_to(CAPTURES)
    ran = subprocess.run(
        ["sh", "-c", f'smtpsniff() {{ "{sys.executable}" -m smtpsniff "$@"; }}; {command}'],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k != "COLUMNS"}
        | {"PYTHONPATH": str(CAPTURES.parent), "XDG_CONFIG_HOME": str(tmp_path)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=60,
    )  # fmt: skip
    parts = [re.escape(part) for part in re.split(r"^\.\.\.\n", shown, flags=re.MULTILINE)]
    assert re.fullmatch("(?s:.*)".join(parts), ran.stdout), ran.stdout


def test_the_readme_shows_commands() -> None:
    assert len(COMMANDS) >= 5


def _overheard(*interfaces: str, **_: object) -> Iterator[Any]:
    """In place of listening, for which a test has no right: what was heard once."""
    assert interfaces == ("eth0",)
    yield from smtpsniff.read(CAPTURES / "accepted.pcapng")


@pytest.mark.parametrize(("code", "out"), BLOCKS, ids=range(len(BLOCKS)))
def test_python_of_the_readme(
    code: str,
    out: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(CAPTURES.parent)
    monkeypatch.setattr(smtpsniff, "sniff", _overheard, raising=False)
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    if out is not None:
        assert capsys.readouterr().out == out


def test_every_door_of_the_package_is_shown() -> None:
    shown = "".join(code for code, _ in BLOCKS)
    for name in set(smtpsniff.__all__) - {"__version__", "CaptureDenied"}:
        assert f"smtpsniff.{name}" in shown
