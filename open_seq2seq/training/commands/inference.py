"""What inference writes: a CSV of transcripts, or a pickle of logits."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from open_seq2seq.data.manifest import Utterance
from open_seq2seq.files import write_whole


def write_transcripts(path: Path, utterances: Sequence[Utterance], texts: Iterable[str]) -> None:
    """A CSV with the columns `wav_filename` and `predicted_transcript`, one row an utterance."""
    names = [utterance.name for utterance in utterances]
    table = pd.DataFrame({"wav_filename": names, "predicted_transcript": list(texts)})
    write_whole(path, table.to_csv(index=False))


def write_logits(
    path: Path,
    utterances: Sequence[Utterance],
    logits: Sequence[np.ndarray],
    step_size: float,
    symbols: Sequence[str],
) -> None:
    """A pickle for offline decoding: a dictionary with exactly three keys.

    * `logits`: name of the recording, as in the manifest, to `[time, class]` raw logits,
      blank last, cut to the utterance's length. A segment of a recording has `@offset+duration`
      behind the name;
    * `step_size`: seconds from one frame to the next;
    * `vocab`: class to symbol, the blank not included.
    """
    content: dict[str, Any] = {
        "logits": {u.name + u.segment: array for u, array in zip(utterances, logits)},
        "step_size": step_size,
        "vocab": dict(enumerate(symbols)),
    }
    write_whole(path, pickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL))
