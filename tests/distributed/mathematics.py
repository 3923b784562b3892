"""What same_mathematics_worker.py trains with two workers, and its test with one.

How far two right trainings may be apart: every variable starts from the same values and moves by
gradients, each of which has passed the roundings of the network, forth and back. So the limit of
a variable is `apart` of so many roundings, of the way that it has come (`limits`). In half
precision a rounding also puts activations next to zero on the other side of the ReLU.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from open_seq2seq.data.batch import Batch
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers import l2_regularizer, make_optimizer
from open_seq2seq.optimizers.weight_average import WeightAverage
from open_seq2seq.training.step import StepOptions, TrainStep
from open_seq2seq.training.step.result import Totals
from tests.encoders.architectures import layer, tdnn
from tests.encoders.encoder_checks import roundings
from tests.machines import half_precisions
from tests.models.test_speech2text import PARAMS
from tests.rounding import apart, rounded, stored

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

    @property
    def dtype(self) -> str:
        return self.policy.removeprefix("mixed_")

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
# Without those that TensorFlow cannot compute here.
CASES = {
    name: case
    for name, case in CASES.items()
    if case.dtype == "float32" or case.dtype in half_precisions()
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


def share(batch: Batch, rank: int, group: int = 2) -> Batch:
    """A worker's part, as the contract of the data layers has it."""
    chosen = np.arange(len(batch.indices))[rank::group]
    is_padding = not len(chosen)
    chosen = np.array([0]) if is_padding else chosen
    arrays = [array[chosen] for array in batch.arrays]
    return Batch(*arrays, chosen, 0.0 if is_padding else 2.0 * len(chosen), is_padding)


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


def in_turn(case: Case, group: int = 2, used: int | None = None) -> dict[str, np.ndarray]:
    """One process that takes the workers' shares in turn and applies the mean of their gradients.

    Each share meets the moving statistics of before, and their mean is kept.

    Args:
      used: how many of the shares; None: all.
    """
    step = make(case, iter_size=group)
    moving = [v for v in step.model.non_trainable_variables if "moving_" in v.path]
    assert moving
    found = {}
    for number, batch in enumerate(global_batches(case)):
        shares = [share(batch, rank, group) for rank in range(group)]
        shares = [one for one in shares if not one.is_padding][:used]
        before, after = [np.array(v.value) for v in moving], []
        for one in shares:
            for variable, value in zip(moving, before):
                variable.assign(value)
            step(one, case.rate, case.scale, 0.5, update=one is shares[-1])
            after.append([np.array(v.value) for v in moving])
        for variable, *values in zip(moving, *after):
            variable.assign(np.mean(values, axis=0))
            assert len(values) == 1 or not np.allclose(values[0], values[-1])
        found |= {f"{number}/{index}": value for index, value in enumerate(state(step))}
    return found


def relative_limit(case: Case) -> float:
    """How far two gradients may be apart: of all sums forth and back, and one over all frames.

    Of normalized activations, normal numbers by and large, a share of 2 r / sqrt(2 pi) is within r
    of zero, where a ReLU may pass one or not; a sum of which so many terms are there or not, at
    random, is off by the root of that share. (In float32 it is one activation in 300,000.)
    """
    step = make(case)
    frames = max(case.sizes) * 24
    count = 2 * roundings(step.model.encoder, case.dtype) + rounded(frames, case.dtype)
    relative = apart(count, case.dtype)
    if case.dtype == "float32":
        return relative
    return relative + np.sqrt(relative / np.sqrt(2 * np.pi))


def limits(case: Case, expected: Mapping[str, np.ndarray]) -> dict[str, float]:
    """How far each variable may be off after each batch; one number for all of its values."""
    relative = relative_limit(case)
    found, way = {}, {}
    last = {str(index): value for index, value in enumerate(state(make(case)))}
    for key, value in expected.items():
        number, _, index = key.partition("/")
        if key == "figures":
            continue
        moved = np.abs(value - last[index])
        way[index] = way.get(index, 0.0) + moved[np.isfinite(moved)].max(initial=0.0)
        written = stored(value[np.isfinite(value)], "float32").max(initial=0.0)
        found[key] = relative * way[index] + 4 * (int(number) + 1) * written
        last[index] = value
    return found


def kernel(of: Mapping[str, np.ndarray], number: int) -> np.ndarray:
    """The first layer's, after so many batches."""
    return of[f"{number}/0"]


def moved(of: Mapping[str, np.ndarray]) -> float:
    """How far the first layer's kernel has come from the first to the last batch."""
    return np.abs(kernel(of, 4) - kernel(of, 0)).max()
