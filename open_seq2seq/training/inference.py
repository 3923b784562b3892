"""What inference writes: a CSV of transcripts, or a pickle of logits."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from open_seq2seq.data.manifest import Utterance
from open_seq2seq.errors import RunError


def write_transcripts(path: Path, utterances: Sequence[Utterance], texts: Iterable[str]) -> None:
    """A CSV with the columns `wav_filename` and `predicted_transcript`, one row an utterance."""
    names = [utterance.name for utterance in utterances]
    table = pd.DataFrame({"wav_filename": names, "predicted_transcript": list(texts)})
    _replace(path, table.to_csv(index=False).encode())


def write_logits(
    path: Path,
    utterances: Sequence[Utterance],
    logits: Sequence[np.ndarray],
    step_size: float,
    symbols: Sequence[str],
) -> None:
    """A pickle for offline decoding: a dictionary with exactly three keys.

    * `logits`: name of the recording, as in the manifest, to `[time, class]` raw logits,
      blank last, cut to the utterance's length;
    * `step_size`: seconds from one frame to the next;
    * `vocab`: class to symbol, the blank not included.
    """
    content: dict[str, Any] = {
        "logits": {u.name: array for u, array in zip(utterances, logits)},
        "step_size": step_size,
        "vocab": dict(enumerate(symbols)),
    }
    _replace(path, pickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL))


def _replace(path: Path, content: bytes) -> None:
    """Writes the file under another name first, so that it is whole or not there."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise RunError(f"{path} could not be written: {error}.") from error
