"""Attachments, each decoded into a file of its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, cast

from smtpsniff.mail.sniff import extension_of
from smtpsniff.output.extract.names import Names, fit

if TYPE_CHECKING:
    from smtpsniff.mail.contents import Content
    from smtpsniff.output.extract.folder import Folder

__all__ = ["PartFiles"]

TNEF = "application/ms-tnef"


class PartFiles:
    """Files of one message's attachments, in a folder named like the message.

    `names`: the file of each, by the identity of its `Content`, once they are published.
    """

    def __init__(self, folder: Folder, stem: str) -> None:
        self._folder = folder
        self._stem = stem
        self._count = 0
        self.names: dict[int, str] = {}

    def open(self, content: Content) -> BinaryIO:
        """Where the decoded octets of an attachment go; its name needs its first octets."""
        self._count += 1
        return self._folder.new(f"part-{self._count}")

    def publish(self, contents: list[Content]) -> None:
        """Give the files their names."""
        names = Names()
        for content in (content for content in contents if content.file is not None):
            file = cast("BinaryIO", content.file)
            if not self.names:
                self._folder.subfolder(self._stem)
            name = f"{self._stem}/{names.new(_name(content))}"
            self._folder.publish(cast("str", file.name), name)
            self.names[id(content)] = name


def _name(content: Content) -> str:
    part = content.part
    extension = extension_of(content.sniffed if not part.declared else None, part.content_type)
    otherwise = f"part-{part.path or 1}{extension}"
    if TNEF in (content.sniffed, part.content_type):
        otherwise = "winmail.dat"  # by which everybody knows it
    name = fit(part.filename or "", otherwise)
    if content.complete:
        return name
    stem, extension = os.path.splitext(name)
    return f"{stem}.partial{extension}"
