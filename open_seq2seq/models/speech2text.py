"""The speech recogniser: data layer's features -> encoder -> decoder -> logits."""

from __future__ import annotations

from typing import Any, cast

import keras
from keras import ops

from open_seq2seq.config.schema import Params
from open_seq2seq.data.protocols import SpeechDataLayer
from open_seq2seq.encoders.encoder import IntermediateOutput
from open_seq2seq.layers.conditioning import Conditioning
from open_seq2seq.layers.projection import ProjectionLike
from open_seq2seq.losses import BatchLosses, ConsistentLoss, IntermediateLoss, LossFunction
from open_seq2seq.losses.view_masks import ViewMasks
from open_seq2seq.models.look_ahead import with_look_ahead_in_frames
from open_seq2seq.models.params import COMPONENT_PARAMS, SPEECH2TEXT
from open_seq2seq.models.precision import policy_name
from open_seq2seq.ops.masks import zero_past
from open_seq2seq.tensors import Tensor


class Speech2Text(keras.Model):
    """An encoder and a CTC decoder as one Keras model, with the loss beside them.

    Args:
      params: the model's parameters, checked and filled by `PARAMS.parse`.
      num_features: features per frame.
      vocab_size: symbols of the vocabulary, without the blank.
      policy: the Keras dtype policy, from `models.precision.dtype_policy`.
    """

    PARAMS = SPEECH2TEXT
    task = "speech"

    def __init__(self, params: Params, num_features: int, vocab_size: int, policy: str = "float32"):
        super().__init__(name="speech2text", dtype=policy)
        self.num_features = num_features
        self.encoder = make_encoder(params, policy)
        decoder_params, shared = split_component(params, "decoder", policy)
        self.decoder = params["decoder"](decoder_params, vocab_size, name="decoder", **shared)
        self.loss_fn: LossFunction = params["loss"](params["loss_params"])
        self.intermediate_layers = tuple(getattr(self.loss_fn, "intermediate_layers", ()))
        self.view_masks: ViewMasks | None = getattr(self.loss_fn, "view_masks", None)
        # To the channels that the head takes, where a layer has others.
        self.projections = [
            ProjectionLike(name=f"intermediate_{number}", **shared)
            for number in self.intermediate_layers
        ]
        self.conditionings: list[Conditioning] = []
        if getattr(self.loss_fn, "self_conditioning", False):
            self.conditionings = [
                Conditioning(name=f"conditioning_{number}", **shared)
                for number in self.intermediate_layers
            ]
        self._create_variables()

    @classmethod
    def for_data(cls, params: Params, data: SpeechDataLayer, policy: str) -> Speech2Text:
        """The model for a data layer's features and vocabulary."""
        return cls(params, data.num_features, data.vocabulary.size, policy)

    @property
    def inputs_spec(self) -> tuple[tuple[int | None, ...], str]:
        """The shape and the dtype of a batch's features."""
        return (None, None, self.num_features), "float32"

    def _create_variables(self) -> None:
        """Builds every layer now, so that variables exist before a checkpoint is read."""
        features = keras.KerasTensor(*self.inputs_spec)
        lengths = keras.KerasTensor((None,), "int32")
        if self.conditionings:
            # Outside of the encoder, whose names all that is built in it would have.
            with keras.name_scope(self.name):
                outputs, _, inner = self.encoder(features, lengths, intermediate=True)
                self._head_channels = outputs.shape[-1]
                self.decoder(outputs)
                for place, number in enumerate(self.intermediate_layers):
                    given = inner[number].outputs
                    logits = self.decoder(self.projections[place](given, outputs))
                    self.conditionings[place](given, logits)
            self.encoder.conditioning = self._condition
        self(features, lengths, intermediate=bool(self.intermediate_layers))

    def _condition(self, number: int, outputs: Tensor, lengths: Tensor | None) -> Tensor:
        """What goes into the layer above the encoder's layer `number`; see `Conditioning`."""
        if number not in self.intermediate_layers:
            return outputs
        place = self.intermediate_layers.index(number)
        like = ops.zeros((1, 1, self._head_channels))
        logits = self.decoder(self.projections[place](outputs, like))
        return zero_past(self.conditionings[place](outputs, logits), lengths)

    def call(
        self,
        features: Tensor,
        lengths: Tensor,
        training: bool = False,
        intermediate: bool = False,
    ) -> tuple[Tensor, ...]:
        """Logits and their lengths.

        Args:
          features: `[batch, time, feature]` float32, zero past each length.
          lengths: `[batch]` int32, frames of each utterance.
          training: whether dropout is on and batch statistics are used.
          intermediate: whether the head is applied to the encoder's `intermediate_layers` too.

        Returns:
          Logits `[batch, time', vocab_size + 1]` float32, blank last, and `[batch]` int32; with
          `intermediate` also a dictionary from each of these layers to the same two.
        """
        if not intermediate:
            outputs, lengths = self.encoder(features, lengths, training=training)
            return self.decoder(outputs), lengths
        outputs, lengths, inner = self.encoder(
            features, lengths, training=training, intermediate=True
        )
        logits, others = self.decoder(outputs), {}
        for number, projection in zip(self.intermediate_layers, self.projections):
            projected = projection(inner[number].outputs, outputs)
            others[number] = IntermediateOutput(self.decoder(projected), inner[number].lengths)
        return logits, lengths, others

    def compute_losses(
        self,
        features: Tensor,
        lengths: Tensor,
        labels: Tensor,
        label_lengths: Tensor,
        training: bool = False,
    ) -> BatchLosses:
        """The losses of a batch: the one place where logits become losses.

        Training and evaluation call it, on every backend. (Not `losses`, which is Keras's
        property: the penalties of regularisers. Those are not in here.)

        Args:
          features, lengths: as for `call`.
          labels: `[batch, label]` int32, 0 past each length.
          label_lengths: `[batch]` int32.
          training: as for `call`; also whether the loss function's `intermediate_layers` and
            consistency count. Evaluation reports the loss of the logits alone.
        """
        if training and self.view_masks is not None:
            return self._of_two_views(features, lengths, labels, label_lengths)
        return self._of_one_view(features, lengths, labels, label_lengths, training)

    def _of_two_views(
        self, features: Tensor, lengths: Tensor, labels: Tensor, label_lengths: Tensor
    ) -> BatchLosses:
        """In training: each utterance twice in one batch, under other masks and other dropout."""
        loss_fn, masks = cast(ConsistentLoss, self.loss_fn), cast(ViewMasks, self.view_masks)
        features, lengths, labels, label_lengths = (
            ops.concatenate([one, one]) for one in (features, lengths, labels, label_lengths)
        )
        features = masks(features, lengths, self.encoder.seed)
        found = self._of_one_view(features, lengths, labels, label_lengths, training=True)
        logits, others = ops.split(found.logits, 2)
        lengths, _ = ops.split(found.lengths, 2)
        apart = loss_fn.consistency(logits, others, lengths)
        terms = found.terms or {"final": found.losses}
        terms = {name: _mean_of_halves(each) for name, each in terms.items()}
        losses = _mean_of_halves(found.losses) + loss_fn.consistency_weight * apart
        return BatchLosses(losses, logits, lengths, {**terms, "consistency": apart})

    def _of_one_view(
        self,
        features: Tensor,
        lengths: Tensor,
        labels: Tensor,
        label_lengths: Tensor,
        training: bool,
    ) -> BatchLosses:
        if not training or not self.intermediate_layers:
            logits, lengths = self(features, lengths, training=training)
            losses = self.loss_fn(logits, lengths, labels, label_lengths)
            return BatchLosses(losses, logits, lengths)
        logits, lengths, intermediate = self(
            features, lengths, training=training, intermediate=True
        )
        final = self.loss_fn(logits, lengths, labels, label_lengths)
        terms = {
            f"intermediate_{number}": self.loss_fn(one.outputs, one.lengths, labels, label_lengths)
            for number, one in intermediate.items()
        }
        losses = cast(IntermediateLoss, self.loss_fn).combined(final, list(terms.values()))
        return BatchLosses(losses, logits, lengths, {"final": final, **terms})

    def output_length(self, frames: Tensor) -> Tensor:
        """Logit frames for so many feature frames (an int, or an integer array)."""
        return self.encoder.output_length(frames)


def _mean_of_halves(values: Tensor) -> Tensor:
    """`[2 * batch]` to `[batch]`."""
    return 0.5 * sum(ops.split(values, 2))


def make_encoder(params: Params, policy: str = "float32") -> Any:
    """The encoder of a speech model, without variables.

    Args:
      params: the model's parameters, checked and filled.
      policy: the Keras dtype policy.
    """
    given, shared = split_component(params, "encoder", policy)
    given = with_look_ahead_in_frames(given, params.get("data_layer_params") or {})
    return params["encoder"](given, name="encoder", **shared)


def split_component(
    params: Params, component: str, policy: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A component's own parameters, and those it shares with the model unless it sets them."""
    common = {param.name for param in COMPONENT_PARAMS}
    given = params[f"{component}_params"]
    own = {key: value for key, value in given.items() if key not in common}
    dtype = given.get("dtype")
    shared = {
        "regularizer": _made(given, "regularizer") or _made(params, "regularizer"),
        "initializer": _made(given, "initializer") or _made(params, "initializer"),
        "dtype": policy if dtype is None or policy == "float32" else policy_name(dtype),
    }
    return own, shared


def _made(params: Params, name: str) -> Any:
    factory = params.get(name)
    return factory(**params[f"{name}_params"]) if factory else None
