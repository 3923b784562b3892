"""A network in GNA's integer arithmetic, as a model that scores utterances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.interop.kaldi import Evaluator, Network
from open_seq2seq.interop.kaldi.prepare import with_outputs
from open_seq2seq.scoring.gna.quantizing import IntegerNetwork, Rules, quantized_network
from open_seq2seq.scoring.gna.scale_factors import input_scale_factor
from open_seq2seq.scoring.kaldi_model import KaldiModel
from open_seq2seq.scoring.model import Arrays


class IntegerModel(KaldiModel):
    """See `ScoringModel`.

    Args:
      quantized: the network.
      notes: sentences for the user.
    """

    about = "NumPy, GNA's integer arithmetic"

    def __init__(self, quantized: IntegerNetwork, notes: Sequence[str] = ()):
        super().__init__(quantized.network, notes)
        self.quantized = quantized
        rules = quantized.rules
        self.precision = f"int{rules.bits} weights, int16 activations"
        if quantized.in_float:
            kinds = ", ".join(f"{count} {kind}" for kind, count in quantized.in_float.items())
            self.notes.append(f"In float, as the arithmetic has nothing for them: {kinds}.")


def integer_model(
    network: Network,
    first: Arrays | None,
    scales: Mapping[str, float],
    rules: Rules,
    notes: Sequence[str] = (),
) -> IntegerModel:
    """The network in whole numbers.

    Args:
      network: of floats, prepared.
      first: an utterance's inputs, of which the factors of layers that stay in float are; None:
        there is none.
      scales: the inputs' factors.
      rules: how it is quantised.
      notes: sentences for the user.

    Raises:
      InputError: such factors are needed, and there is no utterance.
    """

    def calibration() -> Mapping[str, np.ndarray]:
        if first is None:
            problem = Problem("-i", "no features", "an utterance, for scales of layers in float")
            raise InputError("Scale factors are missing:", [problem])
        return float_layers(network, first)

    return IntegerModel(quantized_network(network, scales, rules, calibration), notes)


def float_layers(network: Network, inputs: Arrays) -> dict[str, np.ndarray]:
    """What each node of a network gives for an utterance, in float."""
    names = [node.name for node in network.nodes]
    return Evaluator(with_outputs(network, names))(inputs)


def suggested_scale(largest: float) -> float:
    """The factor for all utterances, of the largest magnitude in any of them."""
    return input_scale_factor(np.array([[largest]]))
