"""Time of a Conformer's training step against PyTorch's; memory that long recordings need.

    python benchmarks/conformer.py [--models fast small] [--rounds 5]
    python benchmarks/conformer.py --memory

A step is forward pass with dropout, CTC loss, gradients and a momentum update, on random data, as
in `train_step.py`, which says how contestants are timed.

`--memory` encodes recordings of growing length, alone and in float32, by two layers of the network
"fast", whose attention sees all or 70 frames before and 13 after, and says how many megabytes and
seconds of the processor each takes beyond what a short one takes, in a process of its own.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
from train_step import (
    BATCH,
    LABELS,
    MOMENTUM,
    RATE,
    Step,
    compiled_step,
    print_machine,
    race,
    serve,
)

FEATURES, SYMBOLS, FRAMES, DROP = 80, 128, 800, 0.1
# The parameters of this framework's encoder; PyTorch's network is made of them too.
MODELS: dict[str, dict[str, Any]] = {
    "small": {
        "num_layers": 16,
        "hidden_size": 176,
        "num_heads": 4,
        "conv_kernel_size": 31,
        "subsampling": "striding",
        "subsampling_factor": 4,
        "subsampling_channels": 176,
    },
    "fast": {  # layers are alike: a quarter of them takes minutes less to compile
        "num_layers": 4,
        "hidden_size": 256,
        "num_heads": 4,
        "conv_kernel_size": 9,
        "subsampling": "dw_striding",
        "subsampling_factor": 8,
        "subsampling_channels": 256,
    },
}
DESCRIPTIONS = {
    "small": "Conformer-CTC S, 16 layers of 176, 8 x 8 s, a quarter of the frames",
    "fast": "FastConformer, 4 of its 16 layers of 256, 8 x 8 s, an eighth of the frames",
}


def batch() -> tuple[np.ndarray, ...]:
    """Features, their lengths, labels and their lengths."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((BATCH, FRAMES, FEATURES)).astype(np.float32)
    lengths = np.full(BATCH, FRAMES, np.int32)
    lengths[1::2] -= 40
    labels = rng.integers(0, SYMBOLS, (BATCH, LABELS)).astype(np.int32)
    return features, lengths, labels, np.full(BATCH, LABELS // 2, np.int32)


def ours(model: str, policy: str) -> Step:
    """This framework's encoder, decoder and loss."""
    import keras

    from open_seq2seq.decoders import FullyConnectedCTCDecoder
    from open_seq2seq.encoders import ConformerEncoder
    from open_seq2seq.losses import CTCLoss

    params = {**MODELS[model], "dropout_keep_prob": 1.0 - DROP}
    encoder = ConformerEncoder(params, dtype=policy)
    decoder, loss = FullyConnectedCTCDecoder({}, SYMBOLS), CTCLoss({})

    def forward_and_loss(features: Any, lengths: Any, labels: Any, label_lengths: Any) -> Any:
        outputs, lengths = encoder(features, lengths, training=True)
        losses = loss(decoder(outputs), lengths, labels, label_lengths)
        return keras.ops.mean(losses)

    encoder.build((None, None, FEATURES))
    decoder.build((None, None, params["hidden_size"]))
    variables = encoder.trainable_variables + decoder.trainable_variables
    return compiled_step(forward_and_loss, variables, batch())


def pytorch(model: str, bfloat16: bool) -> Step:
    """The same network in PyTorch, eager: `conformer_pytorch.py`."""
    import torch
    from conformer_pytorch import Conformer

    torch.set_num_threads(os.cpu_count() or 1)
    features, lengths, labels, label_lengths = (torch.tensor(array) for array in batch())
    network = Conformer(MODELS[model], FEATURES, SYMBOLS, DROP).train()
    optimizer = torch.optim.SGD(network.parameters(), RATE, MOMENTUM)

    def step() -> float:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            logits, frames = network(features, lengths)
        log_probs = logits.float().log_softmax(2).transpose(0, 1)
        sizes = (labels.long(), frames.long(), label_lengths.long())
        loss = torch.nn.functional.ctc_loss(log_probs, *sizes, blank=SYMBOLS)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


CONTESTANTS = {
    "ours, bfloat16": lambda model: ours(model, "mixed_bfloat16"),
    "ours, float32": lambda model: ours(model, "float32"),
    "PyTorch, bfloat16 autocast": lambda model: pytorch(model, True),
    "PyTorch, float32": lambda model: pytorch(model, False),
}


CONTEXTS = {"all frames": [-1, -1], "70 before, 13 after": [70, 13]}
MINUTES = (2.5, 5, 10, 20)


def encode(context: list[int], minutes: float) -> None:
    """The child of `--memory`: prints the megabytes and seconds of one recording."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    from open_seq2seq.encoders import ConformerEncoder

    params = {**MODELS["fast"], "num_layers": 2, "attention_context": context}
    encoder = ConformerEncoder(params)
    encoder.build((None, None, FEATURES))
    specs = tf.TensorSpec((None, None, FEATURES)), tf.TensorSpec((None,), tf.int32)
    graph = tf.function(encoder, autograph=False).get_concrete_function(*specs)
    used = []
    for frames in (1000, int(minutes * 6000)):
        features = np.zeros((1, frames, FEATURES), np.float32)
        begin = time.process_time()
        graph(tf.constant(features), tf.constant([frames]))
        seconds = time.process_time() - begin
        used.append((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, seconds))
    print(used[1][0] - used[0][0], used[1][1])


def print_memory() -> None:
    print(f"\n{'minutes':24}" + "".join(f"{minutes:>18g}" for minutes in MINUTES))
    for name, context in CONTEXTS.items():
        cells = []
        for minutes in MINUTES:
            given = [str(number) for number in (*context, minutes)]
            done = subprocess.run(
                [sys.executable, __file__, "--encode", *given], capture_output=True, text=True
            )
            if done.returncode:
                cells.append("no memory left")
                continue
            megabytes, seconds = map(float, done.stdout.split())
            cells.append(f"{megabytes:.0f} MB, {seconds:.1f} s")
        print(f"{name:24}" + "".join(f"{cell:>18}" for cell in cells))


def print_table(model: str, times: dict[str, tuple[float, float]]) -> None:
    fastest = tuple(
        min(t[k] for name, t in times.items() if name.startswith("ours")) for k in (0, 1)
    )
    print(f"\n{model}: {DESCRIPTIONS[model]}")
    print(f"{'':28}{'wall':>10}{'ratio':>8}{'processor':>13}{'ratio':>8}")
    for name, (wall, processor) in times.items():
        print(
            f"{name:28}{wall * 1e3:7.0f} ms{wall / fastest[0]:8.2f}"
            f"{processor * 1e3:10.0f} ms{processor / fastest[1]:8.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=["fast"])
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--rounds", type=int, default=4, help="turns of each contestant")
    parser.add_argument("--memory", action="store_true", help="memory instead of training steps")
    parser.add_argument("--encode", nargs=3, type=float, help=argparse.SUPPRESS)
    parser.add_argument("--serve", choices=CONTESTANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(lambda: CONTESTANTS[options.serve](options.models[0]))
        return
    if options.encode:
        *context, minutes = options.encode
        encode([int(number) for number in context], minutes)
        return
    print_machine()
    if importlib.util.find_spec("torch") is None and not options.memory:
        print("PyTorch: not measured, as it is not installed (pip install 'open-seq2seq[bench]')")
        options.contestants = [one for one in options.contestants if not one.startswith("PyTorch")]
    if options.memory:
        print_memory()
        return
    for model in options.models:
        print_table(model, race(__file__, model, options.contestants, options.rounds))


if __name__ == "__main__":
    main()
