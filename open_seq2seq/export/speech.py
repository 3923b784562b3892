"""Speech that an exported model is compared on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from open_seq2seq.data.manifest import read_manifests
from open_seq2seq.data.paths import config_path
from open_seq2seq.errors import InputError
from open_seq2seq.export.recordings import samples_of

_log = logging.getLogger(__name__)
_SECONDS = 40.0


def speech_of(manifests: Sequence[str | Path] | None, sample_freq: int) -> np.ndarray:
    """Recordings one after the other, `[n]` float32, some 40 s if there are as many.

    Without manifests, or where none of their recordings can be read, it is noise under the slow
    envelope of speech, which is said.

    Args:
      manifests: those of a config's evaluation, or others.
      sample_freq: the model's rate.
    """
    found = _recorded(manifests or [], int(_SECONDS * sample_freq), sample_freq)
    if found is not None:
        return found
    _log.warning(
        "No recordings to compare with (--manifest names some): noise with the envelope of speech."
    )
    time = np.arange(int(_SECONDS * sample_freq)) / sample_freq
    envelope = np.abs(np.sin(2 * np.pi * 2.3 * time)) * (np.sin(2 * np.pi * 0.31 * time) > -0.7)
    noise = np.random.default_rng(0).normal(0, 0.05, len(time))
    return (envelope * noise).astype(np.float32)


def _recorded(manifests: Sequence[str | Path], count: int, sample_freq: int) -> np.ndarray | None:
    parts: list[np.ndarray] = []
    try:
        utterances = read_manifests([config_path(str(one)) for one in manifests], False)
        for utterance in utterances:
            parts.append(samples_of(utterance, sample_freq))
            if sum(map(len, parts)) >= count:
                break
    except (InputError, OSError) as error:
        _log.warning("%s", error)
    return np.concatenate(parts) if parts else None
