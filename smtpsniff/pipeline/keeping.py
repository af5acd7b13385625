"""Who keeps the messages of a run, where anybody does: files of them, or digests of their parts.

Reading needs no message whole, so by default nobody keeps any, and nothing is paid for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from smtpsniff.records import Attachment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smtpsniff.mail.contents import Contents
    from smtpsniff.records import Session
    from smtpsniff.smtp.body import Sink
    from smtpsniff.smtp.dialogue import Dialogue
    from smtpsniff.smtp.model import Letter

__all__ = ["AttachmentReader", "Held", "Keeper", "hand_over"]

# Octets of a message that are held before its parts are looked at: up to here the end of a
# message can be taken back, when a server turns out to have seen it earlier.
HELD = 1 << 18


class Held(NamedTuple):
    """A message's sink, and the first and last of the timeline's entries that brought it."""

    sink: Sink | None
    lines: tuple[int, int]


class Keeper(Protocol):
    """Is told of every message when it begins, and of the session once it is over.

    Each worker process has a copy of its own: must be picklable.
    """

    def begin(self) -> Sink:
        """A message begins: who takes its octets."""

    def done(self, session: Session, held: list[Held]) -> Iterable[str]:
        """The session is over; `held` has the message of each of its transactions.

        Returns bounds that were hit.
        """

    def forget(self, session: Session) -> None:
        """It was not asked for."""


def hand_over(keeper: Keeper, session: Session, dialogue: Dialogue) -> None:
    """Tell the keeper which of its sinks belongs to which transaction."""
    letters = [letter for letter in dialogue.letters if not letter.void]
    held = [_held(letter, session) for letter in letters]
    dialogue.notes += keeper.done(session, held)


def _held(letter: Letter, session: Session) -> Held:
    body = letter.body
    if body is None:
        return Held(None, (0, 0))
    timeline = session.timeline
    if body.entry is not None:
        place = next((i for i, entry in enumerate(timeline) if entry is body.entry), 0)
        return Held(body.sink, (place, place))
    first = letter.data.place if letter.data is not None else None
    last = letter.eom.place if letter.eom is not None else None
    first = first if first is not None else last or 0
    last = last if last is not None else len(timeline) - 1
    chunk = next((i for i in range(last + 1, len(timeline)) if timeline[i].kind == "chunk"), last)
    between = (timeline[i].kind for i in range(last + 1, chunk))
    return Held(body.sink, (first, last if "command" in between else chunk))


class AttachmentReader:
    """Keeper that adds the attachments of each message, with their digests, to the record."""

    def begin(self) -> _PartsSink:
        """A message begins."""
        return _PartsSink()

    def done(self, session: Session, held: list[Held]) -> set[str]:
        """The session is over; bounds that its messages hit."""
        limits: set[str] = set()
        for transaction, message in zip(session.transactions, held, strict=True):
            if transaction.message is not None and message.sink is not None:
                sink = cast("_PartsSink", message.sink)
                whole = transaction.message.complete
                transaction.message.attachments = sink.attachments(whole=whole)
                limits |= sink.limits
        return limits

    def forget(self, session: Session) -> None:
        """Nothing is kept of it."""


class _PartsSink:
    """Looks at a message's parts while its octets come, once they are many."""

    def __init__(self) -> None:
        self._held: list[bytes | int] = []  # octets, or the length of a gap
        self._size = 0
        self._contents: Contents | None = None
        self._lost = False

    def take(self, data: bytes, start: int, end: int) -> None:
        """The next octets."""
        if self._contents is not None:
            self._contents.feed(data, start, end)
            return
        self._hold(data[start:end], end - start)

    def gap(self, length: int) -> None:
        """Octets that were never captured."""
        if self._contents is not None:
            self._contents.gap(length)
            return
        self._hold(length, 0)

    def _hold(self, what: bytes | int, size: int) -> None:
        self._held.append(what)
        self._size += size
        if self._size > HELD:
            self._contents = self._look()

    def _look(self) -> Contents:
        from smtpsniff.mail.contents import Contents  # only here, for the library's parts are slow

        contents = Contents()
        for what in self._held:
            if isinstance(what, int):
                contents.gap(what)
            else:
                contents.feed(what, 0, len(what))
        self._held = []
        return contents

    def cut(self, size: int) -> None:
        """The message was over after `size` octets."""
        if self._contents is not None:
            self._lost = True  # its parts cannot be taken back, and are not guessed
            return
        kept: list[bytes | int] = []
        for what in self._held:
            length = what if isinstance(what, int) else len(what)
            if size <= 0:
                break
            kept.append(what if length <= size or isinstance(what, int) else what[:size])
            size -= length
        self._held = kept

    @property
    def limits(self) -> set[str]:
        """Bounds that were hit."""
        found = set() if self._contents is None else set(self._contents.limits)
        return found | {"attachments of a message that ended early"} if self._lost else found

    def attachments(self, *, whole: bool) -> list[Attachment] | None:
        """The message is over; None where its parts are not known."""
        if self._lost:
            return None
        contents = self._contents = self._contents or self._look()
        contents.close(whole=whole)
        return [
            Attachment(
                content.part.content_type,
                content.size,
                content.part.filename,
                **(
                    {name: digest.hexdigest() for name, digest in content.digests.items()}
                    if content.complete
                    else {}
                ),
            )
            for content in contents.attachments
        ]
