"""The folder that evidence is written to: private, and nothing in it overwritten unasked."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import TYPE_CHECKING, BinaryIO

from smtpsniff.output.extract.spool import create

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

__all__ = ["Folder", "FolderError"]


class FolderError(Exception):
    """Something cannot be written; `str()` is one line that names it."""


class Folder:
    """A folder for one run's files; `work` is a private place in it while the run goes on.

    `own` are files that every run of this kind writes: where one is, there was a run before.

    Raises `FolderError` where the folder, or a file of an earlier run, stands in the way.
    """

    def __init__(self, path: str, *, force: bool, own: Iterable[str] = ("index.json",)) -> None:
        self.path = path
        self._force = force
        self._files: list[BinaryIO] = []
        try:
            os.makedirs(path, mode=0o700, exist_ok=True)
            for name in own if not force else ():
                if os.path.lexists(self.at(name)):
                    was = f"has {_a(name)} of an earlier run (--force replaces)"
                    raise FolderError(f"{path}: {was}")
            self.work = tempfile.mkdtemp(prefix=".smtpsniff-", dir=path)
        except OSError as error:
            raise FolderError(f"{path}: {error.strerror or error}") from None

    def __enter__(self) -> Folder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, _: TracebackType | None
    ) -> None:
        for file in self._files:
            file.close()
        shutil.rmtree(self.work, ignore_errors=True)

    def at(self, name: str) -> str:
        """The path of something in the folder."""
        return os.path.join(self.path, name)

    def subfolder(self, name: str) -> None:
        """Make a private folder in it."""
        path = self.at(name)
        try:
            os.mkdir(path, mode=0o700)
        except FileExistsError:
            if not self._force or os.path.islink(path) or not os.path.isdir(path):
                raise FolderError(f"{path}: exists already (--force replaces files)") from None

    def new(self, name: str) -> BinaryIO:
        """A new file, to be written. It goes by a name in `work` until `publish`."""
        path = os.path.join(self.work, name)
        file = open(path, "wb", opener=lambda name, _: create(name))  # noqa: SIM115
        self._files = [other for other in self._files if not other.closed]
        self._files.append(file)
        return file

    def publish(self, path: str, name: str) -> None:
        """Move a finished file from `work` to its name in the folder."""
        target = self.at(name)
        try:
            if not self._force:
                os.close(create(target))  # taken, unless it is there already
            os.replace(path, target)
        except FileExistsError:
            raise FolderError(f"{target}: exists already (--force replaces files)") from None
        except OSError as error:
            raise FolderError(f"{target}: {error.strerror or error}") from None


def _a(name: str) -> str:
    """The name with its article."""
    return f"{'an' if name[0] in 'aeio' else 'a'} {name}"
