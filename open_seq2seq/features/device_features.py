"""Features computed where the network is, as the first part of its step."""

from __future__ import annotations

from typing import Any

from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.features.graph import build_features
from open_seq2seq.features.waveforms import Waveforms
from open_seq2seq.graphs.keras_builder import KerasBuilder
from open_seq2seq.tensors import Tensor


class DeviceFeatures:
    """The features of `Waveforms`, in standard operations; the numbers of `FeatureExtractor`.

    All is float32. Products of matrices have to be computed as exactly: bands are weak beside
    strong ones, and a GPU's own precision for float32 has 10 bits.

    Args:
      extractor: the front-end; its statistics are known.

    Raises:
      InputError: the statistics are missing.
    """

    def __init__(self, extractor: FeatureExtractor):
        assert extractor.normalizer is not None  # says what is missing
        self.extractor = extractor

    @property
    def inputs_spec(self) -> Waveforms:
        """The shape and the dtype of each array of a batch of any size."""
        return Waveforms(
            samples=((None, None), "float32"),
            counts=((None,), "int32"),
            kept_frames=((None, None), "bool"),
            kept_features=((None, self.extractor.num_features), "bool"),
        )

    def __call__(self, waveforms: Waveforms) -> Tensor:
        """`[batch, time, feature]` float32, zero past each length and under the masks."""
        g: Any = KerasBuilder()
        samples, counts, kept_frames, kept_features = waveforms
        features, _ = build_features(g, self.extractor, samples, counts, levelled=True)
        features = g.select(g.expand_dims(kept_frames, 2), features, 0.0)
        return g.select(g.expand_dims(kept_features, 1), features, 0.0)
