"""Asks where to save sessions, and saves them: packets, or the text of `show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.containers import Vertical
from textual.screen import ModalScreen

from smtpsniff.output.paint import Paint
from smtpsniff.output.story import story
from smtpsniff.output.units import count
from smtpsniff.text import safe
from smtpsniff.tui.screens.parts import Plain, Prompt
from smtpsniff.tui.source import CannotSave

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from smtpsniff.records import Session
    from smtpsniff.tui.app import Sniffer

__all__ = ["SaveScreen"]

TEXT, PACKETS = ".txt", ".pcapng"


class SaveScreen(ModalScreen[None]):
    """`keys` are those of the store. Nothing is written over."""

    CSS = """
    SaveScreen { align: center middle; background: transparent; }
    #box { width: 90%; max-width: 90; height: auto; border: solid ansi_bright_black; padding: 0 1;
           background: ansi_default; }
    #box Prompt { dock: none; display: block; }
    """

    def __init__(self, keys: list[int]) -> None:
        super().__init__()
        self._keys = keys

    @property
    def sniffer(self) -> Sniffer:
        """The program."""
        return cast("Sniffer", self.app)

    def compose(self) -> ComposeResult:
        """What is saved, and the name."""
        with Vertical(id="box"):
            head = Plain()
            head.show((f"save {count(len(self._keys), 'session')} as", "head"))
            yield head
            yield Prompt(
                f"{PACKETS}: the packets; {TEXT}: text as of show; Esc: not at all", id="save"
            )

    def on_mount(self) -> None:
        """A name to begin with."""
        item = self.sniffer.store.get(self._keys[0])
        number = item.row.number if item is not None else 0
        more = f"-and-{len(self._keys) - 1}-more" if len(self._keys) > 1 else ""
        ending = PACKETS if self.sniffer.source.packets_kept else TEXT
        self.query_one(Prompt).ask(f"session-{number}{more}{ending}")

    def on_prompt_said(self, event: Prompt.Said) -> None:
        """Save, in a thread: finding the packets means to go through the capture."""
        path = (event.words or "").strip()
        if event.words is None or not path:
            self.dismiss()
            return
        self.query_one(Prompt).tell(("a moment ...", "dim"))
        self.run_worker(lambda: self._save(path), thread=True, exclusive=True)

    def _save(self, path: str) -> None:
        store = self.sniffer.store
        items = [item for key in self._keys if (item := store.get(key)) is not None]
        sessions = [item.session() for item in items]
        try:
            if path.endswith(TEXT):
                told = f"{count(self._text(sessions, path), 'line')}"
            elif path.endswith(PACKETS):
                told = count(self.sniffer.source.save(sessions, path), "packet")
            else:
                raise CannotSave(f"the name must end in {PACKETS} or {TEXT}")
        except CannotSave as error:
            self.app.call_from_thread(self.query_one(Prompt).tell, (safe(str(error)), "error"))
        else:
            words = f"{told} of {count(len(sessions), 'session')} saved in {safe(path)}"
            self.app.call_from_thread(self._done, words)

    def _text(self, sessions: list[Session], path: str) -> int:
        """As `show` writes them into a pipe."""
        source = self.sniffer.source
        lines: list[str] = []
        for session in sessions:
            if lines:
                lines.append("")
            form = self.sniffer.form
            lines += story(session, source.files, source.digits, Paint(), form=form)
        try:
            with open(path, "x", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in lines)
        except FileExistsError:
            raise CannotSave(f"{path} exists already; take another name") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise CannotSave(f"{path} cannot be written: {reason}") from None
        return len(lines)

    def _done(self, words: str) -> None:
        self.dismiss()
        self.app.notify(words, markup=False)
