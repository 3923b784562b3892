"""Runs all encoder cases on one backend, for `test_backends.py`.

    KERAS_BACKEND=jax python -m tests.encoders.backends weights.npz results.npz

reads each case's weights, and writes its outputs, lengths and gradients.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tests.encoders.encoder_checks import EncoderCase, encode, scramble

LENGTHS = np.array([41, 40, 27], np.int32)


def all_cases() -> dict[str, EncoderCase]:
    """The `CASES` of every test file of this folder, by file and name."""
    cases = {}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        if "\nCASES" in path.read_text():
            module = importlib.import_module(f"tests.encoders.{path.stem}")
            name = path.stem.removeprefix("test_")
            cases.update({f"{name}-{case.name}": case for case in module.CASES})
    return cases


def build(case: EncoderCase) -> tuple[Any, np.ndarray]:
    """The case's encoder with its variables, and its features."""
    encoder, features = case.make(), case.features(len(LENGTHS), int(LENGTHS.max()))
    shape = (None, *features.shape[1:])
    encoder(keras.KerasTensor(shape, "float32"), keras.KerasTensor((None,), "int32"))
    return encoder, features


def forward(encoder: Any, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Outputs and lengths in evaluation."""
    if keras.backend.backend() != "jax":
        return encode(encoder, features, LENGTHS)
    import jax  # Compiled at once, it is many times faster than operation by operation.

    values = [
        [v.value for v in vs]
        for vs in (encoder.trainable_variables, encoder.non_trainable_variables)
    ]
    (outputs, lengths), _ = jax.jit(encoder.stateless_call)(*values, features, LENGTHS)
    return np.array(outputs), np.array(lengths)


def learned(encoder: Any) -> list[Any]:
    """The variables without the states of random generators, which backends keep differently."""
    return [v for v in encoder.variables if "seed" not in v.path]


def draws(encoder: Any, features: np.ndarray) -> bool:
    """Whether training draws random numbers: then two calls differ."""
    first, second = (
        keras.ops.convert_to_numpy(encoder(features, LENGTHS, training=True)[0]) for _ in range(2)
    )
    return not np.array_equal(first, second)


def gradients(encoder: Any, features: np.ndarray, training: bool) -> list[np.ndarray]:
    """Of the mean square of the outputs, by each trainable variable.

    Args:
      training: batch statistics; without them the moving ones are used.
    """

    def loss(outputs: Any) -> Any:
        return keras.ops.mean(keras.ops.square(keras.ops.cast(outputs, "float32")))

    if keras.backend.backend() == "jax":
        import jax

        trainable = [v.value for v in encoder.trainable_variables]
        others = [v.value for v in encoder.non_trainable_variables]

        def loss_of(weights: Any) -> Any:
            results, _ = encoder.stateless_call(
                weights, others, features, LENGTHS, training=training
            )
            return loss(results[0])

        found = jax.jit(jax.grad(loss_of))(trainable)
    else:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            value = loss(encoder(features, LENGTHS, training=training)[0])
        weights = [v.value for v in encoder.trainable_variables]
        found = tape.gradient(value, weights, unconnected_gradients="zero")
    return [np.array(gradient) for gradient in found]


def results(case: EncoderCase, weights: list[np.ndarray] | None, training: bool | None) -> dict:
    """Outputs, lengths and gradients of a case, with its weights and whether it draws.

    Args:
      weights: of `learned`; None: made up here.
      training: of the gradients; None: if training draws no random numbers.
    """
    encoder, features = build(case)
    if weights is None:
        scramble(encoder)
        weights = [keras.ops.convert_to_numpy(v.value) for v in learned(encoder)]
    for variable, value in zip(learned(encoder), weights, strict=True):
        variable.assign(value)
    if training is None:
        training = not draws(encoder, features)
        for variable, value in zip(learned(encoder), weights):  # Moving statistics moved.
            variable.assign(value)
    outputs, lengths = forward(encoder, features)
    found = {"outputs": outputs, "lengths": lengths, "training": np.array(training)}
    found |= {f"weight{i:03}": value for i, value in enumerate(weights)}
    slopes = gradients(encoder, features, training)
    return {**found, **{f"gradient{i:03}": value for i, value in enumerate(slopes)}}


def part(arrays: Any, case: str, prefix: str) -> list[np.ndarray]:
    """The arrays of one case whose key starts with `prefix`, in order."""
    return [arrays[key] for key in sorted(arrays) if key.startswith(f"{case}/{prefix}")]


def main(source: str, target: str) -> None:
    """All cases with the weights in `source`; the results go to `target`."""
    given = dict(np.load(source))
    found = {}
    for name, case in all_cases().items():
        training = bool(given[f"{name}/training"])
        case_results = results(case, part(given, name, "weight"), training)
        found |= {f"{name}/{key}": value for key, value in case_results.items()}
    np.savez(target, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
