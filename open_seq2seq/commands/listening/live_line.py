"""A text that comes, in a line of a terminal that is written again and again; drawn by rich."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import Console
from rich.control import Control
from rich.segment import ControlType
from rich.text import Text

from open_seq2seq.commands.listening.shown import Lines, moment, writing
from open_seq2seq.streaming import Finished, StreamPartial

_STABLE, _CHANGING, _TIME = "green", "yellow", "dim"
_CUT = "…"


class LiveLine(Lines):
    """On a terminal also the utterance that goes on, in a line that is written again and again.

    What will not change is in one colour, the rest in another. Of a long text the end is shown.

    Args:
      console: the terminal.
    """

    def __init__(self, console: Console):
        self._console, self._shown = console, ("", "")

    def partial(self, one: StreamPartial) -> None:
        """See `Shown`."""
        text, stable = one.text.strip(), one.stable_text.strip()
        if self._shown == (text, stable):
            return
        self.interrupt()
        self._shown = (text, stable)
        # The last column stays free: a cursor that is past it goes to the next line.
        self._print(live_text(text, len(stable), self._console.width - 1), "")

    def final(self, one: Finished) -> None:
        """See `Shown`."""
        self.interrupt()
        if one.text:
            time = f"{moment(one.speech_start)}\t"
            self._print(Text.assemble((time, _TIME), one.text), "\n")

    def interrupt(self) -> None:
        """See `Shown`."""
        if self._shown == ("", ""):
            return
        self._shown = ("", "")
        back = (ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2))
        with writing():
            self._console.control(Control(*back))

    def close(self) -> None:
        """See `Shown`."""
        self.interrupt()

    def _print(self, text: Text, end: str) -> None:
        with writing():
            self._console.print(text, end=end, soft_wrap=True, highlight=False)
            self._console.file.flush()


def live_text(text: str, stable: int, width: int) -> Text:
    """The end of a text that fits into so many columns.

    Args:
      text: the whole.
      stable: its first characters that will not change.
      width: of the terminal, in cells: an ideogram has two.
    """
    if cell_len(text) > width:
        first = len(text)
        left = width - cell_len(_CUT)
        while first and (size := cell_len(text[first - 1])) <= left:
            left -= size
            first -= 1
        text, stable = _CUT + text[first:], max(stable - first, 0) + len(_CUT)
    return Text.assemble((text[:stable], _STABLE), (text[stable:], _CHANGING))
