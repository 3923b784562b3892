"""Results that are written while they are made, so that nothing is lost when that ends early."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO

from open_seq2seq.files.places import Place, make_draft, place_of, remove_draft
from open_seq2seq.files.whole import encoded, opened, take_place
from open_seq2seq.files.wording import unwritable

_LONGEST = 200  # bytes of a name that has room for an ending
_log = logging.getLogger(__name__)


class ResultStream:
    """A result that is being written: see `result_stream`.

    Args:
      path: as it was asked for.
      draft: where what is written lies until it is whole; None: it goes where it belongs at once
        (a device, a FIFO, a socket, `/dev/stdout`).
    """

    def __init__(self, path: str | os.PathLike[str], draft: Path | None, file: BinaryIO):
        self.path, self.draft, self._file = Path(path), draft, file

    def write(self, content: str | bytes) -> None:
        """Writes, and hands it to the system at once: it is there even if this process is killed.

        Raises:
          RunError: the disk is full, or whoever reads has gone.
        """
        try:
            self._file.write(encoded(content))
            self._file.flush()
        except OSError as error:
            raise unwritable(self.path, error) from error


@contextmanager
def result_stream(
    path: str | os.PathLike[str], say: Callable[[str], None] | None = None
) -> Iterator[ResultStream]:
    """Opens a result that is written bit by bit.

    Its draft is made at once, so that a wrong path is noticed before any work. It is `NAME.partial`
    beside the file, or `NAME.partial-2` and so on: what an earlier run left is kept. When the
    block ends, it becomes the file. When the block is left by an error or Ctrl-C, or the process
    is killed, the draft stays, with all that was written (without anything written it goes); the
    file is what it was.

    Args:
      path: the file; its folder is made. Devices, links and so on as `open_seq2seq.files` says.
      say: gets the sentence that tells where an unfinished result is; None: it is logged.

    Raises:
      RunError: it cannot be written.
    """
    try:
        place = place_of(path)
    except OSError as error:
        raise unwritable(path, error) from error
    yield from _drafted(place, say or _log.warning) if place.is_replaced else _direct(place)


def _direct(place: Place) -> Iterator[ResultStream]:
    with ExitStack() as stack:
        try:
            file = stack.enter_context(opened(place))
        except OSError as error:
            raise unwritable(place.path, error) from error
        yield ResultStream(place.path, None, file)


def _drafted(place: Place, say: Callable[[str], None]) -> Iterator[ResultStream]:
    try:
        draft = _partial(place)
        file = draft.open("wb")
    except OSError as error:
        raise unwritable(place.path, error) from error
    try:
        yield ResultStream(place.path, draft, file)
        _finish(file, draft, place)
    except BaseException:
        with suppress(OSError):
            file.close()
        _keep(draft, place, say)
        raise
    remove_draft(place, draft)


def _partial(place: Place) -> Path:
    """Makes the draft under the first name that is free."""
    name = place.target.name
    if len(os.fsencode(name)) > _LONGEST:
        name = name[: _LONGEST // 4]
    for number in count(1):
        draft = place.target.with_name(f"{name}.partial" + (f"-{number}" if number > 1 else ""))
        try:
            return make_draft(place, draft)
        except FileExistsError:
            if not os.path.lexists(draft):
                raise  # it is the folder that is a file
    raise AssertionError("numbers end")


def _finish(file: BinaryIO, draft: Path, place: Place) -> None:
    try:
        file.flush()
        os.fsync(file.fileno())
        file.close()
        take_place(draft, place)
    except OSError as error:
        raise unwritable(place.path, error) from error


def _keep(draft: Path, place: Place, say: Callable[[str], None]) -> None:
    """Says where an unfinished result is; an empty one goes."""
    try:
        size = draft.stat().st_size
    except OSError:
        return
    if size:
        say(f"What was written of {place.path} until then is in {draft} ({size} bytes).")
    else:
        remove_draft(place, draft)
