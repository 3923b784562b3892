"""From the name or class in a config to an optimizer."""

from __future__ import annotations

import inspect

import keras

from open_seq2seq.config.schema import Params, Schema, closest_name
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.optimizers.keras_optimizers import SGD, Adagrad, Adam, AdamW, Ftrl, RMSProp
from open_seq2seq.optimizers.momentum import Momentum
from open_seq2seq.optimizers.novograd import NovoGrad

OPTIMIZERS: dict[str, type[keras.optimizers.Optimizer]] = {
    "Adagrad": Adagrad,
    "Adam": Adam,
    "AdamW": AdamW,
    "Ftrl": Ftrl,
    "Momentum": Momentum,
    "NovoGrad": NovoGrad,
    "RMSProp": RMSProp,
    "SGD": SGD,
}


def find_optimizer(
    optimizer: str | type[keras.optimizers.Optimizer], where: str = "optimizer"
) -> type[keras.optimizers.Optimizer]:
    """The class itself, or the one with that name.

    Raises:
      InputError: if it is neither a name of `OPTIMIZERS` nor a Keras optimizer class.
    """
    if isinstance(optimizer, str) and optimizer in OPTIMIZERS:
        return OPTIMIZERS[optimizer]
    if inspect.isclass(optimizer) and issubclass(optimizer, keras.optimizers.Optimizer):
        return optimizer
    match = closest_name(optimizer, OPTIMIZERS) if isinstance(optimizer, str) else None
    expected = f"a Keras optimizer class or one of {', '.join(OPTIMIZERS)}"
    remedy = f"Did you mean {match}?" if match else ""
    raise InputError(
        "The optimizer is not valid:", [Problem(where, repr(optimizer), expected, remedy)]
    )


def make_optimizer(
    optimizer: str | type[keras.optimizers.Optimizer],
    optimizer_params: Params | None = None,
    *,
    learning_rate: float = 0.001,
    where: str = "optimizer_params",
) -> keras.optimizers.Optimizer:
    """Builds an optimizer from its config; clipping and accumulation are the training step's.

    Args:
      optimizer: a name of `OPTIMIZERS`, or a Keras optimizer class.
      optimizer_params: its parameters, without the learning rate.
      learning_rate: the first rate; training assigns the policy's before each step.
      where: the config key of `optimizer_params`, for messages.

    Raises:
      InputError: if the optimizer is unknown or its parameters are not valid.
    """
    cls = find_optimizer(optimizer)
    schema: Schema | None = getattr(cls, "PARAMS", None)
    params = dict(optimizer_params or {})
    params = schema.parse(params, where) if schema else params
    try:
        return cls(learning_rate=float(learning_rate), **params)
    except (TypeError, ValueError) as error:
        if schema:
            raise
        # A user's class says itself what is wrong with its parameters.
        signature = f"{cls.__name__}{inspect.signature(cls)}"
        raise InputError(
            "The parameters of the optimizer are not valid:",
            [Problem(where, f"{sorted(params)} ({error})", f"the arguments of {signature}")],
        ) from error
