"""Speed of audio reading and features, per stage, beside librosa and python_speech_features.

    python benchmarks/features.py                     # synthetic 16 kHz FLAC recordings
    python benchmarks/features.py my_corpus/          # the recordings of a folder
    python benchmarks/features.py a.flac b.wav --rounds 10

Prints, for the published models' settings of each front-end, the CPU time of each stage
and its multiple of real time on one core, then the same features through librosa or
python_speech_features themselves in the same run, and how threads share the work.
"""

from __future__ import annotations

import argparse
import os
import sys

# Before NumPy: the multiples are per core.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import platform
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import python_speech_features as psf
import scipy.signal
import soundfile

from open_seq2seq.data.audio import read_audio
from open_seq2seq.features import psf_front_end as psf_frontend
from open_seq2seq.features import spectrum
from open_seq2seq.features.dither import dither_noise
from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.features.librosa_front_end import LibrosaFrontEnd

RATE = 16000
SUFFIXES = {".flac", ".wav", ".opus", ".ogg", ".mp3", ".aiff"}
PARAMS: dict[str, dict[str, Any]] = {
    "librosa": {
        "backend": "librosa",
        "input_type": "logfbank",
        "num_audio_features": 64,
        "norm_per_feature": True,
        "dither": 1e-5,
    },
    "psf": {"backend": "psf", "input_type": "logfbank", "num_audio_features": 64},
}
# Where the stages of the real path are functions; whatever else it does is "other".
STAGES: list[tuple[Any, str, str]] = [
    (LibrosaFrontEnd, "_levelled", "level and dither"),
    (psf_frontend, "_quantised", "level and 16 bit"),
    (spectrum, "pre_emphasis", "pre-emphasis"),
    (spectrum, "cut_frames", "frames and window"),
    (spectrum, "spectrum", "FFT"),
    (spectrum, "power", "power"),
    (spectrum, "project", "mel"),
    (spectrum, "logarithm", "log"),
    (spectrum, "normalise", "normalise"),
]
# Small recordings are over in less than the clock's step: each is computed a few times.
REPEATS = 3


def main() -> None:
    arguments = _arguments()
    print(_machine())
    with tempfile.TemporaryDirectory() as folder:
        paths = _recordings(arguments.paths) if arguments.paths else _synthetic(Path(folder))
        recordings = [read_audio(path, RATE) for path in paths]
        seconds = sum(map(len, recordings)) / RATE
        print(f"{len(paths)} recordings, {seconds:.0f} s of audio, {arguments.rounds} rounds\n")
        for backend in arguments.backend or PARAMS:
            _report(backend, paths, recordings, seconds, arguments.rounds)


def _report(
    backend: str, paths: list[Path], recordings: list[np.ndarray], seconds: float, rounds: int
) -> None:
    """Prints the table of one front-end."""
    extract = FeatureExtractor(PARAMS[backend])
    library = {"librosa": librosa_features, "psf": psf_features}[backend]

    def load(path: Path) -> np.ndarray:
        return extract(read_audio(path, RATE))

    difference = max(np.abs(extract(x) - library(x)).max() for x in recordings[:5] if len(x) > 512)
    decode = _seconds(lambda path: read_audio(path, RATE), paths, rounds)
    features = _seconds(extract, recordings, rounds)
    whole = _seconds(load, paths, rounds)
    stages = _stage_seconds(extract, recordings, rounds)
    theirs = _seconds(library, recordings, min(rounds, 2), repeats=1)

    print(f"{backend} logfbank 64: {PARAMS[backend]}")
    rows = {"decode": decode, **{f"  {name}": spent for name, spent in stages.items()}}
    if features > sum(stages.values()):  # timing the stages takes time too
        rows["  other"] = features - sum(stages.values())
    rows |= {"features": features, "decode + features": whole}
    for name, spent in rows.items():
        print(f"  {name:22} {spent / seconds * 1e6:8.1f} us/s {_multiple(seconds, spent)}")
    name = f"features by {LIBRARIES[backend]}"
    print(f"  {name:22} {theirs / seconds * 1e6:8.1f} us/s {_multiple(seconds, theirs)}")
    print(f"  ratio to {LIBRARIES[backend]}: {theirs / features:.1f} times faster")
    print(f"  largest difference to it: {difference:.2g} (features have a deviation of 1)")
    _report_threads(load, paths, seconds)
    print()


def _report_threads(load: Callable[[Path], np.ndarray], paths: list[Path], seconds: float) -> None:
    """Prints how wall time falls with the number of threads."""
    for threads in (1, 2, 4):
        with ThreadPoolExecutor(threads) as pool:
            walls = []
            for _ in range(3):
                start = time.perf_counter()
                list(pool.map(load, paths * REPEATS))
                walls.append(time.perf_counter() - start)
        wall = min(walls) / REPEATS
        print(f"  {threads} thread{'s' * (threads > 1)}: {_multiple(seconds, wall)} by the clock")


LIBRARIES = {"librosa": "librosa", "psf": "python_speech_features"}


def librosa_features(samples: np.ndarray) -> np.ndarray:
    """The librosa front-end by librosa's own functions, used the usual way."""
    signal = samples / (np.abs(samples).max() + 1e-5 / 32768)
    signal = signal + np.float32(1e-5) * dither_noise(len(signal))
    signal = np.append(signal[0], signal[1:] - np.float32(0.97) * signal[:-1])
    mel = librosa.feature.melspectrogram(
        y=signal,
        sr=RATE,
        n_fft=512,
        hop_length=160,
        win_length=320,
        window=np.hanning(320),
        pad_mode="reflect",
        n_mels=64,
    )
    features = np.log(mel + 1e-20).T
    return (features - features.mean(axis=0)) / features.std(axis=0)


def psf_features(samples: np.ndarray) -> np.ndarray:
    """The psf front-end by python_speech_features' own functions."""
    signal = (samples / (np.abs(samples).max() + 1e-5 / 32768) * 32767).astype(np.int16)
    frames = 1 + int(np.ceil((len(signal) - 320) / 160))
    signal = np.pad(signal, (0, -frames % 8 * 160))
    features = psf.logfbank(signal, RATE, 0.02, 0.01, 64, 512, 0, RATE / 2, 0.97)
    return (features - features.mean()) / features.std()


def _seconds(
    function: Callable[[Any], Any], inputs: list[Any], rounds: int, repeats: int = REPEATS
) -> float:
    """CPU seconds for all inputs once: the best round."""
    for value in inputs[:2]:
        function(value)
    best = float("inf")
    for _ in range(rounds):
        start = time.thread_time()
        for value in inputs:
            for _ in range(repeats):
                function(value)
        best = min(best, (time.thread_time() - start) / repeats)
    return best


def _stage_seconds(
    extract: FeatureExtractor, recordings: list[np.ndarray], rounds: int
) -> dict[str, float]:
    """CPU seconds of each stage for all recordings once: the best round of each."""
    best: dict[str, float] = {}
    with _timed_stages() as spent:
        for _ in range(rounds):
            spent.clear()
            for samples in recordings:
                extract(samples)
            for name, value in spent.items():
                best[name] = min(best.get(name, float("inf")), value)
    return {name: best[name] for *_, name in STAGES if name in best}


@contextmanager
def _timed_stages() -> Iterator[dict[str, float]]:
    """Times the stages' functions while it lasts."""
    spent: dict[str, float] = defaultdict(float)
    originals = [(owner, name, getattr(owner, name)) for owner, name, _ in STAGES]

    def timed(function: Callable[..., Any], label: str) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            start = time.thread_time()
            result = function(*args, **options)
            spent[label] += time.thread_time() - start
            return result

        return run

    for owner, name, label in STAGES:
        setattr(owner, name, timed(getattr(owner, name), label))
    try:
        yield spent
    finally:
        for owner, name, function in originals:
            setattr(owner, name, function)


def _multiple(seconds: float, spent: float) -> str:
    return f"{seconds / max(spent, 1e-9):8.0f} x real time"


def _recordings(paths: list[str]) -> list[Path]:
    found: list[Path] = []
    for path in map(Path, paths):
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        found += [file for file in inside if file.suffix.lower() in SUFFIXES]
    if not found:
        sys.exit(f"No recordings ({', '.join(sorted(SUFFIXES))}) in {', '.join(paths)}")
    return found


def _synthetic(folder: Path) -> list[Path]:
    """Writes 30 FLAC files of 2 to 16 seconds: resonances under a syllable-like envelope."""
    random = np.random.default_rng(0)
    paths = []
    for index, seconds in enumerate(np.linspace(2, 16, 30)):
        count = int(seconds * RATE)
        syllables = np.abs(np.sin(2 * np.pi * 2.1 * np.arange(count) / RATE)) ** 2
        pulses = random.normal(0, 0.3, count) + (np.arange(count) % 133 == 0) * 4.0
        voice = scipy.signal.lfilter([1], [1, -1.6, 0.95], pulses * syllables)
        voice = voice / np.abs(voice).max() * 0.5 + random.normal(0, 3e-4, count)
        paths.append(folder / f"{index}.flac")
        soundfile.write(paths[-1], voice, RATE, subtype="PCM_16")
    return paths


def _machine() -> str:
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((x.split(": ")[1] for x in lines if x.startswith("model name")), model)
    names = ("numpy", "scipy", "soundfile", "soxr", "librosa", "python_speech_features")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return f"{model}, {os.cpu_count()} cores; Python {platform.python_version()}, {versions}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="*", help="folders or audio files; none: synthetic FLAC")
    parser.add_argument("--rounds", type=int, default=5, help="the best round counts")
    parser.add_argument("--backend", action="append", choices=list(PARAMS))
    return parser.parse_args()


if __name__ == "__main__":
    main()
