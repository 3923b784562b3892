"""Making one initializer serve many variables."""

from __future__ import annotations

from typing import Any

import keras

from open_seq2seq.tensors import Initializer


def fresh_initializer(initializer: Initializer) -> Any:
    """A copy of an initializer, to be used for one variable.

    A Keras initializer gives equal values to all variables of one shape. The copy has a
    seed of its own, drawn from the global one (`keras.utils.set_random_seed`).

    Args:
      initializer: a Keras initializer, or its name.
    """
    initializer = keras.initializers.get(initializer)
    if not isinstance(initializer, keras.initializers.Initializer):
        return initializer
    config = initializer.get_config()
    if "seed" in config:
        config["seed"] = None
    return type(initializer).from_config(config)
