"""Time of a training step against the same network in plain Keras and in PyTorch.

    python benchmarks/train_step.py [--models separable dense long] [--rounds 5]

A step is forward pass, CTC loss, gradients and a momentum update, on random data. The
contestants run by turns in processes of their own, two steps a turn, so that all meet
the same noise; each one's time is its fastest step. Ratios are the contestant's time by
ours in bfloat16. Besides wall time, the processor time of all threads is shown, divided
by the number of cores: on a busy machine it is the fairer of the two.
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
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from open_seq2seq.native_build.cpu import cpu_name, supports_bfloat16

FEATURES, SYMBOLS, LABELS, BATCH = 64, 28, 60, 8
STEPS_A_TURN = 2
# So small that random data can't make a network diverge.
RATE, MOMENTUM = 1e-6, 0.9

# Kind, repetitions, taps, stride, channels; blocks of several repetitions are residual.
Block = tuple[str, int, int, int, int]
SEPARABLE: list[Block] = [
    ("separable", 1, 33, 2, 256),
    ("separable", 5, 33, 1, 256),
    ("separable", 5, 39, 1, 256),
    ("separable", 5, 51, 1, 512),
    ("separable", 5, 63, 1, 512),
    ("separable", 5, 75, 1, 512),
    ("dense", 1, 1, 1, 1024),
]
DENSE: list[Block] = [
    ("dense", 1, 11, 2, 256),
    ("dense", 1, 11, 1, 256),
    ("dense", 1, 13, 1, 384),
    ("dense", 1, 17, 1, 512),
    ("dense", 1, 1, 1, 512),
]
# Network and frames of features, 10 ms each.
MODELS: dict[str, tuple[list[Block], int]] = {
    "separable": (SEPARABLE, 800),
    "dense": (DENSE, 800),
    "long": (SEPARABLE, 1088),
}
DESCRIPTIONS = {
    "separable": "QuartzNet-like, 5 x 5 separable convolutions, 8 x 8 s",
    "dense": "Jasper-like, dense convolutions of 11 to 17 taps, 8 x 8 s",
    "long": "the separable network, 8 x 10.9 s (544 frames after the stride)",
}
Step = Callable[[], float]


def batch(frames: int) -> tuple[np.ndarray, ...]:
    """Features, their lengths, labels and their lengths."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((BATCH, frames, FEATURES)).astype(np.float32)
    lengths = np.full(BATCH, frames, np.int32)
    lengths[1::2] -= 40
    labels = rng.integers(0, SYMBOLS, (BATCH, LABELS)).astype(np.int32)
    return features, lengths, labels, np.full(BATCH, LABELS, np.int32)


def compiled_step(
    forward_and_loss: Any, variables: list[Any], arrays: tuple[np.ndarray, ...], xla: bool = False
) -> Step:
    """Gradients and update of a Keras network in a TensorFlow graph, of one batch."""
    import keras
    import tensorflow as tf

    optimizer = keras.optimizers.SGD(RATE, momentum=MOMENTUM)
    optimizer.build(variables)

    @tf.function(jit_compile=xla)
    def step(*data: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = forward_and_loss(*data)
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        optimizer.apply(gradients, variables)
        return loss

    data = [tf.constant(array) for array in arrays]
    return lambda: float(step(*data))


def encoder_params(blocks: list[Block]) -> dict[str, Any]:
    """The parameters of this framework's TDNNEncoder for these blocks."""
    layers = [
        {
            "type": "sep_conv1d" if kind == "separable" else "conv1d",
            "repeat": repeat,
            "kernel_size": [taps],
            "stride": [stride],
            "num_channels": channels,
            "padding": "SAME",
            "residual": repeat > 1,
        }
        for kind, repeat, taps, stride, channels in blocks
    ]
    return {"dropout_keep_prob": 1.0, "activation_fn": "relu", "convnet_layers": layers}


def ours(blocks: list[Block], frames: int, policy: str) -> Step:
    """This framework's encoder, decoder and loss."""
    import keras

    from open_seq2seq.decoders import FullyConnectedCTCDecoder
    from open_seq2seq.encoders import TDNNEncoder
    from open_seq2seq.losses import CTCLoss

    encoder = TDNNEncoder(encoder_params(blocks), dtype=policy)
    decoder, loss = FullyConnectedCTCDecoder({}, SYMBOLS), CTCLoss({})

    def forward_and_loss(features: Any, lengths: Any, labels: Any, label_lengths: Any) -> Any:
        outputs, lengths = encoder(features, lengths, training=True)
        losses = loss(decoder(outputs), lengths, labels, label_lengths)
        return keras.ops.mean(losses)

    decoder(encoder(*batch(frames)[:2])[0])
    variables = encoder.trainable_variables + decoder.trainable_variables
    return compiled_step(forward_and_loss, variables, batch(frames))


def plain_keras(blocks: list[Block], frames: int, xla: bool = False) -> Step:
    """The same network of Keras's own layers and loss, as its documentation would have it.

    `fit` compiles with XLA where it can (`jit_compile="auto"`): that is `xla`. Without it the
    comparison is fairer to a user who knows to turn it off.
    """
    import keras

    def convolve(inputs: Any, kind: str, taps: int, stride: int, channels: int) -> Any:
        layer = keras.layers.SeparableConv1D if kind == "separable" else keras.layers.Conv1D
        outputs = layer(channels, taps, stride, "same", use_bias=False)(inputs)
        return keras.layers.BatchNormalization(momentum=0.9)(outputs)

    inputs = outputs = keras.Input((None, FEATURES))
    for kind, repeat, taps, stride, channels in blocks:
        source = outputs
        for number in range(repeat):
            outputs = convolve(outputs, kind, taps, stride, channels)
            if repeat > 1 and number == repeat - 1:
                outputs = outputs + convolve(source, kind, 1, 1, channels)
            outputs = keras.layers.ReLU()(outputs)
    model = keras.Model(inputs, keras.layers.Dense(SYMBOLS + 1)(outputs))

    def forward_and_loss(features: Any, lengths: Any, labels: Any, label_lengths: Any) -> Any:
        logits = model(features, training=True)
        losses = keras.ops.ctc_loss(
            labels, logits, label_lengths, (lengths + 1) // 2, mask_index=SYMBOLS
        )
        return keras.ops.mean(losses)

    return compiled_step(forward_and_loss, model.trainable_variables, batch(frames), xla)


def pytorch(blocks: list[Block], frames: int, bfloat16: bool) -> Step:
    """The same network in PyTorch, eager."""
    import torch
    from torch import nn

    torch.set_num_threads(os.cpu_count() or 1)

    def convolve(kind: str, taps: int, stride: int, inputs: int, channels: int) -> nn.Module:
        def convolution(*sizes: int, **options: Any) -> nn.Module:
            return nn.Conv1d(*sizes, stride, taps // 2, bias=False, **options)

        if kind == "separable":
            depthwise = convolution(inputs, inputs, taps, groups=inputs)
            layers = [depthwise, nn.Conv1d(inputs, channels, 1, bias=False)]
        else:
            layers = [convolution(inputs, channels, taps)]
        return nn.Sequential(*layers, nn.BatchNorm1d(channels, eps=1e-3))

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.paths, self.residuals = nn.ModuleList(), nn.ModuleList()
            inputs = FEATURES
            for kind, repeat, taps, stride, channels in blocks:
                sizes = [inputs] + [channels] * (repeat - 1)
                self.paths.append(
                    nn.ModuleList(convolve(kind, taps, stride, n, channels) for n in sizes)
                )
                has_residual = repeat > 1
                self.residuals.append(
                    convolve(kind, 1, 1, inputs, channels) if has_residual else nn.Identity()
                )
                inputs = channels
            self.head = nn.Conv1d(inputs, SYMBOLS + 1, 1)

        def forward(self, outputs: Any) -> Any:
            for path, residual in zip(self.paths, self.residuals):
                source = outputs
                for number, layer in enumerate(path):
                    outputs = layer(outputs)
                    if len(path) > 1 and number == len(path) - 1:
                        outputs = outputs + residual(source)
                    outputs = torch.relu(outputs)
            return self.head(outputs)

    features, lengths, labels, label_lengths = batch(frames)
    inputs = torch.tensor(features.transpose(0, 2, 1)).contiguous()
    tensors = [torch.tensor(array).long() for array in (labels, (lengths + 1) // 2, label_lengths)]
    network = Network()
    optimizer = torch.optim.SGD(network.parameters(), RATE, MOMENTUM)

    def step() -> float:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            logits = network(inputs)
        log_probs = logits.float().log_softmax(1).permute(2, 0, 1)
        loss = nn.functional.ctc_loss(log_probs, *tensors, blank=SYMBOLS)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


CONTESTANTS: dict[str, Callable[[list[Block], int], Step]] = {
    "ours, bfloat16": lambda blocks, frames: ours(blocks, frames, "mixed_bfloat16"),
    "ours, float32": lambda blocks, frames: ours(blocks, frames, "float32"),
    "plain Keras, float32": plain_keras,
    "plain Keras, float32, XLA": lambda blocks, frames: plain_keras(blocks, frames, True),
    "PyTorch, bfloat16 autocast": lambda blocks, frames: pytorch(blocks, frames, True),
    "PyTorch, float32": lambda blocks, frames: pytorch(blocks, frames, False),
}

# Tens of seconds a step: only when asked for.
BY_DEFAULT = [name for name in CONTESTANTS if "XLA" not in name]


def serve(make: Callable[[], Step]) -> None:
    """The child: a warm-up, then on each line of input a turn, whose best times it prints."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Threads of PyTorch that wait must not take the processor from others.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    step = make()
    step()
    losses = [step()]
    print("ready", flush=True)
    for _ in sys.stdin:
        walls, processors = [], []
        for _ in range(STEPS_A_TURN):
            wall, processor = time.perf_counter(), time.process_time()
            losses.append(step())
            walls.append(time.perf_counter() - wall)
            processors.append((time.process_time() - processor) / (os.cpu_count() or 1))
        assert np.isfinite(losses).all(), losses
        print(min(walls), min(processors), flush=True)


def race(script: str, model: str, names: list[str], rounds: int) -> dict[str, tuple[float, float]]:
    """Each contestant's fastest step: wall and processor seconds.

    Args:
      script: the benchmark, which serves a contestant of a model when told to.
    """
    children = {}
    for name in names:
        command = [sys.executable, script, "--serve", name, "--models", model]
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if _line(child) != "ready":
            raise SystemExit(f"{name} failed; run: {' '.join(command)}")
        children[name] = child
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name, child in children.items():
            print("turn", file=child.stdin, flush=True)
            wall, processor = map(float, _line(child).split())
            times[name].append((wall, processor))
    for child in children.values():
        child.communicate()
    return {
        name: (min(t[0] for t in all_), min(t[1] for t in all_)) for name, all_ in times.items()
    }


def _line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def print_table(model: str, times: dict[str, tuple[float, float]]) -> None:
    fastest = times["ours, bfloat16"]
    print(f"\n{model}: {DESCRIPTIONS[model]}, batch {BATCH}, {LABELS} labels")
    print(f"{'':28}{'wall':>10}{'ratio':>8}{'processor':>13}{'ratio':>8}")
    for name, (wall, processor) in times.items():
        print(
            f"{name:28}{wall * 1e3:7.0f} ms{wall / fastest[0]:8.2f}"
            f"{processor * 1e3:10.0f} ms{processor / fastest[1]:8.2f}"
        )


def print_machine() -> None:
    """Which processor, versions and kernels the times are of."""
    from open_seq2seq.ops import native

    versions = []
    for name in ("tensorflow-cpu", "tensorflow", "keras", "torch", "numpy"):
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    built = native.supported() and native.library_path().exists()
    print(f"{cpu_name()}, {os.cpu_count()} cores, bfloat16: {supports_bfloat16()}")
    print(f"{', '.join(versions)}; C++ kernels: {'built' if built else 'not built'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=BY_DEFAULT)
    parser.add_argument("--rounds", type=int, default=4, help="turns of each contestant")
    parser.add_argument("--serve", choices=CONTESTANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(lambda: CONTESTANTS[options.serve](*MODELS[options.models[0]]))
        return
    print_machine()
    for model in options.models:
        print_table(model, race(__file__, model, options.contestants, options.rounds))


if __name__ == "__main__":
    main()
