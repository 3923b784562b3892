"""What of an exported model's time its front-end takes, and which operations do.

    python benchmarks/front_end.py [--network quartznet5x5] [--seconds 10 60] [--runs 8]

ONNX Runtime's own profile of one thread in one process: of each node the shortest of some runs,
which other work on the machine changes little. Weights are drawn from a seed. The share is that of
the network's time.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnxruntime

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.inference_models import NETWORKS, as_trained, recording, untrained
from open_seq2seq.export.formats.onnx import onnx_model
from open_seq2seq.export.trained_model import FRONT_END, TrainedModel
from open_seq2seq.native_build.cpu import cpu_name

_SHOWN = 8


def profiled(model: onnx.ModelProto, samples: np.ndarray, runs: int) -> dict[str, float]:
    """The least milliseconds of each node, by its name and its operator."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_profiling = True
    with TemporaryDirectory() as folder:
        options.profile_file_prefix = f"{folder}/profile"
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        inputs = {"samples": samples[None], "num_samples": np.array([len(samples)], np.int32)}
        for _ in range(runs):
            session.run(None, inputs)
        events = json.loads(Path(session.end_profiling()).read_text())
    times: defaultdict[str, list[int]] = defaultdict(list)
    for event in events:
        name = event["name"]
        if name.endswith("_kernel_time"):
            label = f"{name.removesuffix('_kernel_time')} {event['args']['op_name']}"
            times[label].append(event["dur"])
    return {label: min(each) / 1000 for label, each in times.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=NETWORKS, default="quartznet5x5")
    parser.add_argument("--seconds", type=float, nargs="+", default=[10.0, 60.0])
    parser.add_argument("--runs", type=int, default=8)
    flags = parser.parse_args(arguments)
    experiment = untrained(flags.network)
    as_trained(experiment.model)
    trained = TrainedModel.of(experiment)
    model = onnx_model(trained)
    print(f"{flags.network}, ONNX Runtime, one thread, {cpu_name()}")
    for seconds in flags.seconds:
        samples = recording(seconds, trained.extractor.sample_freq)
        times = profiled(model, samples, flags.runs)
        own = {name: took for name, took in times.items() if FRONT_END in name}
        front_end, network = sum(own.values()), sum(times.values()) - sum(own.values())
        share = front_end / network
        print(f"{seconds:g} s: front-end {front_end:.2f} ms, network {network:.2f} ms, {share:.1%}")
        for name, took in sorted(own.items(), key=lambda one: -one[1])[:_SHOWN]:
            print(f"  {took:6.2f} ms  {name}")


if __name__ == "__main__":
    main()
