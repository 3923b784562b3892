"""The TensorFlow names that OpenSeq2Seq configs use, offered while a config loads.

A config finds a global `tf` without importing it; what it puts into its dictionaries
(`tf.float32`) is turned into plain values (`"float32"`), so nothing behind the config
needs to know TensorFlow.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType, SimpleNamespace
from typing import Any


def offer_tensorflow_names(module: ModuleType) -> None:
    """Gives the module a global `tf`, before it runs.

    The name stays afterwards: lambdas of the config (an activation function) look it up
    when they are called, long after loading.
    """
    vars(module)["tf"] = _Tensorflow()


class _Tensorflow:
    """The few TensorFlow 1 names that speech configs use, on any Keras backend."""

    float16 = "float16"
    float32 = "float32"

    @property
    def nn(self) -> SimpleNamespace:
        from keras import ops

        return SimpleNamespace(
            relu=ops.relu, relu6=ops.relu6, elu=ops.elu, sigmoid=ops.sigmoid, tanh=ops.tanh
        )

    def minimum(self, x: Any, y: Any) -> Any:
        from keras import ops

        return ops.minimum(x, y)

    def maximum(self, x: Any, y: Any) -> Any:
        from keras import ops

        return ops.maximum(x, y)


def plain_values(value: Any) -> Any:
    """`value` with every TensorFlow dtype in it replaced by its name."""
    if isinstance(value, Mapping):
        return {key: plain_values(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_values(item) for item in value]
    if hasattr(value, "as_numpy_dtype") and hasattr(value, "name"):
        return value.name
    return value
