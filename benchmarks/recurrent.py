"""Time of recurrent layers against plain Keras ones, in training and inference.

    python benchmarks/recurrent.py [--models gru-2x512 gru-5x800 lstm-2x512] [--rounds 3]

The same stack of bidirectional layers, each reading both directions of the one below, on
random inputs with a mask: this framework's `RecurrentLayer` by our lengths, and
`keras.layers.Bidirectional(keras.layers.GRU(units, return_sequences=True))` by a mask. A
training step is forward pass, gradients of all weights and of the inputs, and a plain SGD
update; inference is the forward pass. Both are TensorFlow graphs for unknown batch and
length. The contestants run by turns in processes of their own, so that all meet the same
noise; each one's time is its fastest run. Ratios are the plain one's time by ours. "Products
alone" are the stack's matrix products in large ones, without cells or order in time: what is
left when everything else costs nothing.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from open_seq2seq.native_build.cpu import cpu_name, supports_bfloat16

RATE = 1e-4


class Model(NamedTuple):
    """A stack of bidirectional layers and its batch."""

    cell: str
    layers: int
    units: int
    inputs: int
    batch: int
    frames: int

    def describe(self) -> str:
        return (
            f"{self.layers} bidirectional {self.cell.upper()} layers of {self.units}, input "
            f"{self.inputs}, batch {self.batch}, {self.frames} frames"
        )


MODELS = {
    "gru-2x512": Model("gru", 2, 512, 768, 32, 200),
    "gru-5x800": Model("gru", 5, 800, 1280, 16, 200),
    "lstm-2x512": Model("lstm", 2, 512, 768, 32, 200),
}
Run = Callable[[], Any]


def data(model: Model) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and their lengths, all within a tenth of the longest, as in a bucketed batch."""
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((model.batch, model.frames, model.inputs)).astype(np.float32)
    lengths = rng.integers(model.frames * 9 // 10, model.frames + 1, model.batch)
    lengths[0] = model.frames
    return inputs, lengths.astype(np.int32)


def ours(model: Model, policy: str) -> tuple[Any, Any]:
    """The stack as a function of inputs and lengths, and its variables."""
    import keras

    from open_seq2seq.layers.recurrent import RecurrentLayer

    cell = "gru_reset_after" if model.cell == "gru" else model.cell
    layers = [
        RecurrentLayer(cell, model.units, bidirectional=True, recurrent_bias=True, dtype=policy)
        for _ in range(model.layers)
    ]

    def stack(inputs: Any, lengths: Any, training: bool) -> Any:
        outputs = keras.ops.cast(inputs, layers[0].compute_dtype)
        for layer in layers:
            outputs = keras.ops.concatenate(layer(outputs, lengths, training=training), -1)
        return outputs

    return stack, layers


def plain_keras(model: Model, policy: str) -> tuple[Any, Any]:
    """The same of Keras's own layers."""
    import keras

    kind = keras.layers.GRU if model.cell == "gru" else keras.layers.LSTM
    layers = [
        keras.layers.Bidirectional(
            kind(model.units, return_sequences=True, dtype=policy), dtype=policy
        )
        for _ in range(model.layers)
    ]

    def stack(inputs: Any, lengths: Any, training: bool) -> Any:
        numbers = keras.ops.arange(keras.ops.shape(inputs)[1])
        mask = numbers[None] < lengths[:, None]
        outputs = inputs
        for layer in layers:
            outputs = layer(outputs, mask=mask, training=training)
        return outputs

    return stack, layers


def products_alone(model: Model, policy: str) -> tuple[Any, Any]:
    """The matrix products of the stack, all time steps in one, and nothing else: a floor."""
    import keras

    gates = 3 if model.cell == "gru" else 4
    layers = [
        [
            keras.layers.Dense(gates * model.units, use_bias=False, dtype=policy)
            for _ in range(4)  # inputs and state, of both directions
        ]
        for _ in range(model.layers)
    ]

    def stack(inputs: Any, lengths: Any, training: bool) -> Any:
        rows = keras.ops.reshape(inputs, (-1, inputs.shape[-1]))
        for layer in layers:
            states = [dense(rows)[:, : model.units] for dense in layer[:2]]
            states = [dense(x)[:, : model.units] for dense, x in zip(layer[2:], states)]
            rows = keras.ops.concatenate(states, -1)
        return keras.ops.reshape(rows, (-1, keras.ops.shape(inputs)[1], rows.shape[-1]))

    return stack, [dense for layer in layers for dense in layer]


CONTESTANTS: dict[str, Callable[[Model], tuple[Any, Any]]] = {
    "ours, float32": lambda model: ours(model, "float32"),
    "plain Keras, float32": lambda model: plain_keras(model, "float32"),
    "ours, bfloat16": lambda model: ours(model, "mixed_bfloat16"),
    "plain Keras, bfloat16": lambda model: plain_keras(model, "mixed_bfloat16"),
    "products alone, float32": lambda model: products_alone(model, "float32"),
    "products alone, bfloat16": lambda model: products_alone(model, "mixed_bfloat16"),
}


def runs(contestant: str, model: Model) -> dict[str, Run]:
    """What is timed: a training step and inference."""
    import tensorflow as tf

    stack, layers = CONTESTANTS[contestant](model)
    inputs, lengths = (tf.constant(array) for array in data(model))
    stack(inputs[:, :4], tf.minimum(lengths, 4), False)
    variables = [variable.value for layer in layers for variable in layer.trainable_variables]
    # The sum of all outputs would give all steps the same gradient.
    weights = tf.random.stateless_normal((model.batch, model.frames, 2 * model.units), (0, 0))
    signature = [
        tf.TensorSpec((None, None, model.inputs), tf.float32),
        tf.TensorSpec((None,), tf.int32),
    ]

    @tf.function(input_signature=signature)
    def train(inputs: Any, lengths: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = tf.cast(stack(inputs, lengths, True), tf.float32)
            inside = tf.sequence_mask(lengths, tf.shape(inputs)[1], tf.float32)
            loss = tf.reduce_sum(outputs * weights * inside[:, :, None]) / tf.reduce_sum(inside)
        for_inputs, *gradients = tape.gradient(loss, [inputs, *variables])
        for variable, gradient in zip(variables, gradients):
            variable.assign_sub(RATE * gradient)
        return loss, tf.reduce_sum(tf.abs(for_inputs))

    @tf.function(input_signature=signature)
    def infer(inputs: Any, lengths: Any) -> Any:
        return tf.reduce_sum(tf.cast(stack(inputs, lengths, False), tf.float32))

    def timed(graph: Any) -> Run:
        return lambda: np.asarray(graph(inputs, lengths)).tolist()

    return {"training step": timed(train), "inference": timed(infer)}


def serve(contestant: str, model: Model) -> None:
    """The child: warms up, then runs each kind once a line of input and prints the seconds."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    kinds = runs(contestant, model)
    for run in kinds.values():
        assert np.isfinite(run()).all()
    print("ready", flush=True)
    for _ in sys.stdin:
        times = []
        for run in kinds.values():
            started, processor = time.perf_counter(), time.process_time()
            assert np.isfinite(run()).all()
            times.append(time.perf_counter() - started)
            times.append((time.process_time() - processor) / (os.cpu_count() or 1))
        print(*times, flush=True)


def race(model: str, names: list[str], rounds: int) -> dict[str, list[float]]:
    """Each contestant's fastest: wall and processor seconds of training, then of inference."""
    children = {}
    for name in names:
        command = [sys.executable, __file__, "--serve", name, "--models", model]
        children[name] = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    for name, child in children.items():
        if _line(child) != "ready":
            raise SystemExit(f"{name} failed; run: {sys.executable} {__file__} --serve '{name}'")
    times: dict[str, list[list[float]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name, child in children.items():
            print("turn", file=child.stdin, flush=True)
            times[name].append([float(number) for number in _line(child).split()])
    for child in children.values():
        child.communicate()
    return {name: [min(column) for column in zip(*turns)] for name, turns in times.items()}


def _line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def print_table(model: Model, times: dict[str, list[float]]) -> None:
    print(f"\n{model.describe()}")
    for number, kind in ((0, "training step"), (2, "inference")):
        print(f"{kind:26}{'wall':>10}{'ratio':>8}{'processor':>13}{'ratio':>8}")
        for name, seconds in times.items():
            wall, processor = seconds[number : number + 2]
            best = times.get(f"ours, {name.rpartition(', ')[2]}", seconds)
            print(
                f"{name:26}{wall * 1e3:7.0f} ms{wall / best[number]:8.2f}"
                f"{processor * 1e3:10.0f} ms{processor / best[number + 1]:8.2f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--rounds", type=int, default=3, help="turns of each contestant")
    parser.add_argument("--serve", choices=CONTESTANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, MODELS[options.models[0]])
        return
    from open_seq2seq.ops import native

    versions = []
    for name in ("tensorflow-cpu", "tensorflow", "keras", "numpy"):
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    built = native.supported() and native.library_path().exists()
    used = built and os.environ.get("OPEN_SEQ2SEQ_NATIVE") != "0"
    print(f"{cpu_name()}, {os.cpu_count()} cores, bfloat16: {supports_bfloat16()}")
    print(f"{', '.join(versions)}; C++ kernels: {'used' if used else 'not used'}")
    for model in options.models:
        times = {}
        for dtype in ("float32", "bfloat16"):  # Four at once would need much memory.
            names = [name for name in options.contestants if name.endswith(dtype)]
            times |= race(model, names, options.rounds)
        print_table(MODELS[model], times)


if __name__ == "__main__":
    main()
