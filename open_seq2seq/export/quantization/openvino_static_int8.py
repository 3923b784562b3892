"""OpenVINO with whole numbers from layer to layer, by NNCF."""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from open_seq2seq.export.formats.openvino import openvino_graph, write_openvino
from open_seq2seq.export.quantization.calibration import Calibration, inputs_of
from open_seq2seq.export.quantization.openvino_layers import layers_of, loops_of
from open_seq2seq.export.quantization.openvino_recurrent import (
    lstms_of,
    quantise_lstms,
    ranges_of,
)
from open_seq2seq.export.quantization.search import quantise
from open_seq2seq.export.trained_model import FRONT_END, TrainedModel
from open_seq2seq.inference.runtimes.openvino import without_telemetry


def write(model: TrainedModel, path: Path, calibration: Calibration) -> list[str]:
    """Writes `path` (.xml) and the weights beside it (.bin).

    It takes one recording at a time: masks would stand between layers of whole numbers.

    Args:
      model: what is written.
      path: the file.
      calibration: recordings.

    Returns:
      What is left in float32, in words.
    """
    graph = openvino_graph(model, masks=False)
    ranges = ranges_of(graph, calibration.recordings)

    def write_but(left: Collection[str]) -> None:
        quantised = _quantise(graph.clone(), calibration, left)
        quantise_lstms(quantised, ranges, left)
        write_openvino(quantised, path)

    left = quantise(
        path.name, layers_of(graph), write_but, lambda: calibration.divergence(path, "openvino")
    )
    loops = ["layer-normalised LSTMs"] if any(loops_of(graph)) else []
    return ["the front-end", *loops, *left]


def _of_frames(graph: Any) -> list[str]:
    """Depthwise convolutions whose input lies as `[batch, time, channel]` before them.

    NNCF rounds the input of each channel by itself there, and takes time for the channels: the
    model would hold for one length only.
    """
    found = []
    for one in graph.get_ordered_ops():
        if one.get_type_name() != "GroupConvolution":
            continue
        source = one.input_value(0).get_node()
        while source.get_type_name() in ("Pad", "Reshape", "Unsqueeze"):
            source = source.input_value(0).get_node()
        if source.get_type_name() == "Transpose":
            found.append(one.get_friendly_name())
    return found


def _quantise(graph: Any, calibration: Calibration, left: Collection[str]) -> Any:
    nncf = without_telemetry("nncf")
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, OverflowFix
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    nncf.set_log_level(logging.ERROR)
    recordings = calibration.recordings
    # LSTMs among them are in whole numbers already, or stay in float32.
    float32 = nncf.IgnoredScope(
        names=sorted({*left, *lstms_of(graph), *_of_frames(graph)}),
        patterns=[f"{FRONT_END}/.*"],
        validate=False,
    )
    parameters = AdvancedQuantizationParameters(
        # As in ONNX, see WEIGHTS_OF_7_BITS there.
        overflow_fix=OverflowFix.ENABLE,
        # Its default, the mean of each recording's extremes, cuts values off: the divergence was
        # 25 times as large.
        activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX,
        # With few recordings it made things worse.
        disable_bias_correction=True,
    )
    with redirect_stdout(StringIO()):  # progress bars
        return nncf.quantize(
            graph,
            nncf.Dataset(recordings, inputs_of),
            subset_size=len(recordings),
            preset=nncf.QuantizationPreset.MIXED,
            advanced_parameters=parameters,
            ignored_scope=float32,
        )
