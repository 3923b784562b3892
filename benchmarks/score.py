"""Frames per second of Kaldi's networks: NumPy, TensorFlow, ONNX Runtime, OpenVINO, PyTorch.

    python benchmarks/score.py [--networks dnn lstm tdnnf] [--threads 1 2] [--runtimes ...]

Every runtime computes the same utterance in float32, and has to give the first one's scores to
1e-4. Ways take turns, several rounds, and the best time of each counts: other programs on the
machine slow some turns. Beside the frames per second of the clock are those of the processor's
time: of several threads as many as of one, if they lose nothing. Each number of threads is a
process of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

RUNTIMES = ("numpy", "tensorflow", "onnxruntime", "openvino", "pytorch")
_FRAMES = 1000


def main() -> None:
    """Runs itself once for each number of threads."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", nargs="+", default=["dnn", "lstm", "tdnnf"])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--runtimes", nargs="+", choices=RUNTIMES, default=list(RUNTIMES))
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.worker:
        for name in flags.networks:
            _measure(name, flags.threads[0], flags.runtimes, flags.rounds)
        return
    heads = " ".join(f"{one:>15}" for one in flags.runtimes)
    print(f"{'network':8} {'threads':>7} {heads}   (frames/s by the clock / by processor time)")
    for count in flags.threads:
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, str(count))}
        environment |= {"TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
        arguments = ["--worker", "--threads", str(count), "--rounds", str(flags.rounds)]
        arguments += ["--networks", *flags.networks, "--runtimes", *flags.runtimes]
        command = [sys.executable, __file__, *arguments]
        subprocess.run(command, env=environment, check=True)


def _measure(name: str, threads: int, runtimes: list[str], rounds: int) -> None:
    import numpy as np
    from score_networks import NETWORKS

    network = NETWORKS[name]()
    generator = np.random.default_rng(0)
    inputs = {
        one.name: generator.normal(
            size=(1, one.dim) if one.per_utterance else (1, _FRAMES, one.dim)
        ).astype(np.float32)
        for one in network.inputs
    }
    with TemporaryDirectory() as folder:
        ways = {one: _WAYS[one](network, Path(folder), threads) for one in runtimes}
        expected = None
        best = {one: np.full(2, np.inf) for one in runtimes}
        for _ in range(rounds):
            for one, way in ways.items():
                start = np.array([time.perf_counter(), time.process_time()])
                scores = way(inputs)
                end = np.array([time.perf_counter(), time.process_time()])
                best[one] = np.minimum(best[one], end - start)
                expected = scores if expected is None else expected
                np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-4)
    rates = [" / ".join(f"{_FRAMES / seconds:.0f}" for seconds in best[one]) for one in runtimes]
    print(f"{name:8} {threads:7} " + " ".join(f"{one:>15}" for one in rates), flush=True)


Way = Callable[[Mapping[str, Any]], Any]


def _numpy(network: Any, folder: Path, threads: int) -> Way:
    from open_seq2seq.interop.kaldi import Evaluator

    evaluate = Evaluator(network)
    return lambda inputs: evaluate({name: one[0] for name, one in inputs.items()})["output"][None]


def _tensorflow(network: Any, folder: Path, threads: int) -> Way:
    import tensorflow as tf

    from open_seq2seq.interop.kaldi.keras_model import KerasNetwork

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    model = KerasNetwork(network)
    compiled = tf.function(lambda inputs: model(inputs)["output"])
    return lambda inputs: compiled(dict(inputs)).numpy()


def _model(network: Any) -> Any:
    from open_seq2seq.export.feature_models import FeatureInput, FeatureModel
    from open_seq2seq.interop.kaldi import Evaluator
    from open_seq2seq.interop.kaldi.graph import build

    inputs = [FeatureInput(one.name, one.dim, one.per_utterance) for one in network.inputs]
    outputs = {one.name: one.dim for one in network.outputs}
    return FeatureModel(
        inputs, outputs, lambda g, values: build(g, network, values), Evaluator(network)
    )


def _onnxruntime(network: Any, folder: Path, threads: int) -> Way:
    from open_seq2seq.export.feature_models import write_feature_models
    from open_seq2seq.inference.runtimes.onnxruntime import onnxruntime_session

    write_feature_models(_model(network), folder / "onnx", ["onnx"])
    session = onnxruntime_session(folder / "onnx/model.onnx", threads)
    return lambda inputs: session.run(["output"], dict(inputs))[0]


def _openvino(network: Any, folder: Path, threads: int) -> Way:
    from open_seq2seq.export.feature_models import write_feature_models
    from open_seq2seq.inference.runtimes.openvino import compiled_model

    write_feature_models(_model(network), folder / "openvino", ["openvino"])
    model = compiled_model(folder / "openvino/openvino/model.xml", threads)
    return lambda inputs: model(dict(inputs))["output"]


def _pytorch(network: Any, folder: Path, threads: int) -> Way:
    import torch
    from score_pytorch import PyTorchNetwork

    torch.set_num_threads(threads)
    return PyTorchNetwork(network)


_WAYS = {
    "numpy": _numpy,
    "tensorflow": _tensorflow,
    "onnxruntime": _onnxruntime,
    "openvino": _openvino,
    "pytorch": _pytorch,
}

if __name__ == "__main__":
    main()
