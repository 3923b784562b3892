"""The networks of `inference.py`, and all that its processes measure, in a folder for each.

A folder has the network as it is exported, without its front-end (`features.onnx`), its weights
for those who build it themselves, recordings with their features, and the log-probabilities that
the framework gives for them:

    float32/  static_int8/ ...  exported in each precision
    features.onnx  weights.npz  network.json
    samples_10.npy  features_10.npy  expected_10.npy  ...

Weights are drawn from a seed; no trained ones are needed to measure time.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from open_seq2seq.config.loading import load_config
from open_seq2seq.config.overrides import split_arguments
from open_seq2seq.errors import InputError
from open_seq2seq.experiment import Experiment, effective_params, make_experiment

CONFIGS = Path(__file__).resolve().parents[1] / "example_configs/speech2text"
NETWORKS = {
    "quartznet5x5": "quartznet5x5_LibriSpeech",
    "quartznet15x5": "quartznet15x5_LibriSpeech",
    "jasper-mini": "jasper-Mini-for-Jetson",
    "ds2": "ds2_mini_librispeech",
    "quartznet-streaming": "quartznet_streaming_mini_librispeech",
    "ds2-streaming": "ds2_streaming_mini_librispeech",
}
SEED = 0
# What is compared with when the models are written.
CHECKED_SECONDS = 12.0
# What ranges of values are measured on.
CALIBRATED_SECONDS = (2.0, 5.0, 9.0, 12.0)


def untrained(name: str, overrides: Sequence[str] = ()) -> Experiment:
    """A network of `NETWORKS` in float32, its parameters overridden as on the command line."""
    config = load_config(CONFIGS / f"{NETWORKS[name]}.py")
    params = effective_params(config, split_arguments(overrides), "interactive_infer")
    keras.utils.set_random_seed(SEED)
    params["dtype"] = "float32"
    return make_experiment(params, config.base_model, "infer", utterances=[])


def as_trained(model: keras.layers.Layer) -> None:
    """Draws statistics, scales and shifts that are not those of the start.

    With those of the start any graph agrees, and a normalization may be nothing.
    """
    rng = np.random.default_rng(SEED)
    for variable in model.variables:
        values = rng.standard_normal(variable.shape).astype(np.float32)
        if variable.path.endswith(("variance", "gamma")):
            variable.assign(0.5 + 0.3 * np.abs(values))
        elif variable.path.endswith(("mean", "beta", "bias")):
            variable.assign(0.3 * values)


def recording(seconds: float, rate: int) -> np.ndarray:
    """Noise with the slow envelope of speech and its pauses, `[n]` float32."""
    time = np.arange(int(seconds * rate)) / rate
    envelope = np.abs(np.sin(2 * np.pi * 2.3 * time)) * (np.sin(2 * np.pi * 0.31 * time) > -0.7)
    noise = np.random.default_rng(SEED).normal(0, 0.05, len(time))
    return (envelope * noise).astype(np.float32)


def network_alone(model: Any) -> Any:
    """The ONNX graph of a `TrainedModel`'s network: `features`, `num_frames` -> `log_probs`."""
    from open_seq2seq.export.networks.network import build_network
    from open_seq2seq.export.onnx_builder import OnnxBuilder

    g = OnnxBuilder()
    shape = ("batch", "time", model.network.num_features)
    features = g.input("features", np.float32, shape)
    lengths = g.input("num_frames", np.int32, ("batch",))
    log_probs, counts = build_network(g, model.network, features, lengths)
    return g.model(
        [
            ("log_probs", log_probs, np.float32, ("batch", "frames", model.classes)),
            ("lengths", counts, np.int32, ("batch",)),
        ]
    )


def description(experiment: Experiment) -> dict[str, Any]:
    """What somebody has to know to build the network by hand."""
    encoder = experiment.model.encoder
    params = encoder.params
    names = ("convnet_layers", "conv_layers", "num_rnn_layers", "rnn_cell_dim", "n_hidden")
    epsilon = {"bn_epsilon": float(params["bn_epsilon"])}
    return {
        "encoder": type(encoder).__name__,
        "features": experiment.model.num_features,
        "classes": int(experiment.model.decoder.vocab_size) + 1,
        "parameters": sum(int(np.prod(v.shape)) for v in experiment.model.trainable_variables),
        "params": {**{name: params[name] for name in names if name in params}, **epsilon},
    }


def weights_of(model: keras.layers.Layer) -> dict[str, np.ndarray]:
    """A model's variables by the ends of their paths: "encoder/conv11/bn/gamma"."""
    return {
        variable.path.partition("/")[2]: np.asarray(variable)
        for variable in model.variables
        if "seed" not in variable.path
    }


def load_weights(model: keras.layers.Layer, path: Path) -> None:
    """Gives a model the weights that `weights_of` gave of another one."""
    with np.load(path) as stored:
        for variable in model.variables:
            if "seed" not in variable.path:
                variable.assign(stored[variable.path.partition("/")[2]])


def prepare(
    experiment: Experiment,
    folder: Path,
    seconds: Sequence[float],
    formats: Sequence[str],
    precisions: Sequence[str] = ("float32",),
) -> None:
    """Writes the folder of a network.

    Args:
      experiment: the network, in float32, with its weights.
      folder: made if need be.
      seconds: of the recordings.
      formats: of the exported models, names of `export.formats.written.FORMATS`.
      precisions: "float32" and kinds of `export.quantization`; of each the formats that have it.
    """
    import onnx

    from open_seq2seq.export.trained_model import TrainedModel

    model = TrainedModel.of(experiment)
    rate = model.extractor.options.sample_freq
    folder.mkdir(parents=True, exist_ok=True)
    for precision in precisions:
        _export(experiment, folder / precision, formats, precision)
    onnx.save(network_alone(model), str(folder / "features.onnx"))
    np.savez(folder / "weights.npz", **weights_of(model.network))
    (folder / "network.json").write_text(json.dumps(description(experiment), indent=1))
    for length in seconds:
        samples = recording(length, rate)
        np.save(folder / f"samples_{length:g}.npy", samples)
        np.save(folder / f"features_{length:g}.npy", model.extractor(samples))
        np.save(folder / f"expected_{length:g}.npy", model.log_probs(samples))


def _export(experiment: Experiment, folder: Path, formats: Sequence[str], precision: str) -> None:
    from open_seq2seq.export.exporter import Export
    from open_seq2seq.export.quantization import search
    from open_seq2seq.export.trained_model import TrainedModel

    rate = experiment.speech_data.extractor.options.sample_freq
    speech = recording(CHECKED_SECONDS, rate)
    if precision == "float32":
        Export(experiment, speech).write(folder, formats)
        return
    having = _formats_that_have(TrainedModel.of(experiment), precision, formats)
    if having:
        calibration = [speech[: int(seconds * rate)] for seconds in CALIBRATED_SECONDS]
        # Which layers lose too much can be seen of trained weights only: here all are quantised.
        with mock.patch.object(search, "LIMIT", math.inf):
            Export(experiment, speech, calibration=calibration).write(
                folder, having, quantize=[precision]
            )


def _formats_that_have(model: Any, precision: str, formats: Sequence[str]) -> list[str]:
    from open_seq2seq.export.quantization.ways import models_to_write

    having = []
    for name in formats:
        with suppress(InputError):
            models_to_write(model, [name], [precision])
            having.append(name)
    return having


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, nargs="+", required=True)
    parser.add_argument("--formats", nargs="+", required=True)
    parser.add_argument("--precisions", nargs="+", required=True)
    options = parser.parse_args()
    experiment = untrained(options.network)
    as_trained(experiment.model)
    prepare(experiment, options.folder, options.seconds, options.formats, options.precisions)


if __name__ == "__main__":
    main()
