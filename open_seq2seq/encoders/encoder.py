"""What all encoders have in common."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import keras
from keras import ops

from open_seq2seq.config.schema import Params, Schema
from open_seq2seq.encoders.layer_context import LayerContext
from open_seq2seq.encoders.look_ahead import LOOK_AHEAD, LOOK_AHEAD_SECONDS
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.layers.streaming import Piece, StateSpec, StreamState
from open_seq2seq.ops.activations import gelu
from open_seq2seq.ops.masks import zero_past
from open_seq2seq.tensors import Activation, Initializer, KerasConfig, Regularizer, Tensor

# The frames of each stream so far; the other arrays of a state are the layers'.
_POSITION = "frames"


# Why an encoder with recurrent layers of both directions can't stream.
BACKWARD = Problem(
    "encoder_params/rnn_unidirectional",
    "False: backward layers, which begin at the utterance's end",
    "True",
    "Set rnn_unidirectional to True and train again.",
)


class IntermediateOutput(NamedTuple):
    """The output of a layer inside an encoder.

    Args:
      outputs: `[batch, time'', channel]`, zero past each length.
      lengths: `[batch]` int32, frames of each utterance in it: more than the encoder's where
        layers above stride.
    """

    outputs: Tensor
    lengths: Tensor


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
    What `conditioning` makes of such a layer's output, where the model sets it, goes into the next.

    One that can also take an utterance piece by piece says so in `streaming_problems` and
    `context`, and defines `_state_spec` and `_stream`.

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
        params: Params,
        regularizer: Regularizer = None,
        initializer: Initializer = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._given_params = dict(params)
        self.params = self.PARAMS.parse(params)
        self._check_frames()
        self.regularizer = keras.regularizers.get(regularizer)
        self.initializer = keras.initializers.get(initializer)
        # (number of a layer, its output, lengths) -> what the layers above take instead.
        self.conditioning: Callable[[int, Tensor, Tensor], Tensor] | None = None
        # One generator with a name of its own: its state belongs to the checkpoint.
        self.seed = keras.random.SeedGenerator(name=f"{self.name}_seed")

    def _check_frames(self) -> None:
        seconds = self.params.get(LOOK_AHEAD_SECONDS.name)
        if seconds is not None:
            remedy = f"Set {LOOK_AHEAD.name}; a model made for a data layer takes seconds too."
            problem = Problem(LOOK_AHEAD_SECONDS.name, f"{seconds:g}", "frames", remedy)
            raise InputError("An encoder alone does not know how long a frame is:", [problem])

    @classmethod
    def num_intermediate(cls, params: Params) -> int:
        """How many layers, from the features upwards, `call` can give the outputs of.

        Args:
          params: valid ones, filled or not.
        """
        return 0

    @classmethod
    def conditioning_problem(cls, params: Params) -> str | None:
        """Why outputs inside cannot be conditioned on their labels; None: they can.

        Args:
          params: valid ones, filled or not.
        """
        return None if cls.num_intermediate(params) else "no layer inside it has a loss"

    def _conditioned(self, number: int, outputs: Tensor, lengths: Tensor) -> Tensor:
        """What goes into the layer above layer `number`."""
        return outputs if self.conditioning is None else self.conditioning(number, outputs, lengths)

    def _conditioning_problems(self) -> list[Problem]:
        """Why it can't take pieces of an utterance though its layers can."""
        if self.conditioning is None:
            return []
        remedy = "Train without self_conditioning; intermediate_layers may stay."
        return [Problem("loss_params/self_conditioning", "True", "False: streams lack it", remedy)]

    @property
    def context(self) -> tuple[float, float]:
        """Feature frames that an output frame depends on, before its own and after it.

        Output t depends on the frames from `t * time_stride - left` to `t * time_stride +
        right`; `math.inf` where there is no limit.
        """
        return math.inf, math.inf

    def ready(self, frames: int) -> int:
        """Output frames of a stream that goes on after so many feature frames.

        Those whose context is there; an encoder that sees less than `context` for some of its
        outputs gives these earlier.
        """
        _, right = self.context
        return max(0, int((frames - right - 1) // self.time_stride) + 1)

    def layer_contexts(self) -> list[LayerContext]:
        """What each layer sees, from the features upwards; together it is `context`.

        Layers that see one frame only may be left out.
        """
        problems = self.streaming_problems()
        name, stride = type(self).__name__, self.time_stride
        return [LayerContext(name, *self.context, stride, problems[0] if problems else None)]

    def streaming_problems(self) -> list[Problem]:
        """Why it can't take an utterance piece by piece, and what to set instead; empty if it can.

        Places are config keys, those of `encoder_params` with that name before them.
        """
        name = type(self).__name__
        remedy = (
            "Use TDNNEncoder, DeepSpeech2Encoder with rnn_unidirectional, or ConformerEncoder with "
            "a limited attention_context."
        )
        return [Problem("encoder", name, "an encoder that takes pieces of an utterance", remedy)]

    def initial_state(self, batch: Tensor) -> dict[str, Tensor]:
        """What streams begin with: zeros, by name; their shapes don't depend on time.

        Args:
          batch: how many streams, an int or a tensor.

        Raises:
          InputError: it can't stream.
        """
        self._check_that_it_streams()
        position: StateSpec = {_POSITION: ((), "int32")}
        return {
            name: ops.zeros((batch, *shape), dtype)
            for name, (shape, dtype) in {**position, **self._state_spec()}.items()
        }

    def stream(
        self, features: Tensor, lengths: Tensor, state: Mapping[str, Tensor], last: Tensor = False
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Encodes the next piece of each stream of a batch, in evaluation.

        A stream's outputs, put together, are those of `call` for all of its frames, however it
        was cut. An output comes with the piece that brings the last frame it depends on
        (`context`); those at the end come with the last piece.

        Args:
          features: [batch, time, feature].
          lengths: [batch], frames of each stream in this piece; 0 where there are none.
          state: that of the piece before, or `initial_state`.
          last: whether the streams end with this piece: a bool for all, or [batch] bool. A
            state begins anew after it, so that another stream may take its row. With an
            array or True the arrays have room for the end, and that is computed too; a graph
            with it is another than one without.

        Returns:
          outputs: [batch, time', channel] in the compute dtype, zero past each length.
          lengths: [batch] int32, output frames of each stream; 0 where none is ready.
          state: the next.

        Raises:
          InputError: it can't stream.
        """
        self._check_that_it_streams()
        if features.shape[1] == 0:  # Ends may come without frames.
            features = ops.pad(features, [(0, 0), (0, 1)] + [(0, 0)] * (len(features.shape) - 2))
        lengths = ops.cast(lengths, "int32")
        features = zero_past(ops.cast(features, self.compute_dtype), lengths)
        before = state[_POSITION]
        ends = None
        if last is not False:
            ends = ops.logical_and(ops.cast(last, "bool"), ops.ones_like(lengths, "bool"))
        piece = Piece(ops.shape(features)[1], before, before + lengths, ends)
        streams = StreamState(state)
        outputs, end = self._stream(features, piece, streams)
        streams[_POSITION] = piece.after
        after = {name: streams.new[name] for name in state}
        if ends is not None:
            after = {name: _begun_anew(value, ends) for name, value in after.items()}
        return outputs, end.lengths, after

    def _check_that_it_streams(self) -> None:
        problems = self.streaming_problems()
        if problems:
            raise InputError("This encoder can't take an utterance piece by piece.", problems)

    def _state_spec(self) -> StateSpec:
        """What its layers keep, besides the position."""
        raise NotImplementedError

    def _stream(self, features: Tensor, piece: Piece, state: StreamState) -> tuple[Tensor, Piece]:
        """`call` of a piece whose features are zero past its lengths."""
        raise NotImplementedError

    def get_config(self) -> KerasConfig:
        own = {
            "params": self._given_params,
            "regularizer": keras.regularizers.serialize(self.regularizer),
            "initializer": keras.initializers.serialize(self.initializer),
        }
        return {**super().get_config(), **own}


def _begun_anew(values: Tensor, ends: Tensor) -> Tensor:
    ends = ops.reshape(ends, (-1,) + (1,) * (len(values.shape) - 1))
    return ops.where(ends, ops.zeros((), values.dtype), values)


def activation_function(activation: str | Activation) -> Activation:
    """The function that a config's `activation_fn` names or is."""
    found = keras.activations.get(activation) if isinstance(activation, str) else activation
    return gelu if found is keras.activations.gelu else found
