"""What same_mathematics_worker.py trains with two workers, and its test with one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from open_seq2seq.data.batch import Batch
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers import l2_regularizer, make_optimizer
from open_seq2seq.training.step import StepOptions, TrainStep
from open_seq2seq.training.step.result import Totals
from open_seq2seq.training.step.weight_average import WeightAverage
from tests.encoders.architectures import layer, tdnn
from tests.models.test_speech2text import PARAMS

RATE = 0.05
LARC = {"larc_eta": 0.01, "larc_mode": "clip", "min_update": 1e-7, "epsilon": 1e-7}
LAYERS = [layer("conv1d", 1, 5, 16, stride=2), layer("sep_conv1d", 1, 5, 16, residual=True)]
# Equal shares; and odd rows, and a single one, of which one worker has none.
EVEN, UNEVEN = (6, 6, 4, 2, 6), (6, 5, 1, 6, 3)


@dataclass(frozen=True)
class Case:
    """A training of five global batches.

    Args:
      sizes: utterances in each global batch.
      norm: of the encoder; "batch_norm" is synchronised if `options` say so.
      regularized: with an L2 penalty.
      scale: of the loss, if `options` have it scaled.
      infinite: rows of the second global batch that are too short for their labels.
      huge: a row of the second global batch whose gradient is not finite, though its loss is.
      same: all workers are given the whole global batch.
      options: of the step.
    """

    sizes: Sequence[int] = UNEVEN
    norm: str | None = None
    policy: str = "float32"
    optimizer: str = "Momentum"
    keep: float = 1.0
    ema: bool = False
    regularized: bool = False
    scale: float = 1.0
    rate: float = RATE
    infinite: Sequence[int] = ()
    huge: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def but(self, **changes: Any) -> Case:
        return replace(self, **changes)


SYNC = {"sync_batch_norm": True}
BATCH_NORM = Case(norm="batch_norm", options=SYNC)
HALF = Case(EVEN, "batch_norm", "mixed_float16", scale=128.0, options={"scales_loss": True})
CASES = {
    "plain": Case(),
    "batch norm": BATCH_NORM,
    "clipping and average": BATCH_NORM.but(
        optimizer="NovoGrad",
        ema=True,
        options={**SYNC, "max_grad_norm": 0.5, "measures_maximum": True},
    ),
    "larc and regularizer": BATCH_NORM.but(regularized=True, options={**SYNC, "larc": LARC}),
    "groups": BATCH_NORM.but(options={**SYNC, "iter_size": 3}),
    # All losses of one worker, and one of the other's.
    "infinite losses": BATCH_NORM.but(infinite=(0, 1, 3)),
    "huge gradient": Case(huge=1, ema=True),
    "huge gradient in a group": Case(huge=1, options={"iter_size": 2}),
    "local statistics": Case(EVEN, "batch_norm"),
    # Without a momentum: the gradients of shares of several sizes are not the reference's.
    "local statistics, uneven": Case((6, 5, 2, 6, 3), "batch_norm", optimizer="SGD", rate=0.0),
    "local statistics, bfloat16": Case(EVEN, "batch_norm", "mixed_bfloat16", "NovoGrad"),
    "local statistics, float16": HALF,
    "batch norm, bfloat16": BATCH_NORM.but(policy="mixed_bfloat16"),
    "float16 that overflows": HALF.but(norm="layer_norm", scale=2.0**60),
    "compressed": Case(norm="layer_norm", options={"compress": True}),
}
# Where the sums of the statistics and of the gradients are the same as in one.
AS_ONE = (
    "plain", "batch norm", "clipping and average", "larc and regularizer", "groups",
    "infinite losses", "huge gradient", "huge gradient in a group",
)  # fmt: skip


def make(case: Case, reducer: Any = None, **options: Any) -> TrainStep:
    """The case's step, with the same weights every time."""
    keras.utils.set_random_seed(7)
    params: dict[str, Any] = {
        **PARAMS,
        "encoder_params": tdnn(LAYERS, normalization=case.norm, dropout_keep_prob=case.keep),
    }
    if case.regularized:
        params |= {"regularizer": l2_regularizer, "regularizer_params": {"scale": 0.1}}
    model = Speech2Text(Speech2Text.PARAMS.parse(params), 5, 4, case.policy)
    variables = model.trainable_variables
    average = WeightAverage(variables, 0.5) if case.ema else None
    settings = StepOptions(**{**case.options, **options})
    optimizer = make_optimizer(case.optimizer)
    return TrainStep(model, optimizer, variables, settings, average, reducer)


def global_batches(case: Case) -> list[Batch]:
    """The five batches of all workers together."""
    return [_batch(case, number, size) for number, size in enumerate(case.sizes)]


def _batch(case: Case, number: int, size: int, frames: int = 24) -> Batch:
    rng = np.random.default_rng(number)
    lengths = rng.integers(frames // 2, frames + 1, size, dtype=np.int32)
    lengths[rng.integers(size)] = frames
    features = rng.standard_normal((size, frames, 5)).astype(np.float32)
    labels = rng.integers(0, 4, (size, 3), dtype=np.int32)
    label_lengths = rng.integers(0, 4, size, np.int32)
    if number == 1:
        for row in case.infinite:
            labels[row], label_lengths[row], lengths[row] = 1, 3, 2
        if case.huge is not None:
            features[case.huge] = np.copysign(1e20, features[case.huge])
    features *= (np.arange(frames) < lengths[:, None])[:, :, None]
    return Batch(features, lengths, labels, label_lengths, np.arange(size), 2.0 * size)


def share(batch: Batch, rank: int, workers: int = 2) -> Batch:
    """A worker's part, as the contract of the data layers has it."""
    chosen = np.arange(len(batch.indices))[rank::workers]
    filler = not len(chosen)
    chosen = np.array([0]) if filler else chosen
    arrays = [array[chosen] for array in batch.arrays]
    return Batch(*arrays, chosen, 0.0 if filler else 2.0 * len(chosen), filler)


def completes(case: Case, number: int) -> bool:
    """Whether a batch is the last of its group; the last group is a smaller one."""
    return (number + 1) % case.options.get("iter_size", 1) == 0 or number == len(case.sizes) - 1


def state(step: TrainStep) -> list[np.ndarray]:
    """All variables: of the model, the optimizer (but its counter) and the averages."""
    averages = step.average.averages if step.average else []
    variables = [*step.model.variables, *step.optimizer.variables, *averages]
    return [
        np.array(v.value)
        for v in variables
        if "seed_generator" not in v.path and "iteration" not in v.path
    ]


def figures(result: Any) -> list[float]:
    """What a step says that is the same for all workers."""
    updated = result.update.gradient_norm if result.update else -1.0
    totals = [float(getattr(result.totals, name)) for name in Totals._fields]
    return [float(result.loss), float(result.gradient_maximum), float(updated), *totals]


def train(case: Case, step: TrainStep, batches: Sequence[Batch]) -> dict[str, np.ndarray]:
    """`{number}/{index}`: all variables after each batch; and `figures` of each."""
    found, told = {}, []
    for number, batch in enumerate(batches):
        result = step(batch, case.rate, case.scale, 0.5, completes(case, number))
        told.append(figures(result))
        found |= {f"{number}/{index}": value for index, value in enumerate(state(step))}
    return {**found, "figures": np.array(told)}
