"""Recordings of manifests, for what an export is made and compared with."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from open_seq2seq.data.manifest import Manifest, read_manifests
from open_seq2seq.data.manifest_recordings import ManifestRecordings
from open_seq2seq.data.paths import config_path
from open_seq2seq.errors import InputError

_log = logging.getLogger(__name__)

# Seconds of speech that models are compared on.
_COMPARED = 40.0
# A few dozen, as many as ranges of values need.
_DRAWN = 32
# Seconds: more of one recording tells nothing new.
_LONGEST = 30.0


def speech_of(manifests: Sequence[str], sample_freq: int) -> np.ndarray:
    """Recordings one after the other, `[n]` float32, some 40 s if there are as many.

    Without manifests, or where none of their recordings can be read, it is noise under the slow
    envelope of speech, which is said.

    Args:
      manifests: those of a config's evaluation, or others.
      sample_freq: the model's rate.
    """
    count = int(_COMPARED * sample_freq)
    found = _recorded(manifests, count, sample_freq)
    if found is not None:
        return found
    _log.warning(
        "No recordings to compare with (--manifest names some): noise with the envelope of speech."
    )
    time = np.arange(count) / sample_freq
    envelope = np.abs(np.sin(2 * np.pi * 2.3 * time)) * (np.sin(2 * np.pi * 0.31 * time) > -0.7)
    noise = np.random.default_rng(0).normal(0, 0.05, len(time))
    return (envelope * noise).astype(np.float32)


def _recorded(manifests: Sequence[str], count: int, sample_freq: int) -> np.ndarray | None:
    parts: list[np.ndarray] = []
    try:
        utterances = utterances_of(manifests)
        load = ManifestRecordings(utterances, sample_freq).utterance_loader()
        for row in range(len(utterances)):
            parts.append(load(row))
            if sum(map(len, parts)) >= count:
                break
    except (InputError, OSError) as error:
        _log.warning("%s", error)
    return np.concatenate(parts) if parts else None


def drawn_recordings(manifests: Sequence[str], sample_freq: int, seed: int = 0) -> list[np.ndarray]:
    """Some recordings of manifests, `[n]` float32 each, drawn by chance, of several lengths.

    Args:
      manifests: their files.
      sample_freq: the model's rate.
      seed: of the draw.

    Raises:
      InputError: a manifest or a recording cannot be read.
    """
    utterances = utterances_of(manifests)
    rows = np.random.default_rng(seed).permutation(len(utterances))[:_DRAWN]
    drawn = utterances.take(rows)
    load = ManifestRecordings(drawn, sample_freq).utterance_loader()
    longest = int(_LONGEST * sample_freq)
    return [load(row)[:longest] for row in range(len(drawn))]


def utterances_of(manifests: Sequence[str], need_transcript: bool = False) -> Manifest:
    """The rows of manifests, as configs name them.

    Raises:
      InputError: one cannot be read.
    """
    return read_manifests([config_path(one) for one in manifests], need_transcript)
