"""The optimizers' update of 400 variables in a graph, against Keras's Adam in the same run.

    python benchmarks/optimizer_step.py

The variables are like those of a QuartzNet 15x5: a third kernels, the rest biases and the
scales of normalisations. Prints each optimizer's time, and its ratio to Keras's Adam
(below 1: faster).
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from open_seq2seq.optimizers import LARC, apply_larc, clip_by_global_norm, make_optimizer

VARIABLES = 400
KERNEL_SIZE = 140_000  # 19 M weights in all, as in QuartzNet 15x5
REPEATS = 20

CANDIDATES: dict[str, Callable[[], keras.optimizers.Optimizer]] = {
    "Keras Adam": lambda: keras.optimizers.Adam(0.001),
    "NovoGrad": lambda: make_optimizer("NovoGrad", {"weight_decay": 0.001}),
    "NovoGrad legacy_no_ema": lambda: make_optimizer(
        "NovoGrad", {"weight_decay": 0.001, "legacy_no_ema": True}
    ),
    "Momentum": lambda: make_optimizer("Momentum"),
    "AdamW": lambda: make_optimizer("AdamW"),
}


def make_step(
    optimizer: keras.optimizers.Optimizer, clip: float | None = None, larc: bool = False
) -> Callable[[], object]:
    """The compiled update of all variables, with clipping if `clip` is given, or with LARC."""
    rng = np.random.default_rng(0)
    sizes = [KERNEL_SIZE if i % 3 == 0 else 512 for i in range(VARIABLES)]
    variables = [keras.Variable(rng.normal(size=size).astype(np.float32)) for size in sizes]
    gradients = [tf.constant(rng.normal(size=size).astype(np.float32)) for size in sizes]
    optimizer.build(variables)
    larc_params = LARC.parse({"larc_eta": 0.001})

    @tf.function
    def step(gradients: list[tf.Tensor]) -> tf.Tensor:
        norm = tf.constant(0.0)
        if clip is not None:
            gradients, norm = clip_by_global_norm(gradients, clip)
        if larc:
            weights = [variable.value for variable in variables]
            gradients, _ = apply_larc(gradients, weights, 0.001, larc_params)
        optimizer.apply(gradients, variables)
        return norm

    return lambda: step(gradients).numpy()


def main() -> None:
    steps = {name: make_step(make()) for name, make in CANDIDATES.items()}
    steps["NovoGrad with clipping"] = make_step(CANDIDATES["NovoGrad"](), 1.0)
    steps["Momentum with clipping"] = make_step(CANDIDATES["Momentum"](), 1.0)
    steps["Momentum with LARC"] = make_step(CANDIDATES["Momentum"](), larc=True)
    best = dict.fromkeys(steps, float("inf"))
    for step in steps.values():
        step()
    for _ in range(REPEATS):  # interleaved, so that a disturbance hits all alike
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            best[name] = min(best[name], time.perf_counter() - started)
    print(f"{VARIABLES} variables, best of {REPEATS}; {platform.processor() or platform.machine()}")
    print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}, {os.cpu_count()} cores")
    for name, seconds in best.items():
        ratio = seconds / best["Keras Adam"]
        print(f"{name:24} {seconds * 1000:7.2f} ms   {ratio:5.2f} x Keras Adam")


if __name__ == "__main__":
    main()
