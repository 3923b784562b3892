"""Learning-rate policies: plain functions `policy(global_step, learning_rate, ...) -> float`.

The training loop calls the policy on the host before each step and assigns the result
to the optimizer, so a policy is ordinary Python and costs nothing in the graph.
`global_step` counts updates from 0. The formulas are those of OpenSeq2Seq's policies of
the same names.

A policy describes its arguments (all but `global_step`) in an attribute `PARAMS`. A
user's own function needs none: its signature says what it takes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import TypeVar

from open_seq2seq.config.schema import Param, Params, Schema
from open_seq2seq.errors import Problem

Policy = Callable[..., float]
_Function = TypeVar("_Function", bound=Callable[..., float])

_LEARNING_RATE = Param(
    "learning_rate", float, "The base learning rate, which the policy scales.", minimum=0.0
)
_DECAY_STEPS = Param(
    "decay_steps",
    int,
    "Length of the decay in steps; None: from begin_decay_at to the end of the training.",
    default=None,
    minimum=1,
)
_BEGIN_DECAY_AT = Param(
    "begin_decay_at",
    int,
    "First step of the decay; when decay_steps is not given, at least warmup_steps.",
    default=0,
    minimum=0,
)
_WARMUP_STEPS = Param(
    "warmup_steps",
    int,
    "Steps of linear warm-up from 0; 0: none. With decay_steps given, set begin_decay_at too.",
    default=0,
    minimum=0,
)
_MIN_LR = Param(
    "min_lr", float, "The learning rate does not fall below it.", default=0.0, minimum=0.0
)


def _policy(
    summary: str,
    *params: Param,
    check: Callable[[Params, str], Iterable[Problem]] | None = None,
) -> Callable[[_Function], _Function]:
    """Attaches `PARAMS` to a policy; the learning rate is common to all of them."""

    def attach(function: _Function) -> _Function:
        schema = Schema(function.__name__, (_LEARNING_RATE, *params), check, summary)
        function.PARAMS = schema  # type: ignore[attr-defined]
        return function

    return attach


@_policy("The same learning rate at every step.")
def fixed_lr(global_step: int, learning_rate: float) -> float:
    """`learning_rate`, whatever the step."""
    return learning_rate


@_policy(
    "Polynomial decay to min_lr, after an optional linear warm-up.",
    _DECAY_STEPS,
    Param("power", float, "Power of the polynomial; 1: linear.", default=1.0, minimum=0.0),
    _BEGIN_DECAY_AT,
    _MIN_LR,
    _WARMUP_STEPS,
)
def poly_decay(
    global_step: int,
    learning_rate: float,
    decay_steps: int,
    power: float = 1.0,
    begin_decay_at: int = 0,
    min_lr: float = 0.0,
    warmup_steps: int = 0,
) -> float:
    """`(learning_rate - min_lr) (1 - progress)^power + min_lr`, where progress goes from 0 to 1."""
    if global_step < max(warmup_steps, begin_decay_at):
        return _before_decay(global_step, learning_rate, warmup_steps)
    remaining = 1.0 - _progress(global_step, begin_decay_at, decay_steps)
    return (learning_rate - min_lr) * remaining**power + min_lr


def _check_fraction(values: Params, where: str) -> Iterable[Problem]:
    old, new = values.get("min_lr"), values.get("min_lr_fraction")
    if old is not None and new is not None and old != new:
        place = f"{where}/min_lr" if where else "min_lr"
        remedy = f"Remove min_lr, the old name (--{place}=None); or set both to {new:g}."
        expected = "one of them: both are the fraction of learning_rate that is left at the end"
        yield Problem(place, f"{old:g}, and min_lr_fraction {new:g}", expected, remedy)


@_policy(
    "Half a cosine down to min_lr_fraction x learning_rate, after an optional linear warm-up.",
    _DECAY_STEPS,
    Param("power", float, "Has no effect; accepted because OpenSeq2Seq does.", default=1.0),
    _BEGIN_DECAY_AT,
    Param(
        "min_lr",
        float,
        "OpenSeq2Seq's name of min_lr_fraction: a fraction of learning_rate here, while it is a "
        "rate in the other policies.",
        default=None,
        minimum=0.0,
        maximum=1.0,
        note="a fraction of learning_rate in cosine_decay, a rate in the other policies. Its name "
        "is min_lr_fraction; the old one keeps its meaning.",
    ),
    _WARMUP_STEPS,
    Param(
        "min_lr_fraction",
        float,
        "The final learning rate as a fraction of learning_rate.",
        default=0.0,
        minimum=0.0,
        maximum=1.0,
    ),
    check=_check_fraction,
)
def cosine_decay(
    global_step: int,
    learning_rate: float,
    decay_steps: int,
    power: float = 1.0,
    begin_decay_at: int = 0,
    min_lr: float | None = None,
    warmup_steps: int = 0,
    min_lr_fraction: float = 0.0,
) -> float:
    """`learning_rate ((1 - f) (1 + cos(pi progress)) / 2 + f)`, f the fraction (arXiv:1608.03983).

    `min_lr` is what OpenSeq2Seq calls the fraction.
    """
    if global_step < max(warmup_steps, begin_decay_at):
        return _before_decay(global_step, learning_rate, warmup_steps)
    progress = _progress(global_step, begin_decay_at, decay_steps)
    cosine = 0.5 * (1.0 + math.cos(math.pi * progress))
    fraction = min_lr_fraction if min_lr is None else min_lr
    return learning_rate * ((1.0 - fraction) * cosine + fraction)


@_policy(
    "Exponential decay: the rate is multiplied by decay_rate every decay_steps.",
    _DECAY_STEPS,
    Param("decay_rate", float, "Factor for each decay_steps.", minimum=0.0),
    Param("use_staircase_decay", bool, "Decay in jumps at every decay_steps, not smoothly."),
    Param("begin_decay_at", int, "First step of the decay.", default=0, minimum=0),
    _MIN_LR,
)
def exp_decay(
    global_step: int,
    learning_rate: float,
    decay_steps: int,
    decay_rate: float,
    use_staircase_decay: bool,
    begin_decay_at: int = 0,
    min_lr: float = 0.0,
) -> float:
    """`max(min_lr, learning_rate decay_rate^((step - begin_decay_at) / decay_steps))`."""
    if global_step < begin_decay_at:
        return learning_rate
    exponent = (global_step - begin_decay_at) / decay_steps
    if use_staircase_decay:
        exponent = math.floor(exponent)
    return max(min_lr, learning_rate * decay_rate**exponent)


def _check_pieces(values: Params, where: str) -> Iterable[Problem]:
    boundaries, rates = values["boundaries"], values["decay_rates"]
    if len(boundaries) != len(rates):
        place = f"{where}/decay_rates" if where else "decay_rates"
        # As long as the boundaries: those that are there, then a tenth of the one before.
        wanted = list(rates[: len(boundaries)])
        while len(wanted) < len(boundaries):
            wanted.append(float(f"{(wanted[-1] if wanted else 1.0) / 10:g}"))
        expected = f"one for each of {len(boundaries)} boundaries"
        yield Problem(place, f"{len(rates)} rates", expected, f"Set decay_rates to {wanted}.")
    if any(later <= earlier for earlier, later in pairwise(boundaries)):
        place = f"{where}/boundaries" if where else "boundaries"
        remedy = f"Set boundaries to {sorted(boundaries)}."
        if len(set(boundaries)) < len(boundaries):
            remedy = "Remove the boundaries that are there twice, and their decay_rates."
        yield Problem(place, f"{list(boundaries)}", "increasing numbers", remedy)


@_policy(
    "A constant learning rate between boundaries.",
    Param(
        "boundaries",
        list,
        "Where the rate changes: in epochs when num_epochs is set, else in steps. "
        "The boundary itself still has the earlier rate.",
        item=Param("boundary", float, "Epoch or step.", minimum=0.0),
    ),
    Param(
        "decay_rates",
        list,
        "Factor of learning_rate after each boundary (not cumulative).",
        item=Param("factor", float, "Factor of learning_rate.", minimum=0.0),
    ),
    Param(
        "steps_per_epoch",
        int,
        "Steps of one epoch; filled in when num_epochs is set. None: boundaries are steps.",
        default=None,
        minimum=1,
    ),
    check=_check_pieces,
)
def piecewise_constant(
    global_step: int,
    learning_rate: float,
    boundaries: Sequence[float],
    decay_rates: Sequence[float],
    steps_per_epoch: int | None = None,
) -> float:
    """`learning_rate` up to the first boundary, then `learning_rate x decay_rates[i]`."""
    scale = steps_per_epoch or 1
    passed = sum(global_step > boundary * scale for boundary in boundaries)
    return learning_rate * decay_rates[passed - 1] if passed else learning_rate


@_policy(
    "The schedule of the Transformer: linear warm-up, then 1 / sqrt(step).",
    Param("d_model", int, "Width of the model; the rate is divided by its root.", minimum=1),
    Param("warmup_steps", int, "Steps of linear warm-up.", minimum=1),
    Param("max_lr", float, "Upper bound of the rate; None: none.", default=None, minimum=0.0),
    Param("coefficient", float, "A further factor of the rate.", default=1.0),
)
def transformer_policy(
    global_step: int,
    learning_rate: float,
    d_model: int,
    warmup_steps: int,
    max_lr: float | None = None,
    coefficient: float = 1.0,
) -> float:
    """`learning_rate d_model^-0.5 min(n warmup_steps^-1.5, n^-0.5)`, n = step + 1.

    Vaswani et al. 2017, "Attention is all you need", equation 3.
    """
    count = global_step + 1.0
    shape = min(count * warmup_steps**-1.5, count**-0.5)
    rate = learning_rate * coefficient * d_model**-0.5 * shape
    return rate if max_lr is None else min(rate, max_lr)


@_policy(
    "Inverse polynomial decay, which reaches min_lr at decay_steps and goes on falling.",
    _DECAY_STEPS,
    Param("min_lr", float, "The learning rate after decay_steps.", minimum=0.0),
    Param("power", float, "Power of the polynomial, above 0.", default=1.0, minimum=1e-6),
    _BEGIN_DECAY_AT,
    _WARMUP_STEPS,
)
def inv_poly_decay(
    global_step: int,
    learning_rate: float,
    decay_steps: int,
    min_lr: float,
    power: float = 1.0,
    begin_decay_at: int = 0,
    warmup_steps: int = 0,
) -> float:
    """`learning_rate / (1 + scale n)^power`, n = steps since begin_decay_at.

    `scale` makes it `min_lr` at n = decay_steps. Warm-up and `begin_decay_at` act as in
    the other policies (OpenSeq2Seq accepted and ignored them here).
    """
    if global_step < max(warmup_steps, begin_decay_at):
        return _before_decay(global_step, learning_rate, warmup_steps)
    # Bounded, since a final rate of zero would need an infinite scale.
    final = min(max(min_lr, 1e-8), learning_rate)
    scale = ((learning_rate / final) ** (1.0 / power) - 1.0) / decay_steps if final else 0.0
    return learning_rate / (1.0 + scale * (global_step - begin_decay_at)) ** power


LR_POLICIES: dict[str, Policy] = {
    function.__name__: function
    for function in (
        fixed_lr,
        poly_decay,
        cosine_decay,
        exp_decay,
        piecewise_constant,
        transformer_policy,
        inv_poly_decay,
    )
}


def _before_decay(global_step: int, learning_rate: float, warmup_steps: int) -> float:
    """Linear warm-up from 0 at step 0, then the base rate until the decay begins."""
    if global_step < warmup_steps:
        return learning_rate * global_step / warmup_steps
    return learning_rate


def _progress(global_step: int, begin_decay_at: int, decay_steps: int) -> float:
    """How much of the decay is done, 0 to 1."""
    return min(global_step - begin_decay_at, decay_steps) / decay_steps
