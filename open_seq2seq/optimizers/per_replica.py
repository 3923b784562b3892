"""Keras's optimizers where every device of a process updates its own copies of the variables.

Under `tf.distribute` Keras's TensorFlow optimizer sums the gradients of all devices itself and
updates variables across devices, which variables with a copy for each do not allow. Its base class,
as on the other backends, updates variable after variable: what each device is to do here, with
gradients that are summed already. Both are methods that Keras does not promise to keep. This is the
only file that names them, and it looks for them before it uses them.
"""

from __future__ import annotations

import inspect
from types import MethodType
from typing import Any

import keras

from open_seq2seq.errors import RunError

# What TensorFlow's optimizer overrides for `tf.distribute`, with the arguments of both.
_METHODS = {
    "_backend_update_step": ["self", "grads", "trainable_variables", "learning_rate"],
    "_apply_weight_decay": ["self", "variables"],
}


def update_per_replica(optimizer: keras.optimizers.Optimizer) -> None:
    """Makes an optimizer, of whatever class, update what it is given without summing gradients.

    A class's own way to update or to decay weights stays.

    Raises:
      RunError: this version of Keras updates weights in another way.
    """
    problem = keras_problem()
    if problem:
        raise RunError(problem)
    for name in _METHODS:
        of_tensorflow, plain = _definitions(name)
        if getattr(type(optimizer), name) is of_tensorflow:
            setattr(optimizer, name, MethodType(plain, optimizer))


def keras_problem() -> str | None:
    """Why the installed Keras cannot train on several devices of one process; None: it can."""
    for name, arguments in _METHODS.items():
        found = _definitions(name)
        if len(found) != 2 or any(
            list(inspect.signature(f).parameters) != arguments for f in found
        ):
            return (
                f"Training on several devices of one process needs Keras 3.12 to 3.15: Keras "
                f"{keras.__version__} has no {name}({', '.join(arguments)}) of TensorFlow's "
                "optimizer over that of all backends. Install such a Keras, or set num_gpus to 1, "
                "or start a process for each device (docs/distributed.md)."
            )
    return None


def _definitions(name: str) -> list[Any]:
    """A method of Keras's optimizer, from the classes that define it: the backend's, the base's."""
    classes = keras.optimizers.Optimizer.__mro__
    return [vars(cls)[name] for cls in classes if name in vars(cls)]
