"""What a piece of a stream costs, by kinds of operations.

    python benchmarks/streaming_operations.py [--network quartznet5x5] [--chunk 0.32] [--streams 1]

ONNX Runtime's own profile of the exported graph of streams, one thread: of each node the shortest
of some pieces, which other work on the machine changes little. Weights are drawn from a seed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnxruntime

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.inference_models import NETWORKS
from benchmarks.streaming import streaming_model
from open_seq2seq.export.formats.onnx_stream import onnx_stream
from open_seq2seq.export.trained_model import FRONT_END
from open_seq2seq.native_build.cpu import cpu_name

_KINDS = {
    "products": {"Conv", "MatMul", "FusedMatMul", "LSTM", "GRU"},
    "frames kept and joined": {"Concat", "Slice"},
    "layouts for convolutions": {"ReorderInput", "ReorderOutput", "Transpose"},
    "zeros outside the stream": {"Mul", "Where"},
}
_PIECES = 40


def kind_of(name: str, operator: str) -> str:
    """The kind of a node by its name and operator."""
    if name.startswith(FRONT_END):
        return "the front-end"
    return next((kind for kind, some in _KINDS.items() if operator in some), "all others")


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=NETWORKS, default="quartznet5x5")
    parser.add_argument("--chunk", type=float, default=0.32, help="seconds of a piece")
    parser.add_argument("--streams", type=int, default=1, help="computed together")
    flags = parser.parse_args(arguments)
    model = streaming_model(flags.network)
    proto, graph = onnx_stream(model)
    count = round(flags.chunk * model.extractor.sample_freq / graph.row_samples)
    samples = np.random.default_rng(0).normal(
        0, 0.05, (flags.streams, count * graph.row_samples)
    ).astype(np.float32)  # fmt: skip
    counts = np.full(flags.streams, samples.shape[1], np.int32)
    states = {one.input: np.stack([one.begin()] * flags.streams) for one in graph.states}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_profiling, options.log_severity_level = True, 3
    with TemporaryDirectory() as folder:
        options.profile_file_prefix = f"{folder}/profile"
        session = onnxruntime.InferenceSession(
            proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        for _ in range(_PIECES):
            outputs = session.run(
                [one.output for one in graph.states],
                {"samples": samples, "num_samples": counts, **states},
            )
            states = {one.input: value for one, value in zip(graph.states, outputs)}
        events = json.loads(Path(session.end_profiling()).read_text())
    least: dict[tuple[str, str], int] = {}
    for event in events:
        if event["name"].endswith("_kernel_time"):
            key = event["name"], event["args"]["op_name"]
            least[key] = min(least.get(key, event["dur"]), event["dur"])
    times, nodes = Counter[str](), Counter[str]()
    for (name, operator), took in least.items():
        times[kind_of(name, operator)] += took
        nodes[kind_of(name, operator)] += 1
    floats = sum(int(np.prod(one.shape)) for one in graph.states)
    print(
        f"{flags.network}, {flags.streams} x {flags.chunk:g} s, ONNX Runtime, one thread, "
        f"{cpu_name()}; a stream keeps {floats / 1e6:.2f} million numbers"
    )
    for kind, took in times.most_common():
        share = took / times.total()
        print(f"{kind:26} {took / 1000:7.2f} ms {share:6.1%} {nodes[kind]:5} nodes")


if __name__ == "__main__":
    main()
