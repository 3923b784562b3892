"""Features of a recording while it is recorded: the same as afterwards."""

from __future__ import annotations

import numpy as np

from open_seq2seq.errors import InputError
from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.features.front_end import State


class OnlineFeatures:
    """Features of one stream of samples; together those of the whole recording, for any pieces.

    A frame comes as soon as its samples are there: `extractor.context.right` of them from its
    place on. The dither is that of inference, the same for each recording.

    Args:
      extractor: the front-end and its normalisation, with a fixed gain and fixed or running
        statistics.
      state: what another one's `state` was, to go on from there.

    Raises:
      InputError: its features need the whole recording; the problems say what to set instead.
    """

    def __init__(self, extractor: FeatureExtractor, state: State | None = None):
        problems = extractor.streaming_problems()
        if problems:
            raise InputError("These features need the whole recording:", problems)
        self.extractor = extractor
        self.state: State = extractor.initial_state() if state is None else state
        self.finished = False

    def accept(self, samples: np.ndarray) -> np.ndarray:
        """The features that are complete with more samples.

        Args:
          samples: `[n]` floats in [-1, 1] at the front-end's sample rate; n may be 0.

        Returns:
          `[time, feature]` float32; time may be 0.

        Raises:
          InputError: whole numbers, several channels, NaN or infinity.
        """
        return self._step(np.asarray(samples), False)

    def finish(self) -> np.ndarray:
        """The features `[time, feature]` that waited for the end; nothing comes after them."""
        rest = self._step(np.zeros(0, np.float32), True)
        self.finished = True
        return rest

    def _step(self, samples: np.ndarray, last: bool) -> np.ndarray:
        if self.finished:
            raise ValueError("The stream is finished: each recording has an OnlineFeatures.")
        features, self.state = self.extractor.stream(samples, self.state, last)
        return features
