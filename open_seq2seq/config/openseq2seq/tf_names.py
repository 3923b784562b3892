"""The TensorFlow 1 names that OpenSeq2Seq configs use.

To a config, `tensorflow` is the small module that `TensorflowNames` makes, which needs no
TensorFlow. What a config puts into its dictionaries is plain: dtypes are their names
(`"float32"`); optimizers, regularizers and initializers are the names by which our own are
chosen (`"Momentum"`); activations are functions of `keras.ops`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any, NoReturn, TypeAlias

from open_seq2seq.config.schema import closest_name
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.tensors import Activation, Tensor


@dataclass(frozen=True)
class _Operation:
    """Stands for a function of `keras.ops`, which is imported when the name is used."""

    name: str

    def function(self) -> Activation:
        if self.name == "leaky_relu":
            return _leaky_relu
        found: Activation = getattr(importlib.import_module("keras.ops"), self.name)
        return found


def _leaky_relu(features: Tensor, alpha: float = 0.2) -> Tensor:
    """`tf.nn.leaky_relu`: its slope below zero is called `alpha`."""
    return importlib.import_module("keras.ops").leaky_relu(features, negative_slope=alpha)


@dataclass(frozen=True)
class OurName:
    """Stands for one of our components, which a config chooses but does not call.

    Args:
      old: the TensorFlow name, such as `tf.train.MomentumOptimizer`.
      name: the name in our tables; `plain_values` puts it in place of this object.
    """

    old: str
    name: str

    def __call__(self, *args: object, **kwargs: object) -> NoReturn:
        parameters = "the parameters go to optimizer_params, regularizer_params, ..."
        raise InputError(
            "The config file calls what it should only name:",
            [Problem(_caller(), f"{self.old}(...)", f"{self.old}; {parameters}")],
        )


# What a name stands for: a part of TensorFlow with names of its own, an operation, a component, the
# name of a dtype.
_Names: TypeAlias = "Mapping[str, _Names | _Operation | OurName | ModuleType | str | None]"

_ACTIVATIONS = {
    "elu": _Operation("elu"),
    "leaky_relu": _Operation("leaky_relu"),
    "relu": _Operation("relu"),
    "relu6": _Operation("relu6"),
    "selu": _Operation("selu"),
    "sigmoid": _Operation("sigmoid"),
    "silu": _Operation("silu"),
    "softplus": _Operation("softplus"),
    "softsign": _Operation("softsign"),
    "swish": _Operation("silu"),
    "tanh": _Operation("tanh"),
}
_OPTIMIZERS = {
    f"{old}Optimizer": OurName(f"tf.train.{old}Optimizer", ours)
    for old, ours in (
        ("Adagrad", "Adagrad"),
        ("Adam", "Adam"),
        ("Ftrl", "Ftrl"),
        ("GradientDescent", "SGD"),
        ("Momentum", "Momentum"),
        ("RMSProp", "RMSProp"),
    )
}
_CONTRIB_LAYERS = (
    "l1_l2_regularizer",
    "l1_regularizer",
    "l2_regularizer",
    "variance_scaling_initializer",
    "xavier_initializer",
)
_INITIALIZERS = (
    "glorot_uniform_initializer",
    "random_normal_initializer",
    "random_uniform_initializer",
    "truncated_normal_initializer",
)
_NAMES: _Names = {
    "contrib": {
        "layers": {name: OurName(f"tf.contrib.layers.{name}", name) for name in _CONTRIB_LAYERS},
        "opt": {"AdamWOptimizer": OurName("tf.contrib.opt.AdamWOptimizer", "AdamW")},
    },
    "nn": _ACTIVATIONS,
    "train": _OPTIMIZERS,
    **{name: OurName(f"tf.{name}", name) for name in _INITIALIZERS},
    **{name: name for name in ("float16", "float32", "int32")},
    **{name: _Operation(name) for name in ("abs", "exp", "maximum", "minimum", "sqrt", "square")},
    **{name: _Operation(name) for name in ("sigmoid", "tanh")},
    "clip_by_value": _Operation("clip"),
    "log": _Operation("log"),
}


class UnknownTensorflowNameError(InputError, AttributeError):
    """A name that is not offered; an AttributeError too, so that `hasattr` is False."""


class TensorflowNames(ModuleType):
    """A module, or a part such as `tf.nn`, that holds the offered names and no others.

    Args:
      path: `tf`, `tf.nn`, ...
      names: its attributes; a dictionary is a part.
    """

    def __init__(self, path: str = "tf", names: _Names = _NAMES):
        super().__init__(path.replace("tf", "tensorflow", 1), "TensorFlow 1 names for configs.")
        self._path = path
        self._names = names
        if path == "tf":
            self.__version__ = "1.15.0"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._path == "tf" and name == "compat":
            return TensorflowNames("tf.compat", {"v1": self, "v2": None})
        if self._path == "tf.compat" and name == "v2":
            return _real_tensorflow()
        if name not in self._names:
            raise self._unknown(name)
        value: Any = self._names[name]
        if isinstance(value, Mapping):
            value = TensorflowNames(f"{self._path}.{name}", value)
        elif isinstance(value, _Operation):
            value = value.function()
        setattr(self, name, value)  # found at once from now on
        return value

    def __dir__(self) -> list[str]:
        return sorted(self._names)

    def _unknown(self, name: str) -> UnknownTensorflowNameError:
        match = closest_name(name, self._names)
        expected = f"one of the TensorFlow 1 names of speech configs: {', '.join(sorted(_all()))}"
        remedy = f"Did you mean {self._path}.{match}? " if match else ""
        remedy += "TensorFlow itself is `import tensorflow.compat.v2 as tf`."
        return UnknownTensorflowNameError(
            "The config file uses a TensorFlow name that is not offered:",
            [Problem(_caller(), f"{self._path}.{name}", expected, remedy)],
        )


def plain_values(value: Any) -> Any:
    """`value` with what stands for TensorFlow's dtypes and components replaced by our names."""
    if isinstance(value, Mapping):
        return {key: plain_values(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_values(item) for item in value]
    if isinstance(value, OurName):
        return value.name
    if hasattr(value, "as_numpy_dtype") and hasattr(value, "name"):
        return value.name
    return value


def _all(names: _Names = _NAMES, path: str = "tf") -> list[str]:
    """The full names of everything that is offered."""
    found = []
    for name, value in names.items():
        inner = f"{path}.{name}"
        found += _all(value, inner) if isinstance(value, Mapping) else [inner]
    return found


def _real_tensorflow() -> ModuleType:
    try:
        return importlib.import_module("tensorflow")
    except ModuleNotFoundError as error:
        raise InputError(
            "The config file needs TensorFlow, which is not installed:",
            [Problem(_caller(), "tensorflow.compat.v2", "keras.ops, which every backend has")],
        ) from error


def _caller() -> str:
    """`file:line` of the code outside of these modules that is being run."""
    frame: FrameType | None = sys._getframe(1)
    while frame and frame.f_globals.get("__name__", "").startswith(__package__ + "."):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "the config"
