"""A network of Kaldi's as a Keras model, whose weights are variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from open_seq2seq.graphs.keras_builder import KerasBuilder
from open_seq2seq.interop.kaldi.graph import build, network_weights
from open_seq2seq.interop.kaldi.network import Network


class KerasNetwork(keras.Model):
    """Scores of a batch of utterances.

    `{"input": [batch, time, dim], ...}` -> `{"output": [batch, time, classes], ...}`; inputs of the
    whole utterance (i-vectors) are `[batch, dim]`. Utterances of a batch have one length.

    Args:
      network: see `read_network`.
    """

    def __init__(self, network: Network, **kwargs: Any):
        super().__init__(**kwargs)
        self.network = network
        self._arrays: dict[str, dict[str, Any]] = {}
        for name, arrays in network_weights(network).items():
            self._arrays[name] = {
                part: self.add_weight(
                    shape=array.shape,
                    initializer="zeros",
                    name=f"{name}_{part}".replace("/", "_"),
                )
                for part, array in arrays.items()
            }
            for part, array in arrays.items():
                self._arrays[name][part].assign(array)

    def call(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs' scores."""
        return build(KerasBuilder(), self.network, inputs, self._arrays)
