"""Names for what Keras, TensorFlow and JAX give no types for."""

from __future__ import annotations

from typing import Any, TypeAlias

# A tensor of the Keras backend in use, eager, symbolic or traced: tf.Tensor, jax.Array,
# keras.KerasTensor, or a NumPy array that Keras takes for one. A type checker sees none of them.
Tensor: TypeAlias = Any
# A keras.Variable, or a variable of the backend.
Variable: TypeAlias = Any
# What `tree.map_structure` goes through: tensors in tuples, lists and dictionaries.
Nested: TypeAlias = Any
