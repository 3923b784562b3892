"""Frames per second of Kaldi's networks: NumPy, TensorFlow, ONNX Runtime, OpenVINO, PyTorch.

    python benchmarks/score.py [--networks dnn lstm tdnnf] [--threads 1 2] [--runtimes ...]

Every runtime computes the same utterances in float32, each alone, and has to give NumPy's scores to
1e-4. Ways take turns, several rounds, and the best time of each counts: other programs on the
machine slow some turns. Each number of threads is a process of its own.
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
_ROUNDS, _FRAMES = 5, 1000


def main() -> None:
    """Runs itself once for each number of threads."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", nargs="+", default=["dnn", "lstm", "tdnnf"])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--runtimes", nargs="+", choices=RUNTIMES, default=list(RUNTIMES))
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.worker:
        for name in flags.networks:
            _measure(name, flags.threads[0], flags.runtimes)
        return
    print(f"{'network':8} {'threads':>7}  " + " ".join(f"{one:>12}" for one in flags.runtimes))
    for count in flags.threads:
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, str(count))}
        environment |= {"TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
        arguments = ["--worker", "--threads", str(count), "--networks", *flags.networks]
        command = [sys.executable, __file__, *arguments, "--runtimes", *flags.runtimes]
        subprocess.run(command, env=environment, check=True)


def _measure(name: str, threads: int, runtimes: list[str]) -> None:
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
        best = dict.fromkeys(runtimes, np.inf)
        for _ in range(_ROUNDS):
            for one, way in ways.items():
                start = time.perf_counter()
                scores = way(inputs)
                best[one] = min(best[one], time.perf_counter() - start)
                expected = scores if expected is None else expected
                np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-4)
    rates = " ".join(f"{_FRAMES / best[one]:12.0f}" for one in runtimes)
    print(f"{name:8} {threads:7}  {rates}", flush=True)


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
