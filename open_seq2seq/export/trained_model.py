"""What is exported: a trained network with its front-end, as a graph from samples on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from open_seq2seq.experiment import Experiment
from open_seq2seq.export.networks.network import build_network
from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.features.graph import build_features
from open_seq2seq.graphs.builder import GraphBuilder, Size, Value
from open_seq2seq.inference.recognizer import log_softmax
from open_seq2seq.models import Speech2Text

# The parts of the graph: what quantises a network knows it by the names of nodes.
FRONT_END, NETWORK = "front_end", "network"


@dataclass(frozen=True)
class TrainedModel:
    """A front-end and a network with its weights.

    Args:
      extractor: samples -> features; its statistics are known.
      network: features -> logits; built.
    """

    extractor: FeatureExtractor
    network: Speech2Text

    @classmethod
    def of(cls, experiment: Experiment) -> TrainedModel:
        """An experiment's model, whose weights have been loaded."""
        return cls(experiment.speech_data.extractor, experiment.model)

    @property
    def classes(self) -> int:
        """Symbols and the blank."""
        return int(self.network.decoder.vocab_size) + 1

    def log_probs(self, samples: np.ndarray, exact: bool = False) -> np.ndarray:
        """What the trained network says of a recording `[n]`: `[time, class]` float32.

        Whole, without any file: what exported models are compared with.

        Args:
          samples: `[n]` float32.
          exact: transform in float64: the difference is what rounding does to the trained model.
        """
        features = (self.extractor.exact() if exact else self.extractor)(samples)
        lengths = np.array([len(features)], np.int32)
        logits, lengths = self.network(features[None], lengths, training=False)
        return log_softmax(np.asarray(logits)[0, : int(lengths[0])])

    def build(
        self, g: GraphBuilder, samples: Value, num_samples: Value | None
    ) -> tuple[Value, Value | Size]:
        """Writes the whole graph.

        Args:
          g: what writes.
          samples: `[batch, n]` float32 in [-1, 1].
          num_samples: `[batch]`, samples of each recording, at least 1; None: all of them, which
            saves every mask.

        Returns:
          Log-probabilities `[batch, time, class]`, blank last, and the rows of each recording
          `[batch]` (of all, a single number, without `num_samples`).

        Raises:
          InputError: the model has a part that no graph is known for.
        """
        with g.scope(FRONT_END):
            features, lengths = build_features(g, self.extractor, samples, num_samples)
        with g.scope(NETWORK):
            known = None if num_samples is None else lengths
            return build_network(g, self.network, features, known)
