"""One measurement of `inference.py`, in a process of its own: prints its figures as JSON.

It imports what its contestant needs and nothing else, since the start and the memory are measured
too. What each contestant takes is in `CONTESTANTS`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

# Samples `[n]` or features `[time, feature]` to log-probabilities `[time', class]`, or something
# that can't be compared.
Run = Callable[[np.ndarray], Any]
# So many runs of each length at least: the first one may be slower.
FEWEST_RUNS = 3


class Contestant(NamedTuple):
    """What is measured.

    Args:
      load: makes a job's `Run`.
      takes: "samples" or "features".
      packages: what is imported before the model is loaded.
    """

    load: Callable[[dict[str, Any]], Run]
    takes: str
    packages: tuple[str, ...]


def exported(job: dict[str, Any]) -> Run:
    """A model of an exported folder."""
    from open_seq2seq.inference.runtimes.loaded_model import LoadedModel

    path = Path(job["folder"]) / job["precision"] / job["file"]
    return LoadedModel(path, job["runtime"], job["threads"]).log_probs


def recognizer(job: dict[str, Any]) -> Run:
    """The whole way of a program: the folder is checked, and the result is a transcript."""
    from open_seq2seq import Recognizer

    loaded = Recognizer.load(
        Path(job["folder"]) / job["precision"], runtime=job["runtime"], threads=job["threads"]
    )
    return lambda samples: loaded.transcribe([samples])


def network_alone(job: dict[str, Any]) -> Run:
    """The exported network without its front-end, in ONNX Runtime."""
    session = onnx_session(Path(job["folder"]) / "features.onnx", job["threads"])

    def run(features: np.ndarray) -> np.ndarray:
        frames = np.array([len(features)], np.int32)
        log_probs, lengths = session.run(
            ["log_probs", "lengths"], {"features": features[None], "num_frames": frames}
        )
        return log_probs[0, : lengths[0]]

    return run


def framework(job: dict[str, Any]) -> Run:
    """The recogniser's own network, in TensorFlow, after the front-end in NumPy."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(job["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(1)
    from benchmarks.inference_models import load_weights, untrained
    from open_seq2seq.data.batch import Batch
    from open_seq2seq.inference.forward import EvaluationStep
    from open_seq2seq.inference.recognizer import log_softmax

    experiment = untrained(job["network"])
    load_weights(experiment.model, Path(job["folder"]) / "weights.npz")
    step, extractor = EvaluationStep(experiment.model), experiment.speech_data.extractor
    none = np.zeros((1, 0), np.int32)

    def run(samples: np.ndarray) -> np.ndarray:
        features = extractor(samples)
        frames = np.array([len(features)], np.int32)
        batch = Batch(features[None], frames, none, none.sum(1), np.arange(1), 0.0)
        logits, lengths = step.logits(batch)
        return log_softmax(logits[0, : lengths[0]])

    return run


def pytorch(job: dict[str, Any], compile_: bool = False) -> Run:
    """The network built by hand in PyTorch, as it is or compiled."""
    import torch

    torch.set_num_threads(job["threads"])
    torch.set_num_interop_threads(1)
    from benchmarks.inference_pytorch import compiled, pytorch_network

    network = pytorch_network(Path(job["folder"]))
    network = compiled(network) if compile_ else network

    def run(features: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(features)[None])[0].numpy()

    return run


def pytorch_compiled(job: dict[str, Any]) -> Run:
    """See `pytorch`."""
    return pytorch(job, compile_=True)


def pytorch_onnx(job: dict[str, Any]) -> Run:
    """The same network by PyTorch's own export, in ONNX Runtime."""
    session = onnx_session(Path(job["folder"]) / "pytorch.onnx", job["threads"])

    def run(features: np.ndarray) -> np.ndarray:
        return session.run(["log_probs"], {"features": features[None]})[0][0]

    return run


def onnx_session(path: Path, threads: int) -> Any:
    """A session with the options of `OnnxRuntimeSession`, which has other inputs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


PACKAGES = {
    "onnxruntime": "onnxruntime",
    "litert": "ai_edge_litert.interpreter",
    "openvino": "openvino",
    "tensorflow": "tensorflow",
}
CONTESTANTS = {
    **{name: Contestant(exported, "samples", (package,)) for name, package in PACKAGES.items()},
    **{
        f"Recognizer {name}": Contestant(recognizer, "samples", (package,))
        for name, package in PACKAGES.items()
    },
    "network alone": Contestant(network_alone, "features", ("onnxruntime",)),
    "framework": Contestant(framework, "samples", ("tensorflow", "keras")),
    "PyTorch eager": Contestant(pytorch, "features", ("torch",)),
    "PyTorch compiled": Contestant(pytorch_compiled, "features", ("torch",)),
    "PyTorch ONNX": Contestant(pytorch_onnx, "features", ("onnxruntime",)),
}


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """The figures of a job: times in seconds since the process was started, memory in MB."""
    contestant, folder = CONTESTANTS[job["contestant"]], Path(job["folder"])
    for package in contestant.packages:
        imported(package)
    found: dict[str, Any] = {"imported": since(job), "imported_mb": resident("VmRSS")}
    run = contestant.load(job)
    found["loaded"] = since(job)
    lengths = sorted(job["seconds"])
    for seconds in lengths:
        inputs = np.load(folder / f"{contestant.takes}_{seconds:g}.npy")
        outputs = run(inputs)
        found.setdefault("first", since(job))
        figures = timed(run, inputs, job["budget"])
        if isinstance(outputs, np.ndarray):
            expected = np.load(folder / f"expected_{seconds:g}.npy")
            figures["difference"] = float(np.abs(outputs - expected).max())
        found[f"{seconds:g}"] = {**figures, "peak_mb": resident("VmHWM")}
    return found


def imported(package: str) -> None:
    """Imports a package in the way of the library."""
    if package == "openvino":
        from open_seq2seq.inference.runtimes.openvino import openvino_package

        openvino_package()
    else:
        import_module(package)


def timed(run: Run, inputs: np.ndarray, budget: float) -> dict[str, float]:
    """The fastest run's wall time, and the least processor time of one, of all threads."""
    walls, processors = [], []
    end = time.perf_counter() + budget
    while len(walls) < FEWEST_RUNS or time.perf_counter() < end:
        wall, processor = time.perf_counter(), time.process_time()
        run(inputs)
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return {"wall": min(walls), "processor": min(processors)}


def since(job: dict[str, Any]) -> float:
    return time.time() - job["started"]


def resident(kind: str) -> float:
    """Resident memory in MB, now ("VmRSS") or at most so far ("VmHWM"); NaN where it is not known.

    Not by getrusage: its maximum is that of the process that started this one, if that is more.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return float("nan")
    lines = dict(line.split(":", 1) for line in status.splitlines())
    return int(lines[kind].split()[0]) * 1024 / 1e6


def main() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print("\n" + json.dumps(measure(json.loads(sys.argv[1]))), flush=True)


if __name__ == "__main__":
    main()
