"""What all encoders have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import keras

from open_seq2seq.config.schema import Schema


class IntermediateOutput(NamedTuple):
    """The output of a layer inside an encoder.

    Args:
      outputs: `[batch, time'', channel]`, zero past each length.
      lengths: `[batch]` int32, frames of each utterance in it: more than the encoder's where
        layers above stride.
    """

    outputs: Any
    lengths: Any


class Encoder(keras.layers.Layer):
    """Features to hidden channels: checked parameters, one random generator, its own config.

    A subclass has a `PARAMS`, makes its layers after this `__init__`, and defines

    * `call(features, lengths, training=False)`: [batch, time, feature] and [batch] to outputs
      [batch, time', channel], zero past each length, and lengths [batch] int32;
    * `output_length(frames)`: output frames for so many feature frames, an int, an integer
      array or a tensor;
    * `time_stride`: feature frames per output frame.

    Some also have `num_intermediate` layers whose outputs a loss can be computed from. Such an
    encoder's `call` takes `intermediate=False`, and where it is True returns a third value: a
    dictionary from the number of each, counted from 1, to its `IntermediateOutput`. Outputs and
    lengths stay the same, and what of the dictionary is not used a compiled graph does not compute.

    Args:
      params: the encoder's own parameters, see `PARAMS`.
      regularizer, initializer: the model's, as Keras objects, names or None.

    Raises:
      InputError: the parameters are not valid.
    """

    PARAMS: ClassVar[Schema]
    time_stride: int

    def __init__(
        self,
        params: Mapping[str, Any],
        regularizer: Any = None,
        initializer: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._given_params = dict(params)
        self.params = self.PARAMS.parse(params)
        self.regularizer = keras.regularizers.get(regularizer)
        self.initializer = keras.initializers.get(initializer)
        # One generator with a name of its own: its state belongs to the checkpoint.
        self.seed = keras.random.SeedGenerator(name=f"{self.name}_seed")

    @classmethod
    def num_intermediate(cls, params: Mapping[str, Any]) -> int:
        """How many layers, from the features upwards, `call` can give the outputs of.

        Args:
          params: valid ones, filled or not.
        """
        return 0

    def get_config(self) -> dict[str, Any]:
        own = {
            "params": self._given_params,
            "regularizer": keras.regularizers.serialize(self.regularizer),
            "initializer": keras.initializers.serialize(self.initializer),
        }
        return {**super().get_config(), **own}


def activation_function(activation: str | Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function that a config's `activation_fn` names or is."""
    return keras.activations.get(activation) if isinstance(activation, str) else activation
