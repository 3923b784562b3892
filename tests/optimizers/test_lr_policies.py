"""The policies against OpenSeq2Seq's golden values, closed forms and properties."""

import inspect
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.optimizers.lr_policies import (
    LR_POLICIES,
    cosine_decay,
    exp_decay,
    fixed_lr,
    inv_poly_decay,
    piecewise_constant,
    poly_decay,
    transformer_policy,
)

POLY = {"learning_rate": 0.05, "decay_steps": 1000, "power": 2.0, "min_lr": 1e-5}
COSINE_WARMUP = {
    "learning_rate": 0.01,
    "decay_steps": 900,
    "begin_decay_at": 100,
    "warmup_steps": 100,
}
COSINE_MIN = {"learning_rate": 0.01, "decay_steps": 1000, "min_lr": 0.1}
COSINE_FRACTION = {"learning_rate": 0.01, "decay_steps": 1000, "min_lr_fraction": 0.1}
EXP = {
    "learning_rate": 0.001,
    "decay_steps": 500,
    "decay_rate": 0.9,
    "use_staircase_decay": True,
}
PIECES = {"learning_rate": 0.1, "boundaries": [300, 600], "decay_rates": [0.1, 0.01]}
INVERSE = {"learning_rate": 0.02, "decay_steps": 1000, "min_lr": 1e-5, "power": 2.0}
TRANSFORMER = {"learning_rate": 2.0, "d_model": 512, "warmup_steps": 400}

# Printed by the original code; the tolerance is that of the printed digits.
GOLDEN = [
    (poly_decay, POLY, 100, 0.0405019),
    (poly_decay, POLY, 500, 0.0125075),
    (poly_decay, POLY, 1000, 1e-5),
    (cosine_decay, COSINE_WARMUP, 50, 0.005),
    (cosine_decay, COSINE_WARMUP, 300, 0.00883022),
    (cosine_decay, COSINE_WARMUP, 750, 0.00178606),
    (cosine_decay, COSINE_MIN, 500, 0.0055),
    (cosine_decay, COSINE_MIN, 1000, 0.001),
    (cosine_decay, COSINE_FRACTION, 500, 0.0055),
    (cosine_decay, COSINE_FRACTION, 1000, 0.001),
    (exp_decay, EXP, 500, 0.0009),
    (exp_decay, EXP, 1000, 0.00081),
    (piecewise_constant, PIECES, 300, 0.1),
    (piecewise_constant, PIECES, 301, 0.01),
    (piecewise_constant, PIECES, 750, 0.001),
    (inv_poly_decay, INVERSE, 100, 0.000693),
    (inv_poly_decay, INVERSE, 500, 3.827e-5),
    (inv_poly_decay, INVERSE, 2000, 2.557e-6),
    (transformer_policy, TRANSFORMER, 0, 1.10485e-5),
    (transformer_policy, TRANSFORMER, 500, 0.0039489),
]
RELATIVE = {inv_poly_decay: 8e-4, transformer_policy: 1e-5}

steps = st.integers(0, 100_000)
rates = st.floats(1e-6, 10.0)


@pytest.mark.parametrize(("policy", "params", "step", "expected"), GOLDEN)
def test_golden_values(policy, params, step, expected):
    tolerance = RELATIVE.get(policy, 2e-6)
    assert policy(step, **params) == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize("policy", LR_POLICIES.values(), ids=LR_POLICIES)
def test_schema_matches_the_signature(policy):
    arguments = inspect.signature(policy).parameters
    assert [*arguments] == ["global_step", *policy.PARAMS.by_name]
    for name, param in policy.PARAMS.by_name.items():
        default = arguments[name].default
        if name == "decay_steps":  # filled in from the length of the training
            assert param.default is None
        elif default is inspect.Parameter.empty:
            assert param.required
        else:
            assert param.default == default
        assert param.help.endswith(".")
    assert policy.PARAMS.name == policy.__name__


@settings(deadline=None)
@given(step=steps, rate=rates)
def test_fixed(step, rate):
    assert fixed_lr(step, rate) == rate


@settings(deadline=None)
@given(
    step=steps,
    rate=rates,
    decay_steps=st.integers(1, 50_000),
    warmup_steps=st.integers(0, 5000),
    extra=st.integers(0, 5000),
    power=st.floats(0.1, 4.0),
    share=st.floats(0.0, 1.0),
    policy=st.sampled_from([poly_decay, cosine_decay, inv_poly_decay]),
    name=st.sampled_from(["min_lr", "min_lr_fraction"]),
)
def test_warmup_then_constant_then_monotone_decay(
    step, rate, decay_steps, warmup_steps, extra, power, share, policy, name
):
    begin = warmup_steps + extra
    minimum = {name: share} if policy is cosine_decay else {"min_lr": share * rate}

    def learning_rate(at):
        return policy(
            at,
            rate,
            decay_steps,
            power=power,
            begin_decay_at=begin,
            warmup_steps=warmup_steps,
            **minimum,
        )

    value = learning_rate(step)
    if step < warmup_steps:
        assert value == pytest.approx(rate * step / warmup_steps)
    elif step <= begin:
        assert value == pytest.approx(rate)
    else:
        assert value <= learning_rate(step - 1) * (1 + 1e-12)
    final = share * rate
    if policy is inv_poly_decay:
        final = min(max(final, 1e-8), rate)
    else:
        assert learning_rate(begin + 3 * decay_steps) == learning_rate(begin + decay_steps)
    assert learning_rate(begin + decay_steps) == pytest.approx(final, rel=1e-6, abs=1e-12)


@settings(deadline=None)
@given(step=steps, rate=rates, decay_steps=st.integers(1, 5000), factor=st.floats(0.1, 1.0))
def test_exponential(step, rate, decay_steps, factor):
    smooth = exp_decay(step, rate, decay_steps, factor, False)
    stairs = exp_decay(step, rate, decay_steps, factor, True)
    assert smooth == pytest.approx(rate * math.exp(math.log(factor) * step / decay_steps))
    assert stairs == pytest.approx(rate * factor ** (step // decay_steps))
    assert exp_decay(step, rate, decay_steps, factor, False, min_lr=rate / 2) >= rate / 2
    shifted = exp_decay(step + 77, rate, decay_steps, factor, True, begin_decay_at=77)
    assert shifted == stairs
    assert exp_decay(76, rate, decay_steps, factor, True, begin_decay_at=77) == rate


@settings(deadline=None)
@given(step=steps, per_epoch=st.integers(1, 1000))
def test_piecewise_in_epochs(step, per_epoch):
    value = piecewise_constant(step, 1.0, [2, 5], [0.5, 0.1], per_epoch)
    expected = 1.0 if step <= 2 * per_epoch else 0.5 if step <= 5 * per_epoch else 0.1
    assert value == expected


@settings(deadline=None)
@given(step=steps, warmup_steps=st.integers(1, 5000), width=st.integers(1, 2048))
def test_transformer(step, warmup_steps, width):
    count = step + 1
    peak = (width * warmup_steps) ** -0.5
    value = transformer_policy(step, 1.0, width, warmup_steps)
    if count <= warmup_steps:
        assert value == pytest.approx(peak * count / warmup_steps)
    else:
        assert value == pytest.approx(peak * math.sqrt(warmup_steps / count))
    assert transformer_policy(step, 1.0, width, warmup_steps, max_lr=peak / 2) <= peak / 2
    tripled = transformer_policy(step, 1.0, width, warmup_steps, coefficient=3.0)
    assert tripled == pytest.approx(3.0 * value)


def test_a_fraction_has_one_name():
    """OpenSeq2Seq's name of cosine_decay's fraction is said, and not mixed with ours."""
    schema = cosine_decay.PARAMS
    (note,) = schema.notes({"learning_rate": 0.01, "min_lr": 0.1})
    assert note.startswith("min_lr: a fraction of learning_rate") and "min_lr_fraction" in note
    assert schema.notes({"learning_rate": 0.01, "min_lr_fraction": 0.1, "min_lr": 0.0}) == []
    assert poly_decay.PARAMS.notes({"learning_rate": 0.01, "min_lr": 1e-5}) == []
    both = {"learning_rate": 0.01, "min_lr": 0.1, "min_lr_fraction": 0.2}
    (problem,) = schema.problems(both, "lr_policy_params")
    assert problem.where == "lr_policy_params/min_lr"
    assert "--lr_policy_params/min_lr=None" in problem.remedy
    for remedied in ({**both, "min_lr": None}, {**both, "min_lr": 0.2}):
        assert schema.problems(remedied) == []
        assert cosine_decay(1000, decay_steps=1000, **remedied) == pytest.approx(0.002)
