"""Speed of a whole epoch of training: loading, features, augmentation and step, and the floor.

    python benchmarks/train_epoch.py                                   # an epoch of the digits
    python benchmarks/train_epoch.py --quick                           # a few steps of it
    python benchmarks/train_epoch.py --config_file=my.py --steps=50 --dtype=float32
    python benchmarks/train_epoch.py --epochs=2 --data_layer_params/cache_features=True

Trains as `run.py --mode=train` would (reports, events and checkpoints go to a temporary folder),
after one step for each shape of batch, which is not timed: that compiles. Prints

  * seconds of audio per second of wall time;
  * the wall time of the training loop: waiting for a batch, the step, reports, the rest;
  * the same steps alone, without the loader's threads beside them on the cores: what an epoch
    takes more than its steps would alone is all that is outside the step;
  * the processor time of the loader's threads, by stage;
  * the floor: the model's matrix products at the rates that this machine multiplies matrices of
    these shapes, and large squares, with the same threads and in the same arithmetic;
  * the same batches by a plain loop with librosa and the same network of Keras's own layers.

Any parameter of the config can be set, as for `run.py`. Figures count on an idle machine only: the
rate of large squares is measured before and after, and a difference is told.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import os
import shlex
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.epoch_tables import print_tables
from open_seq2seq.config.loading import load_config
from open_seq2seq.config.overrides import split_arguments
from open_seq2seq.errors import InputError, OpenSeq2SeqError
from open_seq2seq.files import write_whole
from open_seq2seq.greetings import without_greetings

ROOT = Path(__file__).resolve().parents[1]
DIGITS = "example_configs/speech2text/digits_jasper_mini.py"
# Steps that are made once more, without the loader.
REPEATED = 16
QUICK_STEPS, QUICK_PLAIN = 12, 4
DTYPES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def make_trainer(config_file: str, overrides: Sequence[str], folder: str) -> Any:
    """The trainer that `run.py --mode=train` has, without the rows that its data check refuses."""
    from open_seq2seq.checkpoints.logdir import LogDir
    from open_seq2seq.experiment import effective_params, make_experiment
    from open_seq2seq.training.trainer import Trainer

    config = load_config(config_file)
    if config.base_model.task != "speech":
        raise InputError(f"{config_file} trains no speech model: there is no audio to count.")
    params = effective_params(config, split_arguments(overrides), "train")
    experiment = make_experiment(params, config.base_model, "train")
    report = experiment.data.check(experiment.model.output_length)
    if report.problems:
        print(f"{len(report.problems)} rows are left out: {report.problems[0]} ...")
        experiment.data.drop(report)
    return Trainer(experiment, LogDir(Path(folder)))


def planned_batches(data: Any, count: int) -> list[tuple[int, Any]]:
    """The first `count` batches of training, each with its epoch."""
    each = data.batches_per_epoch
    return [(n // each, data._epoch_plan(n // each).batch(n % each)) for n in range(count)]


def warm_up(trainer: Any, planned: Sequence[tuple[int, Any]]) -> int:
    """A step on a batch of each shape; returns how many there are. No weight changes much."""
    shapes = {(len(batch.rows), batch.length): (epoch, batch) for epoch, batch in planned}
    for epoch, batch in shapes.values():
        loaded = trainer.data._load_batch(batch, epoch, threading.Event())
        trainer.step(loaded, 0.0, trainer.state.scaling.scale, 0.0, True, False)
    return len(shapes)


def measure(options: argparse.Namespace, overrides: Sequence[str]) -> dict[str, Any]:
    """Everything that is printed."""
    from benchmarks.epoch_floor import Rates, depthwise_flops, matrix_flops, model_kernels
    from benchmarks.epoch_stages import EpochWatch, loader_clock

    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(options.config_file, overrides, folder)
        data, model = trainer.data, trainer.model
        steps = options.steps or options.epochs * data.batches_per_epoch
        iterations = trainer.params["iter_size"]
        trainer.state.last_step = -(-steps // iterations)
        steps = trainer.state.last_step * iterations
        planned = planned_batches(data, steps)
        of_frames = {
            length: model_kernels(model, 1, length)
            for length in {batch.length for _, batch in planned}
        }

        def kernels_of(shape: tuple[int, int]) -> list[Any]:
            kernels = of_frames.get(shape[1]) or model_kernels(model, 1, shape[1])
            return [kernel._replace(positions=kernel.positions * shape[0]) for kernel in kernels]

        middle = sorted((batch.length, len(batch.rows)) for _, batch in planned)[steps // 2]
        rates = Rates(kernels_of((middle[1], middle[0])))
        rates.measure()
        shapes = warm_up(trainer, planned)
        watch = EpochWatch(trainer, -(-steps // REPEATED))
        with (
            watch.watching(),
            loader_clock() as loader,
            contextlib.redirect_stdout(io.StringIO()),
        ):
            trainer.run()
        loader_seconds = dict(loader.seconds)
        repeated = watch.alone()
        rates.measure()

    taken = watch.taken
    wall, audio = sum(one.wall for one in taken), sum(one.audio for one in taken)
    kernels = [kernel for one in taken for kernel in kernels_of(one.shape)]
    in_epoch, alone = (sum(column) for column in zip(*repeated))
    step = watch.parts["training step"]
    padded = sum(one.shape[0] * one.shape[1] for one in taken)
    found: dict[str, Any] = {
        "steps": len(taken),
        "shapes": shapes,
        "batch": max(one.shape[0] for one in taken),
        "parameters": sum(math.prod(v.shape) for v in trainer.step.variables),
        "precision": model.compute_dtype,
        "encoder": type(model.encoder).__name__,
        "audio_seconds": audio,
        "wall_seconds": wall,
        "processor_seconds": sum(one.processor for one in taken),
        "audio_per_second": audio / wall,
        "epochs": _by_epoch(taken),
        "loop": {**watch.parts, "the rest": wall - sum(watch.parts.values())},
        "loader": loader_seconds,
        "workers": data.params["loader_workers"],
        "step_seconds": step,
        "step_alone_seconds": step * alone / in_epoch,
        "steps_repeated": len(repeated),
        "outside_of_loop": 1 - step / wall,
        "outside_with_loader": 1 - step * alone / in_epoch / wall,
        "matrix_flops": matrix_flops(kernels),
        "depthwise_flops": depthwise_flops(kernels),
        "dense": not any(k.depthwise or "recurrent" in k.name for k in kernels),
        "padded_frames": padded,
        "square_rates": {dtype: rates.square(dtype) for dtype in rates.dtypes},
        "square_spread": rates.spread(),
        "floor_seconds": rates.seconds(kernels),
        "square_floor_seconds": rates.square_seconds(kernels),
    }
    # From the middle, where the loader neither runs ahead nor has finished.
    count = min(options.plain_steps, len(taken))
    middle_ones = slice((len(taken) - count) // 2, (len(taken) + count) // 2)
    ours, chosen = taken[middle_ones], [batch for _, batch in planned[middle_ones]]
    found["plain_batches"] = len(ours)
    found["plain_audio_seconds"] = sum(one.audio for one in ours)
    found["plain"] = {
        "this framework": {
            "wall": sum(one.wall for one in ours),
            "steps": sum(one.step for one in ours),
            "processor": sum(one.processor for one in ours),
        }
    }
    found["plain_missing"] = _race_plain(trainer.experiment, chosen, options.plain, found["plain"])
    return found


def _by_epoch(taken: Sequence[Any]) -> list[dict[str, float]]:
    walls: Counter[int] = Counter()
    audio: Counter[int] = Counter()
    for one in taken:
        walls[one.epoch] += one.wall
        audio[one.epoch] += one.audio
    return [{"wall": walls[n], "audio_per_second": audio[n] / walls[n]} for n in sorted(walls)]


def _race_plain(
    experiment: Any, planned: Sequence[Any], dtypes: Sequence[str], times: dict[str, Any]
) -> str:
    """Adds the times of the plain loop in each arithmetic; returns why there are none, or ""."""
    import keras

    from benchmarks.epoch_plain import plain_epoch
    from benchmarks.epoch_plain_network import Unplain

    if keras.backend.backend() != "tensorflow":
        return "the plain step is a TensorFlow graph"
    for dtype in dtypes if planned else ():
        try:
            one = plain_epoch(experiment, planned, DTYPES[dtype])
        except Unplain as error:
            return str(error)
        times[f"plain Keras, {dtype}"] = {
            "wall": one.loading + one.steps,
            "steps": one.steps,
            "processor": one.processor,
            "loss": one.loss,
        }
    return ""


def about(arguments: Sequence[str]) -> dict[str, Any]:
    """The machine, the versions and the command."""
    from open_seq2seq.native_build.cpu import supports_bfloat16
    from open_seq2seq.ops import native
    from open_seq2seq.runs.record import hardware, package_versions

    built = native.supported() and native.library_path().exists()
    return {
        "command": shlex.join(["python", "benchmarks/train_epoch.py", *arguments]),
        "hardware": {**hardware(), "bfloat16": supports_bfloat16()},
        "packages": package_versions(),
        "native_kernels": built and os.environ.get("OPEN_SEQ2SEQ_NATIVE") != "0",
        "load_before": os.getloadavg()[0],
    }


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"at least 1. Received: {text}")
    return number


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--config_file", "--config", default=str(ROOT / DIGITS), help=f"default: {DIGITS}")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=_positive, help="so many steps (default: a whole epoch)")
    length.add_argument("--epochs", type=_positive, default=1, help="so many epochs (default: 1)")
    length.add_argument("--quick", action="store_true", help=f"{QUICK_STEPS} steps")
    add("--plain", nargs="*", choices=DTYPES, default=list(DTYPES),
        help="arithmetic of the plain loop (default: both)")  # fmt: skip
    add("--plain_steps", type=_positive, default=10, help="batches of the plain loop (default: 10)")
    add("--json", metavar="PATH", help="write the figures there too")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    options, overrides = make_parser().parse_known_args(arguments)
    if options.quick:
        options.steps, options.plain_steps = QUICK_STEPS, min(options.plain_steps, QUICK_PLAIN)
    try:
        with without_greetings():
            found = {**about(arguments), **measure(options, overrides)}
    except OpenSeq2SeqError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print_tables(found)
    if options.json:
        write_whole(options.json, json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
