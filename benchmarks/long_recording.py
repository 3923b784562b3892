"""Recordings of up to an hour in one piece: whether time and memory grow with the length.

    python benchmarks/long_recording.py [FOLDER] [--minutes 1 10 60] [--runtimes litert openvino]

FOLDER is an exported model; without it the packaged model of digits is exported in all formats.
The packaged recordings of digits, one after the other and as often as there is need, are given to
each runtime whole, in a process of its own for each length. (`Recognizer` would cut them at
pauses.) The columns:

    ms/s          milliseconds of processor time for a second of audio, the less of two times: other
                  work on the machine counts less in it than in the time that passes
    peak MB       resident memory at most, the recording itself among it
    MB/s          by how much the peak grows for each second more than in the line before; in the
                  first line, than a process that has loaded model and recording

Where the last column stays what it is, memory grows with the length and no faster.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypedDict

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.inference_worker import resident
from open_seq2seq.exported import ExportedModel

ROOT = Path(__file__).resolve().parents[1]
DIGITS = ROOT / "example_data/digits"
MINUTES = (1.0, 10.0, 60.0)
_HEAD = "{:14} {:>8} {:>10} {:>10} {:>10}"
_LINE = "{:14} {:>8g} {:>10.2f} {:>10.0f} {:>10.3f}"
_TIMES = 2
# Seconds of what is computed before anything is measured: the first call prepares the rest.
_FIRST = 2.0


class Job(TypedDict):
    """A measurement: a file of an exported folder, the runtime that takes it, and how long."""

    folder: str
    file: str
    runtime: str
    threads: int
    seconds: float


class Figures(TypedDict):
    """Seconds of processor time; MB before it and at most; rows of log-probabilities."""

    seconds: float
    loaded_mb: float
    peak_mb: float
    rows: int


def recording(seconds: float, rate: int) -> np.ndarray:
    """The packaged recordings one after the other, `[n]` float32."""
    from open_seq2seq.data.audio import read_audio

    with open(DIGITS / "test.csv", encoding="utf-8", newline="") as manifest:
        names = [row["wav_filename"] for row in csv.DictReader(manifest)]
    parts = [read_audio(DIGITS / name, rate) for name in names]
    return np.resize(np.concatenate(parts), int(seconds * rate))


def measure(job: Job) -> Figures:
    """The figures of a job; in a process of its own, as memory at most is the process's."""
    from open_seq2seq.inference.runtimes.loaded_model import LoadedModel

    folder = Path(job["folder"])
    rate = ExportedModel.read(folder).sample_freq
    model = LoadedModel(folder / job["file"], job["runtime"], job["threads"])
    samples = recording(job["seconds"], rate)
    model.log_probs(samples[: int(_FIRST * rate)])
    loaded, times, rows = resident("VmRSS"), [], 0
    for _ in range(_TIMES):
        start = time.process_time()
        log_probs = model.log_probs(samples)
        times.append(time.process_time() - start)
        assert np.isfinite(log_probs).all()
        rows = len(log_probs)
    return {"seconds": min(times), "loaded_mb": loaded, "peak_mb": resident("VmHWM"), "rows": rows}


def run(job: Job) -> Figures:
    """`measure` in a process of its own.

    Raises:
      RuntimeError: it fails.
    """
    command = [sys.executable, __file__, "--job", json.dumps(job)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr else "it ended")
    found: Figures = json.loads(done.stdout.splitlines()[-1])
    return found


def lines_of(runtime: str, lengths: Sequence[float], figures: Sequence[Figures]) -> list[str]:
    """The lines of a runtime.

    Args:
      runtime: its name.
      lengths: of the recordings in seconds, ascending.
      figures: of each.
    """
    lines, before, shorter = [], figures[0]["loaded_mb"], 0.0
    for seconds, one in zip(lengths, figures):
        growth = (one["peak_mb"] - before) / (seconds - shorter)
        speed = 1000 * one["seconds"] / seconds
        lines.append(_LINE.format(runtime, seconds / 60, speed, one["peak_mb"], growth))
        before, shorter = one["peak_mb"], seconds
    return lines


def export_digits(output: Path) -> Path:
    """The packaged model in all formats."""
    command = [sys.executable, "run.py", "--mode=export", f"--output={output.resolve()}",
               f"--config_file={DIGITS / 'model/config.py'}",
               "--manifest", str(DIGITS / "test.csv")]  # fmt: skip
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return output


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", help="an exported model")
    parser.add_argument("--minutes", type=float, nargs="+", default=MINUTES)
    parser.add_argument("--runtimes", nargs="+", help="all that the folder has, if not given")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.job:
        print(json.dumps(measure(options.job)))
        return
    with nullcontext() if options.folder else TemporaryDirectory() as place:
        folder = options.folder or export_digits(Path(place) / "digits")
        _measure_all(folder, sorted(options.minutes), options.runtimes, options.threads)


def _measure_all(
    folder: Path, minutes: Sequence[float], runtimes: Sequence[str] | None, threads: int
) -> None:
    files = ExportedModel.read(folder).files
    print(_HEAD.format("runtime", "minutes", "ms/s", "peak MB", "MB/s"))
    for name, file in files.items():
        if not file.is_model or file.precision != "float32" or file.runtime is None:
            continue
        if runtimes is not None and file.runtime not in runtimes:
            continue
        lengths = [60 * one for one in minutes]
        job: Job = {"folder": str(folder), "file": name, "runtime": file.runtime,
                    "threads": threads, "seconds": 0.0}  # fmt: skip
        figures = [run({**job, "seconds": seconds}) for seconds in lengths]
        print("\n".join(lines_of(file.runtime, lengths, figures)), flush=True)


if __name__ == "__main__":
    main()
