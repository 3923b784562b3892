"""Exported models in each runtime, against the framework itself and PyTorch: time and memory.

    python benchmarks/inference.py [--networks quartznet5x5 ds2] [--rounds 3] [--output FILE.json]
    python benchmarks/inference.py --networks ds2 --seconds 2 --threads 1 --rounds 1 --budget 0
    python benchmarks/inference.py --operations

Each network is drawn from a seed, with the statistics of its normalizations as after training, and
takes noise with the envelope of speech. Exported models take raw samples; so does the framework,
whose front-end is NumPy. PyTorch's networks (`inference_pytorch.py`) and "network alone", the
exported network in ONNX Runtime, take features that were computed before.

Each measurement is a process of its own that imports only what it needs (`inference_worker.py`);
all contestants take turns, as often as there are rounds, and the best turn counts, of memory the
most. The columns:

    RTF         seconds of computing for a second of audio
    import MB   resident memory after the runtime's import
    peak MB     the most while recordings of that length were computed (and shorter ones before)
    import s, loaded s, first s
                from the start of the process to the imported runtime, the loaded model and the
                first log-probabilities; of "Recognizer", which is `Recognizer.load` and
                `transcribe` of the shortest recording, to the transcript
    difference  the largest of log-probabilities, to the framework's
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.inference_tables import LOWER, PYTORCH, print_about, print_network
from open_seq2seq.exported import ExportedModel
from open_seq2seq.native_build.cpu import available_cores, cpu_name

HERE = Path(__file__).resolve().parent
NETWORKS = ("quartznet5x5", "quartznet15x5", "jasper-mini", "ds2")
# The formats by the runtimes that take them.
FORMATS = {
    "onnxruntime": "onnx",
    "litert": "litert",
    "openvino": "openvino",
    "tensorflow": "saved_model",
}
RUNTIMES = (*FORMATS, "framework", "pytorch")
PRECISIONS = ("float32", *LOWER)
PACKAGES = (
    "onnxruntime", "ai-edge-litert", "openvino", "tensorflow-cpu", "tensorflow", "keras", "torch",
    "numpy",
)  # fmt: skip
Job = dict[str, Any]


def jobs_of(network: str, folder: Path, options: argparse.Namespace) -> dict[str, Job]:
    """What is measured of a network, by labels; a line is printed of what is not there."""
    common = {
        "network": network,
        "folder": str(folder),
        "seconds": options.seconds,
        "budget": options.budget,
    }
    jobs: dict[str, Job] = {}
    starts: dict[str, Job] = {}
    for precision in options.precisions:
        for job in _exported(folder, precision):
            runtime = job["runtime"]
            if runtime not in options.runtimes:
                continue
            jobs[f"{runtime} {precision}"] = {**common, **job, "contestant": runtime}
            if precision == "float32":
                start = {"contestant": f"Recognizer {runtime}", "seconds": options.seconds[:1]}
                starts[start["contestant"]] = {**common, **job, **start}
    for runtime in [one for one in FORMATS if one in options.runtimes]:
        missing = [one for one in options.precisions if f"{runtime} {one}" not in jobs]
        if missing:
            print(f"{network}, {runtime}: no model is written in {', '.join(missing)}")
    jobs |= starts
    others = ["network alone"] if "onnxruntime" in options.runtimes else []
    others += ["framework"] if "framework" in options.runtimes else []
    others += PYTORCH if "pytorch" in options.runtimes else ()
    jobs |= {label: {**common, "contestant": label} for label in others}
    for label, name in (("network alone", "features.onnx"), ("PyTorch ONNX", "pytorch.onnx")):
        if label in jobs:
            jobs[label]["file_mb"] = (folder / name).stat().st_size / 1e6
    return jobs


def _exported(folder: Path, precision: str) -> list[Job]:
    """The models of one precision: runtime, file and size of each."""
    own = folder / precision
    if not own.exists():
        return []
    described, found = ExportedModel.read(own), []
    for name, file in described.files.items():
        if file.is_model:
            parts = [part for part, other in described.files.items() if other.of == name]
            size = sum((own / one).stat().st_size for one in (name, *parts)) / 1e6
            job = {"runtime": file.runtime, "precision": precision, "file": name, "file_mb": size}
            found.append(job)
    return found


def race(jobs: Mapping[str, Job], threads: Sequence[int], rounds: int) -> dict[int, dict[str, Any]]:
    """The figures of each job by threads and label; they take turns."""
    turns: dict[tuple[int, str], list[dict[str, Any]]] = {}
    failed: set[tuple[int, str]] = set()
    for _ in range(rounds):
        for count in threads:
            for label, job in jobs.items():
                key = count, label
                if key in failed:
                    continue
                try:
                    turns.setdefault(key, []).append(run({**job, "threads": count}))
                except RuntimeError as error:
                    failed.add(key)
                    print(f"{label}, {count} threads: failed: {error}")
    found: dict[int, dict[str, Any]] = {count: {} for count in threads}
    for (count, label), figures in turns.items():
        if figures:
            sizes = {name: jobs[label][name] for name in ("file_mb",) if name in jobs[label]}
            found[count][label] = {**sizes, **merged(figures)}
    return found


def merged(turns: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The least of all times and the most of all memory and differences."""
    first = turns[0]
    if isinstance(first, Mapping):
        whole: dict[str, Any] = {}
        for name, value in first.items():
            each = [turn[name] for turn in turns]
            if isinstance(value, Mapping):
                whole[name] = merged(each)
            else:
                is_time = not name.endswith("_mb") and name != "difference"
                whole[name] = min(each) if is_time else max(each)
    return whole


def run(job: Job) -> dict[str, Any]:
    """What a worker prints.

    Raises:
      RuntimeError: with the last line of what it said.
    """
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {**os.environ, **{name: str(job["threads"]) for name in names}}
    # Kept from one turn to the next: PyTorch compiles for minutes.
    environment["TORCHINDUCTOR_CACHE_DIR"] = str(Path(job["folder"]).parent / "inductor")
    command = [sys.executable, str(HERE / "inference_worker.py")]
    job = {**job, "started": time.time()}
    done = subprocess.run(
        [*command, json.dumps(job)], capture_output=True, text=True, env=environment
    )
    if done.returncode:
        raise RuntimeError(_last_line(done.stderr))
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def prepare(network: str, folder: Path, options: argparse.Namespace) -> None:
    """Writes the folder of a network, by processes of their own, if it is not there already."""
    formats = [name for runtime, name in FORMATS.items() if runtime in options.runtimes]
    command = [str(HERE / "inference_models.py"), network, str(folder)]
    command += ["--seconds", *map(str, options.seconds)]
    command += ["--formats", *(formats or ["onnx"]), "--precisions", *options.precisions]
    commands = [command]
    if "pytorch" in options.runtimes:
        commands.append([str(HERE / "inference_pytorch.py"), str(folder)])
    mark, how = folder / "written.json", json.dumps(commands)
    if mark.exists() and mark.read_text() == how:
        return
    shutil.rmtree(folder, ignore_errors=True)
    for one in commands:
        done = subprocess.run([sys.executable, *one], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{shlex.join(one)}\nfailed:\n{done.stderr}")
    mark.write_text(how)


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def about(arguments: Sequence[str]) -> dict[str, Any]:
    """The machine, the versions and the command."""
    packages = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "processor": cpu_name(),
        "cores": available_cores(),
        "platform": platform.platform(),
        "packages": packages,
        "command": shlex.join(["python", "benchmarks/inference.py", *arguments]),
        "load_before": os.getloadavg()[0],
    }


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    add("--runtimes", nargs="+", choices=RUNTIMES, default=list(RUNTIMES))
    add("--precisions", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    add("--seconds", nargs="+", type=float, default=[10.0, 60.0], help="of the recordings")
    add("--threads", nargs="+", type=int, default=[1, 2])
    add("--rounds", type=int, default=3, help="turns of each contestant")
    add("--budget", type=float, default=2.0, help="seconds for each length in a turn")
    add("--folder", type=Path, help="where the models are kept, and found again")
    add("--operations", action="store_true", help="count operations, measure nothing")
    add("--output", type=Path, metavar="JSON", help="write the figures there too")
    return parser


@contextmanager
def _work_folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)


def main(arguments: Sequence[str] | None = None) -> None:
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    options = make_parser().parse_args(arguments)
    options.seconds = sorted(options.seconds)
    if options.operations:
        from benchmarks.inference_operations import print_operations

        print_operations(options.networks)
        return
    if "pytorch" in options.runtimes and importlib.util.find_spec("torch") is None:
        print("PyTorch: not measured, as it is not installed (pip install 'open-seq2seq[bench]')")
        options.runtimes.remove("pytorch")
    found: dict[str, Any] = {**about(arguments), "networks": {}}
    print_about(found)
    with _work_folder(options.folder) as folder:
        for name in options.networks:
            own = folder / name
            prepare(name, own, options)
            parameters = json.loads((own / "network.json").read_text())["parameters"]
            by_threads = race(jobs_of(name, own, options), options.threads, options.rounds)
            found["networks"][name] = by_threads
            for count, figures in by_threads.items():
                print_network(name, parameters, count, figures, options.seconds)
            if options.output:  # after each network: a run takes long
                options.output.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
