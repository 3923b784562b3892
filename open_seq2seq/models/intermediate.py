"""Losses of layers inside an encoder: whether the encoder has those layers."""

from __future__ import annotations

from collections.abc import Iterable

from open_seq2seq.config.schema import Params
from open_seq2seq.encoders import ENCODERS
from open_seq2seq.errors import Problem


def intermediate_problems(values: Params) -> Iterable[Problem]:
    """What is wrong between the encoder and `loss_params/intermediate_layers`.

    Args:
      values: valid parameters of a speech model, filled or not.
    """
    loss = values.get("loss_params") or {}
    layers = loss.get("intermediate_layers")
    if not layers:
        return
    encoder = ENCODERS.get(values["encoder"], values["encoder"])
    name = getattr(encoder, "__name__", str(encoder))
    # An encoder from outside need not know of this.
    count_of = getattr(encoder, "num_intermediate", None)
    count = count_of(values["encoder_params"]) if count_of else 0
    expected, remedy = f"a layer of this {name}, 1 to {count}", f"Set it to {count}."
    if not count:
        expected = f"no number: this {name} has no layer below its output that a loss can have"
        remedy = "Set intermediate_layers to []."
    for index, number in enumerate(layers):
        if number > count:
            place = f"loss_params/intermediate_layers[{index}]"
            yield Problem(place, str(number), expected, remedy)
    problem_of = getattr(encoder, "conditioning_problem", None)
    if loss.get("self_conditioning") and problem_of:
        why = problem_of(values["encoder_params"])
        if why:
            place, expected = "loss_params/self_conditioning", f"False: of this {name}, {why}"
            yield Problem(place, "True", expected, "Set self_conditioning to False.")
