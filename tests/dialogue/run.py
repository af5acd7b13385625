"""From a dialogue to what smtpsniff says of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NoReturn, TypedDict, Unpack

import pytest

from .capture import pcap
from .compiler import compile_text
from .framing import FRAMINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .framing import Framing
    from .packet import Packet

    Form = Callable[[Sequence[Packet]], bytes]


class Ends(TypedDict, total=False):
    """What `compile_text` lets a test choose."""

    client: tuple[str, int]
    server: tuple[str, int]
    start: int
    isn: tuple[int, int]


def capture(
    text: str, framing: str | Framing = "whole", *, form: Form = pcap, **options: Unpack[Ends]
) -> bytes:
    """Compile a dialogue to the bytes of a capture file.

    `options` are those of `compile_text`; `form` is `pcap`, `pcapng` or a partial of them.
    """
    frame = FRAMINGS[framing] if isinstance(framing, str) else framing
    return form(frame(compile_text(text, **options)))


def read_capture(data: bytes, **options: object) -> list[Any]:
    """Return what `smtpsniff.read` makes of a capture file with these bytes."""
    import smtpsniff

    with TemporaryDirectory(prefix="dialogue-") as folder:
        path = Path(folder, "dialogue.pcap")
        path.write_bytes(data)
        return list(smtpsniff.read(path, **options))


def sessions(
    text: str,
    framing: str | Framing = "whole",
    *,
    form: Form = pcap,
    read: dict[str, object] | None = None,
    **options: Unpack[Ends],
) -> list[Any]:
    """Compile a dialogue and return what `smtpsniff.read(path, **read)` yields."""
    return read_capture(capture(text, framing, form=form, **options), **(read or {}))


def stories(
    text: str,
    framing: str | Framing = "whole",
    *,
    read: dict[str, object] | None = None,
    **options: Unpack[Ends],
) -> list[Any]:
    """Compile a dialogue and return what `smtpsniff.read_stories(path, **read)` yields."""
    import smtpsniff

    with TemporaryDirectory(prefix="dialogue-") as folder:
        path = Path(folder, "dialogue.pcap")
        path.write_bytes(capture(text, framing, **options))
        return list(smtpsniff.read_stories(path, **(read or {})))


def lacking(reason: str) -> NoReturn:
    """Skip the test, or fail it in CI, where nothing may be lacking."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and CI must not skip")
    pytest.skip(reason)


def need(program: str) -> str:
    """Return the path of a program to compare with."""
    return shutil.which(program) or lacking(f"{program} is not installed")
