"""Writing beside the training: slow disks are waited for by a thread."""

from __future__ import annotations

import copy
import logging
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from open_seq2seq.checkpoints.storage import Files, keep_newest, write_checkpoint
from open_seq2seq.files import JsonObject

_log = logging.getLogger(__name__)


class BackgroundWriter:
    """Does one write after the other in a thread, in the order they are asked for.

    While one is being done one other may wait, so that what waits fills no memory; asking for
    a third takes until the first is done. Every write that was asked for is done, also when the
    interpreter exits or the object is dropped meanwhile.

    The error of a write is raised by the next `submit` or `wait`; if none comes, it is printed
    when the object is dropped or the interpreter exits. As a context manager it waits at the end;
    there it does not hide another exception, and prints the error of a write beside it.
    """

    def __init__(self) -> None:
        # Its threads are waited for when the interpreter exits, a daemon's would not be.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._asked: deque[Future[object]] = deque()
        weakref.finalize(self, _say_errors, self._asked)

    def submit(self, write: Callable[[], object]) -> None:
        """Asks for `write()`.

        Raises:
          the error of an earlier write; this one is then not asked for.
        """
        self._collect(1)
        self._asked.append(self._executor.submit(write))

    def wait(self) -> None:
        """Waits until all is written.

        Raises:
          the error of the first write that failed; the next call raises the next one's.
        """
        self._collect(0)

    def _collect(self, left: int) -> None:
        """Waits until no more than `left` are asked for, and raises the first error."""
        while self._asked and (len(self._asked) > left or self._asked[0].done()):
            wait([self._asked[0]])  # a Ctrl-C in here leaves it to the next call
            self._asked.popleft().result()

    def __enter__(self) -> BackgroundWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.wait()
            return
        wait(self._asked)
        _say_errors(self._asked)
        self._asked.clear()


class CheckpointWriter(BackgroundWriter):
    """Writes checkpoints in a thread: see `BackgroundWriter` for when errors are raised."""

    def save(self, folder: Path, files: Files, state: JsonObject, keep: int) -> Path:
        """Asks for `folder/ckpt-<step>` and returns its path; older ones go when it is there.

        Args:
          files: a `snapshot`; it is written from these arrays, which nobody may change.
          state: what `state.json` holds; `step` is required.
          keep: how many checkpoints stay in the folder.

        Raises:
          RunError: an earlier checkpoint could not be written; this one is then not asked for.
        """
        state = copy.deepcopy(dict(state))

        def write() -> None:
            write_checkpoint(folder, files, state)
            keep_newest(folder, keep)

        self.submit(write)
        return folder / f"ckpt-{state['step']}"


def _say_errors(asked: deque[Future[object]]) -> None:
    """Prints the errors of writes that nobody asks for any more."""
    for future in asked:
        future.add_done_callback(_say_error)


def _say_error(future: Future[object]) -> None:
    error = future.exception()
    if error is not None:
        _log.error(str(error))
