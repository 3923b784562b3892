"""Speed of the data loader and padding share of its batches, on real recordings.

    python benchmarks/loader.py                                  # example_data/digits
    python benchmarks/loader.py --data_dir=path/to/librispeech    # every recording in a folder
    python benchmarks/loader.py --manifest=train.csv
    python benchmarks/loader.py --data_dir=... --compare          # threads, processes, grain

Prints the padding share for batches of 16 and 32; the time of each stage in one thread (CPU
time, so that other work on the machine hardly counts); and the speed of the whole loader with
1, 2, ... workers beside a loop over the files in one thread with librosa itself. Speeds are
seconds of audio per second.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys

# Before NumPy: speeds are per core, and threads of loader and BLAS would compete.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import multiprocessing
import platform
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.data.audio import AudioInfo, read_audio, resample
from open_seq2seq.data.headers import scan_headers
from open_seq2seq.data.loader import PREFETCH
from open_seq2seq.data.manifest import Utterance, read_manifests
from open_seq2seq.native_build.cpu import available_cores

DIGITS = Path(__file__).resolve().parent.parent / "example_data" / "digits"
SUFFIXES = {".flac", ".wav", ".opus", ".ogg", ".mp3", ".aiff"}
RATE = 16000
# The settings of the published Jasper and QuartzNet models.
PARAMS: dict[str, Any] = {
    "vocab_file": str(DIGITS / "vocab.txt"),
    "backend": "librosa",
    "input_type": "logfbank",
    "num_audio_features": 64,
    "norm_per_feature": True,
    "dither": 1e-5,
    "sample_freq": RATE,
}
AUGMENTATION = {
    "speed_perturbation_ratio": 0.1,
    "noise_level_min": -90,
    "noise_level_max": -46,
    "n_time_mask": 2,
    "n_freq_mask": 2,
}


def find_utterances(data_dir: str | None, manifest: str | None) -> list[Utterance]:
    if manifest:
        return read_manifests([manifest], need_transcript=False)
    folder = Path(data_dir or DIGITS / "recordings")
    files = sorted(str(path) for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise SystemExit(f"{folder}: no recordings ({', '.join(sorted(SUFFIXES))}) found.")
    return [Utterance(path, path, "", None, path) for path in files]


def make_layer(utterances: list[Utterance], batch_size: int, augment: bool) -> Speech2TextDataLayer:
    params = PARAMS | {"augmentation": AUGMENTATION if augment else None}
    # Without labels: the texts of somebody's corpus may have other symbols.
    blank = [Utterance(u.path, u.name, "", u.duration, u.source) for u in utterances]
    return Speech2TextDataLayer(params, mode="train", batch_size=batch_size, utterances=blank)


def print_padding(utterances: list[Utterance]) -> None:
    print("\nPadding share (mean of 3 epochs)")
    for batch_size in (16, 32):
        for augment in (False, True):
            layer = make_layer(utterances, batch_size, augment)
            share = np.mean([layer.padding_share(epoch) for epoch in range(3)])
            speed = "speed +-10 %" if augment else "as recorded "
            lengths = ", ".join(map(str, layer.bucket_lengths))
            print(f"  batch {batch_size}, {speed}: {100 * share:5.2f} %   buckets {lengths}")


def stage_seconds(layer: Speech2TextDataLayer, steps: int) -> dict[str, float]:
    """CPU seconds of each stage over the first batches of an epoch, in this thread."""
    spent: dict[str, float] = defaultdict(float)

    def timed(stage: str, function: Callable[..., Any], *arguments: Any) -> Any:
        start = time.thread_time()
        result = function(*arguments)
        spent[stage] += time.thread_time() - start
        return result

    rng = np.random.default_rng(0)
    plan = timed("plan of the epoch", layer._epoch_plan, 0)
    for step in range(steps):
        batch = plan.batch(step)
        loaded = []
        for row, factor in zip(batch.rows, batch.speed_factors):
            path = layer.utterances[row].path
            rate = layer._corpus._headers[path].sample_freq
            samples = timed("decode", read_audio, path, rate)
            samples = timed("resample", resample, samples, rate, RATE)
            samples = timed("speed and noise", layer.augmenter.waveform, samples, factor, rng)
            features = timed("features", layer.extractor, samples, rng)
            loaded.append(timed("masks", layer.augmenter.spectrogram, features, rng))
        timed("batch assembly", assemble, loaded, batch.length)
    return dict(spent)


def assemble(loaded: list[np.ndarray], length: int) -> np.ndarray:
    features = np.zeros((len(loaded), length, loaded[0].shape[1]), np.float32)
    for target, one in zip(features, loaded):
        target[: len(one)] = one
    return features


def print_stages(layer: Speech2TextDataLayer, seconds: float) -> None:
    steps, audio = steps_for(layer, seconds)
    runs = [stage_seconds(layer, steps) for _ in range(3)]
    print(f"\nStages in one thread, with augmentation ({audio:.0f} s of audio, best of 3)")
    best = {stage: min(run[stage] for run in runs) for stage in runs[0]}
    for stage, spent in best.items():
        print(f"  {stage:18} {1e3 * spent / audio:7.3f} ms per second {audio / spent:9.0f}x")
    without = sum(best[stage] for stage in ("decode", "resample", "features", "batch assembly"))
    print(f"  {'no augmentation':18} {1e3 * without / audio:7.3f} ms per second"
          f" {audio / without:9.0f}x per core")  # fmt: skip
    total = sum(best.values())
    print(f"  {'all':18} {1e3 * total / audio:7.3f} ms per second {audio / total:9.0f}x per core")


def steps_for(layer: Speech2TextDataLayer, seconds: float) -> tuple[int, float]:
    """How many batches of epoch 0 have `seconds` of audio (or all of them), and how much."""
    plan = layer._epoch_plan(0)
    audio = 0.0
    for step in range(len(plan)):
        batch = plan.batch(step)
        audio += layer._planner.samples[batch.rows, batch.voices].sum() / RATE
        if audio >= seconds:
            return step + 1, audio
    return len(plan), audio


def librosa_loop(utterances: list[Utterance]) -> Iterator[np.ndarray]:
    """The same features with librosa itself, as its documentation shows them."""
    import librosa

    for utterance in utterances:
        samples, _ = librosa.load(utterance.path, sr=RATE)
        samples = librosa.effects.preemphasis(samples / (np.abs(samples).max() + 1e-5))
        mel = librosa.feature.melspectrogram(
            y=samples, sr=RATE, n_fft=512, hop_length=160, win_length=320, n_mels=64
        )
        features = np.log(mel + 1e-20).T
        yield (features - features.mean(axis=0)) / features.std(axis=0)


def run_threads(layer: Speech2TextDataLayer, steps: int, workers: int) -> Iterator[Any]:
    layer.params["loader_workers"] = workers
    return (batch for batch, _ in zip(layer.batches(), range(steps)))


_LAYER: Speech2TextDataLayer | None = None


def start_process(utterances: list[Utterance], batch_size: int, augment: bool) -> None:
    global _LAYER
    _LAYER = make_layer(utterances, batch_size, augment)
    _LAYER._epoch_plan(0)


def load_step(step: int) -> Any:
    assert _LAYER is not None
    return _LAYER._load_batch(_LAYER._epoch_plan(0).batch(step), 0, threading.Event())


class GrainLoad:
    """Loads a batch; makes its data layer in the process that runs it."""

    def __init__(self, *arguments: Any):
        self.arguments = arguments

    def __call__(self, step: int) -> Any:
        if _LAYER is None:
            start_process(*self.arguments)
        return load_step(int(step))


def run_processes(arguments: tuple, steps: int, workers: int) -> Iterator[Any]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, start_process, arguments) as executor:
        pending: deque[Any] = deque()
        for step in range(steps):
            pending.append(executor.submit(load_step, step))
            if len(pending) >= workers + PREFETCH:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def run_grain(arguments: tuple, steps: int, workers: int, processes: bool) -> Iterator[Any]:
    import grain

    threads = 1 if processes else workers
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=threads + PREFETCH)
    data = grain.MapDataset.range(steps).map(GrainLoad(*arguments))
    batches = data.to_iter_dataset(options)
    if processes:
        own = grain.MultiprocessingOptions(num_workers=workers, per_worker_buffer_size=PREFETCH)
        batches = batches.mp_prefetch(own)
    yield from batches


def speed(make: Callable[[], Any], audio: float, rounds: int) -> tuple[float, float]:
    """Seconds of audio per second, and per second of CPU time of this process; the best rounds."""
    best = best_cpu = 0.0
    for _ in range(rounds):
        batches = make()
        start, start_cpu = time.perf_counter(), time.process_time()
        for _ in batches:
            pass
        best = max(best, audio / (time.perf_counter() - start))
        best_cpu = max(best_cpu, audio / (time.process_time() - start_cpu))
    return best, best_cpu


def print_loader(utterances: list[Utterance], arguments: argparse.Namespace) -> None:
    rng = np.random.default_rng(0)
    some = [utterances[i] for i in rng.permutation(len(utterances))]
    cumulated = np.cumsum(make_layer(some, 1, augment=False)._corpus.seconds()[:, 0])
    some = some[: int(np.searchsorted(cumulated, arguments.seconds / 4)) + 1]
    list(librosa_loop(some[:3]))  # imports
    alone = speed(partial(librosa_loop, some), cumulated[len(some) - 1], arguments.rounds)
    print(f"\nWhole loader, batches of {arguments.batch_size} (best of {arguments.rounds})")
    print(f"  {'':42} wall time              per CPU second")

    def show(name: str, reached: tuple[float, float]) -> None:
        wall, cpu = (f"{own:7.0f}x {own / of:5.2f} librosa" for own, of in zip(reached, alone))
        print(f"  {name:42}{wall} {cpu}")

    show("plain loop with librosa, 1 thread", alone)
    for augment in (False, True):
        layer = make_layer(utterances, arguments.batch_size, augment)
        steps, audio = steps_for(layer, arguments.seconds)
        kind = "with augmentation" if augment else "no augmentation"
        for workers in arguments.workers:
            run = partial(run_threads, layer, steps, workers)
            name = f"loader, {workers} worker{'s' * (workers > 1)}, {kind}"
            show(name, speed(run, audio, arguments.rounds))


def speed_once_running(batches: Iterator[Any]) -> float:
    """Seconds of audio per second after the first quarter, when everything has started."""
    seen = [(time.perf_counter(), batch.audio_seconds) for batch in batches]
    first = len(seen) // 4
    return sum(audio for _, audio in seen[first + 1 :]) / (seen[-1][0] - seen[first][0])


def print_comparison(utterances: list[Utterance], arguments: argparse.Namespace) -> None:
    """Threads, processes and grain on the same batches, turn by turn."""
    how = (utterances, arguments.batch_size, True)
    start_process(*how)
    assert _LAYER is not None
    steps, _ = steps_for(_LAYER, arguments.seconds)
    print("\nWays to load the same batches in the same order (with augmentation)")
    for workers in arguments.workers:
        ways: dict[str, Callable[[], Iterator[Any]]] = {
            "own threads": partial(run_threads, _LAYER, steps, workers),
            "own processes": partial(run_processes, how, steps, workers),
            "grain threads": partial(run_grain, how, steps, workers, False),
            "grain processes": partial(run_grain, how, steps, workers, True),
        }
        best: dict[str, float] = dict.fromkeys(ways, 0.0)
        for _ in range(arguments.rounds):
            for name, make in ways.items():
                best[name] = max(best[name], speed_once_running(make()))
                gc.collect()
                time.sleep(1)  # until the processes of the last one are gone
        for name, reached in best.items():
            ratio = reached / best["own threads"]
            print(f"  {workers} x {name:16} {reached:7.0f}x   {ratio:4.2f} of own threads")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data_dir", help="folder with recordings, searched to any depth")
    parser.add_argument("--manifest", help="a CSV or JSON-lines file instead")
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=1200.0, help="audio used for a timing")
    parser.add_argument("--rounds", type=int, default=5, help="the best of so many counts")
    parser.add_argument("--compare", action="store_true", help="also processes and grain")
    arguments = parser.parse_args()

    utterances = find_utterances(arguments.data_dir, arguments.manifest)
    start = time.perf_counter()
    headers = scan_headers([utterance.path for utterance in utterances])
    took = time.perf_counter() - start
    good = [header for header in headers if isinstance(header, AudioInfo)]
    utterances = [u for u, header in zip(utterances, headers) if isinstance(header, AudioInfo)]
    kinds = Counter(f"{header.format} {header.sample_freq} Hz" for header in good)
    hours = sum(header.duration for header in good) / 3600
    packages = ("numpy", "scipy", "soundfile", "soxr", "librosa")
    print(f"{platform.machine()}, {available_cores()} cores, Python {platform.python_version()}, "
          + ", ".join(f"{name} {version(name)}" for name in packages))  # fmt: skip
    print(f"{len(good)} recordings, {hours:.2f} h: {dict(kinds)}; {len(headers) - len(good)} "
          f"unreadable; headers read at {len(headers) / took:.0f}/s")  # fmt: skip
    print_padding(utterances)
    print_stages(make_layer(utterances, arguments.batch_size, augment=True), arguments.seconds)
    print_loader(utterances, arguments)
    if arguments.compare:
        print_comparison(utterances, arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
