"""What it costs to train with several workers: throughput, sums, pauses, and a plan on paper.

    python benchmarks/scaling.py                              # all
    python benchmarks/scaling.py --sections plan              # needs no second process
    python benchmarks/scaling.py --sections throughput --models separable --rounds 2
    python benchmarks/scaling.py --sections pauses --width 1  # the whole Jasper 10x5

It starts the workers itself (mpiexec, horovodrun), each with one thread on a core of its own.
Sections:

  throughput  a training step of the framework for one worker, for two that do not know each
              other, and for two that sum gradients; then what the model says of it
  messages    sums of 1 kB to 64 MB: MPI (that yields) and Gloo, float32 and compressed to float16
  fusion      the gradients of QuartzNet 15x5, and those of a step, summed in several ways
  pauses      how long training stands still for a checkpoint and an evaluation
  plan        what 8, 64 and 512 GPUs would do, by the model in `scaling_model.py`

Contestants run by turns, and stand still while it is not theirs. Times are medians (and the
fastest): of several workers the slowest one's counts.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.scaling_jobs import Job, jobs
from benchmarks.scaling_model import Link, fitted_link, sum_seconds
from open_seq2seq.native_build.cpu import cpu_name, supports_bfloat16

SECTIONS = ("throughput", "messages", "fusion", "pauses", "plan")
SIZES = [2**n for n in range(10, 27, 2)]
STEPS_A_TURN, SUMS_A_TURN = 2, 5
WORKERS = 2
# Whether Open MPI lets a core go while it waits, or asks again and again, as by default.
YIELDING, ASKING = ({"OMPI_MCA_mpi_yield_when_idle": yields} for yields in "10")
# A job, and how its gradients are summed.
Contestant = tuple[Job, str]


class Times:
    """Wall and processor seconds of one contestant; of several workers those of the slowest."""

    def __init__(self) -> None:
        self.walls: list[float] = []
        self.processors: list[float] = []

    def add(self, answers: Sequence[Sequence[tuple[float, float]]]) -> None:
        """A turn: the times of each worker."""
        for times in zip(*answers):
            self.walls.append(max(wall for wall, _ in times))
            self.processors.append(max(processor for _, processor in times))

    @property
    def wall(self) -> float:
        """The median."""
        return statistics.median(self.walls)

    @property
    def processor(self) -> float:
        """The median."""
        return statistics.median(self.processors)

    @property
    def fastest(self) -> float:
        """The least wall time."""
        return min(self.walls)


def race_steps(
    contestants: dict[str, Contestant], model: str, policy: str, rounds: int
) -> tuple[dict[str, Times], int, int]:
    """Steps of all contestants, by turns; and the gradient's bytes and tensors."""
    kinds: dict[Job, list[str]] = {}
    for job, kind in contestants.values():
        kinds.setdefault(job, []).append(kind)
    for job, of_job in kinds.items():
        size, tensors = job.tell("make_steps", model, policy, of_job)[0]
    times = {name: Times() for name in contestants}
    for _ in range(rounds):
        for name, (job, kind) in contestants.items():
            times[name].add(job.tell("run_steps", model, policy, kind, STEPS_A_TURN))
    for job in kinds:
        job.tell("forget")
    return times, size, tensors


def print_throughput(options: argparse.Namespace, link: Link | None) -> None:
    """Audio seconds per second of one worker and of two."""
    policies = ["mixed_bfloat16"] if supports_bfloat16() else []
    wanted: list[tuple[Any, ...]] = [("alone", 1), ("alone", WORKERS)]
    wanted += [("mpi", WORKERS, ASKING), ("mpi", WORKERS, YIELDING), ("gloo", WORKERS)]
    with jobs(*wanted) as (one, strangers, mpi, yielding, gloo):
        contestants: dict[str, Contestant] = {
            "1 worker": (one, "none"),
            "2 that do not know each other": (strangers, "none"),
            "2 with Horovod idle": (mpi, "none"),
            "2, MPI": (mpi, "framework"),
            "2, MPI, float16": (mpi, "float16"),
            "2 with yielding Horovod idle": (yielding, "none"),
            "2, MPI that yields": (yielding, "framework"),
            "2, Gloo": (gloo, "framework"),
            "2, Gloo, float16": (gloo, "float16"),
        }
        for model in options.models:
            for policy in [*policies, "float32"]:
                times, size, tensors = race_steps(contestants, model, policy, options.rounds)
                _print_race(model, policy, times, size, tensors)
                _print_check(times, size, link)


def _print_race(model: str, policy: str, times: dict[str, Times], size: int, tensors: int) -> None:
    from benchmarks.train_step import BATCH, DESCRIPTIONS, MODELS, batch

    audio = float(batch(MODELS[model][1])[1].sum()) / 100
    print(
        f"\n{model}, {policy}: {DESCRIPTIONS[model]}; batch {BATCH} a worker; "
        f"gradient {size / 1e6:.1f} MB in {tensors} tensors"
    )
    print(f"{'':32}{'step':>9}{'fastest':>10}{'processor':>11}{'audio s/s':>11}{'ratio':>8}"
          f"{'by fastest':>12}")  # fmt: skip
    first = times["1 worker"]
    for name, found in times.items():
        workers = 1 if name == "1 worker" else WORKERS
        print(
            f"{name:32}{found.wall * 1e3:6.0f} ms{found.fastest * 1e3:7.0f} ms"
            f"{found.processor * 1e3:8.0f} ms{workers * audio / found.wall:11.1f}"
            f"{workers * first.wall / found.wall:8.2f}"
            f"{workers * first.fastest / found.fastest:12.2f}"
        )
    alone = times["2 that do not know each other"]
    print("  more than the step of 2 that do not know each other, as a share of the step:")
    for name in list(times)[2:]:
        share, least = (1 - alone.wall / times[name].wall, 1 - alone.fastest / times[name].fastest)
        print(f"    {name:28}{share:8.1%}, by the fastest {least:6.1%}")


def _print_check(times: dict[str, Times], size: int, link: Link | None) -> None:
    """The model's step of two workers: on one core each, sums cannot overlap with anything."""
    if link is None:
        return
    alone = times["2 with yielding Horovod idle"].wall
    predicted = alone + sum_seconds(0, WORKERS, link) + sum_seconds(size, WORKERS, link)
    measured = times["2, MPI that yields"].wall
    print(
        f"  the model, from the measured messages ({WORKERS * link.latency * 1e3:.2f} ms and "
        f"{link.bandwidth / 1e9:.2f} GB/s): {predicted * 1e3:.0f} ms, measured "
        f"{measured * 1e3:.0f} ms, {predicted / measured - 1:+.1%}"
    )


def race_sums(
    contestants: dict[str, Contestant], shapes: list[tuple[int]], rounds: int
) -> dict[str, Times]:
    """Sums of tensors of these shapes by all contestants, by turns."""
    for name, (job, kind) in contestants.items():
        job.tell("make_sums", name, shapes, kind)
    times = {name: Times() for name in contestants}
    for _ in range(rounds):
        for name, (job, _) in contestants.items():
            times[name].add(job.tell("run_sums", name, SUMS_A_TURN))
    for job in {job for job, _ in contestants.values()}:
        job.tell("forget")
    return times


def print_messages(options: argparse.Namespace) -> Link:
    """Sums of one tensor by size; returns the link of MPI in float32."""
    found: dict[str, dict[int, Times]] = {}
    with jobs(("mpi", WORKERS, YIELDING), ("gloo", WORKERS)) as (mpi, gloo):
        contestants: dict[str, Contestant] = {
            "MPI, float32": (mpi, "framework"),
            "MPI, float16": (mpi, "float16"),
            "Gloo, float32": (gloo, "framework"),
            "Gloo, float16": (gloo, "float16"),
        }
        for size in SIZES:
            for name, times in race_sums(contestants, [(size // 4,)], options.rounds).items():
                found.setdefault(name, {})[size] = times
    print(
        "\nOne sum over two workers. GB/s: what each sends, 2(N-1)/N of the float32 size, by the "
        f"fastest; share: of a step\nof {options.step_ms:.0f} ms and the sum, by the median"
    )
    for transport in ("MPI", "Gloo"):
        names = [name for name in found if name.startswith(transport)]
        print(f"{'':9}" + "".join(f"{name:^38}" for name in names))
        columns = f"{'median':>10}{'fastest':>9}{'GB/s':>8}{'share':>8}{'':3}"
        print(f"{'size':>9}" + columns * len(names))
        for size in SIZES:
            line = f"{size // 1024:6} kB"
            for name in names:
                times = found[name][size]
                share = times.wall / (times.wall + options.step_ms / 1e3)
                line += f"{times.wall * 1e3:7.2f} ms{times.fastest * 1e3:6.2f} ms"
                line += f"{size / times.fastest / 1e9:8.2f}{share:8.1%}{'':3}"
            print(line)
    mpi_times = {size: times.fastest for size, times in found["MPI, float32"].items()}
    link = fitted_link(list(mpi_times), list(mpi_times.values()), WORKERS)
    middle = SIZES[len(SIZES) // 2]
    predicted = sum_seconds(middle, WORKERS, link)
    print(
        f"MPI, from the smallest and the largest: {WORKERS * link.latency * 1e3:.2f} ms and "
        f"{link.bandwidth / 1e9:.2f} GB/s, which makes {predicted * 1e3:.2f} ms of "
        f"{middle // 1024} kB (measured {mpi_times[middle] * 1e3:.2f}), by the fastest"
    )
    return link


# Horovod's defaults are a cycle of 1 ms and 128 MB.
FUSION_JOBS: dict[str, dict[str, str]] = {
    "as it is": YIELDING,
    "no fusion": {**YIELDING, "HOROVOD_FUSION_THRESHOLD": "0"},
    "cycle 0.1 ms": {**YIELDING, "HOROVOD_CYCLE_TIME": "0.1"},
    "cycle 5 ms": {**YIELDING, "HOROVOD_CYCLE_TIME": "5"},
}


def print_fusion(options: argparse.Namespace) -> None:
    """One by one, grouped and flat; with Horovod's settings."""
    wanted = [("mpi", WORKERS, settings) for settings in FUSION_JOBS.values()]
    shapes = _shapes("quartznet15x5_LibriSpeech")
    with jobs(*wanted) as started:
        named = dict(zip(FUSION_JOBS, started))
        contestants: dict[str, Contestant] = {
            "one by one": (named["as it is"], "framework"),
            "grouped_allreduce": (named["as it is"], "grouped"),
            "one flat tensor": (named["as it is"], "flat"),
            **{
                f"one by one, {name}": (job, "framework")
                for name, job in named.items()
                if name != "as it is"
            },
            "grouped, no fusion": (named["no fusion"], "grouped"),
        }
        count = sum(size for (size,) in shapes)
        print(
            f"\nThe {len(shapes)} gradients of QuartzNet 15x5, {4 * count / 1e6:.0f} MB, summed "
            "by two workers without other work; and in the step of the separable network"
        )
        sums = race_sums(contestants, shapes, options.rounds)
        policy = "mixed_bfloat16" if supports_bfloat16() else "float32"
        idle = {"Horovod idle": (named["as it is"], "none")}
        steps, size, tensors = race_steps(
            {**idle, **contestants}, "separable", policy, options.rounds
        )
    print(f"{'':28}{'sums':>10}{'fastest':>10}{'step':>14}{'fastest':>10}   ({policy}, "
          f"{size / 1e6:.1f} MB in {tensors} tensors)")  # fmt: skip
    for name, step in steps.items():
        alone = f"{'':>20}"
        if name in sums:
            alone = f"{sums[name].wall * 1e3:7.1f} ms{sums[name].fastest * 1e3:7.1f} ms"
        print(f"{name:28}{alone}{step.wall * 1e3:11.0f} ms{step.fastest * 1e3:7.0f} ms")


def _shapes(config: str) -> list[tuple[int]]:
    """Of the gradients, in the order in which they are computed."""
    from benchmarks.scaling_plan import count

    return [(size,) for _, size in reversed(count(config).variables)]


def print_pauses(options: argparse.Namespace) -> None:
    """A checkpoint written at once and by a thread; an evaluation by one worker and by both."""
    count = 10
    with tempfile.TemporaryDirectory() as folder, jobs(("mpi", WORKERS, YIELDING)) as (mpi,):
        about = mpi.tell("make_pauses", options.config, options.width, f"{folder}/run")[0]
        print(
            f"\nCheckpoints of {options.config} with {options.width:g} of its channels: "
            f"{about['parameters']:,} parameters, {about['bytes'] / 1e6:.0f} MB with the "
            "optimizer's; two workers"
        )
        found: dict[str, list[list[list[float]]]] = {"none": [], "at once": [], "thread": []}
        for _ in range(options.rounds):
            for kind, turns in found.items():
                turns.append(mpi.tell("run_pauses", kind, count))
        # The other worker's steps: it writes nothing, it only waits.
        steps = {kind: [turn[1] for turn in turns] for kind, turns in found.items()}
        usual = statistics.median(s for turn in steps["none"] for s in turn)
        print(f"  a step without a checkpoint: {usual * 1e3:.0f} ms")
        for kind, text in (("at once", "written at once"), ("thread", "snapshot, then a thread")):
            first = statistics.median(turn[0] - usual for turn in steps[kind])
            whole = statistics.median(sum(turn) - count * usual for turn in steps[kind])
            print(
                f"  {text:26} all stand still for {first * 1e3:6.0f} ms; lost in {count} steps: "
                f"{whole * 1e3:6.0f} ms"
            )
    with jobs(("mpi", WORKERS, YIELDING)) as (mpi,):
        utterances = mpi.tell("make_evaluations")[0]
        print(f"\nAn evaluation of {utterances} recordings of digits (digits_jasper_mini)")
        for shared, text in ((False, "by the first worker"), (True, "shared by two")):
            turns = [mpi.tell("run_evaluation", shared) for _ in range(options.rounds)]
            seconds = statistics.median(max(s for s, _ in turn) for turn in turns)
            waits = statistics.median(turn[1][1] for turn in turns)
            print(
                f"  {text:22} training stands still for {seconds * 1e3:6.0f} ms; the second "
                f"worker has nothing to do for {waits * 1e3:6.0f} ms of it"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument(
        "--models",
        nargs="+",
        choices=("separable", "dense", "long"),
        default=["separable", "dense"],
    )
    parser.add_argument("--rounds", type=int, default=4, help="turns of each contestant")
    parser.add_argument(
        "--step_ms", type=float, default=900.0, help="the step that a message's share is of"
    )
    parser.add_argument(
        "--config", default="jasper10x5_LibriSpeech_nvgrad", help="whose checkpoints are written"
    )
    parser.add_argument("--width", type=float, default=0.5, help="part of its channels")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--core", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        _serve(options)
        return
    # Jobs that stand still would not notice that their parent is gone.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cores = os.cpu_count() or 1
    versions = ", ".join(f"{name} {version(name)}" for name in ("tensorflow-cpu", "horovod"))
    load = os.getloadavg()[0]
    print(f"{cpu_name()}, {cores} cores, load {load:.1f}, bfloat16: {supports_bfloat16()}")
    print(versions)
    if cores < WORKERS and options.sections != ["plan"]:
        raise SystemExit(f"{WORKERS} workers need a core each: there is {cores}.")
    link = print_messages(options) if "messages" in options.sections else None
    if "throughput" in options.sections:
        print_throughput(options, link)
    if "fusion" in options.sections:
        print_fusion(options)
    if "pauses" in options.sections:
        print_pauses(options)
    if "plan" in options.sections:
        from benchmarks.scaling_plan import print_plan

        print_plan()


def _serve(options: argparse.Namespace) -> None:
    """A worker: one thread, on the core of its number, before anything makes threads."""
    from open_seq2seq.distributed.launch import launched

    mine = sorted(os.sched_getaffinity(0))
    core = launched().rank if options.core is None else options.core
    os.sched_setaffinity(0, {mine[core % len(mine)]})
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", TF_CPP_MIN_LOG_LEVEL="3")
    from benchmarks.scaling_worker import serve

    serve(options.serve, str(core))


if __name__ == "__main__":
    main()
