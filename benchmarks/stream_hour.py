"""An hour of speech as one stream beside the whole of it at once: differences, cost and memory.

    python benchmarks/stream_hour.py --manifest dev.csv
    python benchmarks/stream_hour.py --network=ds2-streaming --minutes=10

A network whose weights are drawn from a seed, exported and run by ONNX Runtime with one thread,
takes the recordings of a manifest (without one: noise) one after the other, as often as there is
need, in pieces of 0.32 s. The processor time of each tenth, and the resident memory after it, say
whether cost and memory stay what they are. Then the same samples are taken whole by the graph for
whole recordings, with all log-probabilities compared.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.inference_models import NETWORKS, recording
from benchmarks.inference_worker import resident
from benchmarks.streaming import streaming_model
from open_seq2seq.data.audio import read_audio
from open_seq2seq.export.formats.written import FORMATS, STREAM_FORMATS
from open_seq2seq.inference.exported_stream import ExportedStream
from open_seq2seq.inference.runtimes import LoadedModel
from open_seq2seq.streaming.network import Piece

_CHUNK = 0.32
_PARTS = 10


def speech_of(manifest: str | None, seconds: float, rate: int) -> np.ndarray:
    """`[n]` float32: the recordings of a manifest, again and again."""
    if manifest is None:
        return recording(seconds, rate)
    with open(manifest, encoding="utf-8", newline="") as file:
        names = [Path(row["wav_filename"]) for row in csv.DictReader(file)]
    folder = Path(manifest).parent
    return np.resize(
        np.concatenate([read_audio(folder / name, rate) for name in names]), int(seconds * rate)
    )


def streamed_in_parts(network: ExportedStream, samples: np.ndarray) -> np.ndarray:
    """The log-probabilities of a stream `[time, class]`; says what each tenth of it costs."""
    size = round(_CHUNK * network.sample_freq / network.row_samples) * network.row_samples
    state, count = network.initial_state(), 0
    # Whose pages are there as soon as they are written: a list of arrays would look like a leak.
    rows = np.zeros((len(samples) // network.row_samples + 2, network.classes), np.float32)
    starts = list(range(0, len(samples), size))
    for part in np.array_split(np.array(starts), _PARTS):
        begun = time.process_time()
        for first in part:
            piece = Piece(samples[first : first + size], state, bool(first == starts[-1]))
            [(found, state)] = network.compute([piece])
            rows[count : count + len(found)] = found
            count += len(found)
        took = (time.process_time() - begun) / (len(part) * size / network.sample_freq)
        minutes = (part[-1] + size) / network.sample_freq / 60
        held = count * rows.itemsize * network.classes / 1e6
        print(
            f"{minutes:6.1f} min: {1000 * took:6.2f} ms for a second, resident "
            f"{resident('VmRSS') - held:6.1f} MB without the rows so far",
            flush=True,
        )
    return rows[:count]


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=NETWORKS, default="quartznet-streaming")
    parser.add_argument("--manifest")
    parser.add_argument("--minutes", type=float, default=60.0)
    flags = parser.parse_args(arguments)
    model = streaming_model(flags.network)
    rate = model.extractor.sample_freq
    samples = speech_of(flags.manifest, 60 * flags.minutes, rate)
    with TemporaryDirectory() as name:
        folder = Path(name)
        whole, stream = FORMATS["onnx"](model, folder), STREAM_FORMATS["onnx"](model, folder)
        assert stream.file.stream is not None
        network = ExportedStream(
            folder / stream.name, "onnxruntime", stream.file.stream, model.classes, rate, threads=1
        )
        found = streamed_in_parts(network, samples)
        expected = LoadedModel(folder / whole.name, "onnxruntime", threads=1).log_probs(samples)
    assert found.shape == expected.shape, (found.shape, expected.shape)
    others = int((found.argmax(axis=1) != expected.argmax(axis=1)).sum())
    print(
        f"{flags.network}, {flags.minutes:g} minutes, {len(found)} rows: the largest difference "
        f"of a log-probability is {np.abs(found - expected).max():.2g} (their deviation "
        f"{expected.std():.2g}); the best class is another one in {others} rows."
    )


if __name__ == "__main__":
    main()
