"""Names for what Keras, TensorFlow and JAX give no types for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

# A tensor of the Keras backend in use, eager, symbolic or traced: tf.Tensor, jax.Array,
# keras.KerasTensor, or a NumPy array that Keras takes for one. A type checker sees none of them.
Tensor: TypeAlias = Any
# A keras.Variable, or a variable of the backend.
Variable: TypeAlias = Any
# What keras.initializers.get and keras.regularizers.get take: an object, its name, or None.
Initializer: TypeAlias = Any
Regularizer: TypeAlias = Any
# The name of a number format, or NumPy's or TensorFlow's object for it.
DType: TypeAlias = Any
# What is applied to each value of a tensor, as `keras.ops.relu` is.
Activation: TypeAlias = Callable[[Tensor], Tensor]
# What get_config of Keras's layers and optimizers returns: the arguments that make another one.
KerasConfig: TypeAlias = dict[str, Any]
