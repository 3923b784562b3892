"""What every encoder must do, to be run on any of them.

A test file of this folder lists its cases as `CASES`, names those of the fast suite as `FAST`, and
runs all checks on each:

    @pytest.mark.parametrize(("case", "check"), pairs(CASES, FAST))
    def test_encoder(case, check):
        check(case)

`test_backends.py` finds the `CASES` of all files, and compares the backends on them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
import pytest

from open_seq2seq.checkpoints.variables import restore, save_checkpoint
from open_seq2seq.errors import InputError
from open_seq2seq.ops.portable import portable
from tests.machines import half_precisions, widens_bfloat16
from tests.rounding import assert_within, bound, rounded
from tests.tensorflow_graphs import is_integer, nodes


@dataclass(frozen=True)
class EncoderCase:
    """An encoder class with parameters, small enough to run in a second.

    Args:
      name: what the test is called.
      encoder: the class.
      params: its parameters.
      num_features: features per frame; a tuple when the input has a width axis.
      tolerance: of batch invariance in float32.
      trains_all: whether every trainable variable gets a gradient in one step.
      spoilt: what a frame is filled with, to see what depends on it.
      period: output frames after which what they depend on repeats.
    """

    name: str
    encoder: type
    params: Mapping[str, Any]
    num_features: int | tuple[int, ...] = 6
    tolerance: float = 1e-4
    trains_all: bool = True
    spoilt: float = math.nan
    period: int = 1

    def make(self, dtype: str = "float32") -> Any:
        keras.utils.set_random_seed(1)
        return self.encoder(self.params, name="encoder", dtype=dtype)

    def features(self, batch: int, frames: int, seed: int = 0) -> np.ndarray:
        sizes = self.num_features if isinstance(self.num_features, tuple) else (self.num_features,)
        rng = np.random.default_rng(seed)
        return rng.standard_normal((batch, frames, *sizes)).astype(np.float32)


def scramble(layer: Any, seed: int = 3) -> None:
    """Gives every variable a value that it doesn't start with, as training would."""
    rng = np.random.default_rng(seed)
    for variable in layer.variables:
        if "seed" in variable.path:
            continue
        values = rng.standard_normal(variable.shape) * 0.3
        if variable.path.endswith(("variance", "gamma")):
            values = 0.5 + np.abs(values)
        variable.assign(values.astype(np.float32))


_scrambled: list[tuple[EncoderCase, Any]] = []


def make_scrambled(case: EncoderCase) -> Any:
    """One with values as after training, the same for checks that follow each other."""
    if not _scrambled or _scrambled[0][0] is not case:
        encoder = case.make()
        encoder.build((None, None, *case.features(1, 1).shape[2:]), (None,))
        scramble(encoder)
        _scrambled[:] = [(case, encoder)]
    return _scrambled[0][1]


def encode(encoder: Any, features: np.ndarray, lengths: Any) -> tuple[np.ndarray, np.ndarray]:
    """Outputs and lengths in evaluation, as NumPy arrays."""
    outputs, lengths = encoder(features, np.asarray(lengths, np.int32), training=False)
    return (
        keras.ops.convert_to_numpy(keras.ops.cast(outputs, "float32")),
        keras.ops.convert_to_numpy(lengths),
    )


def check_construction(case: EncoderCase) -> None:
    """Calling it makes variables with unique, readable names, [batch, time', channel] comes out."""
    encoder = case.make()
    outputs, lengths = encode(encoder, case.features(2, 40), [40, 33])
    assert outputs.ndim == 3 and outputs.shape[0] == 2
    assert np.isfinite(outputs).all()
    assert lengths.dtype == np.int32
    paths = [variable.path for variable in encoder.variables]
    assert len(set(paths)) == len(paths)
    assert all(path.startswith(("encoder/", "encoder_seed/")) for path in paths), paths


def check_symbolic_build(case: EncoderCase) -> None:
    """It can be built from an unknown batch size and length, with the same variables."""
    called, built = case.make(), case.make()
    encode(called, case.features(1, 40), [40])
    sizes = case.num_features if isinstance(case.num_features, tuple) else (case.num_features,)
    features = keras.KerasTensor((None, None, *sizes), "float32")
    built(features, keras.KerasTensor((None,), "int32"))
    assert [(v.path, v.shape) for v in built.variables] == [
        (v.path, v.shape) for v in called.variables
    ]


def check_config_round_trip(case: EncoderCase) -> None:
    """from_config(get_config()) computes the same with the same weights."""
    encoder = case.make()
    features = case.features(2, 40)
    encode(encoder, features, [40, 31])
    scramble(encoder)
    copy = case.encoder.from_config(encoder.get_config())
    encode(copy, features, [40, 31])
    assert [v.path for v in copy.variables] == [v.path for v in encoder.variables]
    copy.set_weights(encoder.get_weights())
    expected, _ = encode(encoder, features, [40, 31])
    np.testing.assert_array_equal(encode(copy, features, [40, 31])[0], expected)


def check_lengths(case: EncoderCase) -> None:
    """output_length agrees with what call gives, for ints, arrays and tensors."""
    encoder = case.make()
    lengths = np.arange(30, 47)
    outputs, encoded = encode(encoder, case.features(len(lengths), 46), lengths)
    np.testing.assert_array_equal(encoder.output_length(lengths), encoded)
    assert [encoder.output_length(int(n)) for n in lengths] == encoded.tolist()
    tensor = encoder.output_length(keras.ops.convert_to_tensor(lengths, "int32"))
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(tensor), encoded)
    assert outputs.shape[1] == encoded[-1]
    assert encoder.time_stride >= 1


def check_batch_invariance(case: EncoderCase) -> None:
    """An utterance alone, and in batches of other utterances and paddings, encodes the same."""
    encoder = make_scrambled(case)
    frames = 37
    utterance = case.features(1, frames, seed=5)
    alone, length = encode(encoder, utterance, [frames])
    alone = alone[0, : length[0]]
    assert np.abs(alone).max() > 1e-3, "nothing to compare"
    for batch, padded, filling in ((1, 38, 0.0), (3, 40, 0.0), (2, 53, 100.0), (4, 64, np.nan)):
        features = case.features(batch, padded, seed=batch)
        features[-1] = filling
        features[-1, :frames] = utterance[0]
        lengths = [padded] * (batch - 1) + [frames]
        outputs, encoded = encode(encoder, features, lengths)
        assert encoded[-1] == length[0]
        np.testing.assert_allclose(
            outputs[-1, : length[0]],
            alone,
            rtol=0,
            atol=case.tolerance * max(1.0, np.abs(alone).max()),
            err_msg=f"batch of {batch}, {padded} frames, padded with {filling}",
        )


# What may be rounded after a product: its normalization, an activation, a residual, an output.
_AFTER_A_PRODUCT = 4


def roundings(encoder: Any, dtype: str) -> int:
    """How many roundings to `dtype` lie on the way through all products of an encoder.

    Each kernel is a sum of as many products as it has numbers for an output. A recurrent one
    counts twice: gates forget about half of an error in each frame, 1 + 1/2 + 1/4 + ... = 2.
    TensorFlow's depthwise convolution adds in the dtype itself.
    """
    count = 0
    for variable in encoder.variables:
        name = variable.path.rpartition("/")[2]
        if not name.endswith("kernel"):
            continue
        is_depthwise = variable.shape[-1] == 1
        terms = variable.shape[0] if is_depthwise else int(np.prod(variable.shape[:-1]))
        widened = widens_bfloat16() and not is_depthwise
        times = 2 if "recurrent" in name else 1
        count += times * (rounded(terms, dtype, widened) + _AFTER_A_PRODUCT)
    return count


def check_mixed_precision(case: EncoderCase) -> None:
    """Half-precision policies compute nearly the same, with float32 variables."""
    features, lengths = case.features(2, 40), [40, 33]
    reference = case.make()
    expected, _ = encode(reference, features, lengths)
    for dtype in half_precisions():
        encoder = case.make(f"mixed_{dtype}")
        encode(encoder, features, lengths)
        encoder.set_weights(reference.get_weights())
        outputs, _ = encoder(features, np.asarray(lengths, np.int32))
        assert keras.backend.standardize_dtype(outputs.dtype) == dtype
        assert all(v.dtype == "float32" for v in encoder.variables if "seed" not in v.path), (
            "variables must be float32"
        )
        outputs = keras.ops.convert_to_numpy(keras.ops.cast(outputs, "float32"))
        relative = bound(roundings(encoder, dtype), dtype)
        assert relative < 0.5, "nothing would be tested"
        assert_within(outputs[0], expected[0], relative * np.abs(expected[0]).max(), dtype)


class _Regression(keras.Model):
    """An encoder with a target for its outputs, so that Keras trains it on any backend."""

    def __init__(self, encoder: Any):
        super().__init__(name="regression", dtype="float32")
        self.encoder = encoder

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        outputs, _ = self.encoder(inputs["features"], inputs["lengths"], training=training)
        return keras.ops.cast(outputs, "float32")


def check_training_step(case: EncoderCase) -> None:
    """Steps in float32 and bfloat16 change every variable and lower the loss."""
    for policy in ("float32", *(f"mixed_{d}" for d in half_precisions() if d == "bfloat16")):
        model = _Regression(case.make(policy))
        inputs = {"features": case.features(4, 40), "lengths": np.array([40, 39, 30, 25])}
        outputs = model(inputs)
        rng = np.random.default_rng(2)
        targets = rng.standard_normal(outputs.shape).astype(np.float32)
        model.compile(keras.optimizers.Adam(0.02), loss="mse", run_eagerly=True)
        before = [keras.ops.convert_to_numpy(v) for v in model.trainable_variables]
        losses = [float(model.train_on_batch(inputs, targets)) for _ in range(3)]
        assert np.isfinite(losses).all()
        assert losses[-1] < losses[0], losses
        if case.trains_all:
            for variable, old in zip(model.trainable_variables, before):
                changed = np.abs(keras.ops.convert_to_numpy(variable) - old).max()
                assert changed > 0, f"{variable.path} did not change"


def check_save_and_load(case: EncoderCase) -> None:
    """What a checkpoint of it holds is all: a fresh one computes the same, and draws the same."""
    inputs = {"features": case.features(3, 40), "lengths": np.array([40, 33, 25])}
    models = [_Regression(case.make()) for _ in range(2)]
    for model in models:
        model(inputs)
    trained, fresh = models
    scramble(trained)
    for variable in fresh.variables:  # Nothing is equal by chance.
        variable.assign(keras.ops.ones_like(variable))
    with TemporaryDirectory() as folder:
        path = save_checkpoint(Path(folder), trained, None, {"step": 1})
        restore(path, fresh)
    for training in (False, True):
        expected = keras.ops.convert_to_numpy(trained(inputs, training=training))
        found = keras.ops.convert_to_numpy(fresh(inputs, training=training))
        np.testing.assert_array_equal(found, expected)


def check_context(case: EncoderCase) -> None:
    """An output depends on the frames that `context` names, and on no others."""
    encoder = make_scrambled(case)
    left, right = encoder.context
    assert left >= 0 and right >= 0
    if math.isinf(right):
        assert math.isinf(left)
        return
    stride, frames = encoder.time_stride, 72
    # A frame of each row is spoilt, and what depends on it is, too.
    count = stride * case.period
    rows = case.features(1, frames).repeat(count, axis=0)
    sound, _ = encode(encoder, rows, [frames] * count)
    spoilt = frames // 2 + np.arange(count)
    rows[np.arange(count), spoilt] = case.spoilt
    outputs, _ = encode(encoder, rows, [frames] * count)
    is_other = (outputs != sound).any(axis=2)
    row, output = np.nonzero(is_other)
    distances = spoilt[row] - output * stride
    if encoder.params.get("drop_block_prob"):  # A dropped block sees less.
        assert -left <= min(-distances) and max(distances) <= right
        return
    assert max(distances) == right
    first = (outputs.shape[1] - case.period) * stride - spoilt.min()
    assert min(distances) == (-left if left <= first else min(distances))
    assert math.isfinite(left) or is_other[:, -1].all()


def feed(encoder: Any, features: np.ndarray, lengths: np.ndarray, seed: int) -> list[np.ndarray]:
    """Each utterance's outputs from pieces that are cut at random, each row in its own places.

    The outputs have to come as soon as the context says, and what is past a piece's lengths
    has to be without effect.
    """
    rng = np.random.default_rng(seed)
    state = encoder.initial_state(len(lengths))
    shapes = {name: value.shape for name, value in state.items()}
    fed, outputs = np.zeros_like(lengths), [[] for _ in lengths]
    sizes = iter([1, 8, 1, *[21] * 9])
    while (fed < lengths).any():
        size = next(sizes)
        counts = np.where(fed < lengths, rng.integers(0, size + 1, len(lengths)), 0)
        counts = np.minimum(np.maximum(counts, size // 2), lengths - fed).astype(np.int32)
        piece = np.full((len(lengths), size, *features.shape[2:]), np.nan, np.float32)
        for row, (first, count) in enumerate(zip(fed, counts)):
            piece[row, :count] = features[row, first : first + count]
        fed += counts
        last = (fed == lengths) & (counts > 0)
        found, ready, state = encoder.stream(piece, counts, state, last if last.any() else False)
        assert {name: value.shape for name, value in state.items()} == shapes
        found, ready = (keras.ops.convert_to_numpy(value) for value in (found, ready))
        for row, count in enumerate(ready):
            outputs[row].append(found[row, :count])
            assert not found[row, count:].any()
            if fed[row] < lengths[row]:
                due = encoder.ready(int(fed[row]))
                assert sum(map(len, outputs[row])) == due, (row, fed[row])
    for name, value in state.items():
        assert not keras.ops.convert_to_numpy(value).any(), f"{name} doesn't begin anew"
    return [np.concatenate(parts) for parts in outputs]


def check_stream(case: EncoderCase) -> None:
    """Cut in any way, a stream is encoded as the whole utterance; or it is said why it can't be."""
    encoder = make_scrambled(case)
    lengths = np.array([33, 24, 10], np.int32)
    features = case.features(len(lengths), int(lengths.max()))
    problems = encoder.streaming_problems()
    if problems:
        assert all(p.where and p.found and p.expected and p.remedy for p in problems)
        with pytest.raises(InputError, match=re.escape(problems[0].where)):
            encoder.stream(features, lengths, {}, last=True)
        with pytest.raises(InputError, match=re.escape(problems[0].where)):
            encoder.initial_state(3)
        return
    expected, encoded = encode(encoder, features, lengths)
    largest = max(1.0, np.abs(expected).max())
    assert np.abs(expected).max() > 1e-3, "nothing to compare"
    for row, outputs in enumerate(feed(encoder, features, lengths, seed=len(case.name))):
        assert len(outputs) == encoded[row]
        np.testing.assert_allclose(
            outputs, expected[row, : len(outputs)], rtol=0, atol=1e-4 * largest
        )


def check_portable(case: EncoderCase) -> None:
    """Inside `portable` it is traced to TensorFlow's own operations, and computes the same."""
    import tensorflow as tf

    encoder = make_scrambled(case)
    features, lengths = case.features(2, 41), np.array([41, 30], np.int32)
    expected, encoded = encode(encoder, features, lengths)
    shape = (None, None, *features.shape[2:])
    specs = tf.TensorSpec(shape, tf.float32), tf.TensorSpec((None,), tf.int32)
    with portable():
        graph = tf.function(encoder, autograph=False).get_concrete_function(*specs)
    types = {node.op for node in nodes(graph)}
    assert not {name for name in types if name.startswith("OpenSeq2Seq")}
    assert not types & {"EnsureShape", "Erfc"}, "exporters to other runtimes don't know them"
    negated = [node.name for node in nodes(graph) if node.op == "Neg" and is_integer(node)]
    assert not negated, "an exporter truncates -(-a // b)"
    outputs, lengths = graph(tf.constant(features), tf.constant(lengths))
    np.testing.assert_array_equal(lengths, encoded)
    atol = 1e-4 * max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=atol)


# For further cases that differ from others in what they see ahead only.
STREAM_CHECKS = (check_context, check_stream, check_portable)
CHECKS = (
    check_construction,
    check_symbolic_build,
    check_config_round_trip,
    check_lengths,
    check_batch_invariance,
    check_context,
    check_stream,
    check_portable,
    check_mixed_precision,
    check_training_step,
    check_save_and_load,
)
# Of a second or several each: of most variants in the slow suite.
_EXPENSIVE = (
    check_construction,
    check_symbolic_build,
    check_config_round_trip,
    check_portable,
    check_mixed_precision,
    check_training_step,
    check_save_and_load,
)


def pairs(cases: Sequence[EncoderCase], fast: Sequence[str]) -> list[Any]:
    """Every case with every check.

    Args:
      cases: the encoders.
      fast: the names of those whose cheap checks are in the fast suite.
    """
    return [
        pytest.param(
            case,
            check,
            id=f"{case.name}-{check.__name__}",
            marks=[pytest.mark.slow]
            if (place % 6 and check in _EXPENSIVE) or case.name not in fast
            else [],
        )
        for place, case in enumerate(cases)
        for check in CHECKS
    ]
