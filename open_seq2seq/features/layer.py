"""The front-end as a Keras layer: samples in, features out, on whatever computes the network."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from open_seq2seq.config.schema import Params
from open_seq2seq.features.extractor import FEATURES, FeatureExtractor
from open_seq2seq.features.graph import build_features
from open_seq2seq.graphs.keras_builder import KerasBuilder
from open_seq2seq.tensors import KerasConfig, Tensor


class FrontEndLayer(keras.layers.Layer):
    """Samples to normalised features, in standard operations; the numbers of `FeatureExtractor`.

    All is float32, whatever the dtype policy. The dither is that of evaluation: the same numbers
    for each recording.

    Args:
      params: as for `FeatureExtractor`; statistics that the normalisation needs are among them.

    Raises:
      InputError: the parameters are not valid, or the statistics are missing.
    """

    PARAMS = FEATURES

    def __init__(self, params: Params, **kwargs: Any):
        super().__init__(**{**kwargs, "dtype": "float32", "trainable": False})
        self._given_params = dict(params)
        self.extractor = FeatureExtractor(params)
        assert self.extractor.normalizer is not None  # says what is missing

    def call(self, samples: Tensor, num_samples: Tensor = None) -> tuple[Tensor, Tensor]:
        """The features of recordings.

        Args:
          samples: `[batch, n]` float32 in [-1, 1] at `sample_freq`.
          num_samples: `[batch]`, samples of each recording, at least 1; None: n.

        Returns:
          features: `[batch, time, feature]` float32, zero past each length.
          lengths: `[batch]` int32, frames of each recording.
        """
        if num_samples is not None:
            num_samples = ops.cast(num_samples, "int32")
        features, lengths = build_features(KerasBuilder(), self.extractor, samples, num_samples)
        if num_samples is None:
            lengths = ops.broadcast_to(ops.cast(lengths, "int32"), (ops.shape(samples)[0],))
        return features, lengths

    def compute_output_spec(self, samples: Tensor, num_samples: Tensor = None) -> tuple[Any, Any]:
        """Shapes without computing: time depends on the samples."""
        batch, count = samples.shape
        frames = None if count is None else self.extractor.frames(count)
        shape = (batch, frames, self.extractor.num_features)
        return keras.KerasTensor(shape, "float32"), keras.KerasTensor((batch,), "int32")

    def get_config(self) -> KerasConfig:
        return {**super().get_config(), "params": self._given_params}
