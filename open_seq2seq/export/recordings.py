"""Recordings of manifests, for what an export is made and measured with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from open_seq2seq.data.audio import read_audio
from open_seq2seq.data.manifest import Utterance, read_manifests
from open_seq2seq.data.paths import config_path
from open_seq2seq.data.transcripts import normalized_utterances
from open_seq2seq.decoders import Decoder
from open_seq2seq.metrics.error_rate import ErrorCounts, count_errors

# A few dozen, as many as ranges of values need.
_DRAWN = 32
# Seconds: more of one recording tells nothing new.
_LONGEST = 30.0


def drawn_recordings(manifests: Sequence[str], sample_freq: int, seed: int = 0) -> list[np.ndarray]:
    """Some recordings of manifests, `[n]` float32 each, drawn by chance, of several lengths.

    Args:
      manifests: their files.
      sample_freq: the model's rate.
      seed: of the draw.

    Raises:
      InputError: a manifest or a recording cannot be read.
    """
    utterances = read_manifests(list(manifests), need_transcript=False)
    rows = np.random.default_rng(seed).permutation(len(utterances))[:_DRAWN]
    longest = int(_LONGEST * sample_freq)
    return [samples_of(utterances[row], sample_freq)[:longest] for row in rows]


def samples_of(utterance: Utterance, sample_freq: int) -> np.ndarray:
    """The samples of a manifest's row, `[n]` float32."""
    segment = (utterance.offset, utterance.duration) if utterance.segment else (None, None)
    return read_audio(utterance.path, sample_freq, *segment)


class EvaluationSet:
    """Recordings with transcripts.

    Args:
      manifests: their files.
      sample_freq: the model's rate.
      text_normalization: of the transcripts, that of the data layer.

    Raises:
      InputError: a manifest cannot be read.
    """

    def __init__(self, manifests: Sequence[str], sample_freq: int, text_normalization: str | None):
        utterances = read_manifests(list(map(config_path, manifests)), need_transcript=True)
        self.utterances = normalized_utterances(utterances, text_normalization)
        self.sample_freq = sample_freq

    def errors(
        self, log_probs: Callable[[np.ndarray], np.ndarray], decoder: Decoder
    ) -> ErrorCounts:
        """The error rates of a model; each recording is read anew, there may be many.

        Args:
          log_probs: samples `[n]` -> log-probabilities `[time, class]`.
          decoder: makes texts of them.

        Raises:
          InputError: a recording cannot be read.
        """
        texts = []
        for utterance in self.utterances:
            found = log_probs(samples_of(utterance, self.sample_freq))
            texts.append(decoder.decode(found[None], np.array([len(found)]))[0].text)
        return count_errors([one.transcript or "" for one in self.utterances], texts)
