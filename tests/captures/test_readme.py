"""What the README shows of Python runs, and prints what it says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from lessons import CAPTURES

import smtpsniff

if TYPE_CHECKING:
    from collections.abc import Iterator

README = CAPTURES.parent / "README.md"
# A block of Python, and the block of text right behind it where there is one: what it prints.
_BLOCK = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n```text\n(?P<out>.*?)```)?", re.DOTALL)
BLOCKS = [(m["code"], m["out"]) for m in _BLOCK.finditer(README.read_text(encoding="utf-8"))]


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
