"""A recording that turns out damaged when it is read."""

from __future__ import annotations

from dataclasses import replace

from open_seq2seq.data.manifest import Utterance
from open_seq2seq.errors import InputError


class DamagedRecording(InputError):
    """A recording that cannot be read, although its header may be good.

    Args:
      utterance: the manifest's row.
      path: the file.
      error: what reading it raised.
    """

    def __init__(self, utterance: Utterance, path: str, error: InputError):
        problem = error.problems[0]
        found = f"{path}: {problem.found}"
        self.problem = replace(problem, where=utterance.source, found=found)
        super().__init__("The recording cannot be read:", [self.problem])
