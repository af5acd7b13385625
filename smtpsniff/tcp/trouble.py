"""What went wrong on the way: for the few connections where something did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from smtpsniff.tcp.connection import Mark

__all__ = ["Again", "Shut", "Trouble"]

# Places remembered for each side; the counts go on. A finding names five, a delay is made of
# the first hundreds of losses or of none that matters.
MOST = 512


class Again(Struct, frozen=True, gc=False):
    """A segment whose octets, or some of them, had their turn before.

    `since` is when the tap saw the first copy; where there was none, when it saw that one was
    missing: a segment from behind the hole. `quiet` is how long neither side had sent anything.
    `seen`: whether the first copy passed the tap, which tells on whose side of it loss occurred.
    `damaged`: the first copy's checksum was wrong and this one's is right, so that it was no
    network card that would have computed it later.
    """

    frame: int
    time: int
    seq: int
    length: int
    since: int
    quiet: int
    seen: bool
    spurious: bool = False  # acknowledged before it came again
    disordered: bool = False  # not lost, but overtaken
    damaged: bool = False


class Shut(Struct):
    """A stretch in which a receiver's window was closed; `until` is 0 while it still is."""

    frame: int
    time: int
    until: int = 0
    until_frame: int = 0
    probes: int = 0


class Trouble(Struct):
    """Of one side: what it sent again, when its window was closed, where it paused.

    `lone` are acknowledgements without payload behind which their sender was silent for a
    while: the machine had the octets, its program took time.
    """

    again: list[Again] = []
    shut: list[Shut] = []
    lone: list[Mark] = []

    @property
    def has_room(self) -> bool:
        """Whether one more repeated segment would be remembered."""
        return len(self.again) < MOST

    def add_again(self, again: Again) -> None:
        """Remember a repeated segment, while there is room."""
        if self.has_room:
            self.again.append(again)

    def add_lone(self, mark: Mark) -> None:
        """Remember a lone acknowledgement, while there is room."""
        if len(self.lone) < MOST:
            self.lone.append(mark)

    def window(self, frame: int, time: int, size: int) -> None:
        """The side told its window: it may have closed or opened."""
        last = self.shut[-1] if self.shut else None
        closed = last is not None and not last.until
        if size == 0 and not closed and len(self.shut) < MOST:
            self.shut.append(Shut(frame, time))
        elif size and closed and last is not None:
            last.until, last.until_frame = time, frame
