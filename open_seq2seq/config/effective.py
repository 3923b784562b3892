"""The parameters of one mode, from a config and the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from open_seq2seq.config.loading import Config
from open_seq2seq.config.overrides import Override, apply_overrides
from open_seq2seq.config.schema import Params
from open_seq2seq.errors import InputError, Problem


def merged_params(
    config: Config, overrides: Sequence[Override], mode: str, flags: Sequence[str] = ()
) -> dict[str, Any]:
    """The parameters of one mode (not train_eval), checked, without defaults.

    Args:
      overrides: of the command line.
      flags: names of the command line that are no parameters, for suggestions.

    Raises:
      InputError: listing all that is wrong with the config or the overrides.
    """
    schema = config.base_model.PARAMS
    params = apply_overrides(config.merged(mode), overrides, schema, mode, flags)
    problems = schema.problems(params) + list(mode_problems(params, mode))
    if problems:
        raise InputError(f"{config.path}, mode {mode}: the parameters are not valid:", problems)
    return params


def mode_problems(params: Params, mode: str) -> list[Problem]:
    """What training needs and the other modes do not."""
    if mode != "train":
        return []
    problems = []
    epochs, steps = params.get("num_epochs"), params.get("max_steps")
    if (epochs is None) == (steps is None):
        found = "neither" if epochs is None else f"num_epochs={epochs} and max_steps={steps}"
        remedy = "Set num_epochs to 50." if epochs is None else "Set max_steps to None."
        problems.append(Problem("num_epochs, max_steps", found, "exactly one of them", remedy))
    if params.get("lr_policy") is None:
        remedy = "Set lr_policy to 'cosine_decay' and lr_policy_params to {'learning_rate': 0.001}."
        problems.append(Problem("lr_policy", "nothing", "a learning-rate policy", remedy))
    return problems
