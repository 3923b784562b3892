"""How far each layer in whole numbers is from its twin in float."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from open_seq2seq.interop.kaldi import Evaluator, Network
from open_seq2seq.interop.kaldi.prepare import with_outputs
from open_seq2seq.scoring.gna.model import float_layers
from open_seq2seq.scoring.gna.quantizing import IntegerNetwork
from open_seq2seq.scoring.model import Arrays


@dataclass(frozen=True)
class LayerError:
    """One layer, on one utterance.

    Args:
      name: of its node.
      scale: the factor of its whole numbers; None: it gives real ones.
      max_error, rms_error: against float.
      largest: of the float's magnitudes.
      saturations: numbers that did not fit.
    """

    name: str
    scale: float | None
    max_error: float
    rms_error: float
    largest: float
    saturations: int


def layer_errors(network: Network, quantized: IntegerNetwork, inputs: Arrays) -> list[LayerError]:
    """The layers in the order of computation.

    Args:
      network: in float.
      quantized: the same in whole numbers.
      inputs: of an utterance.
    """
    names = [node.name for node in network.nodes if node.name in quantized.scales]
    real = float_layers(network, inputs)
    before = dict(quantized.saturations)
    whole = Evaluator(with_outputs(quantized.network, names))(inputs)
    rows = []
    for name in names:
        scale = quantized.scales[name]
        error = whole[name] / np.float64(scale or 1) - real[name]
        rows.append(
            LayerError(
                name,
                scale,
                float(np.abs(error).max(initial=0.0)),
                float(np.sqrt(np.mean(error**2))) if error.size else 0.0,
                float(np.abs(real[name]).max(initial=0.0)),
                quantized.saturations[name] - before.get(name, 0),
            )
        )
    # What this run has counted is not of the utterances' own.
    quantized.saturations.clear()
    quantized.saturations.update(before)
    return rows


def report_lines(rows: Sequence[LayerError]) -> list[str]:
    """A table."""
    width = max([len(one.name) for one in rows] + [5])
    lines = [
        f"{'layer':{width}}  {'scale':>12}  {'max error':>10}  {'rms error':>10}  "
        f"{'largest':>10}  saturated"
    ]
    for one in rows:
        scale = "float" if one.scale is None else f"{one.scale:.6g}"
        lines.append(
            f"{one.name:{width}}  {scale:>12}  {one.max_error:10.6f}  {one.rms_error:10.6f}  "
            f"{one.largest:10.4f}  {one.saturations:9d}"
        )
    return lines
