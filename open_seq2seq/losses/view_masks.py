"""Masks that the device draws, so that a batch can be seen in more than one way."""

from __future__ import annotations

import keras
from keras import ops

from open_seq2seq.config.schema import Params, Schema
from open_seq2seq.features.mask_params import MASK_PARAMS
from open_seq2seq.tensors import Tensor

VIEW_MASKS = Schema("consistency_masks", MASK_PARAMS, summary="The masks of each view.")


class ViewMasks:
    """SpecAugment (Park et al. 2019, arXiv:1904.08779) as operations of the backend.

    What `data.speech2text.spec_augment` does to one recording in NumPy, for the rows of a batch:
    widths from zero to the greatest, both included; a span as long as the recording is left out.

    Args:
      params: of `VIEW_MASKS`, filled.
    """

    def __init__(self, params: Params):
        self.params = params

    def __call__(
        self, features: Tensor, lengths: Tensor, seed: keras.random.SeedGenerator
    ) -> Tensor:
        """Features with random bands and spans of each row set to zero, their mean.

        Args:
          features: `[batch, time, feature]`, normalised.
          lengths: `[batch]` int32.
          seed: where numbers come from; its state goes on.
        """
        params = self.params
        rows, frames, size = ops.shape(features)[0], ops.shape(features)[1], features.shape[2]
        lengths = ops.cast(lengths, "int32")
        zero = ops.zeros((), features.dtype)
        if params["n_time_mask"]:
            shares = params["max_time_mask_share"] * ops.cast(lengths, "float32")
            greatest = ops.minimum(ops.cast(shares, "int32"), params["width_time_mask"])
            hidden = _spans(rows, params["n_time_mask"], greatest, lengths, frames, seed)
            features = ops.where(hidden[:, :, None], zero, features)
        if params["n_freq_mask"]:
            greatest = ops.full((rows,), params["width_freq_mask"], "int32")
            sizes = ops.full((rows,), size, "int32")
            hidden = _spans(rows, params["n_freq_mask"], greatest, sizes, size, seed, whole=True)
            features = ops.where(hidden[:, None, :], zero, features)
        return features


def _spans(
    rows: Tensor,
    count: int,
    greatest: Tensor,
    sizes: Tensor,
    places: Tensor,
    seed: keras.random.SeedGenerator,
    whole: bool = False,
) -> Tensor:
    """Which places random spans hide: `[batch, places]` bool.

    Args:
      rows: of the batch.
      count: spans of each row.
      greatest: `[batch]` int32, their greatest width.
      sizes: `[batch]` int32, places of each row, at least 1.
      places: of the result.
      seed: where numbers come from.
      whole: whether a span may hide all of a row.
    """
    width_share, start_share = (
        keras.random.uniform((rows, count), seed=seed, dtype="float32") for _ in range(2)
    )
    widths = ops.cast(width_share * ops.cast(greatest[:, None] + 1, "float32"), "int32")
    widths = ops.minimum(widths, greatest[:, None])  # float32 rounds a share next to 1 up
    last = ops.maximum(sizes[:, None] - widths, 1)
    starts = ops.cast(start_share * ops.cast(last, "float32"), "int32")
    starts = ops.minimum(starts, last - 1)
    if not whole:
        widths = ops.where(widths < sizes[:, None], widths, 0)
    place = ops.reshape(ops.arange(places, dtype="int32"), (1, 1, -1))
    inside = (place >= starts[:, :, None]) & (place < (starts + widths)[:, :, None])
    return ops.any(inside, axis=1)
